// SPDX-License-Identifier: Apache-2.0
/*
 * vu_server.c - a vhost-user server: socket, signals and the run loop
 *
 * One front end in the life of the process: when it closes the socket, or breaks
 * the protocol, what is in flight is finished and vu_server_run() returns.
 */
#include "vu_state.h"
#include "fd.h"
#include "log.h"
#include "signals.h"
#include "unix_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a queue without a kick descriptor is looked at. */
enum { POLL_INTERVAL_MS = 1 };

static void hang_up(struct vu_server *s, int status)
{
	vu_server_reset(s);
	vu_loop_remove(&s->loop, &s->connection);
	fd_close(&s->sock_fd);
	vu_server_stop(s, status);
}

/* One message per wake-up: the queues get their turn in between. */
static void message_ready(struct vu_watch *watch, uint32_t events)
{
	struct vu_server *s = container_of(watch, struct vu_server, connection);
	struct vu_limits limits = { s->protocol_features, s->cfg.queues };
	struct err err = { "" };
	int ret;

	(void)events;
	ret = vu_message_receive(s->sock_fd, &s->msg, &err);
	if (ret == 0)
		return;
	if (ret == -ENOTCONN) {
		hang_up(s, EXIT_SUCCESS);
		return;
	}
	if (ret > 0)
		ret = vu_message_check(&s->msg, &limits, &err);
	if (ret == 0)
		ret = vu_request_handle(s, &s->msg, &err);
	vu_message_clear(&s->msg);
	if (ret < 0) {
		log_write(LOG_ERROR, s->cfg.type, s->cfg.id,
			  "front end: %s, connection closed", err.text);
		hang_up(s, EXIT_FAILURE);
	}
}

static int serve_connection(struct vu_server *s, int fd, struct err *err)
{
	int ret = vu_loop_add(&s->loop, &s->connection, fd, EPOLLIN);

	if (ret < 0)
		return err_set(err, -ret, "vhost-user socket cannot be polled");
	s->sock_fd = fd;
	return 0;
}

static void front_end_comes(struct vu_watch *watch, uint32_t events)
{
	struct vu_server *s = container_of(watch, struct vu_server, listening);
	struct err err;
	int fd;

	(void)events;
	fd = unix_socket_accept(s->listen_fd, 0);
	if (fd < 0)
		return; /* it left again, or has to wait */
	vu_loop_remove(&s->loop, &s->listening);
	fd_close(&s->listen_fd);
	if (serve_connection(s, fd, &err) < 0) {
		log_write(LOG_ERROR, s->cfg.type, s->cfg.id, "%s", err.text);
		fd_close(&fd);
		vu_server_stop(s, EXIT_FAILURE);
	}
}

static void signal_comes(struct vu_watch *watch, uint32_t events)
{
	struct vu_server *s = container_of(watch, struct vu_server, signals);
	struct signalfd_siginfo info;
	int signo;

	(void)events;
	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	signo = (int)info.ssi_signo;
	if (s->cfg.ops->signal != NULL &&
	    s->cfg.ops->signal(s->cfg.device, signo))
		return;
	/* Blocked signals come here even when they are ignored. */
	if ((signo == SIGTERM || signo == SIGINT || signo == SIGHUP) &&
	    !signal_is_ignored(signo))
		hang_up(s, EXIT_SUCCESS);
}

static void signal_set(sigset_t *set)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGWINCH,
				       SIGCONT };

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		sigaddset(set, handled[i]);
}

void vu_server_block_signals(void)
{
	sigset_t set;

	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A descriptor of the front end, or stderr, whose reader has left. */
	signal(SIGPIPE, SIG_IGN);
}

static int watch_signals(struct vu_server *s, struct err *err)
{
	sigset_t set;
	int ret;

	signal_set(&set);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return err_errno(err, "signalfd");
	ret = vu_loop_add(&s->loop, &s->signals, s->signal_fd, EPOLLIN);
	return ret < 0 ? err_set(err, -ret, "signalfd cannot be polled") : 0;
}

int vu_server_create(const struct vu_server_config *cfg, struct vu_server **out,
		     struct err *err)
{
	struct vu_server *s;
	int ret;

	s = calloc(1, sizeof(*s) + cfg->queues * sizeof(s->queues[0]));
	if (s == NULL)
		return err_set(err, ENOMEM, "out of memory");
	s->cfg = *cfg;
	s->listen_fd = s->sock_fd = s->signal_fd = s->backend_fd = -1;
	s->listening = VU_WATCH_NONE(front_end_comes);
	s->connection = VU_WATCH_NONE(message_ready);
	s->signals = VU_WATCH_NONE(signal_comes);
	s->running = true;
	for (unsigned i = 0; i < cfg->queues; i++)
		vu_queue_init(&s->queues[i], s, i);
	ret = vu_loop_init(&s->loop, err);
	if (ret == 0)
		ret = watch_signals(s, err);
	if (ret < 0) {
		vu_server_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

void vu_server_destroy(struct vu_server *s)
{
	if (s == NULL)
		return;
	vu_server_reset(s);
	fd_close(&s->sock_fd);
	fd_close(&s->listen_fd);
	fd_close(&s->signal_fd);
	vu_loop_close(&s->loop);
	if (s->path != NULL)
		unlink(s->path);
	free(s);
}

int vu_server_listen(struct vu_server *s, const char *path, struct err *err)
{
	int fd, ret = unix_socket_listen(path, &fd, err);

	if (ret < 0)
		return ret;
	s->path = path;
	return vu_server_use_socket(s, fd, err);
}

int vu_server_use_socket(struct vu_server *s, int fd, struct err *err)
{
	socklen_t len = sizeof(int);
	int listens, ret;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0) {
		ret = err_errno(err, "descriptor %d", fd);
		fd_close(&fd);
		return ret;
	}
	if (!listens) {
		ret = serve_connection(s, fd, err);
		if (ret < 0)
			fd_close(&fd);
		return ret;
	}
	s->listen_fd = fd;
	ret = vu_loop_add(&s->loop, &s->listening, fd, EPOLLIN);
	return ret < 0 ? err_set(err, -ret, "socket cannot be polled") : 0;
}

static int timeout_ms(const struct vu_server *s)
{
	if (s->again)
		return 0;
	return s->polled > 0 ? POLL_INTERVAL_MS : -1;
}

static void serve_marked(struct vu_server *s)
{
	s->again = false;
	for (unsigned i = 0; i < s->cfg.queues; i++) {
		struct vu_queue *q = &s->queues[i];

		if (q->again || (q->started && q->kick_fd < 0)) {
			q->again = false;
			vu_queue_serve(q);
		}
	}
}

int vu_server_run(struct vu_server *s)
{
	while (s->running) {
		vu_loop_wait(&s->loop, timeout_ms(s));
		if (s->cfg.ops->idle != NULL)
			s->cfg.ops->idle(s->cfg.device);
		if (s->again || s->polled > 0)
			serve_marked(s);
	}
	return s->status;
}

void vu_server_stop(struct vu_server *s, int status)
{
	if (s->running) /* the first reason counts */
		s->status = status;
	s->running = false;
}

struct vu_loop *vu_server_loop(struct vu_server *s)
{
	return &s->loop;
}

uint64_t vu_server_features(const struct vu_server *s)
{
	return s->features;
}

struct vu_queue *vu_server_queue(struct vu_server *s, unsigned index)
{
	return &s->queues[index];
}

void vu_server_config_changed(struct vu_server *s)
{
	struct vu_wire wire = {
		.header = { VU_BACKEND_CONFIG_CHANGE, VU_VERSION, 0 },
	};
	int ret;

	if (s->backend_fd < 0)
		return;
	ret = vu_message_send(s->backend_fd, &wire);
	if (ret < 0)
		log_write(LOG_WARN, s->cfg.type, s->cfg.id,
			  "front end cannot be told of a new configuration: %s",
			  strerror(-ret));
}
