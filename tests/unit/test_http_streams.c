// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_streams.c - answers without end, and descriptors with a request
 */
#include "http_rig.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct http_rig rig;

#define ASK "GET /stream HTTP/1.1\r\n\r\n"
/* clang-format off */
#define OLD_STREAM_HEAD \
	"HTTP/1.1 200 \r\n" HEAD("close") \
	"Content-Type: application/x-ndjson\r\n\r\n"
/* clang-format on */

static void set_up(void)
{
	rig_create(&rig);
}

static void tear_down(void)
{
	rig_destroy(&rig);
}

/* --- streams */

START_TEST(records_come_in_chunks_as_they_are_made)
{
	int fd = rig_connect(&rig);

	rig_say(&rig, 2);
	rig_send_text(&rig, fd, ASK);
	rig_expect(&rig, fd, STREAM_HEAD "10\r\n0000001\n0000002\n\r\n", false);
	rig_say(&rig, 1);
	rig_expect(&rig, fd, "8\r\n0000003\n\r\n", false);
	/* Input is of no interest, and does not end it either. */
	rig_send_text(&rig, fd, "GET / HTTP/1.1\r\n\r\n");
	rig_expect(&rig, fd, "", false);
	http_server_wake(rig.server);
	rig_expect(&rig, fd, "", false);
	ck_assert_uint_eq(rig.requests, 1);
	ck_assert_ptr_null(rig.server->connections->out);
	fd_close(&fd);
	rig_turn(&rig, 5);
	ck_assert_uint_eq(rig.server->served, 0);
}
END_TEST

START_TEST(an_old_client_gets_a_stream_without_chunks)
{
	int fd = rig_connect(&rig);

	rig_say(&rig, 1);
	rig_send_text(&rig, fd, "GET /stream HTTP/1.0\r\n\r\n");
	rig_expect(&rig, fd, OLD_STREAM_HEAD "0000001\n", false);
	http_server_flush(rig.server);
	http_server_destroy(rig.server);
	rig.server = NULL;
	rig_expect(&rig, fd, "", true);
	fd_close(&fd);
}
END_TEST

/* Records of all chunks in buf, which must be whole and in order. */
static unsigned check_chunks(const char *buf, size_t len)
{
	unsigned records = 0, number;
	size_t at = 0;
	char *data;

	while (at < len) {
		size_t size = strtoul(buf + at, &data, 16);

		ck_assert_mem_eq(data, "\r\n", 2);
		data += 2;
		at = (size_t)(data - buf) + size + 2;
		ck_assert_uint_le(at, len);
		ck_assert_mem_eq(buf + at - 2, "\r\n", 2);
		ck_assert_uint_eq(size % 8, 0);
		for (; size > 0; size -= 8, data += 8) {
			ck_assert_int_eq(sscanf(data, "%7u", &number), 1);
			ck_assert_uint_eq(number, ++records);
		}
		if (data + 2 == buf + at && at == len)
			break;
	}
	return records;
}

START_TEST(a_stream_that_nobody_reads_costs_one_piece_of_memory)
{
	enum { MANY = 200000 };
	static char buf[4 << 20];
	size_t len = 0, head = strlen(STREAM_HEAD), n;
	int slow = rig_connect(&rig), other = rig_connect(&rig);
	bool eof;

	rig_send_text(&rig, slow, ASK);
	rig_say(&rig, MANY);
	rig_turn(&rig, 1000);
	ck_assert_uint_le(rig.server->connections->next->out_len,
			  HTTP_STREAM_ROOM + 16);
	ck_assert_uint_lt(rig.server->connections->next->stream.cursor, MANY);
	rig_send_text(&rig, other, "GET / HTTP/1.1\r\n\r\n");
	rig_expect(&rig, other, ANSWER("9", "GET / 0,0"), false);
	do {
		n = rig_receive(&rig, slow, buf + len, sizeof(buf) - len, &eof);
		len += n;
	} while (n > 0);
	ck_assert_mem_eq(buf, STREAM_HEAD, head);
	ck_assert_uint_eq(check_chunks(buf + head, len - head), MANY);
	fd_close(&slow);
	fd_close(&other);
}
END_TEST

START_TEST(a_stream_goes_on_for_who_only_listens_and_ends_when_it_leaves)
{
	int fd = rig_connect(&rig);

	rig.server->probe_ms = 20;
	rig_send_text(&rig, fd, ASK);
	shutdown(fd, SHUT_WR);
	rig_expect(&rig, fd, STREAM_HEAD, false);
	rig_turn_ms(&rig, 50);
	rig_say(&rig, 1);
	rig_expect(&rig, fd, "8\r\n0000001\n\r\n", false);
	fd_close(&fd);
	rig_turn_ms(&rig, 50);
	ck_assert_uint_eq(rig.server->served, 0);
}
END_TEST

START_TEST(the_last_records_are_sent_before_the_end)
{
	int stream = rig_connect(&rig), answer = rig_connect(&rig);

	rig_send_text(&rig, stream, ASK);
	rig_expect(&rig, stream, STREAM_HEAD, false);
	rig_send_text(&rig, answer, "GET / HTTP/1.1\r\n\r\n");
	rig_say(&rig, 1);
	http_server_flush(rig.server);
	http_server_destroy(rig.server);
	rig.server = NULL;
	rig_expect(&rig, stream, "8\r\n0000001\n\r\n0\r\n\r\n", true);
	rig_expect(&rig, answer, ANSWER("9", "GET / 0,0"), true);
	fd_close(&stream);
	fd_close(&answer);
}
END_TEST

START_TEST(the_end_waits_for_slow_clients_but_not_for_long)
{
	int fds[HTTP_CONNECTIONS_MAX];
	struct timespec before, after;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = rig_connect(&rig);
		rig_send_text(&rig, fds[i],
			      i % 2 == 0 ? ASK : "GET /big HTTP/1.1\r\n\r\n");
	}
	rig_say(&rig, 1 << 20);
	rig_turn(&rig, 20);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	clock_gettime(CLOCK_MONOTONIC, &before);
	http_server_flush(rig.server);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 3);
	for (size_t i = 2; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
}
END_TEST

/* --- descriptors */

/* Whether nobody has the other end of the pipe any more. */
static bool is_released(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLHUP);
}

/* A pipe whose writing end has been sent with text, and is closed here. */
static int send_pipe(int fd, const char *text, unsigned copies)
{
	int ends[2], sent[64];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	for (unsigned i = 0; i < copies; i++)
		sent[i] = ends[1];
	rig_send_fds(fd, text, sent, copies);
	fd_close(&ends[1]);
	return ends[0];
}

START_TEST(what_the_handler_does_not_take_is_closed)
{
	int fd = rig_connect(&rig);
	int pipe_fd = send_pipe(fd, "GET / HTTP/1.1\r\n\r\n", 2);

	rig_expect(&rig, fd, ANSWER("9", "GET / 0,2"), false);
	ck_assert(is_released(pipe_fd));
	fd_close(&pipe_fd);

	pipe_fd = send_pipe(fd, "GET /take HTTP/1.1\r\n\r\n", 2);
	rig_expect(&rig, fd, ANSWER("5", "taken"), false);
	ck_assert_int_ge(rig.taken, 0);
	ck_assert_int_eq(fcntl(rig.taken, F_GETFD), FD_CLOEXEC);
	ck_assert(!is_released(pipe_fd));
	fd_close(&rig.taken);
	ck_assert(is_released(pipe_fd));
	fd_close(&pipe_fd);
	fd_close(&fd);
}
END_TEST

START_TEST(more_descriptors_than_allowed_are_closed)
{
	int fd = rig_connect(&rig);
	int many = send_pipe(fd, "GET /take HTTP/1.1\r\n\r\n", 60);
	int first, rest;

	rig_expect(&rig, fd, ANSWER("5", "taken"), false);
	fd_close(&rig.taken);
	ck_assert(is_released(many));

	first = send_pipe(fd, "GET /", 10);
	rig_turn(&rig, 3);
	rest = send_pipe(fd, " HTTP/1.1\r\n\r\n", 10);
	rig_expect(&rig, fd, ANSWER("10", "GET / 0,16"), false);
	ck_assert(is_released(first) && is_released(rest));
	fd_close(&first);
	fd_close(&rest);
	fd_close(&many);
	fd_close(&fd);
}
END_TEST

START_TEST(descriptors_are_those_of_the_request_they_were_sent_with)
{
	static const char two[] = "P/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
	int fd = rig_connect(&rig), half, late;

	rig_turn(&rig, 3);
	half = send_pipe(fd, "GET /1 HTT", 1);
	rig_turn(&rig, 3);
	ck_assert_int_eq(write(fd, two, strlen(two)), (int)strlen(two));
	late = send_pipe(fd, "GET /3 HTTP/1.1\r\n\r\n", 2);
	rig_expect(&rig, fd,
		   ANSWER("10", "GET /1 0,1") ANSWER("10", "GET /2 0,0")
			   ANSWER("10", "GET /3 0,2"),
		   false);
	ck_assert(is_released(half) && is_released(late));
	fd_close(&half);
	fd_close(&late);
	fd_close(&fd);
}
END_TEST

/* Where descriptors may be left behind: each ends the request in its own way. */
static const struct {
	const char *text;
	bool leaves;
} ends[] = {
	{ "GET /", true },
	{ "get / HTTP/1.1\r\n\r\n", false },
	{ "GET /stream HTTP/1.1\r\n\r\n", false },
	{ "GET / HTTP/1.1\r\nConnection: close\r\n\r\nx", false },
	{ "PUT / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n", false },
};

START_TEST(descriptors_do_not_outlive_a_request_that_ends_otherwise)
{
	int fd = rig_connect(&rig), later = -1;
	int pipe_fd = send_pipe(fd, ends[_i].text, 3);

	rig_turn(&rig, 5);
	if (ends[_i].leaves) {
		fd_close(&fd);
	} else {
		later = send_pipe(fd, "more", 3);
	}
	rig_turn(&rig, 5);
	ck_assert(is_released(pipe_fd));
	ck_assert(later < 0 || is_released(later));
	fd_close(&pipe_fd);
	fd_close(&later);
	fd_close(&fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_streams");
	TCase *tc = tcase_create("streams and descriptors");

	tcase_set_timeout(tc, 50);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, records_come_in_chunks_as_they_are_made);
	tcase_add_test(tc, an_old_client_gets_a_stream_without_chunks);
	tcase_add_test(tc,
		       a_stream_that_nobody_reads_costs_one_piece_of_memory);
	tcase_add_test(
		tc,
		a_stream_goes_on_for_who_only_listens_and_ends_when_it_leaves);
	tcase_add_test(tc, the_last_records_are_sent_before_the_end);
	tcase_add_test(tc, the_end_waits_for_slow_clients_but_not_for_long);
	tcase_add_test(tc, what_the_handler_does_not_take_is_closed);
	tcase_add_test(tc, more_descriptors_than_allowed_are_closed);
	tcase_add_test(
		tc, descriptors_are_those_of_the_request_they_were_sent_with);
	tcase_add_loop_test(
		tc, descriptors_do_not_outlive_a_request_that_ends_otherwise, 0,
		(int)ARRAY_LEN(ends));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
