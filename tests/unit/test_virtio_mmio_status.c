// SPDX-License-Identifier: Apache-2.0
/*
 * test_virtio_mmio_status.c - the status machine, the configuration space, and
 * what becomes of a device whose backend fails
 */
#include "fake_backend.h"
#include "log.h"
#include "unit.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

enum {
	RESET = 0,
	ACK = 1,
	DRIVER = 3,
	FEATURES = 11,
	RUNNING = 15,
	NEEDS_RESET = 64,
	FAILED = 128,
};

/* Lead a fresh device to a status in legal steps. */
static void lead_to(struct fake_device *d, uint32_t status)
{
	static const uint32_t steps[] = { ACK, DRIVER, FEATURES, RUNNING };

	if ((status & ~FAILED) >= FEATURES)
		fake_device_negotiate(d, 0);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i] <= (status & ~FAILED))
			fake_device_write(d, VIRTIO_MMIO_STATUS, steps[i]);
	}
	fake_device_write(d, VIRTIO_MMIO_STATUS, status);
	ck_assert_uint_eq(fake_device_read(d, VIRTIO_MMIO_STATUS), status);
}

/* virtio 1.3, 3.1.1: each row is one claim about a write to Status. */
static const struct {
	uint32_t from, write, expect;
} status_steps[] = {
	{ RESET, ACK, ACK },
	{ ACK, DRIVER, DRIVER },
	{ FEATURES, RUNNING, RUNNING },
	{ RESET, DRIVER, RESET }, /* no skipping steps */
	{ RESET, RUNNING, RESET },
	{ ACK, ACK | 8, ACK },
	{ DRIVER, DRIVER | 4, DRIVER },
	{ DRIVER, DRIVER | 8, DRIVER }, /* accepted no VERSION_1 */
	{ FEATURES, ACK, FEATURES },	/* no clearing bits */
	{ RUNNING, FEATURES, RUNNING },
	{ RUNNING, RUNNING, RUNNING },
	{ DRIVER, DRIVER | 16, DRIVER }, /* no such bit */
	{ DRIVER, DRIVER | 0x100, DRIVER },
	{ RESET, UINT32_MAX, RESET },
	{ DRIVER, DRIVER | NEEDS_RESET, DRIVER }, /* not the driver's */
	{ RESET, NEEDS_RESET, RESET },
	{ DRIVER, DRIVER | FAILED, DRIVER | FAILED },
	{ RESET, FAILED, FAILED },
	{ DRIVER | FAILED, FEATURES | FAILED, DRIVER | FAILED },
	{ RUNNING, RESET, RESET }, /* 0 always resets */
	{ DRIVER | FAILED, RESET, RESET },
};

START_TEST(status_moves_only_in_the_order_of_the_spec)
{
	struct fake_device d;

	fake_device_create(&d, 0, 8);
	lead_to(&d, status_steps[_i].from);
	fake_device_write(&d, VIRTIO_MMIO_STATUS, status_steps[_i].write);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  status_steps[_i].expect);
	ck_assert_int_eq(d.backend->running,
			 (status_steps[_i].expect & RUNNING) == RUNNING);
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	uint32_t low, high;
	uint32_t expect;
} accepted[] = {
	{ 0x0, 1, FEATURES },
	{ 0x5, 1, FEATURES },
	{ 0x1, 1, FEATURES },
	{ 0x5, 0, DRIVER },	     /* without VERSION_1 */
	{ 0x2, 1, DRIVER },	     /* not offered */
	{ 0x5, 1 | 1 << 1, DRIVER }, /* ACCESS_PLATFORM */
	{ 0x5, 1u | 1u << 31, DRIVER },
};

START_TEST(features_are_ok_only_when_offered_and_of_virtio_1)
{
	struct fake_device d;

	fake_device_create(&d, 0x5, 8);
	lead_to(&d, DRIVER);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, accepted[_i].low);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, accepted[_i].high);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, 0xffff);
	fake_device_write(&d, VIRTIO_MMIO_STATUS, FEATURES);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  accepted[_i].expect);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(features_are_final_after_features_ok)
{
	struct fake_device d;

	fake_device_create(&d, 0x5, 8);
	fake_device_negotiate(&d, 0x4);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	fake_device_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, 0x1);
	fake_device_run(&d);
	ck_assert_uint_eq((uint32_t)d.backend->features, 0x4);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_reset_stops_the_backend_and_forgets_everything)
{
	struct fake_device d;

	fake_device_create(&d, 0x5, 8);
	fake_device_negotiate(&d, 0x5);
	fake_device_set_up_queue(&d, 1, 64, 0x1000, 0x2000, 0x3000);
	fake_device_run(&d);
	fake_device_write(&d, VIRTIO_MMIO_STATUS, RESET);
	ck_assert_uint_eq(d.backend->stops, 1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS), RESET);
	fake_device_write(&d, VIRTIO_MMIO_QUEUE_SEL, 1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_QUEUE_READY), 0);

	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	ck_assert_uint_eq(d.backend->starts, 2);
	ck_assert(!d.backend->queues[1].enabled);
	ck_assert_uint_eq((uint32_t)d.backend->features, 0);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_device_that_cannot_start_needs_a_reset_and_says_so)
{
	struct fake_device d;

	fake_device_create(&d, 0, 8);
	d.backend->start_ret = -EFAULT;
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  RUNNING | NEEDS_RESET);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_INTERRUPT_STATUS),
			  3);
	ck_assert(fake_device_interrupted(&d));

	d.backend->start_ret = 0;
	fake_device_negotiate(&d, 0); /* begins with a reset */
	fake_device_run(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS), RUNNING);
	ck_assert_uint_eq(d.backend->stops, 0);
	fake_device_destroy(&d);
}
END_TEST

static void lose(struct fake_device *d)
{
	const struct vhost_events *events = &d->backend->vhost.events;

	events->lost(events->ctx, "gone");
}

START_TEST(a_lost_backend_leaves_a_device_that_fails_in_order)
{
	struct fake_device d;

	fake_device_create(&d, 0x5, 8);
	fake_device_negotiate(&d, 0x5);
	fake_device_run(&d);
	lose(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  RUNNING | NEEDS_RESET);
	ck_assert(fake_device_interrupted(&d));
	fake_device_negotiate(&d, 0x5);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS), DRIVER);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_failed_backend_works_again_after_a_reset)
{
	struct fake_device d;
	const struct vhost_events *events;

	fake_device_create(&d, 0x5, 8);
	events = &d.backend->vhost.events;
	events->failed(events->ctx, "not running");
	fake_device_negotiate(&d, 0x5);
	fake_device_run(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS), RUNNING);
	events->failed(events->ctx, "broken queue");
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  RUNNING | NEEDS_RESET);
	ck_assert(fake_device_interrupted(&d));
	fake_device_negotiate(&d, 0x5);
	fake_device_run(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS), RUNNING);
	ck_assert_uint_eq(d.backend->stops, 1);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(starts_failures_and_writes_are_counted)
{
	struct virtio_mmio_state state;
	const struct vhost_events *events;
	struct fake_device d;
	uint64_t writes;

	fake_device_create(&d, 0, 8);
	events = &d.backend->vhost.events;
	d.backend->start_ret = -EFAULT;
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	d.backend->start_ret = 0;
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	events->failed(events->ctx, "broken queue");
	fake_device_write(&d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	virtio_mmio_get_state(d.dev, &state);
	ck_assert_uint_eq(state.status, RUNNING | NEEDS_RESET);
	ck_assert(state.started && !state.lost);
	ck_assert_uint_eq(state.counts.start_fails, 1);
	ck_assert_uint_eq(state.counts.starts, 1);
	ck_assert_uint_eq(state.counts.failures, 1);
	ck_assert_uint_eq(state.counts.config_interrupts, 2);
	ck_assert_uint_eq(state.counts.notifies, 1);
	ck_assert_uint_eq(state.counts.config_fails, 0);

	writes = state.counts.writes;
	d.backend->write_ret = -ENOTSUP;
	fake_device_write(&d, VIRTIO_MMIO_CONFIG, 1);
	lose(&d);
	virtio_mmio_get_state(d.dev, &state);
	ck_assert_uint_eq(state.counts.writes, writes + 1);
	ck_assert_uint_eq(state.counts.config_fails, 1);
	ck_assert(state.lost);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_driver_that_passes_needs_reset_back_can_still_fail_the_device)
{
	struct fake_device d;

	fake_device_create(&d, 0, 8);
	lead_to(&d, DRIVER);
	lose(&d);
	ck_assert(!fake_device_interrupted(&d)); /* not before DRIVER_OK */
	fake_device_write(&d, VIRTIO_MMIO_STATUS,
			  DRIVER | NEEDS_RESET | FAILED);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  DRIVER | NEEDS_RESET | FAILED);
	fake_device_destroy(&d);
}
END_TEST

static void change_config(struct fake_device *d)
{
	const struct vhost_events *events = &d->backend->vhost.events;

	events->config_changed(events->ctx);
}

/* A change that the backend did not announce. */
START_TEST(a_config_is_read_again_on_request)
{
	struct fake_device d;

	fake_device_create(&d, 0, 16);
	d.backend->config[0] = 0xaa;
	ck_assert_int_eq(virtio_mmio_refresh_config(d.dev, NULL), 0);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG), 0x030201aa);
	ck_assert(!fake_device_interrupted(&d)); /* no driver yet */
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	d.backend->config[0] = 0xbb;
	ck_assert_int_eq(virtio_mmio_refresh_config(d.dev, NULL), 0);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG), 0x030201bb);
	ck_assert(fake_device_interrupted(&d));
	ck_assert_uint_eq(d.backend->forgets, 2);

	d.backend->config[0] = 0xcc;
	d.backend->forget_ret = -ENOTSUP;
	ck_assert_int_eq(virtio_mmio_refresh_config(d.dev, NULL), -ENOTSUP);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG), 0x030201bb);
	ck_assert(!fake_device_interrupted(&d));
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_config_change_is_shown_and_acknowledged)
{
	struct fake_device d;

	fake_device_create(&d, 0, 16);
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	d.backend->config[0] = 0xaa;
	change_config(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG), 0x030201aa);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG_GENERATION),
			  1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_INTERRUPT_STATUS),
			  3);
	ck_assert(fake_device_interrupted(&d));

	fake_device_write(&d, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_INTERRUPT_STATUS),
			  3);
	fake_device_write(&d, VIRTIO_MMIO_INTERRUPT_ACK, 3);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_INTERRUPT_STATUS),
			  1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS), RUNNING);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(before_driver_ok_a_config_change_raises_no_interrupt)
{
	struct fake_device d;

	fake_device_create(&d, 0, 16);
	fake_device_negotiate(&d, 0);
	d.backend->config[0] = 0xaa;
	change_config(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG), 0x030201aa);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_INTERRUPT_STATUS),
			  1);
	ck_assert(!fake_device_interrupted(&d));
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	uint32_t offset;
	unsigned len;
} config_writes[] = { { 0, 1 }, { 1, 2 }, { 4, 4 }, { 8, 8 }, { 15, 1 } };

START_TEST(the_driver_writes_the_config_space_through_the_backend)
{
	static const uint64_t ones = UINT64_MAX;
	uint8_t expect[16];
	struct fake_device d;

	fake_device_create(&d, 0, 16);
	fake_device_negotiate(&d, 0);
	memcpy(expect, d.backend->config, sizeof(expect));
	memset(expect + config_writes[_i].offset, 0xff, config_writes[_i].len);
	virtio_mmio_write(d.dev, VIRTIO_MMIO_CONFIG + config_writes[_i].offset,
			  &ones, config_writes[_i].len);
	ck_assert_mem_eq(d.backend->config, expect, sizeof(expect));
	ck_assert_mem_eq(d.window + VIRTIO_MMIO_CONFIG, expect, sizeof(expect));
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG_GENERATION),
			  1);
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	uint32_t status;
	int ret;
	unsigned asked;
} refused_writes[] = {
	{ DRIVER, 0, 0 }, /* 3.1.1: not before FEATURES_OK */
	{ FEATURES, -ENOTSUP, 1 },
	{ RUNNING, -EIO, 1 },
};

START_TEST(a_refused_config_write_leaves_the_page_alone)
{
	uint8_t before[VIRTIO_MMIO_WINDOW_SIZE];
	struct fake_device d;

	fake_device_create(&d, 0, 16);
	d.backend->write_ret = refused_writes[_i].ret;
	lead_to(&d, refused_writes[_i].status);
	memcpy(before, d.window, sizeof(before));
	fake_device_write(&d, VIRTIO_MMIO_CONFIG, 0xffffffff);
	ck_assert_uint_eq(d.backend->config_writes, refused_writes[_i].asked);
	ck_assert_mem_eq(before, d.window, sizeof(before));
	fake_device_destroy(&d);
}
END_TEST

START_TEST(the_generation_counts_only_real_changes)
{
	struct fake_device d;

	fake_device_create(&d, 0, 16);
	change_config(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG_GENERATION),
			  0);
	d.backend->config[15] = 0x55;
	change_config(&d);
	change_config(&d);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_CONFIG_GENERATION),
			  1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_MAGIC_VALUE),
			  0x74726976);
	fake_device_destroy(&d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio-mmio status");
	TCase *tc = tcase_create("status");

	log_set_fd(-1);
	tcase_add_loop_test(tc, status_moves_only_in_the_order_of_the_spec, 0,
			    ARRAY_LEN(status_steps));
	tcase_add_loop_test(tc,
			    features_are_ok_only_when_offered_and_of_virtio_1,
			    0, ARRAY_LEN(accepted));
	tcase_add_test(tc, features_are_final_after_features_ok);
	tcase_add_test(tc, a_reset_stops_the_backend_and_forgets_everything);
	tcase_add_test(tc,
		       a_device_that_cannot_start_needs_a_reset_and_says_so);
	tcase_add_test(tc, a_lost_backend_leaves_a_device_that_fails_in_order);
	tcase_add_test(tc, a_failed_backend_works_again_after_a_reset);
	tcase_add_test(tc, starts_failures_and_writes_are_counted);
	tcase_add_test(
		tc,
		a_driver_that_passes_needs_reset_back_can_still_fail_the_device);
	tcase_add_test(tc, a_config_is_read_again_on_request);
	tcase_add_test(tc, a_config_change_is_shown_and_acknowledged);
	tcase_add_test(tc,
		       before_driver_ok_a_config_change_raises_no_interrupt);
	tcase_add_loop_test(
		tc, the_driver_writes_the_config_space_through_the_backend, 0,
		ARRAY_LEN(config_writes));
	tcase_add_loop_test(tc, a_refused_config_write_leaves_the_page_alone, 0,
			    ARRAY_LEN(refused_writes));
	tcase_add_test(tc, the_generation_counts_only_real_changes);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
