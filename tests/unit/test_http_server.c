// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_server.c - bytes sent -> bytes answered, and clients that misbehave
 */
#include "http_rig.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct http_rig rig;

static void set_up(void)
{
	rig_create(&rig);
}

static void tear_down(void)
{
	rig_destroy(&rig);
}

/* clang-format off */
#define B(literal) (literal), sizeof(literal) - 1
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
	const char *sent;
	size_t len;
	const char *answer;
	bool closes;
} conversations[] = {
	{ B("GET / HTTP/1.1\r\n\r\n"), ANSWER("9", "GET / 0,0"), false },
	{ B("GET /none HTTP/1.1\r\n\r\n"), NO_CONTENT, false },
	{ B("GET /deprecated HTTP/1.1\r\n\r\n"),
	  "HTTP/1.1 200 \r\n" HEAD("keep-alive") "Deprecation: true\r\n"
	  JSON("2") "{}", false },
	{ B("GET /text HTTP/1.1\r\n\r\n"),
	  "HTTP/1.1 200 \r\n" HEAD("keep-alive")
	  "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\ntext", false },
	{ B("PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n{\0}"),
	  ANSWER("10", "PUT /a 3,0"), false },
	{ B("PUT /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
	  ANSWER("10", "PUT /a 0,0"), false },
	{ B("PATCH /a HTTP/1.1\r\n" CHUNKED "2\r\n{}\r\n0\r\n\r\n"),
	  ANSWER("12", "PATCH /a 2,0"), false },

	/* Pipelining, in order; the last one is not complete. */
	{ B("GET /1 HTTP/1.1\r\n\r\nPUT /none HTTP/1.1\r\nContent-Length: 1\r\n"
	    "\r\nxDELETE /3 HTTP/1.1\r\n\r\nGET /4 HTT"),
	  ANSWER("10", "GET /1 0,0") NO_CONTENT
	  ANSWER("13", "DELETE /3 0,0"), false },

	/* "100" before the answer, after that of the request before. */
	{ B("GET /1 HTTP/1.1\r\n\r\nPUT /2 HTTP/1.1\r\n"
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
	  ANSWER("10", "GET /1 0,0") GO_ON ANSWER("10", "PUT /2 2,0"), false },

	/* The client wants the end. */
	{ B("GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n"),
	  LAST_ANSWER("9", "GET / 0,0"), true },
	{ B("GET / HTTP/1.0\r\n\r\n"), LAST_ANSWER("9", "GET / 0,0"), true },
	{ B("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
	  ANSWER("9", "GET / 0,0"), false },

	/* Errors */
	{ B("PUT / HTTP/1.1\r\nContent-Length: 51201\r\n\r\n{}"),
	  REFUSAL("400", "149", "Request payload with size 51201 is larger "
		  "than the limit of 51200 allowed by server."), true },
	{ B("GET /1 HTTP/1.1\r\n\r\nOPTIONS / HTTP/1.1\r\n\r\n"),
	  ANSWER("10", "GET /1 0,0")
	  REFUSAL("400", "110", "Invalid HTTP Method: Unsupported HTTP "
		  "method."), true },
	{ B("GET / HTTP/1.1\r\nAccept-Encoding: identity;q=0\r\n\r\n"),
	  REFUSAL("400", "143", "Invalid header. Reason: Invalid value. "
		  "Key:Accept-Encoding; Value:identity;q=0"), true },
	{ B("GET /\0 HTTP/1.1\r\n\r\n"),
	  REFUSAL("400", "81", "Invalid request."), true },
	{ B("\xde\xad\xbe\xef\n"),
	  REFUSAL("400", "81", "Invalid request."), true },
};
/* clang-format on */

START_TEST(each_conversation_is_what_clients_know_however_it_is_cut)
{
	const char *sent = conversations[_i].sent;
	size_t len = conversations[_i].len;
	int fd;

	for (size_t at = 0; at < len; at++) {
		fd = rig_connect(&rig);
		rig_send(&rig, fd, sent, at);
		rig_turn(&rig, 3);
		rig_send(&rig, fd, sent + at, len - at);
		rig_expect(&rig, fd, conversations[_i].answer,
			   conversations[_i].closes);
		fd_close(&fd);
	}
	fd = rig_connect(&rig);
	for (size_t at = 0; at < len; at++)
		rig_send(&rig, fd, sent + at, 1);
	rig_expect(&rig, fd, conversations[_i].answer,
		   conversations[_i].closes);
	fd_close(&fd);
	rig_turn(&rig, 5);
	ck_assert_ptr_null(rig.server->connections);
}
END_TEST

/* ECONNRESET would have taken the answer away: the client sends on and on. */
START_TEST(who_sends_too_much_can_read_why_it_was_refused)
{
	static const char head[] = "PUT / HTTP/1.1\r\n"
				   "Content-Length: 4000000\r\n\r\n";
	char *body = calloc(1, 4000000);
	int fd = rig_connect(&rig);

	rig_send_text(&rig, fd, head);
	ck_assert_uint_eq(rig_send(&rig, fd, body, 4000000), 4000000);
	rig_expect(&rig, fd,
		   REFUSAL("400", "151",
			   "Request payload with size 4000000 is larger than "
			   "the limit of 51200 allowed by server."),
		   true);
	fd_close(&fd);
	free(body);
}
END_TEST

START_TEST(the_largest_body_is_taken)
{
	static char body[RIG_PAYLOAD_MAX];
	int fd = rig_connect(&rig);

	rig_send_text(&rig, fd,
		      "PUT /a HTTP/1.1\r\nContent-Length: 51200\r\n\r\n");
	ck_assert_uint_eq(rig_send(&rig, fd, body, sizeof(body)), sizeof(body));
	rig_expect(&rig, fd, ANSWER("14", "PUT /a 51200,0"), false);
	fd_close(&fd);
}
END_TEST

START_TEST(an_idle_connection_owns_no_buffer_and_is_never_closed)
{
	int fd = rig_connect(&rig);

	rig.server->request_ms = 20;
	rig_send_text(&rig, fd, "GET / HTTP/1.1\r\n\r\n\r\n");
	rig_expect(&rig, fd, ANSWER("9", "GET / 0,0"), false);
	rig_turn_ms(&rig, 60);
	ck_assert_ptr_null(rig.server->connections->in);
	ck_assert_ptr_null(rig.server->connections->out);
	ck_assert_ptr_null(rig.server->connections->parser.line);
	ck_assert_ptr_null(rig.server->connections->parser.target);
	rig_send_text(&rig, fd, "GET / HTTP/1.1\r\n\r\n");
	rig_expect(&rig, fd, ANSWER("9", "GET / 0,0"), false);
	fd_close(&fd);
}
END_TEST

static const char timed_out[] =
	REFUSAL("408", "102", "The request was not complete in time.");

START_TEST(a_request_that_stops_half_way_is_given_up)
{
	int fd = rig_connect(&rig);

	rig.server->request_ms = 200;
	rig_send_text(&rig, fd, "GET / HTTP/1.1\r\n\r\nGET /");
	rig_expect(&rig, fd, ANSWER("9", "GET / 0,0"), false);
	/* Bytes that trickle in do not prolong it. */
	for (int i = 0; i < 8; i++) {
		rig_turn_ms(&rig, 5);
		rig_send_text(&rig, fd, "x");
	}
	rig_turn_ms(&rig, 250);
	rig_expect(&rig, fd, timed_out, true);
	fd_close(&fd);
}
END_TEST

START_TEST(who_does_not_close_after_the_last_answer_is_closed)
{
	int fd = rig_connect(&rig);

	rig.server->linger_ms = 200;
	rig_send_text(&rig, fd, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
	rig_expect(&rig, fd, LAST_ANSWER("9", "GET / 0,0"), true);
	ck_assert_uint_eq(rig.server->served, 1);
	rig_turn_ms(&rig, 250);
	ck_assert_uint_eq(rig.server->served, 0);
	fd_close(&fd);
}
END_TEST

START_TEST(the_eleventh_connection_is_refused_and_ten_go_on)
{
	int fds[HTTP_CONNECTIONS_MAX], more[15];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = rig_connect(&rig);
	rig_turn(&rig, 20);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		more[i] = rig_connect(&rig);
		if (i < 10)
			rig_send_text(&rig, more[i], "GET / HTTP/1.1\r\n\r\n");
	}
	rig_turn(&rig, 20);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		rig_expect(
			&rig, more[i],
			i >= 10 ? ""
				: "HTTP/1.1 503\r\n" HEAD(
					  "close") "Content-Length: 40\r\n\r\n"
						   "{ \"error\": \"Too many "
						   "open connections"
						   "\" }",
			true);
	}
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		fd_close(&more[i]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		rig_send_text(&rig, fds[i], "GET / HTTP/1.1\r\n\r\n");
		rig_expect(&rig, fds[i], ANSWER("9", "GET / 0,0"), false);
	}
	fd_close(&fds[3]);
	rig_turn(&rig, 5);
	fds[3] = rig_connect(&rig);
	rig_send_text(&rig, fds[3], "GET / HTTP/1.1\r\n\r\n");
	rig_expect(&rig, fds[3], ANSWER("9", "GET / 0,0"), false);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
}
END_TEST

START_TEST(who_does_not_read_is_not_read_from)
{
	enum { ASKED = 20 };
	static char buf[1 << 16];
	size_t total = 0, want = 0;
	int fd = rig_connect(&rig);
	bool eof = false;

	for (int i = 0; i < ASKED; i++)
		rig_send_text(&rig, fd, "GET /big HTTP/1.1\r\n\r\n");
	rig_turn(&rig, 200);
	ck_assert_uint_eq(rig.requests, 1);
	want = ASKED * (BIG + strlen("HTTP/1.1 200 \r\n" HEAD("keep-alive")
					     JSON("1048576")));
	while (total < want) {
		size_t n = rig_receive(&rig, fd, buf, sizeof(buf), &eof);

		ck_assert_uint_gt(n, 0);
		total += n;
	}
	ck_assert_uint_eq(total, want);
	ck_assert_uint_eq(rig.requests, ASKED);
	fd_close(&fd);
}
END_TEST

START_TEST(a_busy_client_does_not_keep_others_waiting)
{
	enum { ASKED = 150 };
	int busy = rig_connect(&rig), other = rig_connect(&rig);
	char many[ASKED * 22 + 1] = "";

	rig_turn(&rig, 5);
	for (int i = 0; i < ASKED; i++)
		strcat(many, "GET /none HTTP/1.1\r\n\r\n");
	ck_assert_int_eq(write(busy, many, strlen(many)), (int)strlen(many));
	ck_assert_int_eq(write(other, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	rig_turn(&rig, 5);
	ck_assert_uint_lt(rig.requests, 10);
	rig_expect(&rig, other, ANSWER("9", "GET / 0,0"), false);
	rig_turn(&rig, ASKED + 5);
	ck_assert_uint_eq(rig.requests, ASKED + 1);
	fd_close(&busy);
	fd_close(&other);
}
END_TEST

START_TEST(a_client_that_has_said_all_gets_its_answers)
{
	int fd = rig_connect(&rig);

	rig_send_text(&rig, fd,
		      "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
		      "GET /3");
	shutdown(fd, SHUT_WR);
	rig_expect(&rig, fd,
		   ANSWER("10", "GET /1 0,0") ANSWER("10", "GET /2 0,0"), true);
	ck_assert_uint_eq(rig.server->served, 0);
	fd_close(&fd);
}
END_TEST

START_TEST(a_client_may_leave_at_any_moment)
{
	static const char text[] = "GET /big HTTP/1.1\r\n\r\n"
				   "GET /stream HTTP/1.1\r\n\r\n";

	for (size_t len = 0; len < sizeof(text); len++) {
		int fd = rig_connect(&rig);

		rig_turn(&rig, len % 3);
		ck_assert_int_eq(write(fd, text, len), (int)len);
		rig_turn(&rig, len % 5);
		fd_close(&fd);
		rig_turn(&rig, 10);
		ck_assert_ptr_null(rig.server->connections);
	}
}
END_TEST

START_TEST(without_descriptors_clients_wait_and_nothing_spins)
{
	struct rlimit limit, none;
	int fd = rig_connect(&rig);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	rig_turn(&rig, 5);
	ck_assert(rig.server->starved);
	ck_assert_int_eq(event_pending(&rig.server->acceptable, EV_READ, NULL),
			 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rig_turn_ms(&rig, HTTP_ACCEPT_RETRY_MS + 50);
	rig_expect(&rig, fd, ANSWER("9", "GET / 0,0"), false);
	ck_assert(!rig.server->starved);
	fd_close(&fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_server");
	TCase *tc = tcase_create("clients");

	tcase_set_timeout(tc, 50);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(
		tc, each_conversation_is_what_clients_know_however_it_is_cut, 0,
		(int)ARRAY_LEN(conversations));
	tcase_add_test(tc, who_sends_too_much_can_read_why_it_was_refused);
	tcase_add_test(tc, the_largest_body_is_taken);
	tcase_add_test(tc,
		       an_idle_connection_owns_no_buffer_and_is_never_closed);
	tcase_add_test(tc, a_request_that_stops_half_way_is_given_up);
	tcase_add_test(tc, who_does_not_close_after_the_last_answer_is_closed);
	tcase_add_test(tc, the_eleventh_connection_is_refused_and_ten_go_on);
	tcase_add_test(tc, who_does_not_read_is_not_read_from);
	tcase_add_test(tc, a_busy_client_does_not_keep_others_waiting);
	tcase_add_test(tc, a_client_that_has_said_all_gets_its_answers);
	tcase_add_test(tc, a_client_may_leave_at_any_moment);
	tcase_add_test(tc, without_descriptors_clients_wait_and_nothing_spins);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
