// SPDX-License-Identifier: Apache-2.0
/*
 * vsock.h - a virtio-vsock device: its state, shared by the files of this folder
 *
 * Host programs reach the guest, and the guest them, through Unix sockets, in
 * Firecracker's way (its docs/vsock.md): a client of the socket uds_path asks for
 * a port of the guest with "CONNECT port\n"; port N of the host is the socket
 * uds_path_N. The guest's address means nothing outside, so that any number of
 * VMs can have the same.
 */
#ifndef MOTE_VSOCK_H
#define MOTE_VSOCK_H

#include "vsock_conn.h"
#include "vu_server.h"

/* virtio 1.3, 5.10.2 */
enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

/* virtio 1.3, 5.10.3; Linux 6.1's header does not have it yet. */
enum { VSOCK_F_STREAM = 0 };

enum {
	VSOCK_CONNS_MAX = 1023,
	VSOCK_HASH = 256,
	VSOCK_RESETS_MAX = 1024, /* to be sent, of no connection */
	VSOCK_HOST_CID = 2,	 /* virtio 1.3, 5.10.4 */
};

struct vsock_config {
	const char *id; /* log lines, or NULL */
	uint32_t guest_cid;
	const char *uds_path;
	int listen_fd; /* borrowed; -1: bind uds_path */
};

struct vsock {
	struct vsock_config cfg;
	struct vu_server *server;
	int own_listen_fd; /* bound by us: file removed at the end; or -1 */
	struct vu_watch listen_watch;
	int tick_fd; /* timerfd, see vsock_tick() */
	struct vu_watch tick_watch;
	bool ticking;

	unsigned conns, conns_max;
	struct vsock_conns all;
	struct vsock_turns turns; /* owe the guest something: round robin */
	struct vsock_hash hash[VSOCK_HASH];
	uint32_t next_port; /* of the host, for the next client */

	unsigned reset_head, reset_count;
	struct virtio_vsock_hdr resets[VSOCK_RESETS_MAX];
};

/* vsock.c: the device as the server sees it. */
extern const struct vu_device_ops vsock_ops;
int vsock_create(const struct vsock_config *cfg, struct vsock **out,
		 struct err *err);
int vsock_attach(struct vsock *v, struct vu_server *server, struct err *err);
/* Before the server is destroyed: the end of what is on its way, then all. */
void vsock_detach(struct vsock *v);
void vsock_destroy(struct vsock *v); /* NULL is allowed */
/* Look at time limits, and at the listening socket, once a second for now. */
void vsock_tick(struct vsock *v);

/* vsock_from_guest.c */
enum vu_served vsock_from_guest(struct vsock *v, struct vu_queue *queue);

/* vsock_to_guest.c */
enum vu_served vsock_to_guest(struct vsock *v, struct vu_queue *queue);
/*
 * Answer a packet that belongs to no connection. So many that none can be added
 * are answers to a guest that takes none: its connection attempts time out.
 */
void vsock_reset_unknown(struct vsock *v, const struct virtio_vsock_hdr *to);

/* vsock_listen.c: clients of uds_path. */
int vsock_listen(struct vsock *v, struct err *err);
/* Again, after a failure; does nothing while it listens. */
void vsock_listen_again(struct vsock *v);
/* There is something from a client that has not named its port yet. */
void vsock_client_ready(struct vsock_conn *c);

#endif
