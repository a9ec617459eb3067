// SPDX-License-Identifier: Apache-2.0
/*
 * test_vsock.c - connections of `mote vsock`: how they begin and end
 *
 * The backend runs as a program in a child process; the test is the guest's
 * driver and the programs of the host.
 */
#include "vsock_peer.h"
#include "fd.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BOTH = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND };

static const uint64_t formats[] = {
	~UINT64_C(0),
	~(UINT64_C(1) << VIRTIO_F_RING_PACKED),
};

START_TEST(a_client_reaches_a_port_of_the_guest)
{
	struct guest_conn c;
	struct vsock_peer v;
	struct received r;
	char line[16];
	int fd;

	vsock_start(&v, formats[_i]);
	fd = vsock_dial(&v, &c, 52);
	client_says(fd, "hello");
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RW, &r);
	ck_assert_uint_eq(r.hdr.len, 5);
	ck_assert_mem_eq(r.data, "hello", 5);
	ck_assert_uint_eq(r.hdr.buf_alloc, 65536);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, "world\n", 6);
	client_hears(fd, line, sizeof(line));
	ck_assert_str_eq(line, "world\n");
	close(fd);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, &r);
	while (r.hdr.flags != BOTH)
		vsock_expect(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, &r);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
	vsock_expect_nothing(&v);
	vsock_finish(&v);
}
END_TEST

START_TEST(the_guest_reaches_a_port_of_the_host)
{
	struct guest_conn c;
	struct vsock_peer v;
	int listener, fd;

	vsock_start(&v, formats[_i]);
	listener = vsock_listen_at(&v, 1024);
	fd = vsock_dial_out(&v, &c, 4000, listener, 1024);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, "to all", 6);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, BOTH, NULL, 0);
	/* The guest need not wait for the reader. */
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	ck_assert(client_ends(fd, 5));
	close(fd);
	close(listener);
	vsock_finish(&v);
}
END_TEST

START_TEST(the_guest_learns_its_address)
{
	struct virtio_vsock_config config;
	struct vsock_peer v;

	vsock_start(&v, ~UINT64_C(0));
	peer_get_config(&v.peer, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.guest_cid, GUEST_CID);
	vsock_finish(&v);
}
END_TEST

START_TEST(a_port_nobody_listens_on_is_refused)
{
	struct guest_conn c = { 9, 1025, ROOM, 0, 0, 0 };
	struct vsock_peer v;
	char line[16];
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);

	/* A file with nobody behind it any more. */
	close(vsock_listen_at(&v, 1025));
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);

	fd = peer_connect(v.uds);
	client_says(fd, "connect 99\n");
	c.guest_port = 99;
	c.host_port = 1 << 30;
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_REQUEST, NULL);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
	client_hears(fd, line, sizeof(line));
	ck_assert_str_eq(line, "");
	close(fd);
	vsock_finish(&v);
}
END_TEST

static const char *const bad_lines[] = {
	"GET / HTTP/1.0\r\n",
	"CONNECT\n",
	"CONNECT x\n",
	"CONNECT 4294967296\n",
	"CONNECT 1 2\n",
	"\n",
	"CONNECT 0000000000000000000000000000000000001",
};

START_TEST(a_client_that_says_something_else_is_hung_up_on)
{
	struct vsock_peer v;
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = peer_connect(v.uds);
	client_says(fd, bad_lines[_i]);
	ck_assert(client_ends(fd, 3));
	close(fd);
	vsock_expect_nothing(&v);
	vsock_finish(&v);
}
END_TEST

/* Also what came with the first line, and a line that comes in pieces. */
START_TEST(a_client_need_not_wait_for_ok)
{
	struct guest_conn c = { 7, 1 << 30, ROOM, 0, 0, 0 };
	struct vsock_peer v;
	struct received r;
	char line[32];
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = peer_connect(v.uds);
	client_says(fd, "CONN");
	vsock_expect_nothing(&v);
	client_says(fd, "ECT 7\nearly");
	shutdown(fd, SHUT_WR);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_REQUEST, NULL);
	vsock_expect_nothing(&v);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RW, &r);
	ck_assert_uint_eq(r.hdr.len, 5);
	ck_assert_mem_eq(r.data, "early", 5);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, &r);
	ck_assert_uint_eq(r.hdr.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	/* The other direction is still open. */
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, "late\n", 5);
	client_hears(fd, line, sizeof(line));
	ck_assert_str_eq(line, "OK 1073741824\n");
	client_hears(fd, line, sizeof(line));
	ck_assert_str_eq(line, "late\n");
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, BOTH, NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	ck_assert(client_ends(fd, 3));
	close(fd);
	vsock_finish(&v);
}
END_TEST

START_TEST(each_direction_of_the_guest_ends_by_itself)
{
	struct guest_conn c;
	struct vsock_peer v;
	struct received r;
	char byte;
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND,
		   NULL, 0);
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	client_says(fd, "x");
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RW, &r);
	/* Now the other one, too: that is the end. */
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_RCV,
		   NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	ck_assert_int_lt(send(fd, "y", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(errno, EPIPE);
	close(fd);
	vsock_finish(&v);
}
END_TEST

/* As when the guest boots again: nobody there knows the connections. */
START_TEST(a_driver_that_leaves_takes_its_connections_along)
{
	struct guest_conn c;
	struct vsock_peer v;
	int fd, waiting;

	vsock_start(&v, formats[_i]);
	fd = vsock_dial(&v, &c, 1);
	for (unsigned i = 0; i < 3; i++)
		peer_stop_queue(&v.peer, i);
	ck_assert(client_ends(fd, 3));
	close(fd);
	/* One that comes meanwhile waits for the next driver. */
	waiting = peer_connect(v.uds);
	client_says(waiting, "CONNECT 5\n");
	usleep(50000);
	vsock_start_queues(&v);
	c.guest_port = 5;
	c.host_port++;
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_REQUEST, NULL);
	close(waiting);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	fd = vsock_dial(&v, &c, 1);
	close(fd);
	vsock_finish(&v);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vsock");
	TCase *tc = tcase_create("vsock");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_client_reaches_a_port_of_the_guest, 0, 2);
	tcase_add_loop_test(tc, the_guest_reaches_a_port_of_the_host, 0, 2);
	tcase_add_test(tc, the_guest_learns_its_address);
	tcase_add_test(tc, a_port_nobody_listens_on_is_refused);
	tcase_add_loop_test(tc, a_client_that_says_something_else_is_hung_up_on,
			    0, ARRAY_LEN(bad_lines));
	tcase_add_test(tc, a_client_need_not_wait_for_ok);
	tcase_add_test(tc, each_direction_of_the_guest_ends_by_itself);
	tcase_add_loop_test(
		tc, a_driver_that_leaves_takes_its_connections_along, 0, 2);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
