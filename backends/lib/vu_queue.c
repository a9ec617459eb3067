// SPDX-License-Identifier: Apache-2.0
/*
 * vu_queue.c - the life of a queue: started, served, stopped
 *
 * Theory of operation
 *
 *   set up    SET_VRING_NUM, ADDR, BASE have filled config in. Nothing of it has
 *             been looked at.
 *   started   SET_VRING_KICK: the ring is checked and placed. Served when it is
 *             also enabled: on kicks, when the device resumes, and right away,
 *             because chains may have been added before we listened.
 *   broken    the driver broke a rule of the ring: nothing is popped or pushed
 *             any more, kicks are ignored, the err descriptor is signalled. Chains
 *             in flight still come back and are counted.
 *   stopped   GET_VRING_BASE: when it returns, no chain is in flight.
 *
 * Kick descriptors are watched edge-triggered and never read: each write to an
 * eventfd is an edge, whatever its count. This saves one system call per
 * request. No kick is lost, because the ring is looked at again after kicks have
 * been turned on.
 */
#include "vu_state.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>

/*
 * Rounds of "empty, kicks on, but there is one more" before the other queues and
 * the socket get their turn: a driver cannot keep us here.
 */
enum { ROUNDS_MAX = 4 };

static void kicked(struct vu_watch *watch, uint32_t events)
{
	(void)events;
	vu_queue_serve(container_of(watch, struct vu_queue, kick));
}

void vu_queue_init(struct vu_queue *q, struct vu_server *server, unsigned index)
{
	*q = (struct vu_queue){
		.server = server,
		.index = index,
		.kick_fd = -1,
		.call_fd = -1,
		.err_fd = -1,
		.kick = VU_WATCH_NONE(kicked),
	};
}

static bool runs(const struct vu_queue *q)
{
	return q->started && q->enabled && !q->broken;
}

static bool polled(const struct vu_queue *q)
{
	return q->started && q->kick_fd < 0;
}

static void set_kick(struct vu_queue *q, int kick_fd)
{
	vu_loop_remove(&q->server->loop, &q->kick);
	fd_close(&q->kick_fd);
	q->kick_fd = kick_fd;
}

/* vhost-user.rst: without this protocol bit rings are enabled from the start. */
static void enable_if_implied(struct vu_queue *q)
{
	if (!(q->server->features >> VU_F_PROTOCOL_FEATURES & 1))
		q->enabled = true;
}

static int start_ring(struct vu_queue *q, struct err *err)
{
	uint64_t features = q->server->features;

	q->config.packed = features >> VIRTIO_F_RING_PACKED & 1;
	q->config.event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	q->config.indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	return vu_ring_start(&q->ring, &q->server->memory, &q->config, err);
}

int vu_queue_start(struct vu_queue *q, int kick_fd, struct err *err)
{
	int ret = 0;

	if (polled(q))
		q->server->polled--;
	set_kick(q, kick_fd);
	if (!q->started) {
		q->started = true;
		q->broken = false;
		enable_if_implied(q);
		ret = start_ring(q, err);
	}
	if (ret == 0 && kick_fd >= 0 && !q->broken) {
		ret = vu_loop_add(&q->server->loop, &q->kick, kick_fd,
				  EPOLLIN | EPOLLET);
		if (ret < 0)
			err_set(err, -ret, "kick descriptor cannot be polled");
	}
	if (polled(q))
		q->server->polled++;
	if (ret < 0) {
		vu_queue_break(q, err->text);
		return err_prefix(err, ret, "queue %u", q->index);
	}
	vu_queue_serve(q);
	return 0;
}

void vu_queue_drain(struct vu_queue *q)
{
	if (q->in_flight > 0)
		q->server->cfg.ops->drain(q->server->cfg.device, q);
	vu_queue_notify(q);
}

uint32_t vu_queue_stop(struct vu_queue *q)
{
	vu_queue_drain(q);
	if (polled(q))
		q->server->polled--;
	set_kick(q, -1);
	fd_close(&q->call_fd);
	if (q->ring.ops != NULL)
		q->config.base = q->ring.ops->base(&q->ring);
	q->ring.ops = NULL;
	q->started = false;
	q->broken = false;
	q->again = false;
	if (q->server->cfg.ops->stopped != NULL)
		q->server->cfg.ops->stopped(q->server->cfg.device, q);
	return q->config.base;
}

void vu_queue_set_call(struct vu_queue *q, int call_fd)
{
	fd_close(&q->call_fd);
	q->call_fd = call_fd;
	if (call_fd < 0)
		return;
	/* A descriptor that blocks when its count is full must not stop us. */
	fcntl(call_fd, F_SETFL, fcntl(call_fd, F_GETFL) | O_NONBLOCK);
	/* What was pushed before the driver could be told. */
	if (q->started)
		eventfd_signal(call_fd);
}

void vu_queue_enable(struct vu_queue *q, bool enabled)
{
	if (!enabled)
		vu_queue_drain(q);
	q->enabled = enabled;
	vu_queue_serve(q);
}

void vu_queue_relocate(struct vu_queue *q)
{
	struct err err;

	if (q->started && !q->broken &&
	    vu_ring_relocate(&q->ring, &q->config, &err) < 0)
		vu_queue_break(q, err.text);
}

void vu_queue_break(struct vu_queue *q, const char *why)
{
	const struct vu_server_config *cfg = &q->server->cfg;

	log_guest(cfg->type, cfg->id,
		  "queue %u: %s; queue stopped until it is set up again",
		  q->index, why);
	q->broken = true;
	vu_loop_remove(&q->server->loop, &q->kick);
	if (q->err_fd >= 0)
		eventfd_signal(q->err_fd);
}

int vu_queue_pop(struct vu_queue *q, struct vu_chain *chain)
{
	int ret;

	if (!runs(q))
		return 0;
	ret = q->ring.ops->pop(&q->ring, chain);
	if (ret > 0)
		q->in_flight++;
	if (ret < 0)
		vu_queue_break(q, q->ring.fault);
	return ret > 0;
}

void vu_queue_push(struct vu_queue *q, const struct vu_chain *chain,
		   uint32_t written)
{
	q->in_flight--;
	if (!q->broken)
		q->ring.ops->push(&q->ring, chain, written);
}

void vu_queue_notify(struct vu_queue *q)
{
	if (q->ring.ops == NULL || q->broken || q->ring.unsignalled == 0)
		return;
	if (q->ring.ops->wants_call(&q->ring) && q->call_fd >= 0)
		eventfd_signal(q->call_fd);
}

bool vu_queue_ready(struct vu_queue *q)
{
	return runs(q) && q->ring.ops->ready(&q->ring);
}

void vu_queue_serve_soon(struct vu_queue *q)
{
	q->again = true;
	q->server->again = true;
}

void vu_queue_serve(struct vu_queue *q)
{
	const struct vu_server_config *cfg = &q->server->cfg;
	enum vu_served served;

	for (int round = 0; runs(q); round++) {
		if (round == ROUNDS_MAX) {
			vu_queue_serve_soon(q);
			return;
		}
		q->ring.ops->kicks_off(&q->ring);
		served = cfg->ops->serve(cfg->device, q);
		vu_queue_notify(q);
		if (served == VU_SERVED_PART)
			vu_queue_serve_soon(q);
		if (served != VU_SERVED_ALL || !runs(q))
			return;
		q->ring.ops->kicks_on(&q->ring);
		if (!q->ring.ops->ready(&q->ring))
			return;
	}
}
