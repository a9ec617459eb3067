// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_listen.c - clients of the host, until the guest is asked
 *
 * A client says "CONNECT port\n" and waits for "OK port\n". What it sends behind
 * the first line is for the guest: of a line, no byte more is taken.
 */
#include "vsock.h"
#include "log.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	ACCEPT_BUDGET = 16, /* before others get their turn */
	BACKLOG = 128,
	LINE_MAX_BYTES = 32,
	FIRST_PORT = 1 << 30, /* of the host, for clients */
	PORTS = 1 << 30,
};

/* In a row, so that one that has ended does not come back at once. */
static uint32_t free_port(struct vsock *v, uint32_t guest_port)
{
	uint32_t port;

	do {
		port = FIRST_PORT + v->next_port++ % PORTS;
	} while (vsock_conn_find(v, guest_port, port) != NULL);
	return port;
}

/* "CONNECT port", without its end of line; false for anything else. */
static bool parse_line(const char *line, uint32_t *port)
{
	static const char verb[] = "CONNECT ";
	uint64_t value;

	if (strncasecmp(line, verb, strlen(verb)) != 0 ||
	    parse_uint(line + strlen(verb), 0, UINT32_MAX, &value, NULL) < 0)
		return false;
	*port = (uint32_t)value;
	return true;
}

void vsock_client_ready(struct vsock_conn *c)
{
	char line[LINE_MAX_BYTES + 1];
	ssize_t n = recv(c->fd, line, LINE_MAX_BYTES, MSG_PEEK | MSG_DONTWAIT);
	char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	uint32_t port;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (end == NULL) {
		/* The rest of the line will be another edge. */
		if (n <= 0 || n == LINE_MAX_BYTES)
			vsock_conn_abort(c, false);
		return;
	}
	n = recv(c->fd, line, (size_t)(end - line) + 1, MSG_DONTWAIT);
	*end = '\0';
	if (n != end - line + 1 || !parse_line(line, &port)) {
		vsock_conn_abort(c, false);
		return;
	}
	c->readable = vsock_host_probe(c);
	c->state = VSOCK_REQUESTED;
	c->owed = BIT(VIRTIO_VSOCK_OP_REQUEST);
	vsock_conn_name(c, port, free_port(c->v, port));
	vsock_conn_limit(c);
	vsock_conn_wake(c);
}

static int listen_fd(const struct vsock *v)
{
	return v->own_listen_fd >= 0 ? v->own_listen_fd : v->cfg.listen_fd;
}

static void client_comes(struct vu_watch *watch, uint32_t events)
{
	struct vsock *v = container_of(watch, struct vsock, listen_watch);
	struct vsock_conn *c;
	int fd;

	(void)events;
	for (int i = 0; i < ACCEPT_BUDGET; i++) {
		fd = accept4(listen_fd(v), NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0) { /* it would wake us until there is room */
			log_guest("vsock", v->cfg.id,
				  "client not accepted for a second: %s",
				  strerror(errno));
			vu_loop_remove(vu_server_loop(v->server), watch);
			vsock_tick(v);
			return;
		}
		c = vsock_conn_create(v, fd, VSOCK_CLIENT);
		if (c != NULL)
			vsock_conn_limit(c);
		else
			log_guest("vsock", v->cfg.id,
				  "client refused: %u connections, which is "
				  "all there can be",
				  v->conns);
	}
}

void vsock_listen_again(struct vsock *v)
{
	if (v->listen_watch.fd < 0)
		vu_loop_add(vu_server_loop(v->server), &v->listen_watch,
			    listen_fd(v), EPOLLIN);
}

int vsock_listen(struct vsock *v, struct err *err)
{
	int fd = listen_fd(v), ret;

	v->listen_watch = VU_WATCH_NONE(client_comes);
	/* Whoever bound it may have asked for a shorter queue of clients. */
	if (listen(fd, BACKLOG) < 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return err_errno(err, "descriptor %d of '%s'", fd,
				 v->cfg.uds_path);
	ret = vu_loop_add(vu_server_loop(v->server), &v->listen_watch, fd,
			  EPOLLIN);
	return ret < 0 ? err_set(err, -ret, "descriptor %d cannot be polled",
				 fd)
		       : 0;
}
