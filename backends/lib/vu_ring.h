// SPDX-License-Identifier: Apache-2.0
/*
 * vu_ring.h - one virtqueue, split or packed, seen from the device
 *
 * The driver is not trusted: it may write any byte of the rings and of the
 * descriptors at any moment. Every value is read once, checked, and the copy
 * used; a chain ends at VU_IOV_MAX buffers whatever it links to. A ring that
 * breaks a rule is bad: pop returns -EINVAL with the reason in ring->fault, and
 * the caller must not use the ring again.
 */
#ifndef MOTE_VU_RING_H
#define MOTE_VU_RING_H

#include "vu_memory.h"

#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/uio.h>

enum {
	/* Linux sends 128 buffers at most with the seg_max of our disk; a buffer
	 * that straddles two memory regions takes two entries. */
	VU_IOV_MAX = 132,
	VU_RING_SIZE_MAX = 32768,
};

/* One request: the buffers the device reads, then those it writes. */
struct vu_chain {
	uint16_t id;	   /* split: head; packed: buffer id */
	uint16_t slots;	   /* ring descriptors it occupies */
	uint16_t readable; /* entries of iov */
	uint16_t writable;
	uint64_t bytes; /* of all buffers; below 2^32 */
	struct iovec iov[VU_IOV_MAX];
};

struct vu_ring;

struct vu_ring_ops {
	/* 1 and a chain, 0 when there is none, or -EINVAL. */
	int (*pop)(struct vu_ring *ring, struct vu_chain *chain);
	/* Hand the chain back with written bytes in its writable buffers. */
	void (*push)(struct vu_ring *ring, const struct vu_chain *chain,
		     uint32_t written);
	/* Does the driver want to hear of what was pushed since last asked? */
	bool (*wants_call)(struct vu_ring *ring);
	/* Tell the driver that it need not, or must, kick for new chains. */
	void (*kicks_off)(struct vu_ring *ring);
	void (*kicks_on)(struct vu_ring *ring);
	/* Is there a chain to pop? */
	bool (*ready)(struct vu_ring *ring);
	/* The num of GET_VRING_BASE. */
	uint32_t (*base)(const struct vu_ring *ring);
};

extern const struct vu_ring_ops vring_split_ops, vring_packed_ops;

struct vu_ring {
	const struct vu_ring_ops *ops; /* NULL: not started */
	const struct vu_memory *mem;
	const char *fault;	  /* why it is bad, or NULL */
	uint16_t size;		  /* descriptors */
	bool event_idx, indirect; /* negotiated */
	/* Split: free-running indices. Packed: slots below size. */
	uint16_t avail;		    /* where the next chain is popped */
	uint16_t used;		    /* where the next one is pushed */
	uint16_t avail_seen;	    /* split: last value of avail->idx */
	bool avail_wrap, used_wrap; /* packed: wrap counters */
	uint32_t unsignalled;	    /* used slots since wants_call() */
	union {
		struct {
			struct vring_desc *desc;
			struct vring_avail *driver;
			struct vring_used *device;
		} split;
		struct {
			struct vring_packed_desc *desc;
			struct vring_packed_desc_event *driver;
			struct vring_packed_desc_event *device;
		} packed;
	};
};

/* Where a front end says the three areas are, in its own addresses. */
struct vu_ring_config {
	bool packed, event_idx, indirect;
	uint32_t size;
	uint64_t desc, driver, device;
	uint32_t base; /* as of SET_VRING_BASE */
};

/* -EINVAL unless size, alignment and addresses are right; ring->ops is set. */
int vu_ring_start(struct vu_ring *ring, const struct vu_memory *mem,
		  const struct vu_ring_config *cfg, struct err *err);
/* The memory table has changed: find the areas again; -EINVAL if they left. */
int vu_ring_relocate(struct vu_ring *ring, const struct vu_ring_config *cfg,
		     struct err *err);

/* For the two formats only. */
int vu_ring_bad(struct vu_ring *ring, const char *why);
void vu_chain_reset(struct vu_chain *chain);
int vu_chain_add(struct vu_ring *ring, struct vu_chain *chain, uint64_t gpa,
		 uint32_t len, bool device_writes);
/* The table of an indirect descriptor and the number of its entries. */
const void *vu_ring_indirect(struct vu_ring *ring, uint64_t gpa, uint32_t len,
			     uint32_t *entries);

/*
 * Copy guest memory once: without the barrier the compiler might read the
 * original again after the copy was checked.
 */
static inline void vu_read_once(void *to, const void *guest, size_t len)
{
	memcpy(to, guest, len);
	__asm__ volatile("" ::: "memory");
}

#endif
