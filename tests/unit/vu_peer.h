// SPDX-License-Identifier: Apache-2.0
/*
 * vu_peer.h - the other side of a backend in tests: front end and driver
 *
 * A backend's main() runs in a child process on one end of a socket pair. The
 * test speaks the protocol on the other end and drives the rings in shared
 * memory, well or badly. Everything fails the test that calls it.
 */
#ifndef MOTE_TESTS_VU_PEER_H
#define MOTE_TESTS_VU_PEER_H

#include "unit.h"
#include "vu_proto.h"

#include <linux/virtio_ring.h>
#include <sys/types.h>

enum {
	PEER_MEMORY = 16 << 20, /* bytes, in two adjoining regions */
	PEER_SPLIT = 8 << 20,	/* where the second one begins */
	PEER_QUEUES = 4,
	PEER_RING_MAX = 1024,
};

#define PEER_GPA  UINT64_C(0x40000000)
#define PEER_USER UINT64_C(0x7f0000000000)

/* A driver's view of one queue, of either format. */
struct driver {
	char *mem; /* the bytes at PEER_GPA */
	bool packed, event_idx;
	uint16_t size;
	uint32_t desc, avail, used; /* offsets in mem */
	uint16_t next_desc;	    /* split: next free; packed: next slot */
	uint16_t avail_idx, last_used;
	bool avail_wrap, used_wrap;
	uint16_t slots[PEER_RING_MAX]; /* packed: by buffer id */
};

struct buffer {
	uint32_t at;  /* offset in mem */
	uint32_t len; /* bytes */
	bool write;   /* by the device */
};

void driver_init(struct driver *d, char *mem, uint32_t at, uint16_t size,
		 bool packed, bool event_idx);
/* Bytes of mem the areas take from at. */
uint32_t driver_bytes(uint16_t size);
struct vring_desc *driver_desc(const struct driver *d);
struct vring_avail *driver_avail(const struct driver *d);
struct vring_used *driver_used(const struct driver *d);
struct vring_packed_desc *driver_packed(const struct driver *d);
struct vring_packed_desc_event *driver_events(const struct driver *d);
struct vring_packed_desc_event *device_events(const struct driver *d);

/* Make a chain available, through a table at offset table unless 0. */
uint16_t driver_add(struct driver *d, const struct buffer *bufs, unsigned n,
		    uint32_t table);
/* Take the next used chain, if there is one. */
bool driver_get(struct driver *d, uint16_t *id, uint32_t *len);

struct peer {
	pid_t pid;
	int sock;
	int mem_fd;
	char *mem;
	uint32_t mem_next; /* of mem, not yet given out */
	uint64_t features;
	int kick[PEER_QUEUES], call[PEER_QUEUES];
	struct driver queues[PEER_QUEUES];
};

/* args: the role's name and options, NULL at the end; --fd is added. */
void peer_start(struct peer *p, int (*role)(int, char **),
		const char *const *args);
/* A client of the Unix socket path, as soon as somebody listens. */
int peer_connect(const char *path);
/* Hang up and wait: the exit status, or -signal. */
int peer_stop(struct peer *p);
int peer_wait(struct peer *p);

void peer_send(struct peer *p, uint32_t request, uint32_t flags,
	       const void *payload, uint32_t size, const int *fds, unsigned n);
/* False when the backend has hung up. */
bool peer_receive(struct peer *p, struct vu_wire *wire);
uint64_t peer_get_u64(struct peer *p, uint32_t request);
/* Send with NEED_REPLY; the answer, 0 for success. */
uint64_t peer_ack(struct peer *p, uint32_t request, const void *payload,
		  uint32_t size, const int *fds, unsigned n);

/* Everything up to running queues with these features (of those offered). */
void peer_negotiate(struct peer *p, uint64_t features);
void peer_share_memory(struct peer *p);
void peer_start_queue(struct peer *p, unsigned index, uint16_t size);
uint32_t peer_stop_queue(struct peer *p, unsigned index);
void peer_get_config(struct peer *p, uint32_t offset, void *buf, uint32_t len);

uint32_t peer_alloc(struct peer *p, uint32_t len, uint32_t align);
void peer_kick(struct peer *p, unsigned index);
/* Wait for the call and take one used chain; its written length. */
uint32_t peer_wait_used(struct peer *p, unsigned index, uint16_t *id);

#endif
