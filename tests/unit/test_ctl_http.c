// SPDX-License-Identifier: Apache-2.0
/*
 * test_ctl_http.c - answers of every shape, cut in every way
 *
 * The server's end is a socket of packets, so that each of its writes is a read
 * of its own on the client's.
 */
#include "unit.h"
#include "clock.h"
#include "ctl_http.h"
#include "fd.h"
#include "unix_socket.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHORT_MS = 50, LONG_MS = 10000 };

static struct ctl_connection conn;
static int server = -1;

static void set_up(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	conn = (struct ctl_connection){
		.fd = fds[0],
		.output_fd = -1,
		.path = "vm.sock",
	};
	ctl_set_limit(&conn, LONG_MS);
	server = fds[1];
}

static void tear_down(void)
{
	ctl_close(&conn);
	fd_close(&server);
}

/* In pieces of size bytes; as many packets as a socket's buffer takes. */
static void serve(const char *text, size_t size)
{
	size_t len = strlen(text), n;

	for (size_t at = 0; at < len; at += n) {
		n = MIN(size, len - at);
		ck_assert_int_eq(send(server, text + at, n, 0), n);
	}
}

/* The answers, each of which is to be read whole; NULL: refused as no HTTP. */
#define OK "HTTP/1.1 200 \r\n"
static const struct {
	const char *text;
	unsigned status;
	const char *body;
} answers[] = {
	{ OK "Content-Length: 5\r\n\r\nhello", 200, "hello" },
	{ OK "content-LENGTH:5\r\n\r\nhello", 200, "hello" },
	{ OK "Content-Length: 0\r\n\r\n", 200, "" },
	{ "HTTP/1.1 204 \r\nServer: Firecracker API\r\n\r\n", 204, "" },
	{ "HTTP/1.1 204\r\n\r\n", 204, "" },
	{ "HTTP/1.0 400 Bad Request\nContent-Length: 2\n\n{}", 400, "{}" },
	{ "HTTP/1.1 100 \r\nServer: x\r\n\r\n" OK "Content-Length: 2\r\n\r\nok",
	  200, "ok" },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "" },
	{ OK "Transfer-Encoding: Chunked\r\n\r\n"
	     "3\r\none\r\n0000A;x=y\r\n, two, thr\r\n2\r\nee\r\n"
	     "0\r\nTrailer: x\r\n\r\n",
	  200, "one, two, three" },
	{ "", 0, NULL },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, NULL },
	{ "HTTP/2 200 \r\n\r\n", 0, NULL },
	{ "HTTP/1.1 20 \r\n\r\n", 0, NULL },
	{ "HTTP/1.1 2000 \r\n\r\n", 0, NULL },
	{ "HTTP/1.1 -12 \r\n\r\n", 0, NULL },
	{ OK "no colon\r\n\r\n", 0, NULL },
	{ OK "Content-Length: -1\r\n\r\n", 0, NULL },
	{ OK "Content-Length: 99999999999999999999\r\n\r\n", 0, NULL },
	{ OK "Transfer-Encoding: gzip\r\n\r\n", 0, NULL },
	{ OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", 0, NULL },
	{ OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 0, NULL },
	{ OK "Transfer-Encoding: chunked\r\n\r\n\r\n", 0, NULL },
	{ OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", 0,
	  NULL },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 0,
	  NULL },
};

static int read_answer(struct ctl_answer *answer, struct err *err)
{
	int ret = ctl_read_head(&conn, &answer->status, err);

	return ret < 0 ? ret : ctl_read_all(&conn, answer, err);
}

static void check_answer(int i, size_t piece)
{
	struct ctl_answer answer;
	struct err err;
	int ret;

	serve(answers[i].text, piece);
	if (answers[i].body == NULL)
		shutdown(server, SHUT_WR);
	ret = read_answer(&answer, &err);
	if (answers[i].body == NULL) {
		ck_assert_int_lt(ret, 0);
		ck_assert_msg(strstr(err.text, "vm.sock") != NULL, "%s",
			      err.text);
		return;
	}
	ck_assert_msg(ret == 0, "%s", err.text);
	ck_assert_uint_eq(answer.status, answers[i].status);
	ck_assert_str_eq(answer.body, answers[i].body);
	ctl_answer_free(&answer);
}

START_TEST(an_answer_is_read_however_it_is_cut)
{
	static const size_t pieces[] = { 1, 2, 7, 4000 };

	for (size_t n = 0; n < ARRAY_LEN(pieces); n++) {
		check_answer(_i, pieces[n]);
		tear_down();
		set_up();
	}
}
END_TEST

START_TEST(an_answer_that_stops_in_the_middle_is_no_answer)
{
	const char *text = answers[_i].text;
	struct ctl_answer answer;
	char part[512];
	struct err err;

	if (answers[_i].body == NULL)
		return;
	for (size_t len = 0; len < strlen(text); len++) {
		snprintf(part, len + 1, "%s", text);
		serve(part, 4000);
		shutdown(server, SHUT_WR);
		ck_assert_int_eq(read_answer(&answer, &err), -ECONNRESET);
		tear_down();
		set_up();
	}
}
END_TEST

START_TEST(a_connection_takes_one_request_after_the_other)
{
	struct ctl_answer answer;
	struct err err;

	serve(OK "Content-Length: 3\r\n\r\none" OK "Transfer-Encoding: chunked"
		 "\r\n\r\n3\r\ntwo\r\n0\r\n\r\n" OK "Content-Length: 0\r\n\r\n",
	      4000);
	ck_assert_int_eq(read_answer(&answer, &err), 0);
	ck_assert_str_eq(answer.body, "one");
	ctl_answer_free(&answer);
	ck_assert_int_eq(read_answer(&answer, &err), 0);
	ck_assert_str_eq(answer.body, "two");
	ctl_answer_free(&answer);
	ck_assert_int_eq(read_answer(&answer, &err), 0);
	ck_assert_str_eq(answer.body, "");
	ctl_answer_free(&answer);
}
END_TEST

START_TEST(a_body_without_length_ends_with_the_connection)
{
	struct ctl_answer answer;
	struct err err;

	serve(OK "\r\nall there is", 3);
	shutdown(server, SHUT_WR);
	ck_assert_int_eq(read_answer(&answer, &err), 0);
	ck_assert_str_eq(answer.body, "all there is");
	ctl_answer_free(&answer);
}
END_TEST

START_TEST(no_answer_and_half_an_answer_end_at_the_time_limit)
{
	static const char *const texts[] = {
		"",
		"HTT",
		OK,
		OK "Content-Length: 5\r\n\r\nhell",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello",
	};
	struct ctl_answer answer;
	struct err err;
	uint64_t before = clock_now_ms();

	ctl_set_limit(&conn, SHORT_MS);
	serve(texts[_i], 4000);
	ck_assert_int_eq(read_answer(&answer, &err), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.text, "no answer in time"));
	ck_assert_uint_ge(clock_now_ms() - before, SHORT_MS);
}
END_TEST

START_TEST(head_lines_have_limits)
{
	static char line[CTL_LINE_MAX + 2];
	struct ctl_answer answer;
	struct err err;

	memset(line, 'x', sizeof(line) - 1);
	serve("HTTP/1.1 200 ", 4000);
	serve(line, 1000);
	ck_assert_int_eq(read_answer(&answer, &err), -EPROTO);
	tear_down();
	set_up();
	/* Nor do interim answers go on for ever. */
	for (int i = 0; i < 64; i++) {
		line[CTL_LINE_MAX / 8] = '\0';
		serve("HTTP/1.1 100 \r\nX: ", 4000);
		serve(line, 4000);
		serve("\r\n\r\n", 4000);
	}
	ck_assert_int_eq(read_answer(&answer, &err), -EPROTO);
}
END_TEST

START_TEST(a_reader_of_the_output_that_has_gone_ends_the_wait)
{
	struct err err;
	char buf[8];
	unsigned status;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	serve(OK "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", 4000);
	conn.output_fd = fds[1];
	ck_assert_int_eq(ctl_read_head(&conn, &status, &err), 0);
	ck_assert_int_eq(ctl_read_body(&conn, buf, sizeof(buf), &err), 1);
	fd_close(&fds[0]);
	ck_assert_int_eq(ctl_read_body(&conn, buf, sizeof(buf), &err), -EPIPE);
	fd_close(&fds[1]);
}
END_TEST

/* --- what a refusal says */

static const struct {
	const char *body, *text;
} faults[] = {
	{ "{\"fault_message\":\"No such drive.\"}", "No such drive." },
	{ "{\"fault_message\":\"two\\nlines\\u001b[2J\"}", "two lines [2J" },
	{ "{ \"error\": \"Too long.\nAll dropped.\" }",
	  "Too long. All dropped." },
	{ "{\"fault_message\":7}", "HTTP status 400" },
	{ "[]", "HTTP status 400" },
	{ "", "HTTP status 400" },
	{ "<html>", "HTTP status 400" },
};

START_TEST(a_refusal_is_one_line)
{
	struct ctl_answer answer;
	struct err err;
	char text[256];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 400 \r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(faults[_i].body), faults[_i].body);
	serve(text, 4000);
	ck_assert_int_eq(ctl_request(&conn, "GET", "/", NULL, &answer, &err),
			 -EREMOTEIO);
	ck_assert_msg(strstr(err.text, faults[_i].text) != NULL, "%s",
		      err.text);
	ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(the_answer_to_a_request_nobody_read_is_read)
{
	struct ctl_answer answer;
	struct err err;

	serve("HTTP/1.1 503 \r\nContent-Length: 18\r\n\r\n"
	      "{\"error\":\"enough\"}",
	      4000);
	fd_close(&server);
	ck_assert_int_eq(ctl_request(&conn, "PUT", "/", "{}", &answer, &err),
			 -EREMOTEIO);
	ck_assert_str_eq(err.text, "enough");
}
END_TEST

/* --- connecting */

static int try_connect(const char *path, struct err *err)
{
	struct ctl_connection other;
	int ret = ctl_connect(path, SHORT_MS, &other, err);

	if (ret == 0)
		ctl_close(&other);
	return ret;
}

START_TEST(who_cannot_connect_learns_why)
{
	char dir[] = "/tmp/mote-ctl-XXXXXX", path[64], file[64];
	int fd, queue[4];
	struct err err;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	ck_assert_int_eq(try_connect(path, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert_ptr_nonnull(strstr(err.text, "there is none"));

	fd = open(file, O_CREAT | O_WRONLY, 0600);
	fd_close(&fd);
	ck_assert_int_eq(try_connect(file, &err), -ECONNREFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "nobody listens"));
	ck_assert_int_eq(try_connect("", &err), -ENAMETOOLONG);

	/* A server that does not accept: the queue is full, then time is up. */
	ck_assert_int_eq(unix_socket_listen(path, &fd, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(queue); i++) {
		struct sockaddr_un addr;

		unix_socket_address(path, &addr, NULL);
		queue[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(queue[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	ck_assert_int_eq(try_connect(path, &err), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.text, "does not take connections"));
	for (size_t i = 0; i < ARRAY_LEN(queue); i++)
		fd_close(&queue[i]);
	fd_close(&fd);
	ck_assert_int_eq(try_connect(path, &err), -ECONNREFUSED);
	unlink(path);
	unlink(file);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctl_http");
	TCase *tc = tcase_create("answers");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, an_answer_is_read_however_it_is_cut, 0,
			    ARRAY_LEN(answers));
	tcase_add_loop_test(tc, an_answer_that_stops_in_the_middle_is_no_answer,
			    0, ARRAY_LEN(answers));
	tcase_add_test(tc, a_connection_takes_one_request_after_the_other);
	tcase_add_test(tc, a_body_without_length_ends_with_the_connection);
	tcase_add_loop_test(
		tc, no_answer_and_half_an_answer_end_at_the_time_limit, 0, 5);
	tcase_add_test(tc, head_lines_have_limits);
	tcase_add_test(tc, a_reader_of_the_output_that_has_gone_ends_the_wait);
	tcase_add_loop_test(tc, a_refusal_is_one_line, 0, ARRAY_LEN(faults));
	tcase_add_test(tc, the_answer_to_a_request_nobody_read_is_read);
	tcase_add_test(tc, who_cannot_connect_learns_why);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
