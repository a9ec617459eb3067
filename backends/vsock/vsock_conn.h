// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_conn.h - one connection: a port of the guest and a Unix socket
 *
 * Functions marked "may end c" may free it: the caller must not use it again.
 */
#ifndef MOTE_VSOCK_CONN_H
#define MOTE_VSOCK_CONN_H

#include "vu_buffer.h"
#include "vu_loop.h"

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <sys/queue.h>

enum {
	/* Bytes the guest may send ahead of the host's reader; memory only while
	 * that one is behind. */
	VSOCK_BUFFER = 64 * 1024,
	/* For a client to name its port, the guest to answer, and both to leave. */
	VSOCK_LIMIT_S = 5,
	VSOCK_SHUTDOWN_BOTH =
		VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND,
};

enum vsock_state {
	VSOCK_CLIENT,	 /* has not named its port yet; has no name */
	VSOCK_REQUESTED, /* the guest is asked */
	VSOCK_OPEN,
	VSOCK_GONE, /* over for the guest, or once it has our RST */
};

struct vsock;

struct vsock_conn {
	struct vsock *v;
	enum vsock_state state;
	uint32_t guest_port, host_port;
	TAILQ_ENTRY(vsock_conn) in_all, in_turns;
	LIST_ENTRY(vsock_conn) in_hash;
	bool named;    /* in the hash */
	bool has_turn; /* in v->turns */
	time_t limit;  /* monotonic, seconds; 0: none */

	uint32_t owed; /* packets, BIT(VIRTIO_VSOCK_OP_...) */
	/* VIRTIO_VSOCK_SHUTDOWN_..., virtio 1.3, 5.10.6.6 */
	uint32_t guest_shut, host_shut;

	/* The host's end; -1 when closed. */
	int fd;
	struct vu_watch watch;
	bool readable;		 /* a read may give something, or the end */
	struct vu_buffer buffer; /* what its reader has not taken, if any */

	/* Credit, virtio 1.3, 5.10.6.3: free-running numbers of bytes. */
	uint32_t sent;			   /* to the guest */
	uint32_t guest_alloc, guest_taken; /* as it says */
	bool asked;	      /* CREDIT_REQUEST, while there is none */
	uint32_t received;    /* from the guest */
	uint32_t taken, told; /* by the host, and as the guest knows */
};

TAILQ_HEAD(vsock_conns, vsock_conn);
TAILQ_HEAD(vsock_turns, vsock_conn);
LIST_HEAD(vsock_hash, vsock_conn);

/* vsock_conn.c */
/* Takes fd in any case; NULL when there are too many. */
struct vsock_conn *vsock_conn_create(struct vsock *v, int fd,
				     enum vsock_state state);
struct vsock_conn *vsock_conn_find(struct vsock *v, uint32_t guest_port,
				   uint32_t host_port);
void vsock_conn_name(struct vsock_conn *c, uint32_t guest_port,
		     uint32_t host_port);
/* Bytes the guest has room for. */
uint32_t vsock_conn_credit(const struct vsock_conn *c);
/* Packets to be sent, BIT(VIRTIO_VSOCK_OP_...). */
uint32_t vsock_conn_owes(const struct vsock_conn *c);
/* Let it have a turn if it owes anything. */
void vsock_conn_wake(struct vsock_conn *c);
void vsock_conn_limit(struct vsock_conn *c);
/*
 * Over for the guest, told with RST if it must be. What it sent before still
 * goes to the host's reader. May end c.
 */
void vsock_conn_finish(struct vsock_conn *c, bool reset);
/* The same, but nothing more goes anywhere. May end c. */
void vsock_conn_abort(struct vsock_conn *c, bool reset);
/* The RST has been sent. May end c. */
void vsock_conn_reset_sent(struct vsock_conn *c);
/* The limit has passed. May end c. */
void vsock_conn_expire(struct vsock_conn *c);
/* After something that may have been the last: may end c. */
void vsock_conn_settle(struct vsock_conn *c);

/* vsock_host.c */
/* Connect to what stands for a port of the host: a descriptor or -errno. */
int vsock_host_connect(const char *uds_path, uint32_t port);
int vsock_host_watch(struct vsock_conn *c);
void vsock_host_close(struct vsock_conn *c);
/* Is there anything to read, be it the end? */
bool vsock_host_probe(const struct vsock_conn *c);
/*
 * Read into the guest's buffers. More than 0 bytes, 0 at the end (noted in
 * host_shut), -EAGAIN.
 */
ssize_t vsock_host_read(struct vsock_conn *c, const struct vu_iov *into);
/* Write, or keep; data fits into the buffer. -ENOMEM when it cannot be kept. */
int vsock_host_write(struct vsock_conn *c, struct vu_iov *data);
/* Write what is kept; true when nothing is left. */
bool vsock_host_flush(struct vsock_conn *c);
/* Take over what the guest has shut down. */
void vsock_host_shut(struct vsock_conn *c);

#endif
