// SPDX-License-Identifier: Apache-2.0
/*
 * vu_memory.h - the guest memory a front end has shared with this backend
 *
 * Two kinds of addresses come in, and each has one function that turns it into
 * a pointer: guest-physical ones (descriptors, from the guest) and the front
 * end's virtual ones (rings, from the front end). Neither is trusted.
 */
#ifndef MOTE_VU_MEMORY_H
#define MOTE_VU_MEMORY_H

#include "err.h"
#include "vu_proto.h"

struct vu_mapping {
	struct vu_region region;
	char *host;	/* where region.gpa is mapped here */
	void *map;	/* what was mapped: page aligned */
	size_t map_len; /* bytes */
};

struct vu_memory {
	unsigned count;
	struct vu_mapping maps[VU_MEM_SLOTS];
};

/*
 * Map one region of fd (borrowed). -EINVAL for an empty or wrapping region or
 * one that reaches beyond the file, -EEXIST where it overlaps one that is
 * there, -ENOSPC when all slots are taken, or what mmap() said.
 */
int vu_memory_add(struct vu_memory *mem, const struct vu_region *region, int fd,
		  struct err *err);
/* -ENOENT unless a region with the same gpa, user address and size is there. */
int vu_memory_remove(struct vu_memory *mem, const struct vu_region *region,
		     struct err *err);
void vu_memory_clear(struct vu_memory *mem);

/*
 * The host address of gpa, or NULL. *len (bytes, at least 1) is cut to what is
 * contiguous from there.
 */
void *vu_memory_gpa(const struct vu_memory *mem, uint64_t gpa, uint64_t *len);

/* len bytes at the front end's address addr, all in one region, or NULL. */
void *vu_memory_user(const struct vu_memory *mem, uint64_t addr, uint64_t len);

#endif
