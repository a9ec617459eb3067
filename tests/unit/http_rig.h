// SPDX-License-Identifier: Apache-2.0
/*
 * http_rig.h - an API server with a simple handler, and its clients
 *
 * All in one thread: who waits for bytes runs the server's loop meanwhile. The
 * handler answers by target:
 *
 *	/none        204
 *	/deprecated  200, {}, Deprecation: true
 *	/text        200, text/plain
 *	/big         200, BIG bytes
 *	/take        200, keeps the first descriptor in rig->taken
 *	/stream      a stream of what rig_say() has said, once per client
 *	anything     200, "METHOD TARGET bytes of body,descriptors"
 */
#ifndef MOTE_TESTS_HTTP_RIG_H
#define MOTE_TESTS_HTTP_RIG_H

#include "http_internal.h"
#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { BIG = 1 << 20, RIG_PAYLOAD_MAX = 51200 };

struct http_rig {
	struct event_base *base;
	struct http_server *server;
	struct sockaddr_un addr;
	socklen_t addr_len;
	unsigned requests; /* handled so far */
	int taken;	   /* -1: none */
	unsigned said;	   /* records of 8 bytes, "%07u\n" */
};

void rig_create(struct http_rig *rig);
void rig_destroy(struct http_rig *rig);

/* A connected client's descriptor; it does not block. */
int rig_connect(struct http_rig *rig);

/* Let the server's loop turn so often; or for some time. */
void rig_turn(struct http_rig *rig, unsigned turns);
void rig_turn_ms(struct http_rig *rig, unsigned ms);

/* Send all of it, or as much as the server takes; returns how much. */
size_t rig_send(struct http_rig *rig, int fd, const char *bytes, size_t len);
void rig_send_text(struct http_rig *rig, int fd, const char *text);
void rig_send_fds(int fd, const char *text, const int *fds, unsigned count);

/*
 * Receive up to room bytes, until there is the end (*eof), or room is full, or
 * nothing has come for a while.
 */
size_t rig_receive(struct http_rig *rig, int fd, char *buf, size_t room,
		   bool *eof);
/* Exactly these bytes come next, and then, if closes, the end. */
void rig_expect(struct http_rig *rig, int fd, const char *bytes, bool closes);

/* Streams have so many more records. */
void rig_say(struct http_rig *rig, unsigned records);

/* clang-format off */
#define HEAD(connection) \
	"Server: Firecracker API\r\nConnection: " connection "\r\n"
#define JSON(len) \
	"Content-Type: application/json\r\nContent-Length: " len "\r\n\r\n"
#define ANSWER(len, body) \
	"HTTP/1.1 200 \r\n" HEAD("keep-alive") JSON(len) body
#define LAST_ANSWER(len, body) "HTTP/1.1 200 \r\n" HEAD("close") JSON(len) body
#define REFUSAL(status, len, text) \
	"HTTP/1.1 " status " \r\n" HEAD("close") JSON(len) \
	"{ \"error\": \"" text \
	"\nAll previous unanswered requests will be dropped.\" }"
#define NO_CONTENT "HTTP/1.1 204 \r\n" HEAD("keep-alive") "\r\n"
#define GO_ON "HTTP/1.1 100 \r\n" HEAD("keep-alive") "\r\n"
#define STREAM_HEAD \
	"HTTP/1.1 200 \r\n" HEAD("keep-alive") \
	"Content-Type: application/x-ndjson\r\n" \
	"Transfer-Encoding: chunked\r\n\r\n"
/* clang-format on */

#endif
