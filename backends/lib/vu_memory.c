// SPDX-License-Identifier: Apache-2.0
/*
 * vu_memory.c - the guest memory a front end has shared with this backend
 */
#include "vu_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	/* Neither wraps: check_region() came first. */
	return a < b + b_size && b < a + a_size;
}

/* Everything that can be wrong with a region, before any of it is used. */
static int check_region(const struct vu_memory *mem, const struct vu_region *r,
			int fd, struct err *err)
{
	const struct vu_region *old;
	struct stat st;

	if (r->size == 0 || r->size > SIZE_MAX / 2 ||
	    !range_within(r->gpa, r->size, UINT64_MAX) ||
	    !range_within(r->user_addr, r->size, UINT64_MAX) ||
	    !range_within(r->mmap_offset, r->size, INT64_MAX))
		return err_set(err, EINVAL, "empty or wraps around");
	if (fstat(fd, &st) < 0)
		return err_errno(err, "fstat");
	if (S_ISREG(st.st_mode) &&
	    !range_within(r->mmap_offset, r->size, (uint64_t)st.st_size))
		return err_set(err, EINVAL,
			       "reaches beyond the file's %jd bytes",
			       (intmax_t)st.st_size);
	for (unsigned i = 0; i < mem->count; i++) {
		old = &mem->maps[i].region;
		if (overlap(r->gpa, r->size, old->gpa, old->size) ||
		    overlap(r->user_addr, r->size, old->user_addr, old->size))
			return err_set(err, EEXIST,
				       "overlaps the one at %#" PRIx64,
				       old->gpa);
	}
	if (mem->count == VU_MEM_SLOTS)
		return err_set(err, ENOSPC, "all %d slots taken", VU_MEM_SLOTS);
	return 0;
}

/* mmap() and munmap() of a hugetlbfs file take multiples of its page only. */
static uint64_t page_size(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
		return (uint64_t)fs.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int map_region(struct vu_mapping *m, const struct vu_region *r, int fd,
		      struct err *err)
{
	uint64_t page = page_size(fd);
	uint64_t start = align_down(r->mmap_offset, page);
	uint64_t skip = r->mmap_offset - start;

	m->region = *r;
	m->map_len = align_up(skip + r->size, page);
	m->map = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, fd, (off_t)start);
	if (m->map == MAP_FAILED)
		return err_errno(err, "mmap");
	m->host = (char *)m->map + skip;
	return 0;
}

int vu_memory_add(struct vu_memory *mem, const struct vu_region *region, int fd,
		  struct err *err)
{
	int ret;

	ret = check_region(mem, region, fd, err);
	if (ret == 0)
		ret = map_region(&mem->maps[mem->count], region, fd, err);
	if (ret < 0)
		return err_prefix(err, ret,
				  "memory region %#" PRIx64 " of %#" PRIx64
				  " bytes",
				  region->gpa, region->size);
	mem->count++;
	return 0;
}

int vu_memory_remove(struct vu_memory *mem, const struct vu_region *region,
		     struct err *err)
{
	for (unsigned i = 0; i < mem->count; i++) {
		struct vu_mapping *m = &mem->maps[i];

		if (m->region.gpa != region->gpa ||
		    m->region.user_addr != region->user_addr ||
		    m->region.size != region->size)
			continue;
		munmap(m->map, m->map_len);
		*m = mem->maps[--mem->count];
		return 0;
	}
	return err_set(err, ENOENT,
		       "no memory region at %#" PRIx64 " of %#" PRIx64 " bytes",
		       region->gpa, region->size);
}

void vu_memory_clear(struct vu_memory *mem)
{
	while (mem->count > 0) {
		mem->count--;
		munmap(mem->maps[mem->count].map,
		       mem->maps[mem->count].map_len);
	}
}

void *vu_memory_gpa(const struct vu_memory *mem, uint64_t gpa, uint64_t *len)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct vu_mapping *m = &mem->maps[i];
		uint64_t offset = gpa - m->region.gpa;

		if (gpa >= m->region.gpa && offset < m->region.size) {
			*len = MIN(*len, m->region.size - offset);
			return m->host + offset;
		}
	}
	return NULL;
}

void *vu_memory_user(const struct vu_memory *mem, uint64_t addr, uint64_t len)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct vu_mapping *m = &mem->maps[i];

		if (addr >= m->region.user_addr &&
		    range_within(addr - m->region.user_addr, len,
				 m->region.size))
			return m->host + (addr - m->region.user_addr);
	}
	return NULL;
}
