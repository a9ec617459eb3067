// SPDX-License-Identifier: Apache-2.0
/*
 * http_parser.h - bytes of a connection -> HTTP requests, one after the other
 *
 * Pure and incremental: no input or output, no time, no global state; how the
 * bytes are cut into pieces makes no difference. RFC 9112 as far as clients of
 * an API on a Unix socket need it, with the limits and the error texts of
 * Firecracker's server, which clients and their tests know.
 *
 * Between requests a parser owns no memory; within one, a line and the body so
 * far. Belongs to one thread.
 */
#ifndef MOTE_HTTP_PARSER_H
#define MOTE_HTTP_PARSER_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/* Longest request, header or chunk line in bytes, with its end of line. */
enum { HTTP_LINE_MAX = 1024 };

/* What http_parser_feed() has come to. */
enum http_parsed {
	HTTP_MORE,     /* every byte is used, the request is not complete */
	HTTP_CONTINUE, /* the client waits for "100" before it sends the body */
	HTTP_REQUEST,  /* complete: use it, then http_parser_next() */
};

enum http_parser_state {
	HTTP_REQUEST_LINE,
	HTTP_HEADERS,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_END, /* the end of line behind a chunk's bytes */
	HTTP_TRAILERS,
	HTTP_LINE_STATES, /* those above take whole lines, those below bytes */
	HTTP_BODY = HTTP_LINE_STATES,
	HTTP_CHUNK,
	HTTP_DONE,
};

struct http_parser {
	/* Valid at HTTP_REQUEST, owned by the parser. */
	const char *method; /* "GET", "PUT", "PATCH" or "DELETE" */
	char *target;	    /* as sent; UTF-8 without control characters */
	char *body; /* NULL: none; followed by a NUL that does not count */
	size_t body_len;
	bool http_1_0; /* the client knows no chunks */
	bool close;    /* it wants the connection closed after the answer */

	/* Private. */
	enum http_parser_state state;
	size_t payload_max; /* bytes of a body */
	char *line;	    /* HTTP_LINE_MAX bytes, or NULL */
	size_t line_len;
	size_t left; /* Content-Length, then bytes of body or chunk to come */
	size_t body_room;
	bool has_length, chunked, expects, keep_alive;
};

void http_parser_init(struct http_parser *p, size_t payload_max);

/*
 * Take bytes until something has happened; *used says how many were taken.
 * Returns enum http_parsed, or -EINVAL (the client's mistake, -E2BIG if it is
 * the size of the body) or -ENOMEM with *err set. After an error nobody knows
 * where the next request begins: the parser can only be given up, with
 * http_parser_next().
 */
int http_parser_feed(struct http_parser *p, const char *bytes, size_t len,
		     size_t *used, struct err *err);

/* Has a request begun and not ended? Empty lines before one do not count. */
bool http_parser_begun(const struct http_parser *p);

/* Forget the request, free its memory, be ready for the next. */
void http_parser_next(struct http_parser *p);

#endif
