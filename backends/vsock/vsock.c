// SPDX-License-Identifier: Apache-2.0
/*
 * vsock.c - the device as the server sees it, and its life
 */
#include "vsock.h"
#include "fd.h"
#include "unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	OTHER_FDS = 64,	  /* than those of connections */
	LINGER_MS = 1000, /* without progress, at the end */
	LINGER_S = 8,	  /* in all; the spawner waits longer */
};

static enum vu_served serve(void *device, struct vu_queue *queue)
{
	if (queue->index == VSOCK_RX)
		return vsock_to_guest(device, queue);
	if (queue->index == VSOCK_TX)
		return vsock_from_guest(device, queue);
	/* The only event there is says that the guest's address has changed. */
	return VU_SERVED_BLOCKED;
}

/* No chain is ever held. */
static void drain(void *device, struct vu_queue *queue)
{
	(void)device;
	(void)queue;
}

/* The driver that knew of the connections has left. */
static void stopped(void *device, struct vu_queue *queue)
{
	struct vsock *v = device;
	struct vsock_conn *c, *next;

	if (queue->index == VSOCK_EVENT)
		return;
	v->reset_count = 0;
	for (c = TAILQ_FIRST(&v->all); c != NULL; c = next) {
		next = TAILQ_NEXT(c, in_all);
		if (c->state != VSOCK_CLIENT)
			vsock_conn_finish(c, false);
	}
}

/* virtio 1.3, 5.10.4 */
static void read_config(void *device, void *buf)
{
	const struct vsock *v = device;
	struct virtio_vsock_config config = { .guest_cid = v->cfg.guest_cid };

	memcpy(buf, &config, sizeof(config));
}

static int write_config(void *device, size_t offset, const void *data,
			size_t len)
{
	(void)device;
	(void)offset;
	(void)data;
	(void)len;
	return -EINVAL;
}

const struct vu_device_ops vsock_ops = {
	.serve = serve,
	.drain = drain,
	.stopped = stopped,
	.read_config = read_config,
	.write_config = write_config,
};

static void set_tick(struct vsock *v, bool on)
{
	const struct itimerspec when = {
		.it_value.tv_sec = on,
		.it_interval.tv_sec = on,
	};

	if (v->ticking != on)
		timerfd_settime(v->tick_fd, 0, &when, NULL);
	v->ticking = on;
}

void vsock_tick(struct vsock *v)
{
	set_tick(v, true);
}

static void tick(struct vu_watch *watch, uint32_t events)
{
	struct vsock *v = container_of(watch, struct vsock, tick_watch);
	struct vsock_conn *c, *next;
	struct timespec now;
	bool waiting = false;

	(void)events;
	eventfd_drain(v->tick_fd);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	for (c = TAILQ_FIRST(&v->all); c != NULL; c = next) {
		next = TAILQ_NEXT(c, in_all);
		waiting |= c->limit != 0;
		if (c->limit != 0 && c->limit <= now.tv_sec)
			vsock_conn_expire(c);
	}
	vsock_listen_again(v);
	if (!waiting && v->listen_watch.fd >= 0)
		set_tick(v, false);
}

/* As many as there are descriptors for. */
static unsigned connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	limit.rlim_cur = MIN(limit.rlim_max, VSOCK_CONNS_MAX + OTHER_FDS);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= OTHER_FDS)
		return 1;
	return (unsigned)limit.rlim_cur - OTHER_FDS;
}

int vsock_create(const struct vsock_config *cfg, struct vsock **out,
		 struct err *err)
{
	struct vsock *v = calloc(1, sizeof(*v));
	int ret = 0;

	if (v == NULL)
		return err_set(err, ENOMEM, "out of memory");
	v->cfg = *cfg;
	v->own_listen_fd = -1;
	v->conns_max = connections_max();
	v->listen_watch = v->tick_watch = VU_WATCH_NONE(tick);
	TAILQ_INIT(&v->all);
	TAILQ_INIT(&v->turns);
	v->tick_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (v->tick_fd < 0)
		ret = err_errno(err, "timerfd");
	if (ret == 0 && cfg->listen_fd < 0)
		ret = unix_socket_listen(cfg->uds_path, &v->own_listen_fd, err);
	if (ret < 0) {
		vsock_destroy(v);
		return ret;
	}
	*out = v;
	return 0;
}

int vsock_attach(struct vsock *v, struct vu_server *server, struct err *err)
{
	int ret;

	v->server = server;
	ret = vu_loop_add(vu_server_loop(server), &v->tick_watch, v->tick_fd,
			  EPOLLIN);
	if (ret < 0)
		return err_set(err, -ret, "timerfd cannot be polled");
	return vsock_listen(v, err);
}

/* A reader that is merely slow gets the end of what the guest has sent. */
static void linger(struct vsock *v)
{
	struct vsock_conn *c;
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	end = now.tv_sec + LINGER_S;
	TAILQ_FOREACH(c, &v->all, in_all)
	{
		struct pollfd out = { .fd = c->fd, .events = POLLOUT };

		while (c->buffer.len > 0 && now.tv_sec < end &&
		       poll(&out, 1, LINGER_MS) > 0 &&
		       (out.revents & POLLOUT)) {
			vsock_host_flush(c);
			clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
		}
	}
}

void vsock_detach(struct vsock *v)
{
	struct vsock_conn *c, *next;

	linger(v);
	for (c = TAILQ_FIRST(&v->all); c != NULL; c = next) {
		next = TAILQ_NEXT(c, in_all);
		vsock_conn_abort(c, false);
	}
	vu_loop_remove(vu_server_loop(v->server), &v->listen_watch);
	vu_loop_remove(vu_server_loop(v->server), &v->tick_watch);
}

void vsock_destroy(struct vsock *v)
{
	if (v == NULL)
		return;
	if (v->own_listen_fd >= 0)
		unlink(v->cfg.uds_path);
	fd_close(&v->own_listen_fd);
	fd_close(&v->tick_fd);
	free(v);
}
