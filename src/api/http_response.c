// SPDX-License-Identifier: Apache-2.0
/*
 * http_response.c - answers as bytes
 *
 * To the byte what Firecracker's server sends, as its clients know it: no reason
 * phrase, but the space before it; headers in this order and no others. What
 * differs: "Connection: close" is said where the connection is closed.
 */
#include "http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD_MAX = 512,
	CHUNK_HEAD_MAX = 8, /* the digits of HTTP_STREAM_ROOM, CR LF, NUL */
};

/* Takes buf over: its bytes from at to len are to be sent. */
static void queue(struct http_connection *conn, char *buf, size_t at,
		  size_t len)
{
	conn->out = buf;
	conn->out_at = at;
	conn->out_len = len;
}

int http_queue_text(struct http_connection *conn, const char *text)
{
	char *buf = strdup(text);

	if (buf == NULL)
		return -ENOMEM;
	queue(conn, buf, 0, strlen(text));
	return 0;
}

int http_queue_continue(struct http_connection *conn)
{
	return http_queue_text(conn, "HTTP/1.1 100 \r\n"
				     "Server: Firecracker API\r\n"
				     "Connection: keep-alive\r\n\r\n");
}

/* RFC 9110, 8.6: an answer with these has no length, as it has no body. */
static bool has_no_body(unsigned status)
{
	return status < 200 || status == 204;
}

static size_t print_head(const struct http_connection *conn,
			 const struct http_response *resp, char *head)
{
	const char *type = resp->content_type;
	size_t n;

	n = (size_t)snprintf(head, HEAD_MAX,
			     "HTTP/1.1 %u \r\n"
			     "Server: Firecracker API\r\n"
			     "Connection: %s\r\n%s",
			     resp->status,
			     conn->phase == HTTP_CLOSING || conn->unframed
				     ? "close"
				     : "keep-alive",
			     resp->deprecated ? "Deprecation: true\r\n" : "");
	if (!has_no_body(resp->status))
		n += (size_t)snprintf(head + n, HEAD_MAX - n,
				      "Content-Type: %.128s\r\n",
				      type == NULL ? "application/json" : type);
	if (resp->streams && !conn->unframed)
		n += (size_t)snprintf(head + n, HEAD_MAX - n,
				      "Transfer-Encoding: chunked\r\n");
	else if (!resp->streams && !has_no_body(resp->status))
		n += (size_t)snprintf(head + n, HEAD_MAX - n,
				      "Content-Length: %zu\r\n",
				      resp->body_len);
	return n + (size_t)snprintf(head + n, HEAD_MAX - n, "\r\n");
}

int http_queue_response(struct http_connection *conn,
			const struct http_response *resp)
{
	bool with_body = !resp->streams && !has_no_body(resp->status);
	size_t body_len = with_body ? resp->body_len : 0, head_len;
	char head[HEAD_MAX], *buf;

	head_len = print_head(conn, resp, head);
	buf = malloc(head_len + body_len);
	if (buf == NULL)
		return -ENOMEM;
	memcpy(buf, head, head_len);
	if (body_len > 0)
		memcpy(buf + head_len, resp->body, body_len);
	queue(conn, buf, 0, head_len + body_len);
	return 0;
}

/* The line feed inside the string is no JSON, but it is what clients know. */
int http_queue_error(struct http_connection *conn, unsigned status,
		     const char *text)
{
	char body[sizeof(struct err) + 80];
	struct http_response resp = { .status = status, .body = body };

	resp.body_len = (size_t)snprintf(body, sizeof(body),
					 "{ \"error\": \"%s\nAll previous "
					 "unanswered requests will be "
					 "dropped.\" }",
					 text);
	return http_queue_response(conn, &resp);
}

int http_queue_records(struct http_connection *conn)
{
	struct http_stream *stream = &conn->stream;
	size_t at = CHUNK_HEAD_MAX, n, head_len;
	char *buf = malloc(CHUNK_HEAD_MAX + HTTP_STREAM_ROOM + 2);
	char head[CHUNK_HEAD_MAX];

	if (buf == NULL)
		return -ENOMEM;
	n = stream->next(stream->ctx, &stream->cursor, buf + at,
			 HTTP_STREAM_ROOM);
	conn->stream_more = n > 0;
	if (n == 0 || n > HTTP_STREAM_ROOM) {
		free(buf);
		return n == 0 ? 0 : -EOVERFLOW;
	}
	if (conn->unframed) {
		queue(conn, buf, at, at + n);
		return 0;
	}
	head_len = (size_t)snprintf(head, sizeof(head), "%zx\r\n", n);
	memcpy(buf + at - head_len, head, head_len);
	memcpy(buf + at + n, "\r\n", 2);
	queue(conn, buf, at - head_len, at + n + 2);
	return 0;
}

int http_queue_stream_end(struct http_connection *conn)
{
	return conn->unframed ? 0 : http_queue_text(conn, "0\r\n\r\n");
}
