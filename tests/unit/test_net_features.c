// SPDX-License-Identifier: Apache-2.0
/*
 * test_net_features.c - network devices: features, addresses, names of taps,
 * and which announcements about interfaces wake us
 */
#include "link_watch.h"
#include "net_features.h"
#include "tap.h"
#include "unit.h"
#include "util.h"

#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUEST(name) BIT(VIRTIO_NET_F_GUEST_##name)
#define HOST(name)  BIT(VIRTIO_NET_F_HOST_##name)

START_TEST(a_tap_that_can_nothing_adds_no_feature)
{
	ck_assert_uint_eq(net_features_of_tap(0), 0);
}
END_TEST

START_TEST(each_offload_of_the_tap_is_offered_both_ways)
{
	ck_assert_uint_eq(net_features_of_tap(TUN_F_CSUM | TUN_F_TSO4),
			  BIT(VIRTIO_NET_F_CSUM) | GUEST(CSUM) | HOST(TSO4) |
				  GUEST(TSO4));
	ck_assert_uint_eq(net_features_of_tap(TUN_F_TSO6 | TUN_F_TSO_ECN),
			  HOST(TSO6) | GUEST(TSO6) | HOST(ECN) | GUEST(ECN));
	ck_assert_uint_eq(net_features_of_tap(TUN_F_UFO),
			  HOST(UFO) | GUEST(UFO));
	ck_assert_uint_eq(net_features_of_tap(TUN_F_USO4 | TUN_F_USO6),
			  HOST(USO) | GUEST(USO4) | GUEST(USO6));
}
END_TEST

/* Each row: what a driver took, and what the tap may then hand to it. */
static const struct {
	uint64_t features;
	unsigned offloads;
} drivers[] = {
	{ 0, 0 },
	{ HOST(TSO4) | BIT(VIRTIO_NET_F_CSUM), 0 },
	{ GUEST(CSUM), TUN_F_CSUM },
	{ GUEST(TSO4), 0 }, /* not without checksums */
	{ GUEST(CSUM) | GUEST(TSO4) | GUEST(ECN),
	  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN },
	{ GUEST(CSUM) | GUEST(ECN), TUN_F_CSUM }, /* ECN is of TSO */
	{ GUEST(CSUM) | GUEST(UFO), TUN_F_CSUM | TUN_F_UFO },
	{ GUEST(CSUM) | GUEST(USO4), TUN_F_CSUM }, /* both or none */
	{ GUEST(CSUM) | GUEST(USO4) | GUEST(USO6),
	  TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6 },
};

START_TEST(the_tap_hands_over_what_the_driver_took)
{
	ck_assert_uint_eq(net_offloads_of_driver(drivers[_i].features),
			  drivers[_i].offloads);
}
END_TEST

START_TEST(an_address_follows_from_the_three_names)
{
	uint8_t a[6], b[6];

	net_default_mac("vm", "net0", "tap0", a);
	net_default_mac("vm", "net0", "tap0", b);
	ck_assert_mem_eq(a, b, sizeof(a));
	ck_assert_uint_eq(a[0] & 3, 2); /* local, unicast */
	net_default_mac("vn", "net0", "tap0", b);
	ck_assert_mem_ne(a, b, sizeof(a));
	net_default_mac("vm", "net1", "tap0", b);
	ck_assert_mem_ne(a, b, sizeof(a));
	net_default_mac("vm", "net0", "tap1", b);
	ck_assert_mem_ne(a, b, sizeof(a));
	net_default_mac("v", "mnet0", "tap0", b);
	ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

static const struct {
	const char *name;
	bool possible;
} names[] = {
	{ "tap0", true },
	{ "a", true },
	{ "fifteen-bytes.0", true },
	{ "", false },
	{ "sixteen-bytes.00", false },
	{ ".", false },
	{ "..", false },
	{ "a/b", false },
	{ "a b", false },
	{ "a:1", false },
	{ "tap%d", false },
	{ "a\tb", false },
};

START_TEST(a_name_is_one_the_kernel_takes_as_it_is)
{
	ck_assert_msg(tap_name_is_possible(names[_i].name) ==
			      names[_i].possible,
		      "'%s'", names[_i].name);
}
END_TEST

struct announcement {
	struct nlmsghdr header;
	struct ifinfomsg info;
};

/* Each row: an announcement, while interface 258 is watched. */
static const struct {
	uint16_t type;
	uint8_t family;
	int index;
	bool passes;
} announcements[] = {
	{ RTM_NEWLINK, AF_UNSPEC, 258, true },
	{ RTM_DELLINK, AF_UNSPEC, 258, true },
	{ RTM_NEWLINK, AF_UNSPEC, 257, false },
	{ RTM_NEWLINK, AF_UNSPEC, 2, false },
	{ RTM_NEWLINK, AF_UNSPEC, 258 << 16, false },
	{ RTM_DELLINK, AF_BRIDGE, 258, false }, /* it left a bridge */
	{ RTM_NEWADDR, AF_UNSPEC, 258, false },
	{ RTM_NEWROUTE, AF_UNSPEC, 258, false },
};

START_TEST(only_news_of_the_interface_passes_the_filter)
{
	const struct announcement sent = {
		.header = { .nlmsg_len = sizeof(sent),
			    .nlmsg_type = announcements[_i].type },
		.info = { .ifi_family = announcements[_i].family,
			  .ifi_index = announcements[_i].index },
	};
	struct sock_filter program[LINK_FILTER_LEN];
	struct sock_fprog filter = { LINK_FILTER_LEN, program };
	struct announcement got;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	link_filter_make(258, program);
	ck_assert_int_eq(setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_FILTER,
				    &filter, sizeof(filter)),
			 0);
	send(pair[0], &sent, sizeof(sent), 0);
	ck_assert_int_eq(recv(pair[1], &got, sizeof(got), MSG_DONTWAIT) > 0,
			 announcements[_i].passes);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net_features");
	TCase *tc = tcase_create("net_features");

	tcase_add_test(tc, a_tap_that_can_nothing_adds_no_feature);
	tcase_add_test(tc, each_offload_of_the_tap_is_offered_both_ways);
	tcase_add_loop_test(tc, the_tap_hands_over_what_the_driver_took, 0,
			    ARRAY_LEN(drivers));
	tcase_add_test(tc, an_address_follows_from_the_three_names);
	tcase_add_loop_test(tc, a_name_is_one_the_kernel_takes_as_it_is, 0,
			    ARRAY_LEN(names));
	tcase_add_loop_test(tc, only_news_of_the_interface_passes_the_filter, 0,
			    ARRAY_LEN(announcements));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
