// SPDX-License-Identifier: Apache-2.0
/*
 * test_virtio_mmio_races.c - hostile guests: a million random writes, and several
 * vCPUs at once; the configuration space as a racing reader sees it
 */
#include "fake_backend.h"
#include "log.h"
#include "unit.h"

#include <event2/event.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
	SEED = 20260101,
	RANDOM_WRITES = 1000000,
	HAMMER_THREADS = 2,
	HAMMER_WRITES = 20000,
	CONFIG_SIZE = 64,
	CONFIG_CHANGES = 3000,
	CONFIG_READS = 300,
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*state >> 32);
}

/*
 * Mostly registers, and mostly values near to what they take, so that the deep
 * states are reached; the rest is anything.
 */
static void write_randomly(struct fake_device *d, uint64_t *state)
{
	static const unsigned lens[] = { 4, 4, 4, 1, 2, 8, 4, 4 };
	static const uint32_t statuses[] = { 0, 1, 3, 11, 15, 15, 11, 128 };
	uint32_t dice = next_random(state), offset, value;
	unsigned len = lens[dice % 8];
	uint64_t data;

	offset = next_random(state) % VIRTIO_MMIO_WINDOW_SIZE;
	value = next_random(state);
	if (dice & 0x100)
		offset = offset % 0x180 & ~3u;
	if (dice & 0x200)
		value %= 4;
	if ((dice & 0xc00) == 0) {
		offset = VIRTIO_MMIO_STATUS;
		value = statuses[value % 8];
		len = 4;
	}
	if ((dice & 0xc00) == 0x400) {
		offset = VIRTIO_MMIO_DRIVER_FEATURES;
		value = 1;
		len = 4;
	}
	data = (uint64_t)value << 32 | value;
	virtio_mmio_write(d->dev, offset, &data, len);
}

static void check_sane(struct fake_device *d)
{
	uint32_t status;

	ck_assert_uint_eq(fake_device_read(d, VIRTIO_MMIO_MAGIC_VALUE),
			  0x74726976);
	fake_device_negotiate(d, 0);
	fake_device_set_up_queue(d, 0, 64, 0x1000, 0x2000, 0x3000);
	fake_device_run(d);
	status = fake_device_read(d, VIRTIO_MMIO_STATUS);
	ck_assert_uint_eq(status, 15);
	ck_assert(d->backend->running);
	ck_assert(d->backend->queues[0].enabled);
	ck_assert(!d->backend->queues[1].enabled);
}

START_TEST(a_million_random_writes_leave_a_sane_device)
{
	uint64_t state = SEED;
	struct fake_device d;

	fake_device_create(&d, UINT64_MAX, CONFIG_SIZE);
	for (int i = 0; i < RANDOM_WRITES; i++)
		write_randomly(&d, &state);
	/* The seed is one that gets that far. */
	ck_assert_uint_gt(d.backend->starts, 0);
	ck_assert_uint_gt(d.backend->stops, 0);
	ck_assert_uint_gt(d.backend->config_writes, 0);
	check_sane(&d);
	fake_device_destroy(&d);
}
END_TEST

struct hammer {
	struct fake_device *d;
	atomic_int *left;
	uint64_t state;
};

static int stop_loop(void *arg)
{
	struct fake_device *d = arg;

	event_base_loopbreak(d->base);
	return 0;
}

static void *hammer(void *arg)
{
	struct hammer *h = arg;

	for (int i = 0; i < HAMMER_WRITES; i++)
		write_randomly(h->d, &h->state);
	if (atomic_fetch_sub(h->left, 1) == 1)
		main_call_run(h->d->calls, stop_loop, h->d);
	return NULL;
}

START_TEST(vcpus_that_write_at_once_leave_a_sane_device)
{
	struct hammer hammers[HAMMER_THREADS];
	pthread_t threads[HAMMER_THREADS];
	atomic_int left = HAMMER_THREADS;
	struct fake_device d;

	fake_device_create(&d, UINT64_MAX, CONFIG_SIZE);
	for (int i = 0; i < HAMMER_THREADS; i++) {
		hammers[i] = (struct hammer){ &d, &left, SEED + (uint64_t)i };
		pthread_create(&threads[i], NULL, hammer, &hammers[i]);
	}
	event_base_dispatch(d.base);
	for (int i = 0; i < HAMMER_THREADS; i++)
		pthread_join(threads[i], NULL);
	check_sane(&d);
	fake_device_destroy(&d);
}
END_TEST

struct reader {
	struct fake_device *d;
	atomic_bool stop;
	atomic_uint fresh, torn; /* fresh: of another generation */
};

/*
 * What a driver does (virtio 1.3, 2.5.3): generation, fields, generation. All
 * bytes of one configuration are equal, so a mixture shows.
 */
static void *read_config(void *arg)
{
	struct reader *r = arg;
	uint32_t words[CONFIG_SIZE / 4], last = 0;

	while (!atomic_load(&r->stop)) {
		uint32_t generation =
			fake_device_read(r->d, VIRTIO_MMIO_CONFIG_GENERATION);
		bool same = true;

		for (uint32_t i = 0; i < CONFIG_SIZE / 4; i++)
			words[i] = fake_device_read(r->d,
						    VIRTIO_MMIO_CONFIG + 4 * i);
		if (fake_device_read(r->d, VIRTIO_MMIO_CONFIG_GENERATION) !=
		    generation)
			continue;
		for (uint32_t i = 1; i < CONFIG_SIZE / 4; i++)
			same = same && words[i] == words[0];
		r->torn += !same;
		r->fresh += generation != last;
		last = generation;
	}
	return NULL;
}

START_TEST(a_reader_never_sees_half_of_a_config_change)
{
	const struct vhost_events *events;
	struct fake_device d;
	struct reader r = { .d = &d };
	pthread_t thread;
	unsigned changes = 1;

	fake_device_create(&d, 0, CONFIG_SIZE);
	events = &d.backend->vhost.events;
	memset(d.backend->config, 0, CONFIG_SIZE);
	events->config_changed(events->ctx);
	pthread_create(&thread, NULL, read_config, &r);
	while (changes < CONFIG_CHANGES || r.fresh < CONFIG_READS) {
		memset(d.backend->config, (int)changes++, CONFIG_SIZE);
		events->config_changed(events->ctx);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(r.torn, 0);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG_GENERATION),
			  changes);
	fake_device_destroy(&d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio-mmio races");
	TCase *tc = tcase_create("races");

	log_set_fd(-1);
	tcase_set_timeout(tc, 50);
	tcase_add_test(tc, a_million_random_writes_leave_a_sane_device);
	tcase_add_test(tc, vcpus_that_write_at_once_leave_a_sane_device);
	tcase_add_test(tc, a_reader_never_sees_half_of_a_config_change);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
