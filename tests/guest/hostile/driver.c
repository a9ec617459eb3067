// SPDX-License-Identifier: Apache-2.0
/*
 * driver.c - a driver that brings a device up: virtio 1.3, 3.1.1 and
 * 4.2.3.2, correctly or not
 */
#include "hostile.h"

#include <unistd.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

enum { POLLS_MAX = 1000 }; /* until a device is believed dead, a second */

/*
 * Take one step of the sequence; one in `wrong` of them is left out, doubled or
 * spoilt. HONEST: none is.
 */
static void step(unsigned wrong, unsigned window, unsigned reg, uint64_t value)
{
	if (wrong != HONEST && one_in(wrong)) {
		switch (below(3)) {
		case 0:
			return;
		case 1:
			set(window, reg, value);
			break;
		default:
			poke_register(window);
			break;
		}
	}
	set(window, reg, value);
}

static void negotiate(unsigned wrong, unsigned window)
{
	for (uint32_t half = 0; half < 2; half++) {
		uint32_t features;

		step(wrong, window, VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
		features = get(window, VIRTIO_MMIO_DEVICE_FEATURES);
		if (wrong != HONEST && one_in(16))
			features = half ? 1 : (uint32_t)rnd();
		step(wrong, window, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
		step(wrong, window, VIRTIO_MMIO_DRIVER_FEATURES, features);
	}
}

/*
 * The three parts of an honest queue stand apart in a run that is all zero: a
 * split queue with nothing available, a packed one too. So all share it.
 */
static void set_up_queue(unsigned wrong, unsigned window, uint32_t queue,
			 uint32_t num)
{
	static const unsigned parts[] = { VIRTIO_MMIO_QUEUE_DESC_LOW,
					  VIRTIO_MMIO_QUEUE_AVAIL_LOW,
					  VIRTIO_MMIO_QUEUE_USED_LOW };

	step(wrong, window, VIRTIO_MMIO_QUEUE_NUM, num);
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
		uint64_t at = any_address(i == 0 ? DESCRIPTORS : RINGS);

		at -= at % 16;
		if (wrong == HONEST)
			at = arena.phys[0] + i * 2 * PAGE;
		step(wrong, window, parts[i], at);
		step(wrong, window, parts[i] + 4, at >> 32);
	}
	step(wrong, window, VIRTIO_MMIO_QUEUE_READY, 1);
	if (wrong != HONEST && one_in(8))
		set(window, REG_QUEUE_RESET, queue);
}

static void set_up_queues(unsigned wrong, unsigned window)
{
	for (uint32_t queue = 0; queue < 64; queue++) {
		uint32_t max, num = 64;

		step(wrong, window, VIRTIO_MMIO_QUEUE_SEL, queue);
		max = get(window, VIRTIO_MMIO_QUEUE_NUM_MAX);
		if (max == 0)
			break;
		if (wrong != HONEST && !one_in(4))
			num = plausible(VIRTIO_MMIO_QUEUE_NUM);
		set_up_queue(wrong, window, queue, num < max ? num : max);
	}
}

/* A reset may take its time; so may a start. */
bool status_becomes(unsigned window, uint32_t expected)
{
	for (int i = 0; i < POLLS_MAX; i++) {
		if (get(window, VIRTIO_MMIO_STATUS) == expected)
			return true;
		if (i > 10)
			usleep(1000);
	}
	return false;
}

bool bring_up(unsigned wrong, unsigned window)
{
	static const uint32_t steps[] = { VIRTIO_CONFIG_S_ACKNOWLEDGE,
					  VIRTIO_CONFIG_S_DRIVER,
					  VIRTIO_CONFIG_S_FEATURES_OK,
					  VIRTIO_CONFIG_S_DRIVER_OK };
	uint32_t status = 0;

	/* 4.2.3.1.1: ID 0 is a window without a device. */
	if (wrong == HONEST && get(window, VIRTIO_MMIO_DEVICE_ID) == 0)
		return false;
	step(wrong, window, VIRTIO_MMIO_STATUS, 0);
	if (wrong == HONEST && !status_becomes(window, 0))
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i] == VIRTIO_CONFIG_S_FEATURES_OK)
			negotiate(wrong, window);
		if (steps[i] == VIRTIO_CONFIG_S_DRIVER_OK)
			set_up_queues(wrong, window);
		status |= steps[i];
		step(wrong, window, VIRTIO_MMIO_STATUS, status);
	}
	return wrong == HONEST && status_becomes(window, status);
}
