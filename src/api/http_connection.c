// SPDX-License-Identifier: Apache-2.0
/*
 * http_connection.c - one client: read, parse, answer, in this order
 *
 * Theory of operation: every event of a connection leads to take_turn(), which
 * sends what is queued, does one step of work if nothing is left to send, sends
 * again, and then says what it waits for (wait_for_events()). One answer, or one
 * piece of a stream, is queued at a time. While it waits for the client to read,
 * nothing is read from the client: a client that does not read its answers costs
 * one answer, and stops at its own full socket.
 *
 *	SERVING    step: parse what was read up to one request, answer it
 *	STREAMING  step: ask the stream for records; input is dropped
 *	CLOSING    step: none; when all is sent, shut down our side
 *	LINGERING  step: drop input until the client has closed, or for a time.
 *	           Closing while there is unread input would take the answer
 *	           away from the client (unix(7): ECONNRESET)
 *
 * After a transport error the phase is CLOSING: nobody knows where the client's
 * next request begins. A client that only shuts down its sending side gets its
 * answers all the same.
 *
 * A connection between requests owns no buffer.
 */
#include "http_internal.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- what is waited for */

static int set_timer(struct event *timer, unsigned ms)
{
	struct timeval tv = {
		.tv_sec = ms / 1000,
		.tv_usec = (ms % 1000) * 1000,
	};

	return event_add(timer, &tv);
}

static int set_event(struct event *event, bool on)
{
	return on ? event_add(event, NULL) : event_del(event);
}

static bool wants_input(const struct http_connection *conn)
{
	if (conn->eof)
		return false;
	switch (conn->phase) {
	case HTTP_SERVING:
		return conn->out == NULL && conn->in == NULL;
	case HTTP_CLOSING:
		return false;
	case HTTP_STREAMING: /* or a client's leaving would go unnoticed */
	case HTTP_LINGERING:
		break;
	}
	return true;
}

static bool has_work(const struct http_connection *conn)
{
	if (conn->out != NULL)
		return false;
	return (conn->phase == HTTP_SERVING && conn->in != NULL) ||
	       (conn->phase == HTTP_STREAMING && conn->stream_more);
}

/* What the time limit is for, in ms; 0: there is none. */
static unsigned time_limit(const struct http_connection *conn)
{
	const struct http_server *server = conn->server;

	switch (conn->phase) {
	case HTTP_SERVING:
		return http_parser_begun(&conn->parser) ? server->request_ms
							: 0;
	case HTTP_STREAMING:
		return conn->eof ? server->probe_ms : 0;
	case HTTP_CLOSING:
		return conn->refused ? server->linger_ms : 0;
	case HTTP_LINGERING:
		break;
	}
	return server->linger_ms;
}

/* A running time limit goes on: bytes that trickle in do not prolong it. */
static int wait_for_events(struct http_connection *conn)
{
	unsigned ms = time_limit(conn);
	int ret = 0;

	if (ms == 0)
		ret |= event_del(&conn->deadline);
	else if (!event_pending(&conn->deadline, EV_TIMEOUT, NULL))
		ret |= set_timer(&conn->deadline, ms);
	ret |= set_event(&conn->readable, wants_input(conn));
	ret |= set_event(&conn->writable, conn->out != NULL);
	if (has_work(conn))
		ret |= set_timer(&conn->again, 0);
	return ret == 0 ? 0 : -ENOMEM;
}

/* Away from SERVING: what the client may yet send is of no interest. */
static void set_phase(struct http_connection *conn, enum http_phase phase)
{
	conn->phase = phase;
	event_del(&conn->deadline);
	http_connection_drop_input(conn);
	http_parser_next(&conn->parser);
	http_connection_close_fds(conn, conn->fd_count);
}

/* --- the work */

static int refuse(struct http_connection *conn, unsigned status,
		  const char *text)
{
	set_phase(conn, HTTP_CLOSING);
	return http_queue_error(conn, status, text);
}

static int answer(struct http_connection *conn, struct http_response *resp)
{
	bool http_1_0 = conn->parser.http_1_0;
	bool close = conn->parser.close;
	int ret;

	if (resp->streams) {
		conn->unframed = http_1_0;
		conn->stream = resp->stream;
		conn->stream_more = true;
		set_phase(conn, HTTP_STREAMING);
	} else if (close) {
		set_phase(conn, HTTP_CLOSING);
	}
	ret = http_queue_response(conn, resp);
	free(resp->body);
	return ret;
}

static int handle_request(struct http_connection *conn)
{
	struct http_server *server = conn->server;
	const struct http_parser *p = &conn->parser;
	struct http_request req = {
		.method = p->method,
		.target = p->target,
		.body = p->body_len > 0 ? p->body : NULL,
		.body_len = p->body_len,
		.fds = conn->fds,
		.fd_count = http_connection_request_fds(conn),
	};
	struct http_response resp = { .status = 0 };
	int ret;

	event_del(&conn->deadline);
	server->handler(server->ctx, &req, &resp);
	http_connection_close_fds(conn, req.fd_count);
	ret = answer(conn, &resp);
	http_parser_next(&conn->parser);
	return ret;
}

/* Up to one request, or one "100". */
static int parse_input(struct http_connection *conn)
{
	struct err err = { "" };
	size_t used;
	int ret;

	if (conn->in == NULL)
		return 0;
	ret = http_parser_feed(&conn->parser, conn->in + conn->in_at,
			       conn->in_len - conn->in_at, &used, &err);
	conn->in_at += used;
	if (ret < 0)
		return refuse(conn, ret == -ENOMEM ? 500 : 400, err.text);
	if (ret == HTTP_REQUEST)
		ret = handle_request(conn);
	else if (ret == HTTP_CONTINUE)
		ret = http_queue_continue(conn);
	if (conn->in_at == conn->in_len)
		http_connection_drop_input(conn);
	return ret;
}

static int work(struct http_connection *conn)
{
	switch (conn->phase) {
	case HTTP_SERVING:
		return parse_input(conn);
	case HTTP_STREAMING:
		return http_queue_records(conn);
	case HTTP_CLOSING:
		set_phase(conn, HTTP_LINGERING);
		return shutdown(conn->fd, SHUT_WR) < 0 ? -errno : 0;
	case HTTP_LINGERING:
		break;
	}
	return 0;
}

/* Nothing more will come of it. */
static bool is_over(const struct http_connection *conn)
{
	return conn->eof && conn->out == NULL &&
	       ((conn->phase == HTTP_SERVING && conn->in == NULL) ||
		conn->phase == HTTP_LINGERING);
}

static void take_turn(struct http_connection *conn)
{
	int ret = http_connection_send(conn);

	if (ret == 0 && conn->out == NULL)
		ret = work(conn);
	if (ret == 0)
		ret = http_connection_send(conn);
	/* All is sent: say so in the same turn. */
	if (ret == 0 && conn->out == NULL && conn->phase == HTTP_CLOSING)
		ret = work(conn);
	if (ret == 0 && !is_over(conn))
		ret = wait_for_events(conn);
	if (ret < 0 || is_over(conn))
		http_connection_destroy(conn);
}

/* --- events */

/* Both directions are closed, not just the one that we read from. */
static bool has_hung_up(const struct http_connection *conn)
{
	struct pollfd fd = { .fd = conn->fd };

	return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLHUP | POLLERR));
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct http_connection *conn = arg;
	int ret;

	(void)fd;
	(void)what;
	ret = http_connection_receive(conn);
	if (conn->phase != HTTP_SERVING) {
		http_connection_drop_input(conn);
		http_connection_close_fds(conn, conn->fd_count);
	}
	if (ret < 0 || (conn->eof && has_hung_up(conn)))
		http_connection_destroy(conn);
	else
		take_turn(conn);
}

static void can_go_on(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take_turn(arg);
}

static void time_is_up(evutil_socket_t fd, short what, void *arg)
{
	struct http_connection *conn = arg;
	bool give_up = conn->phase == HTTP_LINGERING ||
		       conn->phase == HTTP_CLOSING || has_hung_up(conn);

	(void)fd;
	(void)what;
	/* An unsent "100" stands before the error: it cannot be taken back. */
	if (!give_up && conn->phase == HTTP_SERVING)
		give_up = conn->out != NULL ||
			  refuse(conn, 408,
				 "The request was not complete in time.") < 0;
	if (give_up)
		http_connection_destroy(conn);
	else
		take_turn(conn);
}

/* --- life */

void http_connection_create(struct http_server *server, int fd,
			    const char *refusal)
{
	struct event_base *base = server->base;
	struct http_connection *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		fd_close(&fd);
		return;
	}
	conn->server = server;
	conn->fd = fd;
	http_parser_init(&conn->parser, server->payload_max);
	event_assign(&conn->readable, base, fd, EV_READ | EV_PERSIST, readable,
		     conn);
	event_assign(&conn->writable, base, fd, EV_WRITE | EV_PERSIST,
		     can_go_on, conn);
	event_assign(&conn->again, base, -1, 0, can_go_on, conn);
	event_assign(&conn->deadline, base, -1, 0, time_is_up, conn);
	conn->next = server->connections;
	server->connections = conn;
	conn->refused = refusal != NULL;
	server->served += !conn->refused;
	server->refused += conn->refused;
	if (conn->refused) {
		conn->phase = HTTP_CLOSING;
		http_queue_text(conn, refusal); /* if not, then none */
	}
	take_turn(conn);
}

void http_connection_destroy(struct http_connection *conn)
{
	struct http_server *server = conn->server;
	struct http_connection **at = &server->connections;

	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	server->served -= !conn->refused;
	server->refused -= conn->refused;
	event_del(&conn->readable);
	event_del(&conn->writable);
	event_del(&conn->again);
	event_del(&conn->deadline);
	http_parser_next(&conn->parser);
	http_connection_drop_input(conn);
	http_connection_close_fds(conn, conn->fd_count);
	free(conn->out);
	fd_close(&conn->fd);
	free(conn);
}

void http_connection_wake(struct http_connection *conn)
{
	if (conn->phase == HTTP_STREAMING && conn->out == NULL)
		set_timer(&conn->again, 0);
}

bool http_connection_flush(struct http_connection *conn)
{
	int ret = http_connection_send(conn);

	if (ret == 0 && conn->out == NULL && conn->phase == HTTP_STREAMING) {
		ret = http_queue_records(conn);
		if (ret == 0 && conn->out == NULL) {
			ret = http_queue_stream_end(conn);
			set_phase(conn, HTTP_CLOSING);
		}
		if (ret == 0)
			ret = http_connection_send(conn);
	}
	return ret < 0 || (conn->out == NULL && conn->phase != HTTP_STREAMING);
}
