// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_from_guest.c - packets from the guest
 *
 * The header is copied, then judged. What does not belong to a connection is
 * answered with RST (virtio 1.3, 5.10.6.4.1); what a connection's state does not
 * allow ends that connection and no other.
 */
#include "vsock.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

enum { BUDGET = 64 };

/* One packet, checked: payload is as long as hdr.len says. */
struct packet {
	struct virtio_vsock_hdr hdr;
	struct vu_iov payload;
};

static void breaks_rule(struct vsock_conn *c, const char *why)
{
	log_guest("vsock", c->v->cfg.id,
		  "guest port %" PRIu32 ", host port %" PRIu32
		  ": %s, connection reset",
		  c->guest_port, c->host_port, why);
	vsock_conn_abort(c, true);
}

static void on_request(struct vsock_conn *c, struct packet *p)
{
	(void)p;
	breaks_rule(c, "REQUEST for a connection there is");
}

static void on_response(struct vsock_conn *c, struct packet *p)
{
	char text[32];
	int len;

	(void)p;
	if (c->state != VSOCK_REQUESTED) {
		breaks_rule(c, "RESPONSE nobody waits for");
		return;
	}
	c->state = VSOCK_OPEN;
	c->limit = 0;
	len = snprintf(text, sizeof(text), "OK %" PRIu32 "\n", c->host_port);
	if (send(c->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len)
		vsock_conn_abort(c, true);
	else
		vsock_conn_wake(c);
}

static void on_rst(struct vsock_conn *c, struct packet *p)
{
	(void)p;
	vsock_conn_finish(c, false);
}

static void on_shutdown(struct vsock_conn *c, struct packet *p)
{
	c->guest_shut |= p->hdr.flags & VSOCK_SHUTDOWN_BOTH;
	vsock_host_shut(c);
	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		vsock_conn_finish(c, true);
	else
		vsock_conn_wake(c);
}

static void on_data(struct vsock_conn *c, struct packet *p)
{
	if (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) {
		breaks_rule(c, "data after its end");
		return;
	}
	/* What it knows of our room can be old, but never too much. */
	if (p->hdr.len > VSOCK_BUFFER - c->buffer.len) {
		breaks_rule(c, "more data than we have room for");
		return;
	}
	c->received += p->hdr.len;
	if (p->hdr.len > 0 && vsock_host_write(c, &p->payload) < 0) {
		breaks_rule(c, "out of memory");
		return;
	}
	vsock_conn_wake(c);
}

static void on_credit_update(struct vsock_conn *c, struct packet *p)
{
	(void)p;
	vsock_conn_wake(c);
}

static void on_credit_request(struct vsock_conn *c, struct packet *p)
{
	(void)p;
	c->owed |= BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	vsock_conn_wake(c);
}

/* May end c. Those not in `open` are for any state before VSOCK_GONE. */
static const struct {
	void (*handle)(struct vsock_conn *c, struct packet *p);
	bool open; /* needs VSOCK_OPEN */
} operations[] = {
	[VIRTIO_VSOCK_OP_REQUEST] = { on_request, false },
	[VIRTIO_VSOCK_OP_RESPONSE] = { on_response, false },
	[VIRTIO_VSOCK_OP_RST] = { on_rst, false },
	[VIRTIO_VSOCK_OP_SHUTDOWN] = { on_shutdown, true },
	[VIRTIO_VSOCK_OP_RW] = { on_data, true },
	[VIRTIO_VSOCK_OP_CREDIT_UPDATE] = { on_credit_update, true },
	[VIRTIO_VSOCK_OP_CREDIT_REQUEST] = { on_credit_request, true },
};

static void take_credit(struct vsock_conn *c,
			const struct virtio_vsock_hdr *hdr)
{
	c->guest_alloc = hdr->buf_alloc;
	c->guest_taken = hdr->fwd_cnt;
	if (vsock_conn_credit(c) > 0)
		c->asked = false;
}

static void known(struct vsock_conn *c, struct packet *p)
{
	uint16_t op = p->hdr.op;

	/* It has not seen our RST yet; its own comes instead. */
	if (c->state == VSOCK_GONE) {
		if (op == VIRTIO_VSOCK_OP_RST)
			vsock_conn_expire(c);
		return;
	}
	take_credit(c, &p->hdr);
	if (op >= ARRAY_LEN(operations) || operations[op].handle == NULL)
		breaks_rule(c, "no such operation");
	else if (operations[op].open && c->state != VSOCK_OPEN)
		breaks_rule(c, "not open yet");
	else
		operations[op].handle(c, p);
}

/* REQUEST: a program of the guest connects to a port of the host. */
static void connect_to_host(struct vsock *v, const struct packet *p)
{
	int fd = vsock_host_connect(v->cfg.uds_path, p->hdr.dst_port);
	struct vsock_conn *c = NULL;

	if (fd >= 0)
		c = vsock_conn_create(v, fd, VSOCK_OPEN);
	if (c == NULL) {
		vsock_reset_unknown(v, &p->hdr);
		return;
	}
	vsock_conn_name(c, p->hdr.src_port, p->hdr.dst_port);
	take_credit(c, &p->hdr);
	c->owed = BIT(VIRTIO_VSOCK_OP_RESPONSE);
	vsock_conn_wake(c);
}

/* virtio 1.3, 5.10.6.4: the upper halves of addresses are 0. */
static void take_packet(struct vsock *v, struct packet *p)
{
	uint64_t len = vu_iov_len(&p->payload);
	struct vsock_conn *c;

	if (p->hdr.src_cid != v->cfg.guest_cid) {
		log_guest("vsock", v->cfg.id,
			  "packet from address %" PRIu64 ", which is not the "
			  "guest's, dropped",
			  (uint64_t)p->hdr.src_cid);
		return;
	}
	if (p->hdr.dst_cid != VSOCK_HOST_CID ||
	    p->hdr.type != VIRTIO_VSOCK_TYPE_STREAM) {
		vsock_reset_unknown(v, &p->hdr);
		return;
	}
	c = vsock_conn_find(v, p->hdr.src_port, p->hdr.dst_port);
	if (c != NULL && p->hdr.len > len) {
		breaks_rule(c, "a packet longer than its buffers");
		return;
	}
	if (p->hdr.len <= len)
		vu_iov_trim(&p->payload, len - p->hdr.len);
	if (c != NULL)
		known(c, p);
	else if (p->hdr.op == VIRTIO_VSOCK_OP_REQUEST)
		connect_to_host(v, p);
	else
		vsock_reset_unknown(v, &p->hdr);
}

enum vu_served vsock_from_guest(struct vsock *v, struct vu_queue *queue)
{
	struct vu_chain chain;
	struct packet p;

	for (int i = 0; i < BUDGET; i++) {
		if (!vu_queue_pop(queue, &chain))
			return VU_SERVED_ALL;
		p.payload = (struct vu_iov){ chain.iov, chain.readable };
		if (vu_iov_read(&p.payload, &p.hdr, sizeof(p.hdr)) ==
		    sizeof(p.hdr))
			take_packet(v, &p);
		else
			log_guest("vsock", v->cfg.id,
				  "packet shorter than its header, dropped");
		vu_queue_push(queue, &chain, 0);
	}
	return VU_SERVED_PART;
}
