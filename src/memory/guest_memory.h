// SPDX-License-Identifier: Apache-2.0
/*
 * guest_memory.h - guest RAM: allocation and bounds-checked access
 *
 * A gpa_t comes from the guest and is never trusted. Only this module turns
 * one into a host pointer. Built by the main thread, read-only afterwards, so
 * every function but create, map_file, add_image and destroy may be called from
 * any thread.
 */
#ifndef MOTE_GUEST_MEMORY_H
#define MOTE_GUEST_MEMORY_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef uint64_t gpa_t; /* guest-physical address, in bytes */

struct guest_memory; /* opaque; defined in guest_memory.c */

enum memory_pages {
	MEMORY_PAGES_THP,   /* 2 MiB-aligned, transparent huge pages asked */
	MEMORY_PAGES_SMALL, /* 4 KiB pages: dense, mergeable */
	MEMORY_PAGES_2M,    /* hugetlbfs pages; need a reserved pool */
};

struct guest_memory_config {
	uint64_t size;	/* bytes; a multiple of 2 MiB */
	bool shared;	/* sealed memfd; else MAP_ANONYMOUS */
	bool mergeable; /* by KSM, not when shared; else never */
	bool prefault;	/* allocate every page now */
	enum memory_pages pages;
};

/* One contiguous piece of guest memory: RAM, or an image. */
struct memory_region {
	gpa_t gpa;
	uint64_t size;	    /* bytes */
	void *host;	    /* our mapping of it; of an image, PROT_READ */
	int fd;		    /* memfd of RAM, borrowed; -1: private, image */
	uint64_t fd_offset; /* of gpa inside fd */
	bool readonly;	    /* an image: nobody may write it */
};

/* Images a guest can have. */
enum { GUEST_MEMORY_IMAGES_MAX = 8 };

/*
 * Returns 0 and a new object in *out, owned by the caller; -EINVAL for a size
 * that the layout does not allow or a combination that cannot be; -ENOMEM, or
 * what mmap() said, with the remedy in *err (huge page pool, RLIMIT, ...).
 */
int guest_memory_create(const struct guest_memory_config *cfg,
			struct guest_memory **out, struct err *err);
void guest_memory_destroy(struct guest_memory *mem); /* NULL is allowed */

/* Total RAM in bytes. */
uint64_t guest_memory_size(const struct guest_memory *mem);

/*
 * The regions in ascending order, all RAM before the first image; valid until
 * destroy. Returns their number.
 */
size_t guest_memory_regions(const struct guest_memory *mem,
			    const struct memory_region **out);

/* Is this memory a memfd that backends can map? */
bool guest_memory_is_shared(const struct guest_memory *mem);

/* What it was created with; valid until destroy. */
const struct guest_memory_config *guest_memory_config(
	const struct guest_memory *mem);

/*
 * Borrow len bytes at gpa, or NULL unless one region of RAM holds them all; valid
 * until guest_memory_destroy(). The guest can rewrite these bytes at any moment:
 * copy what you check, and use the copy.
 */
void *guest_memory_borrow(const struct guest_memory *mem, gpa_t gpa,
			  size_t len);

/* Copy to or from guest RAM. 0, or -EFAULT when the range is not all RAM. */
int guest_memory_write(const struct guest_memory *mem, gpa_t gpa,
		       const void *data, size_t len);
int guest_memory_read(const struct guest_memory *mem, gpa_t gpa, void *data,
		      size_t len);

/*
 * Lay len bytes of file fd from offset over private guest RAM at gpa
 * (copy-on-write, shared through the page cache until written). gpa, offset
 * must be multiples of the page size; the rest of the last page is what the
 * file holds. -EINVAL when shared or not aligned, -EFAULT outside RAM.
 */
int guest_memory_map_file(struct guest_memory *mem, gpa_t gpa, size_t len,
			  int fd, off_t offset, struct err *err);

/*
 * Show size bytes of file fd to the guest behind everything it has, read-only,
 * as persistent memory (pmem_image.c says how it is laid out). The pages are
 * those of the host's page cache. fd may be closed afterwards; the file must not
 * become shorter. -ENOSPC when there are too many images or no CPU could address
 * this one.
 */
int guest_memory_add_image(struct guest_memory *mem, int fd, uint64_t size,
			   struct err *err);

/*
 * Ask for huge pages under [gpa, gpa + len), widened to 2 MiB, now rather than
 * at first touch. For shared memory with MEMORY_PAGES_THP, which gets none at
 * first touch while the host's shmem_enabled is "never" (the default); otherwise
 * does nothing. Contents stay. Best effort: no success is promised.
 */
void guest_memory_collapse(struct guest_memory *mem, gpa_t gpa, size_t len);

/*
 * With MEMORY_PAGES_THP: whether a page that is touched from now on may come as a
 * huge one, which brings its neighbours into being.
 */
void guest_memory_allow_huge(struct guest_memory *mem, bool allow);

#endif
