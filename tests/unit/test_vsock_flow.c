// SPDX-License-Identifier: Apache-2.0
/*
 * test_vsock_flow.c - data of `mote vsock`: credit, slow readers, many streams
 */
#include "vsock_peer.h"
#include "fd.h"

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

/* It takes no more, but goes on sending; or it leaves with data unread. */
START_TEST(a_reader_that_leaves_is_told_of)
{
	struct guest_conn c, late;
	struct vsock_peer v;
	struct received r;
	int fd, fd2;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	shutdown(fd, SHUT_RD);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, "x", 1);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, &r);
	ck_assert_uint_eq(r.hdr.flags, VIRTIO_VSOCK_SHUTDOWN_RCV);
	client_says(fd, "y");
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RW, &r);
	ck_assert_uint_eq(r.hdr.fwd_cnt, 1);
	close(fd);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, &r);
	ck_assert_uint_eq(r.hdr.flags, BOTH);

	fd2 = vsock_dial(&v, &late, 2);
	fill_up(&v, &late);
	vsock_send(&v, &late, VIRTIO_VSOCK_OP_SHUTDOWN, BOTH, NULL, 0);
	vsock_expect(&v, &late, VIRTIO_VSOCK_OP_RST, NULL);
	close(fd2);
	vsock_expect_nothing(&v);
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

START_TEST(streams_side_by_side_are_intact)
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

/* However much each of them has. */
START_TEST(connections_take_the_guests_buffers_in_turn)
{
	static char bytes[100000];
	unsigned packets[STREAMS] = { 0 };
	struct guest_conn c[STREAMS];
	struct vsock_peer v;
	struct received r;
	int fds[STREAMS];

	vsock_start(&v, ~UINT64_C(0));
	for (uint32_t i = 0; i < STREAMS; i++)
		fds[i] = vsock_dial(&v, &c[i], i);
	kill(v.peer.pid, SIGSTOP);
	for (int i = 0; i < STREAMS; i++)
		ck_assert_int_eq(fd_write_all(fds[i], bytes, sizeof(bytes)), 0);
	kill(v.peer.pid, SIGCONT);
	for (int i = 0; i < 20 * STREAMS; i++) {
		vsock_receive(&v, &r);
		ck_assert_uint_eq(r.hdr.op, VIRTIO_VSOCK_OP_RW);
		packets[r.hdr.dst_port]++;
	}
	for (int i = 0; i < STREAMS; i++) {
		ck_assert_uint_ge(packets[i], 18);
		ck_assert_uint_le(packets[i], 22);
		close(fds[i]);
	}
	vsock_finish(&v);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vsock_flow");
	TCase *tc = tcase_create("vsock_flow");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_reader_that_sleeps_holds_only_its_own_connection);
	tcase_add_test(tc, what_the_guest_sent_before_it_left_arrives);
	tcase_add_test(tc, what_the_guest_sent_before_it_ended_arrives);
	tcase_add_test(tc, the_host_sends_no_more_than_the_guest_has_room_for);
	tcase_add_test(tc, a_reader_that_leaves_is_told_of);
	tcase_add_loop_test(tc, streams_side_by_side_are_intact, 0, 2);
	tcase_add_test(tc, connections_take_the_guests_buffers_in_turn);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
