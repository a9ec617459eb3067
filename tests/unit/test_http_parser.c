// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_parser.c - which bytes are which requests, however they are cut
 *
 * Each row is fed whole, byte by byte, and cut in two at every position; what
 * comes out must always be the same.
 */
#include "http_parser.h"
#include "unit.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PAYLOAD_MAX = 32 };

/*
 * What a parser makes of bytes, as text: "METHOD TARGET [BODY]" for a request,
 * "+" for HTTP_CONTINUE, "~" for a request that has begun, "! TEXT" for an
 * error; a request that closes the connection has a "." behind it.
 */
struct record {
	char text[4096];
	size_t len;
};

/* clang-format off */
#define B(literal) (literal), sizeof(literal) - 1
#define TOO_LARGE(n) "! Request payload with size " n \
	" is larger than the limit of 32 allowed by server."
#define BAD(key, value) \
	"! Invalid header. Reason: Invalid value. Key:" key "; Value:" value

static const struct {
	const char *bytes;
	size_t len;
	const char *expect;
} rows[] = {
	/* Requests */
	{ B("GET / HTTP/1.1\r\n\r\n"), "GET / []" },
	{ B("DELETE /drives/a?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
	  "DELETE /drives/a?x=1 []" },
	{ B("PUT /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"), "PUT /a [{}]" },
	{ B("PATCH /a HTTP/1.1\r\ncontent-LENGTH:\t 2 \r\n\r\n{}"),
	  "PATCH /a [{}]" },
	{ B("GET /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), "GET /a []" },
	{ B("GET http://localhost/a HTTP/1.1\r\n\r\n"),
	  "GET http://localhost/a []" },
	{ B("GET /\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 HTTP/1.1\r\n\r\n"),
	  "GET /\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 []" },
	{ B("GET / HTTP/1.1\nHost: typed by hand\n\n"), "GET / []" },
	{ B("PUT /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\n"
	    "GET /b HTTP/1.1\r\n\r\n"), "PUT /a [{}]GET /b []" },
	{ B("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c"),
	  "GET /a []GET /b []~" },
	{ B("\r\n\r\n"), "" },
	{ B("\r"), "~" },
	{ B(""), "" },
	{ B("GET / HTTP/1.1\r\n\r"), "~" },
	{ B("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}"), "~" },
	{ B("PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\na\0b"), "PUT /a [a?b]" },

	/* Closing */
	{ B("GET / HTTP/1.0\r\n\r\n"), "GET / []." },
	{ B("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET / []" },
	{ B("GET / HTTP/1.1\r\nConnection: TE , Close\r\n\r\n"), "GET / []." },
	{ B("GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"), "GET / []" },

	/* Expect */
	{ B("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
	    "\r\n{}"), "+PUT / [{}]" },
	{ B("PUT / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"), "PUT / []" },
	{ B("PUT / HTTP/1.1\r\nExpect: 103\r\nContent-Length: 2\r\n\r\n{}"),
	  "PUT / [{}]" },
	{ B("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 33\r\n"
	    "\r\n"), TOO_LARGE("33") },

	/* Content-Length */
	{ B("PUT / HTTP/1.1\r\nContent-Length: 33\r\n\r\n"), TOO_LARGE("33") },
	{ B("PUT / HTTP/1.1\r\nContent-Length: 4294967295\r\n\r\n"),
	  TOO_LARGE("4294967295") },
	{ B("PUT / HTTP/1.1\r\nContent-Length: 4294967296\r\n\r\n"),
	  BAD("Content-Length", "4294967296") },
	{ B("PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
	  BAD("Content-Length", "-1") },
	{ B("PUT / HTTP/1.1\r\nContent-Length: 0x2\r\n\r\n"),
	  BAD("Content-Length", "0x2") },
	{ B("PUT / HTTP/1.1\r\nContent-Length:\r\n\r\n"),
	  BAD("Content-Length", "") },
	{ B("PUT / HTTP/1.1\r\nContent-Length: \"\\\r\n\r\n"),
	  BAD("Content-Length", "??") },
	{ B("PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n"
	    "{}"), "PUT / [{}]" },
	{ B("PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n"),
	  BAD("Content-Length", "3") },

	/* Chunks */
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\n{\r\n00001\r\n}\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
	  "PUT / [{}]GET /b []" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
	    "a ;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"),
	  "PUT / [0123456789]" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	  "PUT / []" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
	    "Expect: 100-continue\r\n\r\n1\r\n1\r\n0\r\n\r\n"), "+PUT / [1]" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\n1\r\n20\r\n"), TOO_LARGE("33") },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"),
	  TOO_LARGE("4294967295") },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "000000001\r\n"), "! Invalid request. Chunk size: 000000001" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n"),
	  "! Invalid request. Chunk size: 0x1" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n"),
	  "! Invalid request. Chunk size: {}" },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n"),
	  "! Invalid request. A chunk is longer than its size says." },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Length: 2\r\n\r\n{}"),
	  "! Invalid header. Reason: Transfer-Encoding and Content-Length "
	  "exclude each other." },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
	  BAD("Transfer-Encoding", "gzip, chunked") },
	{ B("PUT / HTTP/1.1\r\nTransfer-Encoding: identity\r\n"
	    "Content-Length: 2\r\n\r\n{}"), "PUT / [{}]" },

	/* Accept-Encoding */
	{ B("GET / HTTP/1.1\r\nAccept-Encoding: gzip, deflate\r\n\r\n"),
	  "GET / []" },
	{ B("GET / HTTP/1.1\r\nAccept-Encoding: gzip, identity;q=0\r\n\r\n"),
	  BAD("Accept-Encoding", "identity;q=0") },
	{ B("GET / HTTP/1.1\r\nAccept-Encoding: *;q=0\r\n\r\n"),
	  BAD("Accept-Encoding", "*;q=0") },
	{ B("GET / HTTP/1.1\r\nAccept-Encoding: identity, *;q=0\r\n\r\n"),
	  "GET / []" },

	/* Request lines */
	{ B("get / HTTP/1.1\r\n"),
	  "! Invalid HTTP Method: Unsupported HTTP method." },
	{ B("POST / HTTP/1.1\r\n"),
	  "! Invalid HTTP Method: Unsupported HTTP method." },
	{ B(" / HTTP/1.1\r\n"),
	  "! Invalid HTTP Method: Unsupported HTTP method." },
	{ B("GET  HTTP/1.1\r\n"), "! Invalid URI: Empty URI not allowed." },
	{ B("GET /\xff HTTP/1.1\r\n"),
	  "! Invalid URI: Cannot parse URI as UTF-8." },
	{ B("GET /\xe2\x82 HTTP/1.1\r\n"),
	  "! Invalid URI: Cannot parse URI as UTF-8." },
	{ B("GET /\xed\xa0\x80 HTTP/1.1\r\n"),
	  "! Invalid URI: Cannot parse URI as UTF-8." },
	{ B("GET /\xc0\xaf HTTP/1.1\r\n"),
	  "! Invalid URI: Cannot parse URI as UTF-8." },
	{ B("GET / HTTP/2.0\r\n"),
	  "! Invalid HTTP Version: Unsupported HTTP version." },
	{ B("GET / HTTP/1.1 \r\n"),
	  "! Invalid HTTP Version: Unsupported HTTP version." },
	{ B("GET /a b HTTP/1.1\r\n"),
	  "! Invalid HTTP Version: Unsupported HTTP version." },
	{ B("GET /\r\n"), "! Invalid request." },
	{ B("GET\r\n"), "! Invalid request." },
	{ B("GET /\0 HTTP/1.1\r\n"), "! Invalid request." },
	{ B("GET /\t HTTP/1.1\r\n"), "! Invalid request." },
	{ B("GET /\r HTTP/1.1\r\n"), "! Invalid request." },
	{ B("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
	  "! Invalid request." },

	/* Header lines */
	{ B("GET / HTTP/1.1\r\nno colon\r\n"),
	  "! Invalid header. Reason: Header is incorrectly formatted. Key: "
	  "no colon" },
	{ B("GET / HTTP/1.1\r\nA: b\r\n c: d\r\n"),
	  "! Invalid header. Reason: Header is incorrectly formatted. Key:  c" },
	{ B("GET / HTTP/1.1\r\nA: \xff\r\n"),
	  "! Invalid header. Reason: Header contains invalid characters." },
	{ B("GET / HTTP/1.1\r\nA: \0\r\n"),
	  "! Invalid header. Reason: Header contains invalid characters." },
	{ B("GET / HTTP/1.1\r\nA:\tb\r\nB: \xc3\xa4\r\n:\r\n\r\n"), "GET / []" },
};
/* clang-format on */

static void put(struct record *r, const char *bytes, size_t len)
{
	ck_assert_uint_lt(r->len + len, sizeof(r->text));
	for (size_t i = 0; i < len; i++)
		r->text[r->len++] = bytes[i] == '\0' ? '?' : bytes[i];
	r->text[r->len] = '\0';
}

static void put_text(struct record *r, const char *text)
{
	put(r, text, strlen(text));
}

static void put_request(struct record *r, const struct http_parser *p)
{
	put_text(r, p->method);
	put_text(r, " ");
	put_text(r, p->target);
	put_text(r, " [");
	if (p->body != NULL) {
		ck_assert_uint_eq((unsigned char)p->body[p->body_len], 0);
		put(r, p->body, p->body_len);
	}
	put_text(r, p->close ? "]." : "]");
}

/* False after an error. */
static bool feed(struct http_parser *p, const char *bytes, size_t len,
		 struct record *r)
{
	struct err err;
	size_t used;
	int ret;

	while (len > 0) {
		ret = http_parser_feed(p, bytes, len, &used, &err);
		ck_assert_uint_le(used, len);
		if (ret < 0) {
			put_text(r, "! ");
			put_text(r, err.text);
			ck_assert_int_eq(ret, strstr(err.text, "payload")
						      ? -E2BIG
						      : -EINVAL);
			return false;
		}
		if (ret == HTTP_CONTINUE)
			put_text(r, "+");
		if (ret == HTTP_REQUEST) {
			put_request(r, p);
			http_parser_next(p);
			ck_assert(!http_parser_begun(p));
		}
		if (ret == HTTP_MORE)
			ck_assert_uint_eq(used, len);
		bytes += used;
		len -= used;
	}
	return true;
}

/* Cut at every multiple of step, beginning with first. */
static void check(const char *bytes, size_t len, size_t first, size_t step,
		  const char *expect)
{
	struct record r = { "", 0 };
	struct http_parser p;
	size_t at = 0, next = first;
	bool ok = true;

	http_parser_init(&p, PAYLOAD_MAX);
	for (; ok && at < len; at = next, next += step) {
		next = MIN(next, len);
		ok = feed(&p, bytes + at, next - at, &r);
	}
	if (ok && http_parser_begun(&p))
		put_text(&r, "~");
	ck_assert_msg(strcmp(r.text, expect) == 0,
		      "cut at %zu and every %zu: '%s' instead of '%s'", first,
		      step, r.text, expect);
	http_parser_next(&p);
	ck_assert(p.line == NULL && p.target == NULL && p.body == NULL);
}

START_TEST(bytes_are_the_same_requests_however_they_are_cut)
{
	size_t len = rows[_i].len;

	for (size_t at = 0; at <= len; at++)
		check(rows[_i].bytes, len, at, len + 1, rows[_i].expect);
	check(rows[_i].bytes, len, 1, 1, rows[_i].expect);
	check(rows[_i].bytes, len, 3, 7, rows[_i].expect);
}
END_TEST

/* A line of len bytes with its CR LF: before, x as often as fits, after. */
static char *line_of(size_t len, const char *before, const char *after)
{
	char *line = malloc(len + 1);

	ck_assert_ptr_nonnull(line);
	memset(line, 'x', len);
	memcpy(line, before, strlen(before));
	memcpy(line + len - strlen(after), after, strlen(after));
	line[len] = '\0';
	return line;
}

static const struct {
	const char *first, *before, *after, *last, *error;
} long_lines[] = {
	{ "", "GET /", " HTTP/1.1\r\n", "\r\n", "! Invalid request." },
	{ "GET / HTTP/1.1\r\n", "X: ", "\r\n", "\r\n",
	  "! Invalid header. Reason: Header line longer than 1024 bytes." },
	{ "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "0;", "\r\n",
	  "\r\n", "! Invalid request. Chunk size." },
	{ "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
	  "T:", "\r\n", "\r\n", "! Invalid request. Trailer." },
};

START_TEST(a_line_may_have_1024_bytes_and_no_more)
{
	char bytes[2048], *line;
	struct record r = { "", 0 };
	struct http_parser p;

	for (size_t len = HTTP_LINE_MAX - 1; len <= HTTP_LINE_MAX + 1; len++) {
		line = line_of(len, long_lines[_i].before,
			       long_lines[_i].after);
		snprintf(bytes, sizeof(bytes), "%s%s%s", long_lines[_i].first,
			 line, long_lines[_i].last);
		free(line);
		if (len > HTTP_LINE_MAX) {
			check(bytes, strlen(bytes), 1, 1, long_lines[_i].error);
			check(bytes, strlen(bytes), 1024, 1024,
			      long_lines[_i].error);
			continue;
		}
		http_parser_init(&p, PAYLOAD_MAX);
		ck_assert(feed(&p, bytes, strlen(bytes), &r));
		ck_assert(!http_parser_begun(&p));
	}
}
END_TEST

START_TEST(a_body_grows_to_the_limit_in_small_chunks)
{
	static const char head[] = "PUT / HTTP/1.1\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	enum { LIMIT = 100000 };
	struct http_parser p;
	struct record r = { "", 0 };
	struct err err;
	size_t used;

	http_parser_init(&p, LIMIT);
	ck_assert(feed(&p, head, strlen(head), &r));
	for (size_t i = 0; i < LIMIT; i++)
		ck_assert(feed(&p, "1\r\nx\r\n", 6, &r));
	ck_assert_uint_eq(p.body_len, LIMIT);
	ck_assert_int_eq(http_parser_feed(&p, "1\r\n", 3, &used, &err), -E2BIG);
	http_parser_next(&p);
}
END_TEST

START_TEST(between_requests_there_is_no_memory)
{
	struct record r = { "", 0 };
	struct http_parser p;

	http_parser_init(&p, PAYLOAD_MAX);
	ck_assert(feed(&p, "\r\n\n", 3, &r));
	ck_assert_ptr_null(p.line);
	ck_assert(feed(&p, "GET / HTTP/1.1\r\n\r\n", 18, &r));
	ck_assert_ptr_null(p.line);
	ck_assert_ptr_null(p.target);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_parser");
	TCase *tc = tcase_create("requests");

	tcase_add_loop_test(tc,
			    bytes_are_the_same_requests_however_they_are_cut, 0,
			    (int)ARRAY_LEN(rows));
	tcase_add_loop_test(tc, a_line_may_have_1024_bytes_and_no_more, 0,
			    (int)ARRAY_LEN(long_lines));
	tcase_add_test(tc, a_body_grows_to_the_limit_in_small_chunks);
	tcase_add_test(tc, between_requests_there_is_no_memory);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
