// SPDX-License-Identifier: Apache-2.0
/*
 * vring_split.c - split virtqueues, virtio 1.3, 2.7
 *
 * Who orders what:
 *   pop    avail->idx is loaded with acquire: the entry and the descriptors the
 *          driver wrote before it are visible afterwards.
 *   push   used->idx is stored with release: the entry and the data come first.
 *   wants_call, kicks_on   a full fence between our store (used->idx,
 *          avail_event) and our load (used_event, avail->idx), the other half of
 *          the driver's own; without it both sides could miss each other.
 */
#include "vu_ring.h"

#include <errno.h>

static uint16_t *used_event(struct vu_ring *ring)
{
	return &ring->split.driver->ring[ring->size];
}

static uint16_t *avail_event(struct vu_ring *ring)
{
	struct vring_used *used = ring->split.device;

	return (uint16_t *)((char *)used + sizeof(*used) +
			    sizeof(used->ring[0]) * ring->size);
}

static uint16_t next_slot(const struct vu_ring *ring, uint16_t index)
{
	return index & (ring->size - 1);
}

static bool ready(struct vu_ring *ring)
{
	if (ring->avail_seen == ring->avail)
		ring->avail_seen = __atomic_load_n(&ring->split.driver->idx,
						   __ATOMIC_ACQUIRE);
	return ring->avail_seen != ring->avail;
}

static int add_indirect(struct vu_ring *ring, struct vu_chain *chain,
			const struct vring_desc *parent)
{
	const struct vring_desc *table;
	struct vring_desc desc = { .next = 0 };
	uint32_t entries;
	int ret;

	table = vu_ring_indirect(ring, parent->addr, parent->len, &entries);
	if (table == NULL)
		return -EINVAL;
	do {
		if (desc.next >= entries)
			return vu_ring_bad(ring, "a link beyond its table");
		vu_read_once(&desc,
			     (const char *)table + sizeof(desc) * desc.next,
			     sizeof(desc));
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return vu_ring_bad(ring, "a table inside a table");
		ret = vu_chain_add(ring, chain, desc.addr, desc.len,
				   desc.flags & VRING_DESC_F_WRITE);
	} while (ret == 0 && (desc.flags & VRING_DESC_F_NEXT));
	return ret;
}

static int pop(struct vu_ring *ring, struct vu_chain *chain)
{
	struct vring_desc desc;
	uint16_t at;
	int ret;

	if (!ready(ring))
		return 0;
	if ((uint16_t)(ring->avail_seen - ring->avail) > ring->size)
		return vu_ring_bad(ring, "more chains than the ring can hold");
	at = __atomic_load_n(
		&ring->split.driver->ring[next_slot(ring, ring->avail)],
		__ATOMIC_RELAXED);
	vu_chain_reset(chain);
	chain->id = at;
	do {
		if (at >= ring->size)
			return vu_ring_bad(ring,
					   "a descriptor beyond the ring");
		vu_read_once(&desc, &ring->split.desc[at], sizeof(desc));
		at = desc.next;
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
	ring->avail++;
	return 1;
}

static void push(struct vu_ring *ring, const struct vu_chain *chain,
		 uint32_t written)
{
	struct vring_used *used = ring->split.device;
	struct vring_used_elem *elem = &used->ring[next_slot(ring, ring->used)];

	elem->id = chain->id;
	elem->len = written;
	ring->used++;
	ring->unsignalled++;
	__atomic_store_n(&used->idx, ring->used, __ATOMIC_RELEASE);
}

static bool wants_call(struct vu_ring *ring)
{
	uint32_t count = ring->unsignalled;
	uint16_t event;

	ring->unsignalled = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!ring->event_idx)
		return !(__atomic_load_n(&ring->split.driver->flags,
					 __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	event = __atomic_load_n(used_event(ring), __ATOMIC_RELAXED);
	return count > UINT16_MAX ||
	       vring_need_event(event, ring->used,
				(uint16_t)(ring->used - count));
}

static void kicks_off(struct vu_ring *ring)
{
	/* With event_idx the old avail_event lies behind: no kick comes. */
	if (!ring->event_idx)
		__atomic_store_n(&ring->split.device->flags,
				 VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

static void kicks_on(struct vu_ring *ring)
{
	if (ring->event_idx)
		__atomic_store_n(avail_event(ring), ring->avail,
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&ring->split.device->flags, 0,
				 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint32_t base(const struct vu_ring *ring)
{
	return ring->avail;
}

const struct vu_ring_ops vring_split_ops = {
	.pop = pop,
	.push = push,
	.wants_call = wants_call,
	.kicks_off = kicks_off,
	.kicks_on = kicks_on,
	.ready = ready,
	.base = base,
};
