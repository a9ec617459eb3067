// SPDX-License-Identifier: Apache-2.0
/*
 * vring_packed.c - packed virtqueues, virtio 1.3, 2.8
 *
 * One ring for both directions. A descriptor is available when its AVAIL bit
 * equals the driver's wrap counter and its USED bit does not; it is used when
 * both equal the device's. The flags are loaded with acquire and stored with
 * release, and order everything else in the descriptor (2.8.21).
 *
 * Chains come back in any order: each used descriptor is written at ring->used,
 * which then skips as many slots as that chain had occupied (2.8.8).
 */
#include "vu_ring.h"

#include <errno.h>

#define F_AVAIL	   (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	   (1u << VRING_PACKED_DESC_F_USED)
#define EVENT_WRAP (1u << VRING_PACKED_EVENT_F_WRAP_CTR)

static bool ready(struct vu_ring *ring)
{
	uint16_t flags = __atomic_load_n(&ring->packed.desc[ring->avail].flags,
					 __ATOMIC_ACQUIRE);

	return !!(flags & F_AVAIL) == ring->avail_wrap &&
	       !!(flags & F_USED) != ring->avail_wrap;
}

/* virtio 1.3, 2.8.7: a table's entries follow one another; NEXT means nothing. */
static int add_indirect(struct vu_ring *ring, struct vu_chain *chain,
			const struct vring_packed_desc *parent)
{
	const char *table;
	struct vring_packed_desc desc;
	uint32_t entries;
	int ret = 0;

	table = vu_ring_indirect(ring, parent->addr, parent->len, &entries);
	if (table == NULL)
		return -EINVAL;
	for (uint32_t i = 0; i < entries && ret == 0; i++) {
		vu_read_once(&desc, table + sizeof(desc) * i, sizeof(desc));
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return vu_ring_bad(ring, "a table inside a table");
		ret = vu_chain_add(ring, chain, desc.addr, desc.len,
				   desc.flags & VRING_DESC_F_WRITE);
	}
	return ret;
}

static void advance(const struct vu_ring *ring, uint16_t *slot, bool *wrap,
		    unsigned by)
{
	unsigned next = *slot + by;

	if (next >= ring->size) {
		next -= ring->size;
		*wrap = !*wrap;
	}
	*slot = (uint16_t)next;
}

static int pop(struct vu_ring *ring, struct vu_chain *chain)
{
	struct vring_packed_desc desc;
	uint16_t at = ring->avail;
	bool wrap = ring->avail_wrap;
	int ret;

	if (!ready(ring))
		return 0;
	vu_chain_reset(chain);
	do {
		if (chain->slots == ring->size)
			return vu_ring_bad(ring,
					   "a chain longer than the ring");
		vu_read_once(&desc, &ring->packed.desc[at], sizeof(desc));
		advance(ring, &at, &wrap, 1);
		chain->slots++;
		if ((desc.flags & VRING_DESC_F_INDIRECT) == 0)
			ret = vu_chain_add(ring, chain, desc.addr, desc.len,
					   desc.flags & VRING_DESC_F_WRITE);
		else if (desc.flags & VRING_DESC_F_NEXT)
			ret = vu_ring_bad(ring, "a link after a table");
		else
			ret = add_indirect(ring, chain, &desc);
	} while (ret == 0 && (desc.flags & VRING_DESC_F_NEXT));
	if (ret < 0)
		return ret;
	chain->id = desc.id; /* 2.8.6: the last one's counts */
	ring->avail = at;
	ring->avail_wrap = wrap;
	return 1;
}

static void push(struct vu_ring *ring, const struct vu_chain *chain,
		 uint32_t written)
{
	struct vring_packed_desc *desc = &ring->packed.desc[ring->used];
	unsigned flags = ring->used_wrap ? F_AVAIL | F_USED : 0;

	if (written > 0)
		flags |= VRING_DESC_F_WRITE;
	desc->id = chain->id;
	desc->len = written;
	__atomic_store_n(&desc->flags, (uint16_t)flags, __ATOMIC_RELEASE);
	advance(ring, &ring->used, &ring->used_wrap, chain->slots);
	ring->unsignalled += chain->slots;
}

static bool wants_call(struct vu_ring *ring)
{
	uint32_t count = ring->unsignalled;
	uint16_t flags, off_wrap, event;

	ring->unsignalled = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = __atomic_load_n(&ring->packed.driver->flags, __ATOMIC_ACQUIRE);
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !ring->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	off_wrap = __atomic_load_n(&ring->packed.driver->off_wrap,
				   __ATOMIC_RELAXED);
	event = off_wrap & (EVENT_WRAP - 1);
	if (!!(off_wrap & EVENT_WRAP) != ring->used_wrap)
		event -= ring->size; /* of the round before */
	return count > ring->size ||
	       vring_need_event(event, ring->used,
				(uint16_t)(ring->used - count));
}

static void kicks_off(struct vu_ring *ring)
{
	__atomic_store_n(&ring->packed.device->flags,
			 VRING_PACKED_EVENT_FLAG_DISABLE, __ATOMIC_RELAXED);
}

static void kicks_on(struct vu_ring *ring)
{
	uint16_t flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	unsigned off_wrap = ring->avail;

	if (ring->event_idx) {
		if (ring->avail_wrap)
			off_wrap |= EVENT_WRAP;
		__atomic_store_n(&ring->packed.device->off_wrap,
				 (uint16_t)off_wrap, __ATOMIC_RELAXED);
		flags = VRING_PACKED_EVENT_FLAG_DESC;
	}
	__atomic_store_n(&ring->packed.device->flags, flags, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint32_t base(const struct vu_ring *ring)
{
	return ring->avail | (uint32_t)ring->avail_wrap << 15 |
	       (uint32_t)ring->used << 16 | (uint32_t)ring->used_wrap << 31;
}

const struct vu_ring_ops vring_packed_ops = {
	.pop = pop,
	.push = push,
	.wants_call = wants_call,
	.kicks_off = kicks_off,
	.kicks_on = kicks_on,
	.ready = ready,
	.base = base,
};
