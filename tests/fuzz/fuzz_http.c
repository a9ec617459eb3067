// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_http.c - bytes of a client -> the parser of src/api/http_parser.h
 *
 * The same bytes are fed in one piece, byte by byte, and in pieces of various
 * sizes: the requests, and the error at the end, must be the same.
 */
#include "fuzz.h"
#include "http_parser.h"

#include <stdbool.h>
#include <string.h>

enum { PAYLOAD_MAX = 20 }; /* small, so that it is exceeded */

/* All that came out of the parser, as a number (FNV-1a). */
struct digest {
	uint64_t value;
};

static void add(struct digest *digest, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++) {
		digest->value ^= at[i];
		digest->value *= UINT64_C(0x100000001b3);
	}
}

static void add_number(struct digest *digest, long number)
{
	add(digest, &number, sizeof(number));
}

static void add_request(struct digest *digest, const struct http_parser *p)
{
	FUZZ_REQUIRE(p->method != NULL && p->target != NULL);
	FUZZ_REQUIRE(p->target[0] != '\0');
	FUZZ_REQUIRE(p->body_len <= PAYLOAD_MAX);
	FUZZ_REQUIRE(p->body == NULL ? p->body_len == 0
				     : p->body[p->body_len] == '\0');
	for (const char *c = p->target; *c != '\0'; c++)
		FUZZ_REQUIRE((unsigned char)*c > ' ' && *c != 0x7f);
	add(digest, p->method, strlen(p->method));
	add(digest, p->target, strlen(p->target));
	add_number(digest, (long)p->body_len);
	if (p->body != NULL)
		add(digest, p->body, p->body_len);
	add_number(digest, p->close);
}

/* An error text becomes part of a JSON string. */
static void require_quotable(const char *text)
{
	for (; *text != '\0'; text++)
		FUZZ_REQUIRE(*text >= ' ' && *text <= '~' && *text != '"' &&
			     *text != '\\');
}

/* False after an error. */
static bool feed(struct http_parser *p, const char *bytes, size_t len,
		 struct digest *digest)
{
	struct err err = { "" };
	size_t used;
	int ret;

	while (len > 0) {
		ret = http_parser_feed(p, bytes, len, &used, &err);
		FUZZ_REQUIRE(used > 0 && used <= len);
		FUZZ_REQUIRE(ret != HTTP_MORE || used == len);
		if (ret != HTTP_MORE)
			add_number(digest, ret);
		if (ret < 0) {
			require_quotable(err.text);
			add(digest, err.text, strlen(err.text));
			return false;
		}
		if (ret == HTTP_REQUEST) {
			add_request(digest, p);
			http_parser_next(p);
		}
		bytes += used;
		len -= used;
	}
	return true;
}

/* In pieces of 1 to max bytes; 0: in one. */
static struct digest parse(const char *bytes, size_t len, size_t max)
{
	struct digest digest = { UINT64_C(0xcbf29ce484222325) };
	struct http_parser p;
	size_t at = 0, n;

	http_parser_init(&p, PAYLOAD_MAX);
	for (bool ok = true; ok && at < len; at += n) {
		n = max == 0 ? len : 1 + (at * 2654435761u >> 7) % max;
		if (n > len - at)
			n = len - at;
		ok = feed(&p, bytes + at, n, &digest);
	}
	add_number(&digest, http_parser_begun(&p));
	http_parser_next(&p);
	return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 5, 50 };
	const char *bytes = (const char *)data;
	struct digest whole = parse(bytes, size, 0), cut;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		cut = parse(bytes, size, pieces[i]);
		FUZZ_REQUIRE(cut.value == whole.value);
	}
	return 0;
}
