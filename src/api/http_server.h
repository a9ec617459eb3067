// SPDX-License-Identifier: Apache-2.0
/*
 * http_server.h - the API's socket: requests come in, a handler answers them
 *
 * Main thread only. Everything runs in the event loop, never waits, and does at
 * most one request of each connection per turn of the loop.
 */
#ifndef MOTE_HTTP_SERVER_H
#define MOTE_HTTP_SERVER_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct http_server;

enum {
	HTTP_CONNECTIONS_MAX = 10, /* one more is answered 503 */
	HTTP_FDS_MAX = 16,	   /* of one request; more are closed */
	HTTP_STREAM_ROOM = 8192,   /* bytes that a stream can always write */
};

/* Borrowed: all of it is gone when the handler returns. */
struct http_request {
	const char *method; /* "GET", "PUT", "PATCH" or "DELETE" */
	const char *target; /* as sent: path and query, in UTF-8 */
	const char *body;   /* NULL: none; a NUL stands behind its body_len */
	size_t body_len;    /* bytes; a body can have NULs inside as well */

	/*
	 * Descriptors that came with it (SCM_RIGHTS). Whoever keeps one takes it
	 * with fd_take(); the rest are closed after the handler. Those sent with
	 * several requests in one sendmsg() are the last request's.
	 */
	int *fds;
	unsigned fd_count;
};

/*
 * An answer without end. next() is called when there is room and there may be
 * something new (http_server_wake()): it writes whole records, up to room bytes,
 * and returns how many; 0: nothing now. cursor is its own. A client that does
 * not read is not asked for: what it misses is for next() to decide.
 */
struct http_stream {
	size_t (*next)(void *ctx, uint64_t *cursor, char *buf, size_t room);
	void *ctx; /* must outlive the server */
	uint64_t cursor;
};

struct http_response {
	unsigned status;
	const char *content_type; /* NULL: application/json */
	char *body; /* malloc'ed, or NULL: none; the server frees it */
	size_t body_len;
	bool deprecated; /* adds "Deprecation: true" */
	bool streams;	 /* instead of a body; until the client goes */
	struct http_stream stream;
};

/*
 * One request at a time; *resp is zeroed. May not call any function below except
 * http_server_wake().
 */
typedef void http_handler(void *ctx, struct http_request *req,
			  struct http_response *resp);

/*
 * Serve the listening stream socket listen_fd, which is taken over, also on
 * failure. payload_max: bytes of a request's body. Returns 0 and a server in
 * *out, or -errno with *err set.
 */
int http_server_create(struct event_base *base, int listen_fd,
		       size_t payload_max, http_handler *handler, void *ctx,
		       struct http_server **out, struct err *err);
void http_server_destroy(struct http_server *server); /* NULL is allowed */

/* Streams may have something new; it is sent in the next turn of the loop. */
void http_server_wake(struct http_server *server);

/*
 * The process is about to end: send what is queued and the last records of
 * streams, and end those, waiting for clients for half a second at most. No
 * request is served any more; only http_server_destroy() may follow.
 */
void http_server_flush(struct http_server *server);

#endif
