// SPDX-License-Identifier: Apache-2.0
/*
 * guest_memory_internal.h - what the files about guest memory share
 */
#ifndef MOTE_GUEST_MEMORY_INTERNAL_H
#define MOTE_GUEST_MEMORY_INTERNAL_H

#include "guest_memory.h"

enum {
	RAM_REGIONS_MAX = 2, /* below and above the hole for devices */
	REGIONS_MAX = RAM_REGIONS_MAX + GUEST_MEMORY_IMAGES_MAX,
};

struct reservation {
	void *base;  /* NULL: none */
	size_t size; /* bytes, guards included */
};

struct guest_memory {
	struct guest_memory_config config;
	struct memory_region regions[REGIONS_MAX];
	struct reservation reserved[REGIONS_MAX];
	size_t region_count;
	size_t page_size;
	int fd; /* memfd; -1 when private */
};

/*
 * Address space for size bytes at *out, a multiple of 2 MiB, with at least a page
 * of guard on either side. Freed with the region of that index.
 */
int guest_memory_reserve(struct guest_memory *mem, size_t index, uint64_t size,
			 void **out, struct err *err);

/* errno of a failed mmap() of size bytes, and the likely reasons for ENOMEM. */
int guest_memory_mapping_failed(uint64_t size, struct err *err);

#endif
