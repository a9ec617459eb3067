// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_conn.c - the life of a connection
 *
 * Theory of operation
 *
 *   client     accepted on uds_path. Has VSOCK_LIMIT_S to name a port.
 *   requested  REQUEST is owed or sent; the guest has as long to answer. Nothing
 *              is read from the socket.
 *   open       bytes flow. Each side may close its directions one by one, which
 *              is passed on. When the host has closed both, the guest has
 *              VSOCK_LIMIT_S for its RST; when the guest has, it gets ours at once
 *              (virtio 1.3, 5.10.6.6).
 *   gone       the guest knows the connection no more, or not once the owed RST is
 *              sent. What is in the buffer still goes to the host's reader, who
 *              may take as long as it likes. The name stays taken until the RST is
 *              sent: it must not hit a new connection of the same name.
 *
 * A connection owes packets as bits, so however often something is owed, nothing
 * grows. Those that owe wait in v->turns for buffers of the guest.
 */
#include "vsock.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct vsock_hash *bucket(struct vsock *v, uint32_t guest_port,
				 uint32_t host_port)
{
	return &v->hash[(guest_port * 31 + host_port) % VSOCK_HASH];
}

struct vsock_conn *vsock_conn_find(struct vsock *v, uint32_t guest_port,
				   uint32_t host_port)
{
	struct vsock_conn *c;

	LIST_FOREACH(c, bucket(v, guest_port, host_port), in_hash)
	{
		if (c->guest_port == guest_port && c->host_port == host_port)
			return c;
	}
	return NULL;
}

void vsock_conn_name(struct vsock_conn *c, uint32_t guest_port,
		     uint32_t host_port)
{
	c->guest_port = guest_port;
	c->host_port = host_port;
	c->named = true;
	LIST_INSERT_HEAD(bucket(c->v, guest_port, host_port), c, in_hash);
}

static void unname(struct vsock_conn *c)
{
	if (c->named)
		LIST_REMOVE(c, in_hash);
	c->named = false;
}

struct vsock_conn *vsock_conn_create(struct vsock *v, int fd,
				     enum vsock_state state)
{
	struct vsock_conn *c = NULL;

	if (v->conns < v->conns_max)
		c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->v = v;
	c->fd = fd;
	c->state = state;
	v->conns++;
	TAILQ_INSERT_TAIL(&v->all, c, in_all);
	if (vsock_host_watch(c) < 0) {
		vsock_conn_abort(c, false);
		return NULL;
	}
	return c;
}

static void destroy(struct vsock_conn *c)
{
	struct vsock *v = c->v;

	if (c->has_turn)
		TAILQ_REMOVE(&v->turns, c, in_turns);
	TAILQ_REMOVE(&v->all, c, in_all);
	v->conns--;
	free(c);
}

uint32_t vsock_conn_credit(const struct vsock_conn *c)
{
	uint32_t under_way = c->sent - c->guest_taken;

	/* Also when the guest claims to have taken what was never sent. */
	return under_way < c->guest_alloc ? c->guest_alloc - under_way : 0;
}

static bool may_read(const struct vsock_conn *c)
{
	return c->state == VSOCK_OPEN && c->readable &&
	       !(c->host_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

uint32_t vsock_conn_owes(const struct vsock_conn *c)
{
	uint32_t owed = c->owed;

	if (!may_read(c))
		return owed;
	if (vsock_conn_credit(c) > 0)
		owed |= BIT(VIRTIO_VSOCK_OP_RW);
	else if (!c->asked)
		owed |= BIT(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	return owed;
}

void vsock_conn_wake(struct vsock_conn *c)
{
	struct vsock *v = c->v;

	if (c->has_turn || vsock_conn_owes(c) == 0)
		return;
	c->has_turn = true;
	TAILQ_INSERT_TAIL(&v->turns, c, in_turns);
	vu_queue_serve_soon(vu_server_queue(v->server, VSOCK_RX));
}

void vsock_conn_limit(struct vsock_conn *c)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	c->limit = now.tv_sec + VSOCK_LIMIT_S;
	vsock_tick(c->v);
}

void vsock_conn_settle(struct vsock_conn *c)
{
	if (c->state == VSOCK_GONE && c->fd < 0 && !c->named)
		destroy(c);
	else
		vsock_conn_wake(c);
}

/* Does the guest know of it? */
static bool is_known(const struct vsock_conn *c)
{
	return c->state == VSOCK_OPEN ||
	       (c->state == VSOCK_REQUESTED &&
		!(c->owed & BIT(VIRTIO_VSOCK_OP_REQUEST)));
}

void vsock_conn_finish(struct vsock_conn *c, bool reset)
{
	reset = reset && is_known(c);
	c->state = VSOCK_GONE;
	c->owed = reset ? BIT(VIRTIO_VSOCK_OP_RST) : 0;
	c->limit = 0;
	if (reset)
		vsock_conn_limit(c);
	else
		unname(c);
	if (c->buffer.len == 0)
		vsock_host_close(c);
	vsock_conn_settle(c);
}

void vsock_conn_abort(struct vsock_conn *c, bool reset)
{
	vsock_host_close(c);
	vsock_conn_finish(c, reset);
}

void vsock_conn_reset_sent(struct vsock_conn *c)
{
	c->limit = 0;
	unname(c);
	vsock_conn_settle(c);
}

void vsock_conn_expire(struct vsock_conn *c)
{
	if (c->state == VSOCK_GONE) { /* a guest that takes no packets */
		c->owed = 0;
		vsock_conn_reset_sent(c);
	} else {
		vsock_conn_finish(c, true);
	}
}
