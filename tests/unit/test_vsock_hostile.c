// SPDX-License-Identifier: Apache-2.0
/*
 * test_vsock_hostile.c - guests and clients that break rules of `mote vsock`
 */
#include "vsock_peer.h"
#include "backend.h"
#include "fd.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS_MAX = 1023, RANDOM_PACKETS = 30000 };

/* After whatever happened: does a new client get through? */
static void still_works(struct vsock_peer *v)
{
	struct guest_conn c;
	char line[16];
	int fd = vsock_dial(v, &c, 4242);

	vsock_send(v, &c, VIRTIO_VSOCK_OP_RW, 0, "alive\n", 6);
	client_hears(fd, line, sizeof(line));
	ck_assert_str_eq(line, "alive\n");
	close(fd);
}

/* Each row: one packet of no connection, and whether it gets a RST. */
static const struct {
	struct virtio_vsock_hdr hdr;
	bool answered;
} strays[] = {
#define HDR(src, dst, socket, operation)                                       \
	{                                                                      \
		.src_cid = (src), .dst_cid = (dst), .src_port = 1,             \
		.dst_port = 2, .type = (socket), .op = (operation)             \
	}
	{ HDR(GUEST_CID, 2, 1, VIRTIO_VSOCK_OP_RW), true },
	{ HDR(GUEST_CID, 2, 1, VIRTIO_VSOCK_OP_RESPONSE), true },
	{ HDR(GUEST_CID, 2, 1, VIRTIO_VSOCK_OP_SHUTDOWN), true },
	{ HDR(GUEST_CID, 2, 1, VIRTIO_VSOCK_OP_CREDIT_REQUEST), true },
	{ HDR(GUEST_CID, 2, 1, VIRTIO_VSOCK_OP_INVALID), true },
	{ HDR(GUEST_CID, 2, 1, 0xffff), true },
	{ HDR(GUEST_CID, 2, 1, VIRTIO_VSOCK_OP_RST), false },
	/* Not a stream, whether there is such a port or not. */
	{ HDR(GUEST_CID, 2, 2, VIRTIO_VSOCK_OP_REQUEST), true },
	{ HDR(GUEST_CID, 2, 3, VIRTIO_VSOCK_OP_REQUEST), true },
	{ HDR(GUEST_CID, 2, 0, VIRTIO_VSOCK_OP_REQUEST), true },
	/* Nobody but the host is to be reached. */
	{ HDR(GUEST_CID, 0, 1, VIRTIO_VSOCK_OP_REQUEST), true },
	{ HDR(GUEST_CID, 1, 1, VIRTIO_VSOCK_OP_REQUEST), true },
	{ HDR(GUEST_CID, 3, 1, VIRTIO_VSOCK_OP_REQUEST), true },
	{ HDR(GUEST_CID, 0x100000002, 1, VIRTIO_VSOCK_OP_REQUEST), true },
	/* From somebody else. */
	{ HDR(GUEST_CID + 1, 2, 1, VIRTIO_VSOCK_OP_REQUEST), false },
	{ HDR(2, 2, 1, VIRTIO_VSOCK_OP_REQUEST), false },
	{ HDR(GUEST_CID + 0x100000000, 2, 1, VIRTIO_VSOCK_OP_RW), false },
#undef HDR
};

START_TEST(a_stray_packet_is_answered_with_rst_or_dropped)
{
	const struct virtio_vsock_hdr *sent = &strays[_i].hdr;
	struct vsock_peer v;
	struct received r;
	int listener;

	vsock_start(&v, ~UINT64_C(0));
	listener = vsock_listen_at(&v, 2);
	vsock_send_raw(&v, sent, NULL, 0);
	if (strays[_i].answered) {
		vsock_receive(&v, &r);
		ck_assert_uint_eq(r.hdr.op, VIRTIO_VSOCK_OP_RST);
		ck_assert_uint_eq(r.hdr.type, sent->type);
		ck_assert_uint_eq(r.hdr.src_cid, sent->dst_cid);
		ck_assert_uint_eq(r.hdr.dst_cid, sent->src_cid);
		ck_assert_uint_eq(r.hdr.src_port, sent->dst_port);
		ck_assert_uint_eq(r.hdr.dst_port, sent->src_port);
	}
	vsock_expect_nothing(&v);
	still_works(&v);
	close(listener);
	vsock_finish(&v);
}
END_TEST

/* Each row: what an open connection does not survive. */
static const struct {
	const char *what;
	uint16_t op;
	uint32_t claimed, sent; /* bytes */
} violations[] = {
	{ "REQUEST again", VIRTIO_VSOCK_OP_REQUEST, 0, 0 },
	{ "RESPONSE again", VIRTIO_VSOCK_OP_RESPONSE, 0, 0 },
	{ "no operation", VIRTIO_VSOCK_OP_INVALID, 0, 0 },
	{ "unknown operation", 8, 0, 0 },
	{ "unknown operation", 0xffff, 0, 0 },
	{ "longer than its buffer", VIRTIO_VSOCK_OP_RW, 101, 100 },
	{ "much longer", VIRTIO_VSOCK_OP_RW, ~0u, 100 },
	{ "more than there is room for", VIRTIO_VSOCK_OP_RW, 65537, 65537 },
};

START_TEST(a_connection_that_breaks_a_rule_ends_and_no_other)
{
	static char bytes[65537];
	struct guest_conn c, other;
	struct virtio_vsock_hdr hdr = {
		.src_cid = GUEST_CID,
		.dst_cid = 2,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = violations[_i].op,
		.len = violations[_i].claimed,
		.buf_alloc = ROOM,
	};
	struct vsock_peer v;
	char line[16];
	int fd, fd2;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	fd2 = vsock_dial(&v, &other, 1);
	hdr.src_port = c.guest_port;
	hdr.dst_port = c.host_port;
	vsock_send_raw(&v, &hdr, bytes, violations[_i].sent);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	client_hears(fd, line, sizeof(line));
	ck_assert_str_eq(line, "");
	vsock_send(&v, &other, VIRTIO_VSOCK_OP_RW, 0, "ok\n", 3);
	client_hears(fd2, line, sizeof(line));
	ck_assert_str_eq(line, "ok\n");
	close(fd);
	close(fd2);
	vsock_finish(&v);
}
END_TEST

START_TEST(data_after_the_announced_end_ends_the_connection)
{
	struct guest_conn c;
	struct vsock_peer v;
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND,
		   NULL, 0);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, "x", 1);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	ck_assert(client_ends(fd, 3));
	close(fd);
	vsock_finish(&v);
}
END_TEST

/* Credit that makes no sense: less than nothing, more than was sent. */
START_TEST(a_guest_that_lies_about_its_room_gets_less_or_more_but_no_harm)
{
	static const uint32_t lies[][2] = {
		{ 0, 0 },   { 1, 1 }, { ROOM, 5 },	  { ~0u, ~0u },
		{ 0, ~0u }, { 1, 0 }, { 10, 0x80000000 },
	};
	static char bytes[100000];
	struct guest_conn c;
	struct vsock_peer v;
	struct received r;
	int fd;

	vsock_start(&v, ~UINT64_C(0));
	fd = vsock_dial(&v, &c, 1);
	for (size_t i = 0; i < 200; i++) {
		send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		c.buf_alloc = lies[i % ARRAY_LEN(lies)][0];
		c.fwd_cnt = lies[i % ARRAY_LEN(lies)][1];
		vsock_send(&v, &c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0);
		vsock_receive(&v, &r);
	}
	c.buf_alloc = ROOM;
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, 3, NULL, 0);
	do {
		vsock_receive(&v, &r);
	} while (r.hdr.op != VIRTIO_VSOCK_OP_RST);
	close(fd);
	still_works(&v);
	vsock_finish(&v);
}
END_TEST

START_TEST(a_receive_buffer_without_room_for_a_header_stops_the_queue)
{
	struct guest_conn c = { 1, 2, 0, 0, 0, 0 };
	struct vsock_peer v;
	unsigned i;

	vsock_start(&v, ~UINT64_C(0));
	vsock_post(&v, v.rx_at, 43);
	for (i = 0; i < QUEUE; i++) {
		uint16_t id;

		vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, NULL, 0);
		peer_wait_used(&v.peer, RX, &id);
	}
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, NULL, 0);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RW, 0, NULL, 0);
	/* The driver starts over. */
	for (i = 0; i < 3; i++)
		peer_stop_queue(&v.peer, i);
	vsock_start_queues(&v);
	still_works(&v);
	vsock_finish(&v);
}
END_TEST

/* Nothing is answered for lack of buffers, and nothing grows. */
START_TEST(a_guest_that_takes_no_answers_may_ask_on)
{
	struct guest_conn c = { 1, 2, 0, 0, 0, 0 };
	struct vsock_peer v;
	struct received r;
	uint32_t len;
	uint16_t id;

	vsock_start(&v, ~UINT64_C(0));
	for (unsigned i = 0; i < 3000; i++) {
		c.guest_port = i;
		vsock_send(&v, &c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	}
	/* First those it had buffers for, then as many as are kept. */
	for (unsigned i = 0; i < QUEUE; i++)
		peer_wait_used(&v.peer, RX, &id);
	for (unsigned i = 0; i < QUEUE; i++)
		vsock_post(&v, v.rx_at + i * BUFFER, BUFFER);
	for (unsigned i = 0; i < 1024; i++)
		vsock_receive(&v, &r);
	vsock_expect_nothing(&v);
	ck_assert(!driver_get(&v.peer.queues[RX], &id, &len));
	still_works(&v);
	vsock_finish(&v);
}
END_TEST

/*
 * It gets no RST for lack of buffers. Its own comes instead, or it is given up:
 * the same ports are free again then.
 */
START_TEST(a_connection_that_cannot_be_reset_is_forgotten)
{
	struct guest_conn c, stray = { 1, 2, 0, 0, 0, 0 };
	struct vsock_peer v;
	struct received r;
	int listener, fd;
	uint16_t id;

	vsock_start(&v, ~UINT64_C(0));
	listener = vsock_listen_at(&v, 50);
	fd = vsock_dial_out(&v, &c, 7, listener, 50);
	for (unsigned i = 0; i < QUEUE; i++) {
		vsock_send(&v, &stray, VIRTIO_VSOCK_OP_RW, 0, NULL, 0);
		peer_wait_used(&v.peer, RX, &id);
	}
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0);
	ck_assert(client_ends(fd, 3));
	close(fd);
	if (_i == 0)
		vsock_send(&v, &c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
	else
		sleep(8);
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	for (unsigned i = 0; i < QUEUE; i++)
		vsock_post(&v, v.rx_at + i * BUFFER, BUFFER);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RESPONSE, &r);
	vsock_expect_nothing(&v);
	close(listener);
	vsock_finish(&v);
}
END_TEST

static long rss_kib(pid_t pid)
{
	char path[64], line[128];
	long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (fgets(line, sizeof(line), file) != NULL)
		sscanf(line, "RssAnon: %ld", &kib);
	fclose(file);
	return kib;
}

START_TEST(a_flood_of_connections_is_bounded_both_ways)
{
	static int fds[CONNS_MAX];
	struct guest_conn c = { 0, 50, ROOM, 0, 0, 0 };
	struct rlimit limit = { 2500, 2500 };
	struct vsock_peer v;
	struct received r;
	int listener, refused;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	vsock_start(&v, ~UINT64_C(0));
	listener = vsock_listen_at(&v, 50);
	for (c.guest_port = 0; c.guest_port < CONNS_MAX; c.guest_port++) {
		vsock_send(&v, &c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
		vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RESPONSE, NULL);
		fds[c.guest_port] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	vsock_send(&v, &c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	vsock_expect(&v, &c, VIRTIO_VSOCK_OP_RST, NULL);
	refused = peer_connect(v.uds);
	ck_assert(client_ends(refused, 3));
	close(refused);

	for (c.guest_port = 0; c.guest_port < CONNS_MAX; c.guest_port++) {
		vsock_send(&v, &c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
		ck_assert(client_ends(fds[c.guest_port], 3));
		close(fds[c.guest_port]);
	}
	do { /* what was accepted and ended meanwhile */
		refused = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		fd_close(&refused);
	} while (refused >= 0);
	(void)r;
	still_works(&v);
	close(listener);
	vsock_finish(&v);
}
END_TEST

/* A time limit each: for the first line, for the guest's answer, for its RST. */
START_TEST(nobody_is_waited_for_for_ever)
{
	struct guest_conn c, asked = { 9, (1 << 30) + 1, ROOM, 0, 0, 0 };
	struct vsock_peer v;
	struct received r;
	int silent, waiting, open;

	vsock_start(&v, ~UINT64_C(0));
	open = vsock_dial(&v, &c, 1);
	silent = peer_connect(v.uds);
	client_says(silent, "CONNECT 1");
	waiting = peer_connect(v.uds);
	client_says(waiting, "CONNECT 9\n");
	vsock_expect(&v, &asked, VIRTIO_VSOCK_OP_REQUEST, NULL);
	close(open);
	do {
		vsock_expect(&v, &c, VIRTIO_VSOCK_OP_SHUTDOWN, &r);
	} while (r.hdr.flags != 3);
	ck_assert(client_ends(silent, 10));
	ck_assert(client_ends(waiting, 10));
	for (int i = 0; i < 2; i++) {
		vsock_receive(&v, &r);
		ck_assert_uint_eq(r.hdr.op, VIRTIO_VSOCK_OP_RST);
	}
	close(silent);
	close(waiting);
	still_works(&v);
	vsock_finish(&v);
}
END_TEST

static uint32_t one_of(unsigned *seed, const uint32_t *values, unsigned n)
{
	unsigned pick = (unsigned)rand_r(seed) % (n + 1);

	return pick < n ? values[pick] : (uint32_t)rand_r(seed);
}

static void random_header(unsigned *seed, struct virtio_vsock_hdr *hdr)
{
	static const uint32_t ports[] = {
		0, 1, 2, 3, 1 << 30, (1 << 30) + 1, (1 << 30) + 2, 50, 51
	};
	static const uint32_t sizes[] = { 0, 0, 1, 100, 4096, 65536, ~0u };

	*hdr = (struct virtio_vsock_hdr){
		.src_cid = rand_r(seed) % 50 ? GUEST_CID : 2,
		.dst_cid = rand_r(seed) % 50 ? 2 : 9,
		.src_port = one_of(seed, ports, 4),
		.dst_port = one_of(seed, ports, ARRAY_LEN(ports)),
		.len = one_of(seed, sizes, ARRAY_LEN(sizes)),
		.type = rand_r(seed) % 50 ? 1 : (uint16_t)rand_r(seed),
		.op = (uint16_t)(rand_r(seed) % 9),
		.flags = (uint32_t)rand_r(seed) % 5,
		.buf_alloc = one_of(seed, sizes, ARRAY_LEN(sizes)),
		.fwd_cnt = one_of(seed, sizes, ARRAY_LEN(sizes)),
	};
}

/* Everything at once, with clients on the host that come and go. */
START_TEST(random_packets_do_no_harm)
{
	static char bytes[65536];
	unsigned seed = (unsigned)_i + 1;
	struct virtio_vsock_hdr hdr;
	struct vsock_peer v;
	int listeners[2], clients[4] = { -1, -1, -1, -1 }, server = -1;
	uint32_t len;
	uint16_t id;
	long before;

	vsock_start(&v, _i % 2 ? ~UINT64_C(0) : ~(UINT64_C(1) << 34));
	listeners[0] = vsock_listen_at(&v, 50);
	listeners[1] = vsock_listen_at(&v, 51);
	before = rss_kib(v.peer.pid);
	for (int i = 0; i < RANDOM_PACKETS; i++) {
		int *client = &clients[rand_r(&seed) % 4];

		random_header(&seed, &hdr);
		vsock_send_raw(&v, &hdr, bytes,
			       (uint32_t)rand_r(&seed) % 4 * 2000);
		while (driver_get(&v.peer.queues[RX], &id, &len)) {
			ck_assert_uint_ge(len, sizeof(hdr));
			vsock_post(&v, v.buffers[id], BUFFER);
		}
		if (rand_r(&seed) % 20 == 0 && *client < 0) {
			*client = peer_connect(v.uds);
			client_says(*client, "CONNECT 2\n");
		} else if (rand_r(&seed) % 20 == 0) {
			fd_close(client);
		} else if (*client >= 0) {
			send(*client, bytes, 3000, MSG_DONTWAIT | MSG_NOSIGNAL);
		}
		if (rand_r(&seed) % 10 == 0) {
			fd_close(&server);
			server = accept4(listeners[i % 2], NULL, NULL,
					 SOCK_CLOEXEC | SOCK_NONBLOCK);
		}
	}
	ck_assert_int_lt(rss_kib(v.peer.pid), before + 20000);
	for (int i = 0; i < 4; i++)
		fd_close(&clients[i]);
	fd_close(&server);
	/* Nobody knows what was left open. */
	for (unsigned i = 0; i < 3; i++)
		peer_stop_queue(&v.peer, i);
	vsock_start_queues(&v);
	still_works(&v);
	close(listeners[0]);
	close(listeners[1]);
	vsock_finish(&v);
}
END_TEST

/* clang-format off */
static const struct { const char *args[5]; int status; } bad_starts[] = {
	{ { "vsock" }, 2 },
	{ { "vsock", "--uds-path=/tmp/x", "--guest-cid=4294967296" }, 2 },
	{ { "vsock", "--uds-path=/tmp/x", "--listen-fd=999" }, 2 },
	{ { "vsock", "--uds-path=/no/such/directory/x" }, 1 },
	{ { "vsock", "--uds-path=/tmp/x", "--listen-fd=0" }, 1 },
};
/* clang-format on */

START_TEST(bad_command_lines_end_with_a_status)
{
	struct peer p;

	peer_start(&p, backend_vsock_main, bad_starts[_i].args);
	ck_assert_int_eq(peer_wait(&p), bad_starts[_i].status);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vsock_hostile");
	TCase *tc = tcase_create("vsock_hostile");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_stray_packet_is_answered_with_rst_or_dropped,
			    0, ARRAY_LEN(strays));
	tcase_add_loop_test(tc,
			    a_connection_that_breaks_a_rule_ends_and_no_other,
			    0, ARRAY_LEN(violations));
	tcase_add_test(tc, data_after_the_announced_end_ends_the_connection);
	tcase_add_test(
		tc,
		a_guest_that_lies_about_its_room_gets_less_or_more_but_no_harm);
	tcase_add_test(
		tc, a_receive_buffer_without_room_for_a_header_stops_the_queue);
	tcase_add_test(tc, a_guest_that_takes_no_answers_may_ask_on);
	tcase_add_loop_test(tc, a_connection_that_cannot_be_reset_is_forgotten,
			    0, 2);
	tcase_add_test(tc, a_flood_of_connections_is_bounded_both_ways);
	tcase_add_test(tc, nobody_is_waited_for_for_ever);
	tcase_add_loop_test(tc, random_packets_do_no_harm, 0, 4);
	tcase_add_loop_test(tc, bad_command_lines_end_with_a_status, 0,
			    ARRAY_LEN(bad_starts));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
