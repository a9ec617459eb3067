// SPDX-License-Identifier: Apache-2.0
/*
 * test_vhost_user_flow.c - what is said to a backend that behaves, and when
 */
#include "fake_backend_user.h"
#include "log.h"
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a whole life must say, for a set of protocol features. 0 ends a list. */
enum { LIFE_MAX = 48 };
#define RING                                                                   \
	USER_SET_VRING_NUM, USER_SET_VRING_BASE, USER_SET_VRING_ADDR,          \
		USER_SET_VRING_CALL, USER_SET_VRING_KICK
#define STOP                                                                   \
	USER_SET_VRING_ENABLE, USER_SET_VRING_ENABLE, USER_GET_VRING_BASE,     \
		USER_GET_VRING_BASE
static const struct {
	uint64_t features, protocol;
	uint32_t seen[LIFE_MAX];
	unsigned need_replies;
} lives[] = {
	{ FAKE_USER_FEATURES,
	  BIT(USER_PROTOCOL_F_CONFIG),
	  { USER_SET_OWNER, USER_GET_FEATURES, USER_GET_PROTOCOL_FEATURES,
	    USER_SET_PROTOCOL_FEATURES, USER_GET_CONFIG, USER_SET_FEATURES,
	    USER_SET_MEM_TABLE, RING, RING, USER_SET_VRING_ENABLE,
	    USER_SET_VRING_ENABLE, USER_GET_FEATURES, STOP },
	  0 },
	{ FAKE_USER_FEATURES,
	  UINT64_MAX,
	  { USER_SET_OWNER, USER_GET_FEATURES, USER_GET_PROTOCOL_FEATURES,
	    USER_SET_PROTOCOL_FEATURES, USER_GET_QUEUE_NUM, USER_GET_CONFIG,
	    USER_SET_BACKEND_REQ_FD, USER_SET_FEATURES, USER_GET_MAX_MEM_SLOTS,
	    USER_ADD_MEM_REG, RING, RING, USER_SET_STATUS,
	    USER_SET_VRING_ENABLE, USER_SET_VRING_ENABLE, USER_GET_FEATURES,
	    STOP, USER_SET_STATUS, USER_RESET_DEVICE },
	  1 },
	{ FAKE_USER_FEATURES,
	  BIT(USER_PROTOCOL_F_CONFIG) | BIT(USER_PROTOCOL_F_REPLY_ACK),
	  { USER_SET_OWNER, USER_GET_FEATURES, USER_GET_PROTOCOL_FEATURES,
	    USER_SET_PROTOCOL_FEATURES, USER_GET_CONFIG, USER_SET_FEATURES,
	    USER_SET_MEM_TABLE, RING, RING, USER_SET_VRING_ENABLE,
	    USER_SET_VRING_ENABLE, USER_GET_FEATURES, STOP },
	  1 },
};

START_TEST(a_life_is_told_in_the_order_of_the_protocol)
{
	unsigned expected = 0;
	struct fake_user u;

	fake_user_set_up(&u, lives[_i].features, lives[_i].protocol);
	ck_assert_msg(fake_user_create(&u, &fake_user_blk) == 0, "%s",
		      u.err.text);
	ck_assert_msg(fake_user_start(&u, 0) == 0, "%s", u.err.text);
	vhost_stop(u.vhost);
	fake_user_tear_down(&u);
	while (lives[_i].seen[expected] != 0)
		expected++;
	ck_assert_uint_eq(u.server.seen_count, expected);
	for (unsigned i = 0; i < expected; i++)
		ck_assert_uint_eq(u.server.seen[i], lives[_i].seen[i]);
	ck_assert_uint_eq(u.server.need_replies, lives[_i].need_replies);
	ck_assert_uint_eq(u.losses, 0);
}
END_TEST

START_TEST(memory_slots_are_given_once_and_a_table_at_every_start)
{
	unsigned tables = 0, slots = 0;
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES,
			 _i == 0 ? BIT(USER_PROTOCOL_F_CONFIG) : UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(fake_user_start(&u, 0), 0);
		vhost_stop(u.vhost);
	}
	fake_user_tear_down(&u);
	for (unsigned i = 0; i < u.server.seen_count; i++) {
		tables += u.server.seen[i] == USER_SET_MEM_TABLE;
		slots += u.server.seen[i] == USER_ADD_MEM_REG;
	}
	ck_assert_uint_eq(tables, _i == 0 ? 3 : 0);
	ck_assert_uint_eq(slots, _i == 0 ? 0 : 1);
}
END_TEST

static const struct {
	uint64_t features;
	uint32_t base;
} ring_kinds[] = {
	{ 0, 0 },
	{ BIT(VIRTIO_F_RING_PACKED), 0x80008000 },
};

START_TEST(rings_are_given_as_our_addresses_and_start_at_zero)
{
	const struct memory_region *region;
	struct fake_user u;
	char *host;

	fake_user_set_up(&u, FAKE_USER_FEATURES | BIT(VIRTIO_F_RING_PACKED),
			 BIT(USER_PROTOCOL_F_CONFIG));
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	guest_memory_regions(u.mem, &region);
	host = region->host;
	ck_assert_int_eq(fake_user_start(&u, ring_kinds[_i].features), 0);
	vhost_stop(u.vhost);
	fake_user_tear_down(&u);
	ck_assert_uint_eq(u.server.addr.index, FAKE_USER_QUEUES - 1);
	ck_assert_uint_eq(u.server.addr.desc_user_addr,
			  (uintptr_t)host + FAKE_USER_DESC);
	ck_assert_uint_eq(u.server.addr.avail_user_addr,
			  (uintptr_t)host + FAKE_USER_DRIVER);
	ck_assert_uint_eq(u.server.addr.used_user_addr,
			  (uintptr_t)host + FAKE_USER_DEVICE);
	ck_assert_uint_eq(u.server.base, ring_kinds[_i].base);
	ck_assert_uint_eq(u.server.size, FAKE_USER_QUEUE_SIZE);
	ck_assert_uint_eq(u.server.table.count, 1);
	ck_assert_uint_eq(u.server.table.regions[0].user_addr, (uintptr_t)host);
	ck_assert_uint_eq(u.server.table.regions[0].size, 16 * MIB);
}
END_TEST

static const struct {
	gpa_t desc, driver, device;
} outside[] = {
	{ 16 * MIB, FAKE_USER_DRIVER, FAKE_USER_DEVICE },
	{ 16 * MIB - 16, FAKE_USER_DRIVER,
	  FAKE_USER_DEVICE }, /* only its first entry fits */
	{ FAKE_USER_DESC, 16 * MIB - 4, FAKE_USER_DEVICE },
	{ FAKE_USER_DESC, FAKE_USER_DRIVER, UINT64_MAX - 3 },
	{ UINT64_MAX - 15, FAKE_USER_DRIVER, FAKE_USER_DEVICE },
};

START_TEST(a_queue_outside_ram_is_refused_before_the_backend_hears_of_it)
{
	struct fake_user u;
	struct vhost_queue good;

	fake_user_set_up(&u, FAKE_USER_FEATURES, BIT(USER_PROTOCOL_F_CONFIG));
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	good = u.queues[1];
	u.queues[1].desc = outside[_i].desc;
	u.queues[1].driver = outside[_i].driver;
	u.queues[1].device = outside[_i].device;
	ck_assert_int_eq(fake_user_start(&u, 0), -EFAULT);
	ck_assert_ptr_nonnull(strstr(u.err.text, "queue 1"));
	u.queues[1] = good;
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	fake_user_tear_down(&u);
	/* 5 to create, then the good start. */
	ck_assert_uint_eq(u.server.seen[5], USER_SET_FEATURES);
	ck_assert_uint_eq(u.server.seen[6], USER_SET_MEM_TABLE);
}
END_TEST

START_TEST(one_queue_is_stopped_and_started_again)
{
	static const uint32_t expect[] = {
		USER_SET_VRING_ENABLE, USER_GET_VRING_BASE, RING,
		USER_SET_VRING_ENABLE, USER_GET_FEATURES,   STOP,
	};
	struct fake_user u;
	unsigned from;

	fake_user_set_up(&u, FAKE_USER_FEATURES, BIT(USER_PROTOCOL_F_CONFIG));
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	ck_assert_int_eq(vhost_start_queue(u.vhost, 1, &u.queues[1], NULL),
			 -EINVAL); /* it runs */
	ck_assert_int_eq(vhost_stop_queue(u.vhost, 1, NULL), 0);
	ck_assert_int_eq(vhost_stop_queue(u.vhost, 1, NULL), 0);
	ck_assert_int_eq(vhost_stop_queue(u.vhost, FAKE_USER_QUEUES, NULL),
			 -EINVAL);
	ck_assert_int_eq(vhost_start_queue(u.vhost, 1, &u.queues[1], NULL), 0);
	vhost_stop(u.vhost);
	fake_user_tear_down(&u);
	from = u.server.seen_count - ARRAY_LEN(expect);
	for (unsigned i = 0; i < ARRAY_LEN(expect); i++)
		ck_assert_uint_eq(u.server.seen[from + i], expect[i]);
}
END_TEST

START_TEST(the_backend_gets_its_own_features_and_bit_30)
{
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES | BIT(3) | BIT(26), UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_uint_eq(
		vhost_features(u.vhost) & BIT(USER_F_PROTOCOL_FEATURES), 0);
	ck_assert_int_eq(fake_user_start(&u, BIT(3)), 0);
	fake_user_tear_down(&u);
	ck_assert_uint_eq(u.server.set_features, FAKE_USER_FEATURES | BIT(3));
	ck_assert_uint_eq(u.server.status, 0);
	/* In-flight tracking (12) and the like are not ours to ask for. */
	ck_assert_uint_eq(u.server.set_protocol,
			  BIT(USER_PROTOCOL_F_MQ) |
				  BIT(USER_PROTOCOL_F_REPLY_ACK) |
				  BIT(USER_PROTOCOL_F_BACKEND_REQ) |
				  BIT(USER_PROTOCOL_F_CONFIG) |
				  BIT(USER_PROTOCOL_F_RESET_DEVICE) |
				  BIT(USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) |
				  BIT(USER_PROTOCOL_F_STATUS));
}
END_TEST

START_TEST(the_driver_is_told_of_no_more_queues_than_there_are)
{
	struct virtio_blk_config config;
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(vhost_read_config(u.vhost, 0, &config, sizeof(config),
					   NULL),
			 0);
	ck_assert_uint_eq(config.capacity, 4711);
	ck_assert_uint_eq(config.num_queues, FAKE_USER_QUEUES); /* it says 4 */
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_forgotten_config_space_is_read_again)
{
	uint64_t capacity;
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	capacity = 815;
	memcpy(u.server.config, &capacity, sizeof(capacity));
	ck_assert_int_eq(vhost_read_config(u.vhost, 0, &capacity, 8, NULL), 0);
	ck_assert_uint_ne(capacity, 815); /* what is known is not asked for */
	ck_assert_int_eq(vhost_forget_config(u.vhost, NULL), 0);
	ck_assert_int_eq(vhost_read_config(u.vhost, 0, &capacity, 8, NULL), 0);
	ck_assert_uint_eq(capacity, 815);
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_written_config_space_is_read_back_from_the_backend)
{
	uint8_t wce = 1, back[2] = { 0 };
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES,
			 _i == 0 ? BIT(USER_PROTOCOL_F_CONFIG) : UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(vhost_write_config(u.vhost, 32, &wce, 1, NULL), 0);
	ck_assert_int_eq(vhost_read_config(u.vhost, 32, back, 2, NULL), 0);
	ck_assert_uint_eq(back[0], 1);
	ck_assert_uint_eq(back[1], 0);
	ck_assert_int_eq(vhost_write_config(u.vhost,
					    sizeof(struct virtio_blk_config),
					    &wce, 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(vhost_write_config(u.vhost, SIZE_MAX, &wce, 1, NULL),
			 -EINVAL);
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_net_backend_without_config_gets_the_users_mac)
{
	struct virtio_net_config net = {
		.mac = { 2, 0, 0, 0, 0, 1 },
		.status = VIRTIO_NET_S_LINK_UP,
		.mtu = 1400,
	};
	struct vhost_user_config cfg = {
		.device_id = VIRTIO_ID_NET,
		.queues = 2,
		.config_size = sizeof(net),
		.config_given = true,
	};
	struct virtio_net_config back;
	uint64_t features;
	struct fake_user u;

	memcpy(cfg.config, &net, sizeof(net));
	fake_user_set_up(&u,
			 FAKE_USER_FEATURES | BIT(VIRTIO_NET_F_CTRL_VQ) |
				 BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_CSUM) |
				 BIT(VIRTIO_NET_F_MTU),
			 BIT(USER_PROTOCOL_F_NET_MTU) |
				 BIT(USER_PROTOCOL_F_CONFIG));
	ck_assert_int_eq(fake_user_create(&u, &cfg), 0);
	features = vhost_features(u.vhost);
	ck_assert_uint_eq(features, BIT(VIRTIO_F_VERSION_1) |
					    BIT(VIRTIO_NET_F_CSUM) |
					    BIT(VIRTIO_NET_F_MTU) |
					    BIT(VIRTIO_NET_F_MAC) |
					    BIT(VIRTIO_NET_F_STATUS));
	ck_assert_int_eq(
		vhost_read_config(u.vhost, 0, &back, sizeof(back), NULL), 0);
	ck_assert_mem_eq(&back, &net, sizeof(net));
	ck_assert_int_eq(vhost_forget_config(u.vhost, NULL), -ENOTSUP);
	ck_assert_int_eq(vhost_write_config(u.vhost, 0, &net, 1, NULL),
			 -ENOTSUP);
	ck_assert_int_eq(fake_user_start(&u, features), 0);
	fake_user_tear_down(&u);
	/* The backend never hears of what it did not offer. */
	ck_assert_uint_eq(u.server.set_features & BIT(VIRTIO_NET_F_MAC), 0);
	ck_assert_uint_eq(u.server.mtu, 1400);
}
END_TEST

static const struct {
	struct vhost_user_config cfg;
	uint64_t features, protocol, queue_num;
	const char *says;
} lacks[] = {
	{ { .device_id = VIRTIO_ID_FS, .config_size = 40 },
	  FAKE_USER_FEATURES,
	  0,
	  0,
	  "tag=" },
	{ { .device_id = VIRTIO_ID_BLOCK, .config_size = 60 },
	  FAKE_USER_FEATURES,
	  0,
	  0,
	  "VHOST_USER_PROTOCOL_F_CONFIG" },
	{ { .device_id = VIRTIO_ID_BLOCK, .config_size = 60 },
	  BIT(VIRTIO_F_VERSION_1),
	  0,
	  0,
	  "VHOST_USER_PROTOCOL_F_CONFIG" },
	{ { .device_id = VIRTIO_ID_RNG, .queues = 9 },
	  FAKE_USER_FEATURES,
	  BIT(USER_PROTOCOL_F_MQ),
	  8,
	  "9 queues: the backend has 8" },
	{ { .device_id = VIRTIO_ID_RNG },
	  FAKE_USER_FEATURES,
	  BIT(USER_PROTOCOL_F_MQ),
	  0,
	  "no queues" },
	{ { .device_id = VIRTIO_ID_RNG, .queues = 257 },
	  FAKE_USER_FEATURES,
	  0,
	  0,
	  "257 queues" },
	{ { .device_id = VIRTIO_ID_RNG, .config_size = 257 },
	  FAKE_USER_FEATURES,
	  0,
	  0,
	  "257 bytes" },
};

START_TEST(what_a_backend_lacks_is_named)
{
	struct fake_user u;

	fake_user_set_up(&u, lacks[_i].features, lacks[_i].protocol);
	u.server.queue_num = lacks[_i].queue_num;
	ck_assert_int_lt(fake_user_create(&u, &lacks[_i].cfg), 0);
	ck_assert_msg(strstr(u.err.text, lacks[_i].says) != NULL, "%s",
		      u.err.text);
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(every_type_has_a_name_and_can_be_found)
{
	char names[512], *save, *name;

	snprintf(names, sizeof(names), "%s", vhost_user_type_names());
	ck_assert_int_eq(strncmp(names, "net, blk, console, ", 19), 0);
	for (name = strtok_r(names, ", ", &save); name != NULL;
	     name = strtok_r(NULL, ", ", &save)) {
		const struct vhost_user_type *type = vhost_user_type_find(name);

		ck_assert_ptr_nonnull(type);
		ck_assert_uint_gt(type->queues, 0);
		ck_assert_uint_le(type->config_size, VHOST_USER_CONFIG_MAX);
	}
	ck_assert_ptr_null(vhost_user_type_find("floppy"));
	ck_assert_uint_eq(vhost_user_type_find("fs")->config_size,
			  sizeof(struct virtio_fs_config));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost-user flow");
	TCase *tc = tcase_create("flow");

	log_set_fd(-1);
	tcase_add_loop_test(tc, a_life_is_told_in_the_order_of_the_protocol, 0,
			    ARRAY_LEN(lives));
	tcase_add_loop_test(
		tc, memory_slots_are_given_once_and_a_table_at_every_start, 0,
		2);
	tcase_add_loop_test(tc,
			    rings_are_given_as_our_addresses_and_start_at_zero,
			    0, ARRAY_LEN(ring_kinds));
	tcase_add_loop_test(
		tc,
		a_queue_outside_ram_is_refused_before_the_backend_hears_of_it,
		0, ARRAY_LEN(outside));
	tcase_add_test(tc, one_queue_is_stopped_and_started_again);
	tcase_add_test(tc, the_backend_gets_its_own_features_and_bit_30);
	tcase_add_test(tc, the_driver_is_told_of_no_more_queues_than_there_are);
	tcase_add_loop_test(
		tc, a_written_config_space_is_read_back_from_the_backend, 0, 2);
	tcase_add_test(tc, a_forgotten_config_space_is_read_again);
	tcase_add_test(tc, a_net_backend_without_config_gets_the_users_mac);
	tcase_add_loop_test(tc, what_a_backend_lacks_is_named, 0,
			    ARRAY_LEN(lacks));
	tcase_add_test(tc, every_type_has_a_name_and_can_be_found);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
