// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_peer.h - a `mote vsock` in a child process, its driver and its clients
 */
#ifndef MOTE_TESTS_VSOCK_PEER_H
#define MOTE_TESTS_VSOCK_PEER_H

#include "pattern.h"
#include "vu_peer.h"

#include <linux/virtio_vsock.h>

enum {
	RX,
	TX,
	EVENT,
	QUEUE = 16,	    /* receive buffers posted */
	BUFFER = 4096 + 44, /* bytes of each */
	GUEST_CID = 77,
	ROOM = 256 * 1024, /* what our side says it has */
};

struct vsock_peer {
	struct peer peer;
	char dir[32], uds[48];
	uint32_t rx_at, tx_at;
	uint32_t buffers[PEER_RING_MAX]; /* receive buffers, by id */
};

/* One packet as the guest gets it. */
struct received {
	struct virtio_vsock_hdr hdr;
	char data[BUFFER];
};

/* A connection as the guest sees it; buf_alloc and fwd_cnt are for headers. */
struct guest_conn {
	uint32_t guest_port, host_port;
	uint32_t buf_alloc, fwd_cnt;
	uint32_t sent, host_fwd; /* for the other direction */
};

void vsock_start(struct vsock_peer *v, uint64_t features);
void vsock_finish(struct vsock_peer *v);
void vsock_start_queues(struct vsock_peer *v);
void vsock_post(struct vsock_peer *v, uint32_t at, uint32_t len);

/* A packet of the guest, as it is; the payload is what data has. */
void vsock_send_raw(struct vsock_peer *v, const struct virtio_vsock_hdr *hdr,
		    const void *data, uint32_t len);
void vsock_send(struct vsock_peer *v, struct guest_conn *c, uint16_t op,
		uint32_t flags, const void *data, uint32_t len);
/* The next packet for the guest; its buffer is posted again. */
void vsock_receive(struct vsock_peer *v, struct received *r);
/* The same, of this connection and operation. */
void vsock_expect(struct vsock_peer *v, struct guest_conn *c, uint16_t op,
		  struct received *r);
/* No packet comes for a while. */
void vsock_expect_nothing(struct vsock_peer *v);

/* A client of the host connected to a port of the guest; its socket. */
int vsock_dial(struct vsock_peer *v, struct guest_conn *c, uint32_t port);
/* A guest's connection to a port where the host listens; the host's socket. */
int vsock_dial_out(struct vsock_peer *v, struct guest_conn *c,
		   uint32_t guest_port, int listen_fd, uint32_t port);
/* Listen where port N of the host is. */
int vsock_listen_at(struct vsock_peer *v, uint32_t port);
/* Send text and read one line, "" at the end of the stream. */
void client_says(int fd, const char *text);
void client_hears(int fd, char *line, size_t size);
/* The stream has ended or does within seconds; what comes before is skipped. */
bool client_ends(int fd, int seconds);

#endif
