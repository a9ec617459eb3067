// SPDX-License-Identifier: Apache-2.0
/*
 * test_virtio_mmio_regs.c - what the guest reads, and which writes count
 */
#include "fake_backend.h"
#include "log.h"
#include "unit.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_RESET 0x0c0

enum { ACK = 1, DRIVER = 3, FEATURES = 11, RUNNING = 15, NEEDS_RESET = 0x40 };

static const struct {
	uint32_t offset, expect;
} after_creation[] = {
	{ VIRTIO_MMIO_MAGIC_VALUE, 0x74726976 },
	{ VIRTIO_MMIO_VERSION, 2 },
	{ VIRTIO_MMIO_DEVICE_ID, VIRTIO_ID_BLOCK },
	{ VIRTIO_MMIO_DEVICE_FEATURES, 0x5 },
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0 },
	{ VIRTIO_MMIO_QUEUE_NUM_MAX, FAKE_QUEUE_SIZE },
	{ VIRTIO_MMIO_QUEUE_READY, 0 },
	{ VIRTIO_MMIO_INTERRUPT_STATUS, 1 }, /* always a look at the rings */
	{ VIRTIO_MMIO_STATUS, 0 },
	{ VIRTIO_MMIO_SHM_LEN_LOW, 0xffffffff },
	{ VIRTIO_MMIO_SHM_LEN_HIGH, 0xffffffff },
	{ VIRTIO_MMIO_SHM_BASE_LOW, 0xffffffff },
	{ VIRTIO_MMIO_SHM_BASE_HIGH, 0xffffffff },
	{ QUEUE_RESET, 0 },
	{ VIRTIO_MMIO_CONFIG_GENERATION, 0 },
	{ VIRTIO_MMIO_CONFIG, 0x03020100 },
	{ VIRTIO_MMIO_CONFIG + 8, 0 }, /* beyond the 8 bytes */
};

START_TEST(a_new_device_shows_its_registers)
{
	struct fake_device d;

	fake_device_create(&d, 0x5, 8);
	ck_assert_uint_eq(fake_device_read(&d, after_creation[_i].offset),
			  after_creation[_i].expect);
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	uint32_t select_at, select, read_at, expect;
} selectors[] = {
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1, VIRTIO_MMIO_DEVICE_FEATURES, 1 },
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2, VIRTIO_MMIO_DEVICE_FEATURES, 0 },
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, UINT32_MAX,
	  VIRTIO_MMIO_DEVICE_FEATURES, 0 },
	{ VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES - 1, VIRTIO_MMIO_QUEUE_NUM_MAX,
	  FAKE_QUEUE_SIZE },
	{ VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES, VIRTIO_MMIO_QUEUE_NUM_MAX, 0 },
	{ VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX, VIRTIO_MMIO_QUEUE_NUM_MAX, 0 },
	{ VIRTIO_MMIO_SHM_SEL, 5, VIRTIO_MMIO_SHM_LEN_LOW, 0xffffffff },
};

START_TEST(a_selector_decides_what_the_next_read_returns)
{
	struct fake_device d;

	fake_device_create(&d, 0x5, 8);
	fake_device_write(&d, selectors[_i].select_at, selectors[_i].select);
	ck_assert_uint_eq(fake_device_read(&d, selectors[_i].read_at),
			  selectors[_i].expect);
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	unsigned bit;
	bool offered;
} transport_bits[] = {
	{ 0, true },
	{ 23, true },
	{ 24, false },
	{ 26, false }, /* LOG_ALL */
	{ 27, false },
	{ 30, false }, /* PROTOCOL_FEATURES */
	{ VIRTIO_RING_F_INDIRECT_DESC, true },
	{ VIRTIO_RING_F_EVENT_IDX, true },
	{ VIRTIO_F_VERSION_1, true },
	{ VIRTIO_F_ACCESS_PLATFORM, false },
	{ VIRTIO_F_RING_PACKED, true },
	{ VIRTIO_F_IN_ORDER, true },
	{ VIRTIO_F_SR_IOV, false },
	{ 38, false }, /* NOTIFICATION_DATA */
	{ 39, false }, /* NOTIF_CONFIG_DATA */
	{ VIRTIO_F_RING_RESET, true },
	{ 41, false }, /* ADMIN_VQ */
	{ 49, false },
	{ 50, true },
	{ 63, true },
};

START_TEST(only_features_that_this_transport_can_do_are_offered)
{
	unsigned bit = transport_bits[_i].bit;
	struct fake_device d;
	uint32_t shown;

	fake_device_create(&d, UINT64_MAX, 8);
	fake_device_write(&d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, bit / 32);
	shown = fake_device_read(&d, VIRTIO_MMIO_DEVICE_FEATURES);
	ck_assert_int_eq((shown >> (bit % 32)) & 1, transport_bits[_i].offered);
	fake_device_destroy(&d);
}
END_TEST

/* One claim per row: may a queue set up like this become ready? */
static const struct {
	uint64_t features;
	uint32_t size;
	uint64_t desc, driver, device;
	bool ready;
} set_ups[] = {
	{ 0, 256, 0x1000, 0x2000, 0x3000, true },
	{ 0, 1, 0x1000, 0x2000, 0x3000, true },
	{ 0, 0, 0x1000, 0x2000, 0x3000, false },
	{ 0, 257, 0x1000, 0x2000, 0x3000, false }, /* above the maximum */
	{ 0, 512, 0x1000, 0x2000, 0x3000, false },
	{ 0, 65536 + 16, 0x1000, 0x2000, 0x3000, false },
	{ 0, UINT32_MAX, 0x1000, 0x2000, 0x3000, false },
	{ 0, 24, 0x1000, 0x2000, 0x3000, false },  /* no power of two */
	{ 0, 256, 0x1008, 0x2000, 0x3000, false }, /* desc: 16 */
	{ 0, 256, 0x1000, 0x2001, 0x3000, false }, /* driver: 2 */
	{ 0, 256, 0x1000, 0x2002, 0x3000, true },
	{ 0, 256, 0x1000, 0x2000, 0x3002, false },	   /* device: 4 */
	{ 0, 256, UINT64_MAX - 15, 0x2000, 0x3000, true }, /* backend's job */
	{ BIT(VIRTIO_F_RING_PACKED), 24, 0x1000, 0x2000, 0x3000, true },
	{ BIT(VIRTIO_F_RING_PACKED), 257, 0x1000, 0x2000, 0x3000, false },
	{ BIT(VIRTIO_F_RING_PACKED), 24, 0x1000, 0x2002, 0x3000, false },
};

START_TEST(a_queue_becomes_ready_only_when_set_up_well)
{
	struct fake_device d;

	fake_device_create(&d, BIT(VIRTIO_F_RING_PACKED), 8);
	fake_device_negotiate(&d, set_ups[_i].features);
	fake_device_set_up_queue(&d, 1, set_ups[_i].size, set_ups[_i].desc,
				 set_ups[_i].driver, set_ups[_i].device);
	ck_assert_int_eq(fake_device_read(&d, VIRTIO_MMIO_QUEUE_READY),
			 set_ups[_i].ready);
	fake_device_run(&d);
	ck_assert(d.backend->running);
	ck_assert(!d.backend->queues[0].enabled);
	ck_assert_int_eq(d.backend->queues[1].enabled, set_ups[_i].ready);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(the_backend_gets_what_the_driver_wrote)
{
	struct vhost_queue *queue;
	struct fake_device d;

	fake_device_create(&d, 0x7, 8);
	fake_device_negotiate(&d, 0x2);
	fake_device_set_up_queue(&d, 2, 128, 0x123456789a0, 0x223456789ac,
				 0x323456789a8);
	fake_device_run(&d);
	queue = &d.backend->queues[2];
	ck_assert_uint_eq(d.backend->features, BIT(VIRTIO_F_VERSION_1) | 2);
	ck_assert_uint_eq(queue->size, 128);
	ck_assert_uint_eq(queue->desc, 0x123456789a0);
	ck_assert_uint_eq(queue->driver, 0x223456789ac);
	ck_assert_uint_eq(queue->device, 0x323456789a8);
	ck_assert_int_eq(queue->kick_fd, virtio_mmio_kick_fd(d.dev, 2));
	ck_assert_int_eq(d.backend->call_fd, virtio_mmio_call_fd(d.dev));
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_ready_queue_cannot_be_changed)
{
	struct fake_device d;

	fake_device_create(&d, 0, 8);
	fake_device_negotiate(&d, 0);
	fake_device_set_up_queue(&d, 0, 64, 0x1000, 0x2000, 0x3000);
	fake_device_set_up_queue(&d, 0, 32, 0x4000, 0x5000, 0x6000);
	fake_device_run(&d);
	ck_assert_uint_eq(d.backend->queues[0].size, 64);
	ck_assert_uint_eq(d.backend->queues[0].desc, 0x1000);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_queue_can_be_withdrawn_before_the_device_runs)
{
	struct fake_device d;

	fake_device_create(&d, 0, 8);
	fake_device_negotiate(&d, 0);
	fake_device_set_up_queue(&d, 0, 64, 0x1000, 0x2000, 0x3000);
	fake_device_write(&d, VIRTIO_MMIO_QUEUE_READY, 0);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_QUEUE_READY), 0);
	fake_device_run(&d);
	ck_assert(!d.backend->queues[0].enabled);
	ck_assert_uint_eq(d.backend->queue_stops, 0);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_queue_is_reset_and_started_again_where_negotiated)
{
	struct fake_device d;

	fake_device_create(&d, BIT(VIRTIO_F_RING_RESET), 8);
	fake_device_negotiate(&d, BIT(VIRTIO_F_RING_RESET));
	fake_device_set_up_queue(&d, 1, 64, 0x1000, 0x2000, 0x3000);
	fake_device_run(&d);

	fake_device_write(&d, QUEUE_RESET, 1);
	ck_assert_uint_eq(d.backend->queue_stops, 1);
	ck_assert_uint_eq(fake_device_read(&d, QUEUE_RESET), 0);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_QUEUE_READY), 0);

	fake_device_write(&d, VIRTIO_MMIO_QUEUE_READY, 1);
	ck_assert_uint_eq(d.backend->queue_starts, 0); /* size is gone */
	fake_device_set_up_queue(&d, 1, 32, 0x4000, 0x5000, 0x6000);
	ck_assert_uint_eq(d.backend->queue_starts, 1);
	ck_assert_uint_eq(d.backend->queues[1].size, 32);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_QUEUE_READY), 1);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(without_ring_reset_a_running_device_takes_no_new_queue)
{
	struct fake_device d;

	fake_device_create(&d, BIT(VIRTIO_F_RING_RESET), 8);
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	fake_device_set_up_queue(&d, 1, 64, 0x1000, 0x2000, 0x3000);
	fake_device_write(&d, QUEUE_RESET, 1);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_QUEUE_READY), 0);
	ck_assert_uint_eq(d.backend->queue_starts + d.backend->queue_stops, 0);
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	int start_ret, stop_ret;
} queue_failures[] = { { -EIO, 0 }, { 0, -EIO } };

START_TEST(a_queue_that_fails_to_stop_or_start_breaks_the_device)
{
	struct fake_device d;

	fake_device_create(&d, BIT(VIRTIO_F_RING_RESET), 8);
	fake_device_negotiate(&d, BIT(VIRTIO_F_RING_RESET));
	fake_device_set_up_queue(&d, 1, 64, 0x1000, 0x2000, 0x3000);
	fake_device_run(&d);
	d.backend->start_queue_ret = queue_failures[_i].start_ret;
	d.backend->stop_queue_ret = queue_failures[_i].stop_ret;
	fake_device_write(&d, QUEUE_RESET, 1);
	fake_device_set_up_queue(&d, 1, 32, 0x4000, 0x5000, 0x6000);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_STATUS),
			  RUNNING | NEEDS_RESET);
	ck_assert_uint_eq(fake_device_read(&d, VIRTIO_MMIO_INTERRUPT_STATUS),
			  3);
	ck_assert(fake_device_interrupted(&d));
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_notification_without_ioeventfd_kicks_only_queues_that_exist)
{
	struct fake_device d;
	uint64_t count;

	fake_device_create(&d, 0, 8);
	fake_device_negotiate(&d, 0);
	fake_device_run(&d);
	fake_device_write(&d, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_device_write(&d, VIRTIO_MMIO_QUEUE_NOTIFY, FAKE_QUEUES);
	fake_device_write(&d, VIRTIO_MMIO_QUEUE_NOTIFY, UINT32_MAX);
	ck_assert_int_eq(read(virtio_mmio_kick_fd(d.dev, 1), &count, 8), 8);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(read(virtio_mmio_kick_fd(d.dev, 0), &count, 8), -1);
	fake_device_destroy(&d);
}
END_TEST

static const struct {
	uint64_t offset;
	unsigned len;
} bad_accesses[] = {
	{ VIRTIO_MMIO_STATUS, 1 },
	{ VIRTIO_MMIO_STATUS, 2 },
	{ VIRTIO_MMIO_STATUS, 8 },
	{ VIRTIO_MMIO_STATUS + 1, 4 },
	{ VIRTIO_MMIO_STATUS - 2, 4 },
	{ VIRTIO_MMIO_MAGIC_VALUE, 4 },
	{ VIRTIO_MMIO_STATUS + 4, 4 },
	{ 0x0fc, 4 },
	{ 0x0fd, 8 },
	{ VIRTIO_MMIO_CONFIG, 4 },
	{ VIRTIO_MMIO_CONFIG + 7, 2 },
	{ VIRTIO_MMIO_CONFIG + 8, 1 },
	{ 0xffc, 4 },
	{ 0xfff, 8 },
};

START_TEST(an_access_that_the_spec_does_not_know_changes_nothing)
{
	static const uint64_t ones = 0x0101010101010101;
	uint8_t before[VIRTIO_MMIO_WINDOW_SIZE];
	struct fake_device d;

	fake_device_create(&d, 0, 8);
	memcpy(before, d.window, sizeof(before));
	virtio_mmio_write(d.dev, bad_accesses[_i].offset, &ones,
			  bad_accesses[_i].len);
	ck_assert_mem_eq(before, d.window, sizeof(before));
	ck_assert_uint_eq(d.backend->config_writes, 0);
	fake_device_destroy(&d);
}
END_TEST

START_TEST(a_backend_without_version_1_is_refused_by_name)
{
	struct fake_backend *fake = fake_backend_create(0x5, 8);
	struct virtio_mmio_config cfg = {
		.id = "old0",
		.backend = &fake->vhost,
	};
	struct virtio_mmio *dev;
	struct err err;

	ck_assert_int_eq(virtio_mmio_create(&cfg, &dev, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "VIRTIO_F_VERSION_1"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio-mmio registers");
	TCase *tc = tcase_create("registers");

	log_set_fd(-1);
	tcase_add_loop_test(tc, a_new_device_shows_its_registers, 0,
			    ARRAY_LEN(after_creation));
	tcase_add_loop_test(tc, a_selector_decides_what_the_next_read_returns,
			    0, ARRAY_LEN(selectors));
	tcase_add_loop_test(
		tc, only_features_that_this_transport_can_do_are_offered, 0,
		ARRAY_LEN(transport_bits));
	tcase_add_loop_test(tc, a_queue_becomes_ready_only_when_set_up_well, 0,
			    ARRAY_LEN(set_ups));
	tcase_add_test(tc, the_backend_gets_what_the_driver_wrote);
	tcase_add_test(tc, a_ready_queue_cannot_be_changed);
	tcase_add_test(tc, a_queue_can_be_withdrawn_before_the_device_runs);
	tcase_add_test(tc, a_queue_is_reset_and_started_again_where_negotiated);
	tcase_add_test(tc,
		       without_ring_reset_a_running_device_takes_no_new_queue);
	tcase_add_loop_test(
		tc, a_queue_that_fails_to_stop_or_start_breaks_the_device, 0,
		ARRAY_LEN(queue_failures));
	tcase_add_test(
		tc,
		a_notification_without_ioeventfd_kicks_only_queues_that_exist);
	tcase_add_loop_test(
		tc, an_access_that_the_spec_does_not_know_changes_nothing, 0,
		ARRAY_LEN(bad_accesses));
	tcase_add_test(tc, a_backend_without_version_1_is_refused_by_name);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
