// SPDX-License-Identifier: Apache-2.0
/*
 * test_vsock.c - connections of `mote vsock`: both ways, credit, ends
 *
 * The backend runs as a program in a child process; the test is the guest's
 * driver and the programs of the host.
 */
#include "vsock_peer.h"
#include "fd.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
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

/* So much that what the kernel keeps for a socket is full, too. */
static size_t fill_up(struct vsock_peer *v, struct guest_conn *c)
{
	static char bytes[4096];
	uint32_t used, len;
	uint16_t id;

	do {
		pattern_fill(bytes, c->sent, sizeof(bytes));
		vsock_send(v, c, VIRTIO_VSOCK_OP_RW, 0, bytes, sizeof(bytes));
		while (driver_get(&v->peer.queues[RX], &id, &len)) {
			struct virtio_vsock_hdr hdr;

			memcpy(&hdr, v->peer.mem + v->buffers[id], sizeof(hdr));
			ck_assert_uint_eq(hdr.op,
					  VIRTIO_VSOCK_OP_CREDIT_UPDATE);
			c->host_fwd = hdr.fwd_cnt;
			vsock_post(v, v->buffers[id], BUFFER);
		}
		usleep(200);
		used = c->sent - c->host_fwd;
		ck_assert_uint_lt(c->sent, 8 << 20);
	} while (used + sizeof(bytes) <= 65536);
	return c->sent;
}

START_TEST(a_reader_that_sleeps_holds_only_its_own_connection)
{
	struct guest_conn slow, quick;
	struct vsock_peer v;
	struct received r;
	char line[16];
	size_t sent;
	int fd, fd2;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &slow, 1);
	fd2 = vsock_dial(&v, &quick, 1);
	sent = fill_up(&v, &slow);
	for (int i = 0; i < 100; i++) {
		vsock_send(&v, &quick, VIRTIO_VSOCK_OP_RW, 0, "ping\n", 5);
		client_hears(fd2, line, sizeof(line));
		ck_assert_str_eq(line, "ping\n");
	}
	vsock_send(&v, &slow, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0);
	vsock_expect(&v, &slow, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL);
	/* It wakes up: all is there, and there is room again. */
	pattern_read(fd, 0, sent);
	while (slow.host_fwd != sent)
		vsock_expect(&v, &slow, VIRTIO_VSOCK_OP_CREDIT_UPDATE, &r);
	close(fd);
	close(fd2);
	vsock_finish(&v);
}
END_TEST

START_TEST(what_the_guest_sent_before_it_left_arrives)
{
	struct guest_conn c;
	struct vsock_peer v;
	size_t sent;
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	sent = fill_up(&v, &c);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, BOTH, NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	/* The same ports at once again: they are free. */
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, "x", 1);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	pattern_read(fd, 0, sent);
	ck_assert(client_ends(fd, 3));
	close(fd);
	vsock_finish(&v);
}
END_TEST

/* The end of the machine, with a reader that is slow but reads. */
START_TEST(what_the_guest_sent_before_it_ended_arrives)
{
	struct guest_conn c;
	struct vsock_peer v;
	size_t sent;
	int fd;
	pid_t reader;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	sent = fill_up(&v, &c);
	reader = fork();
	if (reader == 0) {
		close(v.peer.sock); /* its end is the machine's */
		usleep(300000);
		pattern_read(fd, 0, sent);
		_exit(client_ends(fd, 5) ? 0 : 1);
	}
	close(fd);
	vsock_finish(&v);
	v.peer.pid = reader;
	ck_assert_int_eq(peer_wait(&v.peer), 0);
}
END_TEST

START_TEST(the_host_sends_no_more_than_the_guest_has_room_for)
{
	static char bytes[19000];
	struct guest_conn c;
	struct vsock_peer v;
	struct received r;
	size_t got = 0;
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	c.buf_alloc = 5000;
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
	pattern_fill(bytes, 0, sizeof(bytes));
	ck_assert_int_eq(fd_write_all(fd, bytes, sizeof(bytes)), 0);
	while (got < sizeof(bytes)) {
		size_t end = MIN(c.fwd_cnt + c.buf_alloc, sizeof(bytes));

		while (got < end) {
			vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RW, &r);
			ck_assert(pattern_is(r.data, got, r.hdr.len));
			got += r.hdr.len;
			ck_assert_uint_le(got, end);
		}
		if (got < sizeof(bytes)) /* once, and then it waits */
			vsock_expect(&v, &c, VIRTIO_VSOCK_OP_CREDIT_REQUEST,
				     NULL);
		vsock_expect_nothing(&v);
		c.fwd_cnt = (uint32_t)got;
		vsock_send(&v, &c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
	}
	close(fd);
	vsock_finish(&v);
}
END_TEST

enum { STREAMS = 4, STREAM_BYTES = 4 << 20 };

/* Writes one end of each pair as fast as it goes, in a process of its own. */
static pid_t start_writers(const int *fds)
{
	static char bytes[50000];
	struct pollfd pfds[STREAMS];
	size_t at[STREAMS] = { 0 }, left = STREAMS;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (int i = 0; i < STREAMS; i++)
		pfds[i] = (struct pollfd){ fds[i], POLLOUT, 0 };
	while (left > 0 && poll(pfds, STREAMS, 20000) > 0) {
		for (int i = 0; i < STREAMS; i++) {
			size_t len = MIN(sizeof(bytes), STREAM_BYTES - at[i]);
			ssize_t n;

			if (pfds[i].fd < 0 || !pfds[i].revents)
				continue;
			pattern_fill(bytes, at[i], len);
			n = send(fds[i], bytes, len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			at[i] += n > 0 ? (size_t)n : 0;
			if (at[i] == STREAM_BYTES) {
				shutdown(fds[i], SHUT_WR);
				pfds[i].fd = -1;
				left--;
			}
		}
	}
	_exit(left == 0 ? 0 : 1);
}

START_TEST(streams_side_by_side_are_intact_and_share_the_buffers)
{
	struct guest_conn c[STREAMS];
	int fds[STREAMS], ended = 0;
	size_t got[STREAMS] = { 0 };
	struct vsock_peer v;
	struct received r;
	pid_t writers;

	vsock_start(&v, formats[_i]);
	for (uint32_t i = 0; i < STREAMS; i++)
		fds[i] = vsock_dial(&v, &c[i], i);
	writers = start_writers(fds);
	while (ended < STREAMS) {
		uint32_t i;

		vsock_receive(&v, &r);
		i = r.hdr.dst_port;
		ck_assert_uint_lt(i, STREAMS);
		if (r.hdr.op == VIRTIO_VSOCK_OP_SHUTDOWN)
			ended++;
		if (r.hdr.op != VIRTIO_VSOCK_OP_RW)
			continue;
		ck_assert(pattern_is(r.data, got[i], r.hdr.len));
		got[i] += r.hdr.len;
		for (int j = 0; ended == 0 && j < STREAMS; j++)
			ck_assert_uint_lt(got[i], got[j] + (2 << 20));
		c[i].fwd_cnt = (uint32_t)got[i];
		if (got[i] % (ROOM / 4) < r.hdr.len)
			vsock_send(&v, &c[i], VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0,
				   NULL, 0);
	}
	for (int i = 0; i < STREAMS; i++) {
		ck_assert_uint_eq(got[i], STREAM_BYTES);
		close(fds[i]);
	}
	vsock_finish(&v);
	v.peer.pid = writers;
	ck_assert_int_eq(peer_wait(&v.peer), 0);
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
	tcase_add_test(tc, a_reader_that_sleeps_holds_only_its_own_connection);
	tcase_add_test(tc, what_the_guest_sent_before_it_left_arrives);
	tcase_add_test(tc, what_the_guest_sent_before_it_ended_arrives);
	tcase_add_test(tc, the_host_sends_no_more_than_the_guest_has_room_for);
	tcase_add_loop_test(
		tc, streams_side_by_side_are_intact_and_share_the_buffers, 0,
		2);
	tcase_add_loop_test(
		tc, a_driver_that_leaves_takes_its_connections_along, 0, 2);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
