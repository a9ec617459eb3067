// SPDX-License-Identifier: Apache-2.0
/*
 * guest_memory.c - guest RAM: allocation and bounds-checked access
 *
 * Theory of operation: RAM below and above the hole for devices is one region
 * each. A region is mapped into the middle of a larger PROT_NONE reservation, so
 * that an access that runs past its end faults instead of hitting a neighbour,
 * and at an address that is congruent to its guest-physical one modulo 2 MiB,
 * without which neither KVM nor the kernel could use a huge page.
 *
 * Private RAM is MAP_ANONYMOUS, never a memfd mapped privately: that would cost
 * each page twice, and KSM only merges anonymous pages. Shared RAM is one memfd
 * for both regions whose size is sealed, so that no backend can shrink it under
 * us. hugetlb pages are reserved by mmap() itself (no MAP_NORESERVE), hence a
 * pool that is too small fails here and not with SIGBUS in the running guest.
 */
#include "guest_memory_internal.h"
#include "fd.h"
#include "huge_pages.h"
#include "ksm.h"
#include "layout.h"
#include "memory_arch.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static unsigned long long in_mib(uint64_t bytes)
{
	return bytes / MIB;
}

/* The largest size whose last byte both layout and host can address. */
static uint64_t largest_size(void)
{
	uint64_t end = UINT64_C(1) << MIN(memory_physical_bits(), 63u);

	if (end <= LAYOUT_HIGH_BASE)
		return LAYOUT_LOW_END;
	return LAYOUT_LOW_END + (end - LAYOUT_HIGH_BASE);
}

/*
 * KVM sets aside 0.2 % and more of a slot's size when it is made, whether the
 * guest ever uses it or not: a size that was mistyped must not cost the host
 * its memory.
 */
enum { OVERCOMMIT_MAX = 16 };

static uint64_t host_size(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) *
	       (uint64_t)sysconf(_SC_PAGESIZE);
}

static int check_size(uint64_t size, struct err *err)
{
	if (size < LAYOUT_RAM_MIN)
		return err_set(err, EINVAL,
			       "%llu MiB of memory is too small: at least "
			       "%llu MiB",
			       in_mib(size), in_mib(LAYOUT_RAM_MIN));
	if (size % HUGE_PAGE_SIZE != 0)
		return err_set(err, EINVAL,
			       "a memory size of %llu KiB is not a multiple of "
			       "2 MiB",
			       (unsigned long long)(size / KIB));
	if (size > (UINT64_C(1) << MEMORY_PHYSICAL_BITS_MIN) -
			    LAYOUT_HIGH_BASE &&
	    size > largest_size())
		return err_set(err, EINVAL,
			       "%llu MiB of memory is more than this CPU can "
			       "address: at most %llu MiB",
			       in_mib(size), in_mib(largest_size()));
	if (size / OVERCOMMIT_MAX > host_size())
		return err_set(err, EINVAL,
			       "%llu MiB of memory is more than %d times the "
			       "%llu MiB of this host",
			       in_mib(size), OVERCOMMIT_MAX,
			       in_mib(host_size()));
	return 0;
}

static int check_config(const struct guest_memory_config *cfg, struct err *err)
{
	if (cfg->mergeable && cfg->shared)
		return err_set(err, EINVAL,
			       "shared memory cannot be mergeable: KSM merges "
			       "private memory only");
	if (cfg->mergeable && cfg->pages == MEMORY_PAGES_2M)
		return err_set(err, EINVAL,
			       "2M huge pages cannot be mergeable: KSM ignores "
			       "them");
	return check_size(cfg->size, err);
}

static void lay_out_regions(struct guest_memory *mem)
{
	uint64_t low = MIN(mem->config.size, LAYOUT_LOW_END);

	mem->regions[0] = (struct memory_region){ .gpa = 0, .size = low };
	mem->region_count = 1;
	if (mem->config.size == low)
		return;
	mem->regions[1] = (struct memory_region){
		.gpa = LAYOUT_HIGH_BASE,
		.size = mem->config.size - low,
		.fd_offset = low,
	};
	mem->region_count = 2;
}

int guest_memory_mapping_failed(uint64_t size, struct err *err)
{
	int code = errno;
	struct rlimit limit;

	if (code == ENOMEM && getrlimit(RLIMIT_AS, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		return err_set(err, code,
			       "no address space for %llu MiB of memory: the "
			       "limit is %llu MiB (ulimit -v)",
			       in_mib(size), in_mib(limit.rlim_cur));
	if (code == ENOMEM)
		return err_set(err, code,
			       "the host cannot map %llu MiB of memory: more "
			       "than a process can address or than "
			       "vm.overcommit_memory allows",
			       in_mib(size));
	errno = code;
	return err_errno(err, "map %llu MiB of memory", in_mib(size));
}

static int create_memfd(struct guest_memory *mem, struct err *err)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (mem->config.pages == MEMORY_PAGES_2M)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	mem->fd = memfd_create("mote-ram", flags);
	if (mem->fd < 0)
		return err_errno(err, "memfd for shared memory");
	if (ftruncate(mem->fd, (off_t)mem->config.size) < 0)
		return err_errno(err, "memfd of %llu MiB",
				 in_mib(mem->config.size));
	if (fcntl(mem->fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_errno(err, "seal the memfd of shared memory");
	return 0;
}

static int mapping_flags(const struct guest_memory_config *cfg)
{
	int flags = MAP_FIXED;

	flags |= cfg->shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	if (cfg->pages != MEMORY_PAGES_2M)
		flags |= MAP_NORESERVE;
	else if (!cfg->shared)
		flags |= MAP_HUGETLB | MAP_HUGE_2MB;
	return flags;
}

int guest_memory_reserve(struct guest_memory *mem, size_t index, uint64_t size,
			 void **out, struct err *err)
{
	struct reservation *reserved = &mem->reserved[index];
	size_t whole = size + 2 * HUGE_PAGE_SIZE;
	void *at = mmap(NULL, whole, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return guest_memory_mapping_failed(size, err);
	*reserved = (struct reservation){ at, whole };
	*out = (void *)align_up((uintptr_t)at + mem->page_size, HUGE_PAGE_SIZE);
	return 0;
}

static int map_region(struct guest_memory *mem, size_t index, struct err *err)
{
	struct memory_region *region = &mem->regions[index];
	void *at;
	int ret;

	ret = guest_memory_reserve(mem, index, region->size, &at, err);
	if (ret < 0)
		return ret;
	at = mmap(at, region->size, PROT_READ | PROT_WRITE,
		  mapping_flags(&mem->config), mem->fd,
		  (off_t)region->fd_offset);
	if (at == MAP_FAILED)
		return guest_memory_mapping_failed(region->size, err);
	region->host = at;
	region->fd = mem->fd;
	return 0;
}

/*
 * The first 2 MiB never get a huge page: boot touches a few 4 KiB pages there
 * before the guest runs, and zeroing the whole would cost more than those
 * faults; Linux keeps most of that range unused.
 *
 * A kernel built without transparent huge pages refuses the advice about them;
 * it is advice, so that is no failure.
 */
static void advise_huge(const struct memory_region *region, bool allow)
{
	madvise(region->host, region->size,
		allow ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (allow && region->gpa == 0)
		madvise(region->host, HUGE_PAGE_SIZE, MADV_NOHUGEPAGE);
}

static int advise_region(const struct guest_memory *mem,
			 const struct memory_region *region, struct err *err)
{
	madvise(region->host, region->size, MADV_DONTDUMP);
	if (mem->config.pages == MEMORY_PAGES_2M)
		return 0;
	advise_huge(region, mem->config.pages == MEMORY_PAGES_THP);
	return ksm_advise(region->host, region->size, mem->config.mergeable,
			  err);
}

/* Without swap in sight the OOM killer would answer; say it first. */
static int check_host_has(uint64_t size, struct err *err)
{
	struct sysinfo info;
	uint64_t host;

	if (sysinfo(&info) < 0)
		return err_errno(err, "sysinfo");
	host = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
	if (size > host)
		return err_set(err, ENOMEM,
			       "cannot prefault %llu MiB of memory: this host "
			       "has %llu MiB",
			       in_mib(size), in_mib(host));
	return 0;
}

static int prefault(const struct guest_memory *mem, struct err *err)
{
	const struct memory_region *region;
	int ret;

	ret = check_host_has(mem->config.size, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < mem->region_count; i++) {
		region = &mem->regions[i];
		do {
			ret = madvise(region->host, region->size,
				      MADV_POPULATE_WRITE);
		} while (ret < 0 && errno == EINTR);
		if (ret < 0 && errno == EINVAL)
			return err_set(err, EINVAL,
				       "prefaulting memory needs Linux 5.14");
		if (ret < 0)
			return err_errno(err, "prefault %llu MiB of memory",
					 in_mib(region->size));
	}
	return 0;
}

static int build(struct guest_memory *mem, struct err *err)
{
	int ret;

	if (mem->config.pages == MEMORY_PAGES_2M) {
		ret = huge_pages_check(mem->config.size, err);
		if (ret < 0)
			return ret;
	}
	if (mem->config.shared) {
		ret = create_memfd(mem, err);
		if (ret < 0)
			return ret;
	}
	lay_out_regions(mem);
	for (size_t i = 0; i < mem->region_count; i++) {
		ret = map_region(mem, i, err);
		if (ret < 0)
			return ret;
		ret = advise_region(mem, &mem->regions[i], err);
		if (ret < 0)
			return ret;
	}
	return mem->config.prefault ? prefault(mem, err) : 0;
}

int guest_memory_create(const struct guest_memory_config *cfg,
			struct guest_memory **out, struct err *err)
{
	struct guest_memory *mem;
	int ret;

	ret = check_config(cfg, err);
	if (ret < 0)
		return ret;
	mem = calloc(1, sizeof(*mem));
	if (mem == NULL)
		return err_set(err, ENOMEM, "guest memory");
	mem->config = *cfg;
	mem->page_size = (size_t)sysconf(_SC_PAGESIZE);
	mem->fd = -1;
	ret = build(mem, err);
	if (ret < 0) {
		guest_memory_destroy(mem);
		return ret;
	}
	*out = mem;
	return 0;
}

void guest_memory_destroy(struct guest_memory *mem)
{
	if (mem == NULL)
		return;
	for (size_t i = 0; i < REGIONS_MAX; i++) {
		if (mem->reserved[i].base != NULL)
			munmap(mem->reserved[i].base, mem->reserved[i].size);
	}
	fd_close(&mem->fd);
	free(mem);
}

uint64_t guest_memory_size(const struct guest_memory *mem)
{
	return mem->config.size;
}

size_t guest_memory_regions(const struct guest_memory *mem,
			    const struct memory_region **out)
{
	*out = mem->regions;
	return mem->region_count;
}

bool guest_memory_is_shared(const struct guest_memory *mem)
{
	return mem->config.shared;
}

const struct guest_memory_config *guest_memory_config(
	const struct guest_memory *mem)
{
	return &mem->config;
}

void *guest_memory_borrow(const struct guest_memory *mem, gpa_t gpa, size_t len)
{
	const struct memory_region *region;

	for (size_t i = 0; i < mem->region_count; i++) {
		region = &mem->regions[i];
		if (!region->readonly && gpa >= region->gpa &&
		    range_within(gpa - region->gpa, len, region->size))
			return (char *)region->host + (gpa - region->gpa);
	}
	return NULL;
}

int guest_memory_write(const struct guest_memory *mem, gpa_t gpa,
		       const void *data, size_t len)
{
	void *at = guest_memory_borrow(mem, gpa, len);

	if (at == NULL)
		return -EFAULT;
	memcpy(at, data, len);
	return 0;
}

int guest_memory_read(const struct guest_memory *mem, gpa_t gpa, void *data,
		      size_t len)
{
	const void *at = guest_memory_borrow(mem, gpa, len);

	if (at == NULL)
		return -EFAULT;
	memcpy(data, at, len);
	return 0;
}

/*
 * Everything that would make a page of the mapping fault later: there SIGBUS is
 * the answer, and KVM_RUN fails with EFAULT.
 */
static int check_map_file(const struct guest_memory *mem, gpa_t gpa, size_t len,
			  int fd, off_t offset, struct err *err)
{
	struct stat st;

	if (mem->config.shared)
		return err_set(err, EINVAL,
			       "shared memory cannot map files: backends would "
			       "not see them");
	if (mem->config.pages == MEMORY_PAGES_2M)
		return err_set(err, EINVAL,
			       "memory of 2M huge pages cannot map files");
	if (gpa % mem->page_size != 0 || offset < 0 ||
	    (uint64_t)offset % mem->page_size != 0)
		return err_set(err, EINVAL,
			       "a file is mapped at multiples of %zu bytes",
			       mem->page_size);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "stat of a file to map");
	if (!range_within((uint64_t)offset, len, (uint64_t)st.st_size))
		return err_set(err, EINVAL,
			       "a mapping of %zu bytes ends after its file",
			       len);
	return 0;
}

int guest_memory_map_file(struct guest_memory *mem, gpa_t gpa, size_t len,
			  int fd, off_t offset, struct err *err)
{
	size_t size = align_up(len, mem->page_size);
	void *at;
	int ret;

	ret = check_map_file(mem, gpa, len, fd, offset, err);
	if (ret < 0 || len == 0)
		return ret;
	/* Regions end on a page, so the rest of the last page is inside too. */
	at = guest_memory_borrow(mem, gpa, len);
	if (at == NULL)
		return err_set(err, EFAULT,
			       "%zu bytes at %#llx are not all memory", len,
			       (unsigned long long)gpa);
	at = mmap(at, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, offset);
	if (at == MAP_FAILED)
		return guest_memory_mapping_failed(size, err);
	/* A new mapping starts without the advice given to the old one. */
	madvise(at, size, MADV_DONTDUMP);
	return ksm_advise(at, size, mem->config.mergeable, err);
}

void guest_memory_collapse(struct guest_memory *mem, gpa_t gpa, size_t len)
{
	gpa_t start = MAX(align_down(gpa, HUGE_PAGE_SIZE), HUGE_PAGE_SIZE);
	gpa_t end = align_up(gpa + len, HUGE_PAGE_SIZE);
	volatile char *host;

	if (!mem->config.shared || mem->config.pages != MEMORY_PAGES_THP ||
	    start >= end)
		return;
	host = guest_memory_borrow(mem, start, end - start);
	if (host == NULL)
		return;
	/* The kernel collapses nothing into a hole: touch each piece first. */
	for (size_t i = 0; i < end - start; i += HUGE_PAGE_SIZE)
		host[i] = host[i];
	/* One call: each waits for all CPUs' page lists (lru_add_drain_all). */
	madvise((void *)host, end - start, MADV_COLLAPSE);
}

void guest_memory_allow_huge(struct guest_memory *mem, bool allow)
{
	if (mem->config.pages != MEMORY_PAGES_THP)
		return;
	for (size_t i = 0; i < mem->region_count; i++) {
		if (!mem->regions[i].readonly)
			advise_huge(&mem->regions[i], allow);
	}
}
