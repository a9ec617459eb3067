// SPDX-License-Identifier: Apache-2.0
/*
 * vu_ring.c - what the two ring formats have in common
 */
#include "vu_ring.h"

#include <errno.h>
#include <inttypes.h>

int vu_ring_bad(struct vu_ring *ring, const char *why)
{
	ring->fault = why;
	return -EINVAL;
}

void vu_chain_reset(struct vu_chain *chain)
{
	chain->slots = 0;
	chain->readable = 0;
	chain->writable = 0;
	chain->bytes = 0;
}

/*
 * Add the buffer of one descriptor. Each takes at least one entry of iov, so
 * this is also what ends a chain that loops.
 */
int vu_chain_add(struct vu_ring *ring, struct vu_chain *chain, uint64_t gpa,
		 uint32_t len, bool device_writes)
{
	unsigned n = chain->readable + chain->writable;
	uint64_t left = len, piece;
	void *host;

	if (len == 0)
		return vu_ring_bad(ring, "a buffer of no bytes");
	if (!device_writes && chain->writable > 0)
		return vu_ring_bad(ring,
				   "a readable buffer after a writable one");
	chain->bytes += len;
	if (chain->bytes > UINT32_MAX) /* virtio 1.3, 2.7.5.2 */
		return vu_ring_bad(ring, "a chain of 2^32 bytes or more");
	for (; left > 0; left -= piece, gpa += piece, n++) {
		if (n == VU_IOV_MAX)
			return vu_ring_bad(ring, "a chain that loops or has "
						 "more buffers than we take");
		piece = left;
		host = vu_memory_gpa(ring->mem, gpa, &piece);
		if (host == NULL)
			return vu_ring_bad(ring, "a buffer outside memory");
		chain->iov[n].iov_base = host;
		chain->iov[n].iov_len = piece;
		if (device_writes)
			chain->writable++;
		else
			chain->readable++;
	}
	return 0;
}

/* virtio 1.3, 2.7.5.3 and 2.8.7: both formats' descriptors are 16 bytes. */
const void *vu_ring_indirect(struct vu_ring *ring, uint64_t gpa, uint32_t len,
			     uint32_t *entries)
{
	uint64_t contiguous = len;
	const void *table;

	if (!ring->indirect) {
		vu_ring_bad(ring, "an indirect table that was not negotiated");
		return NULL;
	}
	if (len == 0 || len % sizeof(struct vring_desc) != 0) {
		vu_ring_bad(ring, "an indirect table of an odd size");
		return NULL;
	}
	table = vu_memory_gpa(ring->mem, gpa, &contiguous);
	if (table == NULL || contiguous < len) {
		vu_ring_bad(ring, "an indirect table outside memory");
		return NULL;
	}
	*entries = len / sizeof(struct vring_desc);
	return table;
}

static void *area(const struct vu_memory *mem, uint64_t addr, uint64_t len,
		  uint64_t align)
{
	void *host = vu_memory_user(mem, addr, len);

	return (uintptr_t)host % align == 0 ? host : NULL;
}

/* virtio 1.3, 2.7 and 2.8.10.1: size and alignment of the three areas. */
int vu_ring_relocate(struct vu_ring *ring, const struct vu_ring_config *cfg,
		     struct err *err)
{
	size_t driver_len = sizeof(struct vring_packed_desc_event);
	size_t device_len = driver_len;
	size_t driver_align = 4;
	void *desc, *driver, *device;

	if (!cfg->packed) {
		driver_len = sizeof(struct vring_avail) + 2 * cfg->size + 2;
		device_len = sizeof(struct vring_used) +
			     sizeof(struct vring_used_elem) * cfg->size + 2;
		driver_align = VRING_AVAIL_ALIGN_SIZE;
	}
	desc = area(ring->mem, cfg->desc, sizeof(struct vring_desc) * cfg->size,
		    VRING_DESC_ALIGN_SIZE);
	driver = area(ring->mem, cfg->driver, driver_len, driver_align);
	device =
		area(ring->mem, cfg->device, device_len, VRING_USED_ALIGN_SIZE);
	if (desc == NULL || driver == NULL || device == NULL)
		return err_set(err, EINVAL,
			       "ring of %" PRIu32 " at %#" PRIx64 ", %#" PRIx64
			       ", %#" PRIx64 " is outside memory or misaligned",
			       cfg->size, cfg->desc, cfg->driver, cfg->device);
	if (cfg->packed) {
		ring->packed.desc = desc;
		ring->packed.driver = driver;
		ring->packed.device = device;
	} else {
		ring->split.desc = desc;
		ring->split.driver = driver;
		ring->split.device = device;
	}
	return 0;
}

/* The format of the index is that of vhost-user.rst, SET_VRING_BASE. */
static int set_base(struct vu_ring *ring, const struct vu_ring_config *cfg,
		    struct err *err)
{
	ring->avail = cfg->base & 0xffff;
	ring->avail_seen = ring->avail;
	ring->used = ring->avail;
	if (!cfg->packed)
		return 0;
	ring->avail = cfg->base & 0x7fff;
	ring->avail_wrap = cfg->base >> 15 & 1;
	ring->used = cfg->base >> 16 & 0x7fff;
	ring->used_wrap = cfg->base >> 31;
	if (ring->avail >= cfg->size || ring->used >= cfg->size)
		return err_set(err, EINVAL,
			       "ring of %" PRIu32 ": base %#" PRIx32
			       " is beyond it",
			       cfg->size, cfg->base);
	return 0;
}

int vu_ring_start(struct vu_ring *ring, const struct vu_memory *mem,
		  const struct vu_ring_config *cfg, struct err *err)
{
	int ret;

	if (cfg->size == 0 || cfg->size > VU_RING_SIZE_MAX ||
	    (!cfg->packed && !is_power_of_two(cfg->size)))
		return err_set(err, EINVAL,
			       "a ring cannot have %" PRIu32 " descriptors",
			       cfg->size);
	*ring = (struct vu_ring){
		.mem = mem,
		.size = (uint16_t)cfg->size,
		.event_idx = cfg->event_idx,
		.indirect = cfg->indirect,
	};
	ret = vu_ring_relocate(ring, cfg, err);
	if (ret == 0)
		ret = set_base(ring, cfg, err);
	if (ret < 0)
		return ret;
	ring->ops = cfg->packed ? &vring_packed_ops : &vring_split_ops;
	if (!cfg->packed) /* used->idx is where the device left off */
		ring->used = ring->split.device->idx;
	return 0;
}
