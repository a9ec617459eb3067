// SPDX-License-Identifier: Apache-2.0
/*
 * ring_peer.c - a ring and its driver in one process and one piece of memory
 */
#include "ring_peer.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int ring_start(struct rings *f, bool packed, bool event_idx, uint32_t size,
	       uint32_t base)
{
	struct vu_ring_config cfg = {
		.packed = packed,
		.event_idx = event_idx,
		.indirect = true,
		.size = size,
		.desc = PEER_USER + f->driver.desc,
		.driver = PEER_USER + f->driver.avail,
		.device = PEER_USER + f->driver.used,
		.base = base,
	};

	return vu_ring_start(&f->ring, &f->memory, &cfg, NULL);
}

void ring_set_up(struct rings *f, bool packed, bool event_idx, uint16_t size)
{
	struct vu_region low = { PEER_GPA, PEER_SPLIT, PEER_USER, 0 };
	struct vu_region high = { PEER_GPA + PEER_SPLIT,
				  PEER_MEMORY - PEER_SPLIT,
				  PEER_USER + PEER_SPLIT, PEER_SPLIT };
	int fd = memfd_create("guest", MFD_CLOEXEC);

	memset(f, 0, sizeof(*f));
	ck_assert_int_eq(ftruncate(fd, PEER_MEMORY), 0);
	ck_assert_int_eq(vu_memory_add(&f->memory, &low, fd, NULL), 0);
	ck_assert_int_eq(vu_memory_add(&f->memory, &high, fd, NULL), 0);
	f->mem = mmap(NULL, PEER_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      0);
	ck_assert_ptr_ne(f->mem, MAP_FAILED);
	close(fd);
	driver_init(&f->driver, f->mem, RING_AT, size, packed, event_idx);
	ck_assert_int_eq(ring_start(f, packed, event_idx, size,
				    packed ? 0x80008000 : 0),
			 0);
}

void ring_tear_down(struct rings *f)
{
	vu_memory_clear(&f->memory);
	munmap(f->mem, PEER_MEMORY);
}

int ring_pop(struct rings *f)
{
	return f->ring.ops->pop(&f->ring, &f->chain);
}
