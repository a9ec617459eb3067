// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_to_guest.c - packets to the guest, fairly
 *
 * Each buffer the guest offers takes one packet. Connections that owe one get
 * theirs in turn, however much data one of them has. A buffer once taken is never
 * given back empty: data that turns out not to be there becomes news of our
 * credit, which is always welcome.
 */
#include "vsock.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUDGET = 128 };

static const uint32_t header_bytes = sizeof(struct virtio_vsock_hdr);

void vsock_reset_unknown(struct vsock *v, const struct virtio_vsock_hdr *to)
{
	struct virtio_vsock_hdr *hdr;

	if (to->op == VIRTIO_VSOCK_OP_RST)
		return;
	if (v->reset_count == VSOCK_RESETS_MAX) {
		log_guest("vsock", v->cfg.id,
			  "the guest takes no packets: no answer to one of "
			  "an unknown connection");
		return;
	}
	hdr = &v->resets[(v->reset_head + v->reset_count++) % VSOCK_RESETS_MAX];
	*hdr = (struct virtio_vsock_hdr){
		.src_cid = to->dst_cid,
		.dst_cid = to->src_cid,
		.src_port = to->dst_port,
		.dst_port = to->src_port,
		.type = to->type,
		.op = VIRTIO_VSOCK_OP_RST,
	};
	vu_queue_serve_soon(vu_server_queue(v->server, VSOCK_RX));
}

/* The next packet of a connection: what comes first must go first. */
static uint16_t next_op(const struct vsock_conn *c)
{
	static const uint16_t order[] = {
		VIRTIO_VSOCK_OP_RST,	  VIRTIO_VSOCK_OP_REQUEST,
		VIRTIO_VSOCK_OP_RESPONSE, VIRTIO_VSOCK_OP_RW,
		VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_CREDIT_REQUEST,
	};
	uint32_t owed = vsock_conn_owes(c);

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (owed & BIT(order[i]))
			return order[i];
	}
	return VIRTIO_VSOCK_OP_CREDIT_UPDATE;
}

/* Read as much as fits behind the header and the guest has room for. */
static uint16_t fill_data(struct vsock_conn *c, const struct vu_chain *chain,
			  uint32_t *len)
{
	struct iovec iov[VU_IOV_MAX];
	struct vu_iov body = { iov, chain->writable };
	uint64_t room, credit = vsock_conn_credit(c);
	ssize_t n;

	memcpy(iov, chain->iov + chain->readable,
	       chain->writable * sizeof(iov[0]));
	vu_iov_skip(&body, header_bytes);
	room = vu_iov_len(&body);
	if (room == 0)
		return VIRTIO_VSOCK_OP_CREDIT_UPDATE;
	if (room > credit)
		vu_iov_trim(&body, room - credit);
	n = vsock_host_read(c, &body);
	if (n == 0)
		return VIRTIO_VSOCK_OP_SHUTDOWN;
	if (n < 0)
		return VIRTIO_VSOCK_OP_CREDIT_UPDATE;
	*len = (uint32_t)n;
	c->sent += *len;
	return VIRTIO_VSOCK_OP_RW;
}

/* Returns the bytes written into the chain. May end c. */
static uint32_t fill(struct vsock_conn *c, const struct vu_chain *chain)
{
	struct iovec iov[VU_IOV_MAX];
	struct vu_iov head = { iov, chain->writable };
	uint16_t op = next_op(c);
	uint32_t len = 0;
	struct virtio_vsock_hdr hdr;

	if (op == VIRTIO_VSOCK_OP_RW)
		op = fill_data(c, chain, &len);
	hdr = (struct virtio_vsock_hdr){
		.src_cid = VSOCK_HOST_CID,
		.dst_cid = c->v->cfg.guest_cid,
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.flags = op == VIRTIO_VSOCK_OP_SHUTDOWN ? c->host_shut : 0,
		.buf_alloc = VSOCK_BUFFER,
		.fwd_cnt = c->taken,
	};
	memcpy(iov, chain->iov + chain->readable,
	       chain->writable * sizeof(iov[0]));
	vu_iov_write(&head, &hdr, sizeof(hdr));

	c->told = c->taken;
	c->owed &= ~(uint32_t)(BIT(op) | BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE));
	if (op == VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		c->asked = true;
	if (op == VIRTIO_VSOCK_OP_SHUTDOWN &&
	    c->host_shut == VSOCK_SHUTDOWN_BOTH)
		vsock_conn_limit(c);
	if (op == VIRTIO_VSOCK_OP_RST)
		vsock_conn_reset_sent(c);
	return header_bytes + len;
}

static uint32_t fill_reset(struct vsock *v, const struct vu_chain *chain)
{
	struct iovec iov[VU_IOV_MAX];
	struct vu_iov head = { iov, chain->writable };

	memcpy(iov, chain->iov + chain->readable,
	       chain->writable * sizeof(iov[0]));
	vu_iov_write(&head, &v->resets[v->reset_head], header_bytes);
	v->reset_head = (v->reset_head + 1) % VSOCK_RESETS_MAX;
	v->reset_count--;
	return header_bytes;
}

static uint64_t writable_bytes(struct vu_chain *chain)
{
	struct vu_iov v = { chain->iov + chain->readable, chain->writable };

	return vu_iov_len(&v);
}

/* The next in turn that still owes something. */
static struct vsock_conn *next_turn(struct vsock *v)
{
	struct vsock_conn *c;

	while ((c = TAILQ_FIRST(&v->turns)) != NULL &&
	       vsock_conn_owes(c) == 0) {
		TAILQ_REMOVE(&v->turns, c, in_turns);
		c->has_turn = false;
	}
	return c;
}

/* Only now that there is a buffer for it: it must not miss its turn. */
static uint32_t take_turn(struct vsock *v, struct vsock_conn *c,
			  const struct vu_chain *chain)
{
	TAILQ_REMOVE(&v->turns, c, in_turns);
	TAILQ_INSERT_TAIL(&v->turns, c, in_turns);
	return fill(c, chain);
}

enum vu_served vsock_to_guest(struct vsock *v, struct vu_queue *queue)
{
	struct vu_chain chain;
	struct vsock_conn *c = NULL;
	uint32_t len;

	for (int i = 0; i < BUDGET; i++) {
		if (v->reset_count == 0 && (c = next_turn(v)) == NULL)
			return VU_SERVED_BLOCKED; /* until somebody owes */
		if (!vu_queue_pop(queue, &chain))
			return VU_SERVED_ALL;
		if (writable_bytes(&chain) < header_bytes) {
			vu_queue_push(queue, &chain, 0);
			vu_queue_break(queue, "a receive buffer is too small "
					      "for a packet's header");
			return VU_SERVED_ALL;
		}
		len = v->reset_count > 0 ? fill_reset(v, &chain)
					 : take_turn(v, c, &chain);
		vu_queue_push(queue, &chain, len);
	}
	return VU_SERVED_PART;
}
