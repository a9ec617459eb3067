// SPDX-License-Identifier: Apache-2.0
/*
 * http_server.c - the listening socket, and all connections together
 *
 * Why not libevent's evhttp: clients depend on bytes that it does not let us
 * choose (no reason phrase, no Date, the order of headers, the answer to too
 * many connections), and it has no way to receive descriptors. So framing is
 * code of our own on plain events, and evhttp is not linked.
 */
#include "http_internal.h"
#include "clock.h"
#include "fd.h"
#include "log.h"
#include "unix_socket.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Refused connections that may linger; beyond them, they are closed at once. */
enum { REFUSED_MAX = 10 };

/* Clients that can come while a handler runs, without waiting in connect(). */
enum { BACKLOG = 128 };

static const char too_many[] = "HTTP/1.1 503\r\n"
			       "Server: Firecracker API\r\n"
			       "Connection: close\r\n"
			       "Content-Length: 40\r\n\r\n"
			       "{ \"error\": \"Too many open connections\" }";

/* Without a descriptor the connection stays where it is, and so does the event
 * that announces it: look away for a while. */
static void pause_accepting(struct http_server *server)
{
	struct timeval pause = { .tv_usec = HTTP_ACCEPT_RETRY_MS * 1000 };

	if (!server->starved)
		log_write(LOG_WARN, "api", NULL,
			  "accept: %s, clients wait until there is room",
			  strerror(errno));
	server->starved = true;
	event_del(&server->acceptable);
	event_add(&server->accept_again, &pause);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;

	(void)fd;
	(void)what;
	event_add(&server->acceptable, NULL);
}

/* One per turn of the loop. */
static void acceptable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct http_server *server = arg;
	const char *refusal =
		server->served >= HTTP_CONNECTIONS_MAX ? too_many : NULL;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0) {
		if (unix_socket_is_starved(errno))
			pause_accepting(server);
		return;
	}
	server->starved = false;
	if (refusal != NULL && server->refused >= REFUSED_MAX)
		fd_close(&fd);
	else
		http_connection_create(server, fd, refusal);
}

int http_server_create(struct event_base *base, int listen_fd,
		       size_t payload_max, http_handler *handler, void *ctx,
		       struct http_server **out, struct err *err)
{
	struct http_server *server = calloc(1, sizeof(*server));
	int ret;

	if (server == NULL) {
		fd_close(&listen_fd);
		return err_set(err, ENOMEM, "API server: out of memory");
	}
	server->base = base;
	server->listen_fd = listen_fd;
	server->payload_max = payload_max;
	server->handler = handler;
	server->ctx = ctx;
	server->request_ms = HTTP_REQUEST_MS;
	server->linger_ms = HTTP_LINGER_MS;
	server->probe_ms = HTTP_PROBE_MS;
	event_assign(&server->acceptable, base, listen_fd, EV_READ | EV_PERSIST,
		     acceptable, server);
	event_assign(&server->accept_again, base, -1, 0, accept_again, server);
	/* A client may leave between the event and accept(). */
	if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0 ||
	    listen(listen_fd, BACKLOG) < 0) {
		ret = err_errno(err, "API socket");
		goto fail;
	}
	if (event_add(&server->acceptable, NULL) < 0) {
		ret = err_set(err, ENOMEM, "API socket: cannot be polled");
		goto fail;
	}
	*out = server;
	return 0;
fail:
	http_server_destroy(server);
	return ret;
}

void http_server_destroy(struct http_server *server)
{
	if (server == NULL)
		return;
	while (server->connections != NULL)
		http_connection_destroy(server->connections);
	event_del(&server->acceptable);
	event_del(&server->accept_again);
	fd_close(&server->listen_fd);
	free(server);
}

void http_server_wake(struct http_server *server)
{
	struct http_connection *conn;

	for (conn = server->connections; conn != NULL; conn = conn->next)
		http_connection_wake(conn);
}

/* One round; returns how many still have something to send, in fds. */
static nfds_t flush_all(struct http_server *server, struct pollfd *fds)
{
	struct http_connection *conn, *next;
	nfds_t n = 0;

	for (conn = server->connections; conn != NULL; conn = next) {
		next = conn->next;
		if (!http_connection_flush(conn))
			fds[n++] = (struct pollfd){ .fd = conn->fd,
						    .events = POLLOUT };
		else if (conn->out != NULL)
			http_connection_destroy(conn); /* nobody is there */
	}
	return n;
}

void http_server_flush(struct http_server *server)
{
	struct pollfd fds[HTTP_CONNECTIONS_MAX + REFUSED_MAX];
	uint64_t end = clock_now_ms() + HTTP_FLUSH_MS, now;
	nfds_t n;

	event_del(&server->acceptable);
	event_del(&server->accept_again);
	while ((n = flush_all(server, fds)) > 0) {
		now = clock_now_ms();
		if (now >= end)
			return;
		poll(fds, n, (int)(end - now));
	}
}
