// SPDX-License-Identifier: Apache-2.0
/*
 * test_vhost_kernel.c - the kernel's vhost, with this test for a driver
 *
 * Needs /dev/vhost-net, /dev/vhost-vsock and the right to create a tap: as root
 * in the test bed, where the system tests run it; skipped elsewhere.
 */
#include "fd.h"
#include "log.h"
#include "unit.h"
#include "util.h"
#include "vhost_kernel.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TAP	 "mote-unit"
#define FEATURES BIT(VIRTIO_F_VERSION_1)

enum { QUEUES = 2, SIZE = 16, TX = 1, WAIT_MS = 3000, CID = 4242 };

struct fixture {
	struct event_base *base;
	struct guest_memory *mem;
	struct vhost *vhost;
	struct vhost_queue queues[QUEUES];
	int call_fd;
	unsigned failures, changes;
	struct err err;
};

static void config_changed(void *ctx)
{
	((struct fixture *)ctx)->changes++;
}

static void failed(void *ctx, const char *why)
{
	(void)why;
	((struct fixture *)ctx)->failures++;
}

/* A queue of its own megabyte. */
static struct vhost_queue make_queue(unsigned index)
{
	gpa_t at = (index + 1) * MIB;

	return (struct vhost_queue){
		.enabled = true,
		.size = SIZE,
		.desc = at,
		.driver = at + 0x1000,
		.device = at + 0x2000,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
}

static void set_up(struct fixture *f)
{
	const struct guest_memory_config memory = {
		.size = 16 * MIB,
		.pages = MEMORY_PAGES_SMALL,
	};

	*f = (struct fixture){ .base = event_base_new() };
	ck_assert_int_eq(guest_memory_create(&memory, &f->mem, &f->err), 0);
	f->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < QUEUES; i++)
		f->queues[i] = make_queue(i);
}

static const struct vhost_net_config tap_config = {
	.id = "net0",
	.vm_id = "vm",
	.port = VHOST_NET_TAP,
	.name = TAP,
	.tap_fd = -1,
	.vhost_fd = -1,
	.queue_size = SIZE,
};

static int create_net(struct fixture *f, const struct vhost_net_config *cfg)
{
	struct vhost_events events = {
		.config_changed = config_changed,
		.failed = failed,
		.ctx = f,
	};
	int ret = vhost_net_create(cfg, f->mem, f->base, &f->vhost, &f->err);

	if (ret == 0)
		vhost_set_events(f->vhost, &events);
	return ret;
}

static void set_up_net(struct fixture *f)
{
	set_up(f);
	ck_assert_msg(create_net(f, &tap_config) == 0, "%s", f->err.text);
}

static void tear_down(struct fixture *f)
{
	vhost_destroy(f->vhost);
	guest_memory_destroy(f->mem);
	for (unsigned i = 0; i < QUEUES; i++)
		fd_close(&f->queues[i].kick_fd);
	fd_close(&f->call_fd);
	event_base_free(f->base);
}

static void start(struct fixture *f)
{
	ck_assert_msg(vhost_start(f->vhost, FEATURES, f->queues, QUEUES,
				  f->call_fd, &f->err) == 0,
		      "%s", f->err.text);
}

/* The event loop, until *count is what it should be, or for a while. */
static void wait_for(struct fixture *f, const unsigned *count, unsigned wanted)
{
	for (int i = 0; i < WAIT_MS / 10 && *count < wanted; i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	ck_assert_uint_eq(*count, wanted);
}

static void rest(struct fixture *f)
{
	for (int i = 0; i < 10; i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
}

static struct virtio_net_config read_net(struct fixture *f)
{
	struct virtio_net_config config = { 0 };

	ck_assert_int_eq(vhost_read_config(f->vhost, 0, &config,
					   vhost_config_size(f->vhost),
					   &f->err),
			 0);
	return config;
}

/* The available ring's index: more new buffers than there are descriptors. */
static void set_available(struct fixture *f, uint16_t index)
{
	ck_assert_int_eq(guest_memory_write(f->mem, f->queues[TX].driver + 2,
					    &index, sizeof(index)),
			 0);
	eventfd_signal(f->queues[TX].kick_fd);
}

START_TEST(a_created_tap_is_up_and_described)
{
	struct virtio_net_config config;
	struct fixture f;
	uint64_t wanted = FEATURES | BIT(VIRTIO_NET_F_MAC) |
			  BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_MTU) |
			  BIT(VIRTIO_NET_F_MRG_RXBUF) |
			  BIT(VIRTIO_NET_F_GUEST_TSO4);

	set_up_net(&f);
	config = read_net(&f);
	ck_assert_uint_eq(vhost_features(f.vhost) & wanted, wanted);
	ck_assert_uint_eq(config.status, VIRTIO_NET_S_LINK_UP);
	ck_assert_uint_eq(config.mtu, 1500);
	ck_assert_uint_eq(config.mac[0], 0x02);
	ck_assert_uint_ne(if_nametoindex(TAP), 0);
	tear_down(&f);
	ck_assert_uint_eq(if_nametoindex(TAP), 0);
}
END_TEST

START_TEST(a_broken_queue_is_told_once_and_a_restart_mends_it)
{
	struct fixture f;

	set_up_net(&f);
	start(&f);
	set_available(&f, 0x4000);
	wait_for(&f, &f.failures, 1);
	eventfd_signal(f.queues[TX].kick_fd);
	rest(&f);
	ck_assert_uint_eq(f.failures, 1);
	vhost_stop(f.vhost);
	set_available(&f, 0);
	start(&f);
	rest(&f);
	ck_assert_uint_eq(f.failures, 1);
	set_available(&f, 0x4000);
	wait_for(&f, &f.failures, 2);
	tear_down(&f);
}
END_TEST

START_TEST(a_queue_outside_of_memory_fails_the_start_only)
{
	struct fixture f;
	gpa_t desc;

	set_up_net(&f);
	desc = f.queues[TX].desc;
	f.queues[TX].desc = GIB;
	ck_assert_int_eq(vhost_start(f.vhost, FEATURES, f.queues, QUEUES,
				     f.call_fd, &f.err),
			 -EFAULT);
	f.queues[TX].desc = desc;
	start(&f);
	tear_down(&f);
}
END_TEST

START_TEST(one_queue_stops_and_starts_alone)
{
	struct fixture f;

	set_up_net(&f);
	start(&f);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(vhost_stop_queue(f.vhost, TX, &f.err), 0);
		ck_assert_int_eq(vhost_start_queue(f.vhost, TX, &f.queues[TX],
						   &f.err),
				 0);
		ck_assert_int_eq(vhost_start_queue(f.vhost, TX, &f.queues[TX],
						   &f.err),
				 -EINVAL);
	}
	tear_down(&f);
}
END_TEST

START_TEST(the_link_goes_with_the_interface)
{
	struct fixture f;

	set_up_net(&f);
	start(&f);
	ck_assert_int_eq(system("ip link set " TAP " down"), 0);
	wait_for(&f, &f.changes, 1);
	ck_assert_uint_eq(read_net(&f).status, 0);
	ck_assert_int_eq(system("ip link set " TAP " up"), 0);
	wait_for(&f, &f.changes, 2);
	ck_assert_uint_eq(read_net(&f).status, VIRTIO_NET_S_LINK_UP);
	ck_assert_int_eq(system("ip link del " TAP), 0);
	wait_for(&f, &f.changes, 3);
	ck_assert_uint_eq(read_net(&f).status, 0);
	vhost_stop(f.vhost);
	start(&f); /* of a driver that comes later */
	tear_down(&f);
}
END_TEST

START_TEST(other_interfaces_wake_nobody)
{
	struct fixture f;

	set_up_net(&f);
	ck_assert_int_eq(system("ip link add mote-other type dummy"
				" || ip tuntap add mote-other mode tap"),
			 0);
	ck_assert_int_eq(system("ip link set mote-other up"), 0);
	ck_assert_int_eq(system("ip link del mote-other"), 0);
	ck_assert_int_eq(event_base_loop(f.base, EVLOOP_NONBLOCK), 0);
	ck_assert_uint_eq(f.changes, 0);
	tear_down(&f);
}
END_TEST

START_TEST(a_created_tap_gets_the_mtu_that_was_asked_for)
{
	struct vhost_net_config cfg = tap_config;
	struct ifreq request = { .ifr_name = TAP };
	struct fixture f;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	set_up(&f);
	cfg.mtu = 9000;
	ck_assert_int_eq(create_net(&f, &cfg), 0);
	ck_assert_uint_eq(read_net(&f).mtu, 9000);
	ck_assert_int_eq(ioctl(fd, SIOCGIFMTU, &request), 0);
	ck_assert_int_eq(request.ifr_mtu, 9000);
	close(fd);
	tear_down(&f);
}
END_TEST

static int open_tap(short flags)
{
	struct ifreq request = { .ifr_name = TAP, .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR);

	ck_assert_int_eq(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

START_TEST(descriptors_that_were_passed_are_used)
{
	struct vhost_net_config cfg = tap_config;
	struct fixture f;

	set_up(&f);
	cfg.port = VHOST_NET_TAP_FD;
	cfg.tap_fd = open_tap(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	cfg.vhost_fd = open("/dev/vhost-net", O_RDWR);
	ck_assert_msg(create_net(&f, &cfg) == 0, "%s", f.err.text);
	start(&f);
	tear_down(&f);
	ck_assert_uint_eq(if_nametoindex(TAP), 0);
}
END_TEST

/* Each row: a descriptor for tapfd=, made so, and what the message says. */
static const struct {
	short flags; /* 0: /dev/null */
	const char *message;
} bad_taps[] = {
	{ 0, "not attached to a tap" },
	{ IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, "IFF_TAP" },
	{ IFF_TAP | IFF_NO_PI, "IFF_VNET_HDR" },
	{ IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	  "IFF_MULTI_QUEUE" },
};

START_TEST(a_descriptor_that_does_not_fit_is_refused)
{
	struct vhost_net_config cfg = tap_config;
	struct fixture f;

	set_up(&f);
	cfg.port = VHOST_NET_TAP_FD;
	cfg.tap_fd = bad_taps[_i].flags == 0 ? open("/dev/null", O_RDWR)
					     : open_tap(bad_taps[_i].flags);
	ck_assert_int_lt(create_net(&f, &cfg), 0);
	ck_assert_msg(strstr(f.err.text, bad_taps[_i].message) != NULL, "%s",
		      f.err.text);
	ck_assert_int_lt(fcntl(cfg.tap_fd, F_GETFD), 0); /* taken over */
	tear_down(&f);
}
END_TEST

static const char *const bad_vhosts[] = { "/dev/null", "/dev/vhost-vsock",
					  "/dev/net/tun" };

START_TEST(a_vhostfd_that_is_something_else_is_refused)
{
	struct vhost_net_config cfg = tap_config;
	struct fixture f;

	set_up(&f);
	cfg.port = VHOST_NET_TAP_FD;
	cfg.tap_fd = open_tap(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	cfg.vhost_fd = open(bad_vhosts[_i], O_RDWR);
	ck_assert_int_lt(create_net(&f, &cfg), 0);
	ck_assert_msg(strstr(f.err.text, "/dev/vhost-net") != NULL, "%s",
		      f.err.text);
	tear_down(&f);
}
END_TEST

START_TEST(a_tap_has_one_user)
{
	struct fixture f, second;
	int fd;

	set_up(&f);
	set_up(&second);
	fd = open_tap(IFF_TAP | IFF_NO_PI);
	ck_assert_int_eq(create_net(&f, &tap_config), -EBUSY);
	ck_assert_ptr_nonnull(strstr(f.err.text, "in use"));
	close(fd);
	ck_assert_int_eq(create_net(&f, &tap_config), 0);
	ck_assert_int_eq(create_net(&second, &tap_config), -EBUSY);
	tear_down(&f);
	tear_down(&second);
}
END_TEST

static const struct vhost_vsock_config vsock_config = {
	.id = "vsock0",
	.cid = CID,
	.queue_size = SIZE,
};

static void set_up_vsock(struct fixture *f)
{
	set_up(f);
	ck_assert_msg(vhost_vsock_create(&vsock_config, f->mem, f->base,
					 &f->vhost, &f->err) == 0,
		      "%s", f->err.text);
}

START_TEST(a_cid_has_one_user)
{
	struct virtio_vsock_config config = { 0 };
	struct vhost *second;
	struct fixture f;

	set_up_vsock(&f);
	ck_assert_int_eq(vhost_read_config(f.vhost, 0, &config, sizeof(config),
					   &f.err),
			 0);
	ck_assert_uint_eq(config.guest_cid, CID);
	ck_assert_int_eq(vhost_vsock_create(&vsock_config, f.mem, f.base,
					    &second, &f.err),
			 -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(f.err.text, "in use"));
	for (int round = 0; round < 3; round++) {
		start(&f);
		vhost_stop(f.vhost);
	}
	tear_down(&f);
}
END_TEST

/* By QueueReady a driver can ask for it, whatever was offered to it. */
START_TEST(a_queue_that_cannot_stop_alone_stops_the_device)
{
	struct fixture f;

	set_up_vsock(&f);
	start(&f);
	ck_assert_int_eq(vhost_stop_queue(f.vhost, TX, &f.err), -ENOTSUP);
	ck_assert_int_eq(vhost_start_queue(f.vhost, TX, &f.queues[TX], &f.err),
			 -EINVAL);
	ck_assert_int_eq(vhost_stop_queue(f.vhost, 0, &f.err), 0);
	vhost_stop(f.vhost);
	start(&f);
	tear_down(&f);
}
END_TEST

static bool can_run(void)
{
	int net = open("/dev/vhost-net", O_RDWR);
	int vsock = open("/dev/vhost-vsock", O_RDWR);
	bool can = net >= 0 && vsock >= 0 && geteuid() == 0;

	fd_close(&net);
	fd_close(&vsock);
	return can;
}

int main(void)
{
	Suite *suite;
	TCase *tc;

	if (!can_run()) {
		puts("no /dev/vhost-net and /dev/vhost-vsock, or not root");
		return 77;
	}
	suite = suite_create("vhost_kernel");
	tc = tcase_create("vhost_kernel");
	log_set_fd(-1);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_created_tap_is_up_and_described);
	tcase_add_test(tc, a_broken_queue_is_told_once_and_a_restart_mends_it);
	tcase_add_test(tc, a_queue_outside_of_memory_fails_the_start_only);
	tcase_add_test(tc, one_queue_stops_and_starts_alone);
	tcase_add_test(tc, the_link_goes_with_the_interface);
	tcase_add_test(tc, other_interfaces_wake_nobody);
	tcase_add_test(tc, a_created_tap_gets_the_mtu_that_was_asked_for);
	tcase_add_test(tc, descriptors_that_were_passed_are_used);
	tcase_add_loop_test(tc, a_descriptor_that_does_not_fit_is_refused, 0,
			    ARRAY_LEN(bad_taps));
	tcase_add_loop_test(tc, a_vhostfd_that_is_something_else_is_refused, 0,
			    ARRAY_LEN(bad_vhosts));
	tcase_add_test(tc, a_tap_has_one_user);
	tcase_add_test(tc, a_cid_has_one_user);
	tcase_add_test(tc, a_queue_that_cannot_stop_alone_stops_the_device);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
