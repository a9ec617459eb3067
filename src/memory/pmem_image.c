// SPDX-License-Identifier: Apache-2.0
/*
 * pmem_image.c - an image file as persistent memory behind all RAM
 *
 *   + 0       PMEM_INFO_SPACE: zeros and the info block, anonymous
 *   + 2 MiB   the file, MAP_SHARED: pages of the page cache
 *   ...       up to a multiple of 2 MiB: zeros, anonymous
 *
 * All of it is one PROT_READ mapping, so that neither we nor a kernel that works
 * for us can write it. Reading what is anonymous and was not written maps the
 * zero page, and costs nothing.
 */
#include "guest_memory_internal.h"
#include "huge_pages.h"
#include "layout.h"
#include "memory_arch.h"
#include "pmem_info.h"
#include "util.h"

#include <errno.h>
#include <sys/mman.h>

static gpa_t next_address(const struct guest_memory *mem)
{
	const struct memory_region *last = &mem->regions[mem->region_count - 1];

	return align_up(MAX(last->gpa + last->size, LAYOUT_HIGH_BASE),
			LAYOUT_PMEM_ALIGN);
}

static int check_room(const struct guest_memory *mem, gpa_t gpa, uint64_t size,
		      struct err *err)
{
	unsigned bits = MIN(memory_physical_bits(), 63u);
	size_t images = 0;

	for (size_t i = 0; i < mem->region_count; i++)
		images += mem->regions[i].readonly;
	if (images == GUEST_MEMORY_IMAGES_MAX)
		return err_set(err, ENOSPC, "at most %d images",
			       GUEST_MEMORY_IMAGES_MAX);
	if (!range_within(gpa, size, UINT64_C(1) << bits))
		return err_set(err, ENOSPC,
			       "%llu MiB at %#llx are more than this CPU can "
			       "address with %u bits",
			       (unsigned long long)(size / MIB),
			       (unsigned long long)gpa, bits);
	return 0;
}

/* size and total in bytes, the latter with what surrounds the file. */
static int map_image(char *at, int fd, size_t size, size_t total,
		     uint32_t number)
{
	const int anonymous =
		MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	if (mmap(at, total, PROT_READ | PROT_WRITE, anonymous, -1, 0) ==
	    MAP_FAILED)
		return -errno;
	/* One page is written here; a huge one would cost 512. */
	madvise(at, total, MADV_NOHUGEPAGE);
	pmem_info_write(at, total, number);
	if (mprotect(at, total, PROT_READ) < 0)
		return -errno;
	if (mmap(at + PMEM_INFO_SPACE, size, PROT_READ, MAP_FIXED | MAP_SHARED,
		 fd, 0) == MAP_FAILED)
		return -errno;
	madvise(at, total, MADV_DONTDUMP);
	return 0;
}

int guest_memory_add_image(struct guest_memory *mem, int fd, uint64_t size,
			   struct err *err)
{
	uint64_t total = PMEM_INFO_SPACE + align_up(size, HUGE_PAGE_SIZE);
	size_t index = mem->region_count;
	gpa_t gpa = next_address(mem);
	void *at;
	int ret;

	ret = check_room(mem, gpa, total, err);
	if (ret < 0)
		return ret;
	ret = guest_memory_reserve(mem, index, total, &at, err);
	if (ret < 0)
		return ret;
	ret = map_image(at, fd, size, total, (uint32_t)index);
	if (ret < 0) {
		errno = -ret;
		return err_errno(err, "map %llu bytes",
				 (unsigned long long)size);
	}
	mem->regions[index] = (struct memory_region){
		.gpa = gpa,
		.size = total,
		.host = at,
		.fd = -1,
		.readonly = true,
	};
	mem->region_count++;
	return 0;
}
