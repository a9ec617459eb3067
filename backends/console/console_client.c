// SPDX-License-Identifier: Apache-2.0
/*
 * console_client.c - the stream is whoever connects to a socket
 *
 * One client at a time; others wait in the listening socket's queue until the
 * first has closed both directions. What the guest wrote meanwhile, up to the
 * size of the output buffer, is what a client sees first. A client that only
 * stops sending goes on receiving.
 */
#include "console.h"
#include "fd.h"
#include "log.h"
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static int listen_on(struct console *c)
{
	return vu_loop_add(vu_server_loop(c->server), &c->listen_watch,
			   c->cfg.listen_fd, EPOLLIN);
}

void console_client_gone(struct console *c)
{
	vu_loop_remove(vu_server_loop(c->server), &c->out_watch);
	console_stream_close(&c->out);
	console_client_next(c);
}

void console_client_next(struct console *c)
{
	if (c->cfg.listen_fd < 0 || c->in.fd >= 0 || c->out.fd >= 0 ||
	    c->listen_watch.fd >= 0)
		return;
	if (listen_on(c) < 0)
		log_write(LOG_ERROR, "console", c->cfg.id,
			  "cannot wait for another client");
}

/* Two descriptors, as each direction ends by itself. */
static int take_client(struct console *c, int fd, struct err *err)
{
	struct vu_loop *loop = vu_server_loop(c->server);
	int ret;

	ret = console_stream_open(&c->in, fd, false, err);
	if (ret == 0)
		ret = console_stream_open(&c->out, fd, true, err);
	if (ret == 0)
		ret = vu_loop_add(loop, &c->in_watch, c->in.fd,
				  EPOLLIN | EPOLLET);
	if (ret == 0)
		ret = vu_loop_add(loop, &c->out_watch, c->out.fd,
				  EPOLLOUT | EPOLLET);
	if (ret == 0)
		return 0;
	vu_loop_remove(loop, &c->in_watch);
	console_stream_close(&c->in);
	console_stream_close(&c->out);
	return ret;
}

static void client_comes(struct vu_watch *watch, uint32_t events)
{
	struct console *c = container_of(watch, struct console, listen_watch);
	struct err err = { "the socket cannot be polled" };
	int fd;

	(void)events;
	fd = unix_socket_accept(c->cfg.listen_fd, SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (take_client(c, fd, &err) < 0)
		log_write(LOG_WARN, "console", c->cfg.id, "client refused: %s",
			  err.text);
	else
		vu_loop_remove(vu_server_loop(c->server), &c->listen_watch);
	fd_close(&fd);
	console_output_flush(c);
}

int console_client_listen(struct console *c, struct err *err)
{
	int ret;

	c->listen_watch = VU_WATCH_NONE(client_comes);
	ret = listen_on(c);
	return ret < 0 ? err_set(err, -ret, "descriptor %d cannot be polled",
				 c->cfg.listen_fd)
		       : 0;
}
