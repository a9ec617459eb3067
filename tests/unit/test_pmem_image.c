// SPDX-License-Identifier: Apache-2.0
/*
 * test_pmem_image.c - images behind RAM: place, contents, and nobody writes them
 */
#include "unit.h"
#include "guest_memory.h"
#include "layout.h"
#include "memory_arch.h"
#include "pmem_info.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct guest_memory *create(uint64_t size)
{
	const struct guest_memory_config cfg = { .size = size,
						 .pages = MEMORY_PAGES_SMALL };
	struct guest_memory *mem = NULL;
	struct err err = { "" };

	ck_assert_msg(guest_memory_create(&cfg, &mem, &err) == 0, "%s",
		      err.text);
	return mem;
}

static int image_of(uint64_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(pwrite(fd, "first", 5, 0), 5);
	return fd;
}

static const struct memory_region *add(struct guest_memory *mem, uint64_t size)
{
	const struct memory_region *regions;
	struct err err = { "" };
	int fd = image_of(size);
	size_t n;

	ck_assert_msg(guest_memory_add_image(mem, fd, size, &err) == 0, "%s",
		      err.text);
	close(fd);
	n = guest_memory_regions(mem, &regions);
	return &regions[n - 1];
}

static const struct {
	uint64_t ram, image, gpa, size;
} places[] = {
	{ 16 * MIB, 5, 4 * GIB, 4 * MIB },
	{ 3 * GIB, 2 * MIB, 4 * GIB, 4 * MIB },
	{ 3 * GIB + 2 * MIB, 2 * MIB + 1, 4 * GIB + 128 * MIB, 6 * MIB },
	{ 4 * GIB, GIB, 5 * GIB, GIB + 2 * MIB },
};

START_TEST(an_image_lies_behind_all_ram_in_sections_of_its_own)
{
	struct guest_memory *mem = create(places[_i].ram);
	const struct memory_region *region = add(mem, places[_i].image);

	ck_assert(region->readonly);
	ck_assert_int_eq(region->fd, -1);
	ck_assert_uint_eq(region->gpa, places[_i].gpa);
	ck_assert_uint_eq(region->size, places[_i].size);
	ck_assert_uint_eq((uintptr_t)region->host % (2 * MIB), 0);
	ck_assert_uint_eq(guest_memory_size(mem), places[_i].ram);

	region = add(mem, 5);
	ck_assert_uint_eq(region->gpa % LAYOUT_PMEM_ALIGN, 0);
	ck_assert_uint_gt(region->gpa, places[_i].gpa + places[_i].image);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(an_image_is_surrounded_by_zeros)
{
	struct guest_memory *mem = create(LAYOUT_RAM_MIN);
	const struct memory_region *region = add(mem, 4097);
	const char *at = region->host;
	size_t nonzero = 0;

	ck_assert_str_eq(at + PMEM_INFO_SPACE, "first");
	for (size_t i = 8192; i < region->size; i++)
		nonzero += at[i] != 0;
	ck_assert_uint_eq(nonzero, 5);
	guest_memory_destroy(mem);
}
END_TEST

/* Offsets as in Linux's drivers/nvdimm/pfn.h. */
START_TEST(the_info_block_says_where_the_image_is)
{
	struct guest_memory *mem = create(LAYOUT_RAM_MIN);
	const struct memory_region *region = add(mem, 3 * MIB);
	uint32_t words[1024], low = 0;
	uint64_t high = 0, sum;

	memcpy(words, (char *)region->host + 4096, sizeof(words));
	ck_assert_mem_eq(words, "NVDIMM_PFN_INFO", 16);
	ck_assert_uint_eq(words[13], 4 << 16 | 1);
	ck_assert_uint_eq(words[14], PMEM_INFO_SPACE);
	ck_assert_uint_eq(words[16], 4 * MIB / 4096);
	ck_assert_uint_eq(words[18], 1);
	ck_assert_uint_eq(words[21], 2 * MIB);
	ck_assert_uint_eq(words[22], 4096);

	memcpy(&sum, &words[1022], sizeof(sum));
	for (size_t i = 0; i < 1022; i++) {
		low += words[i];
		high += low;
	}
	high += 2 * (uint64_t)low; /* the field itself counts as zero */
	ck_assert_uint_eq(sum, high << 32 | low);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(nobody_borrows_or_writes_an_image)
{
	struct guest_memory *mem = create(LAYOUT_RAM_MIN);
	const struct memory_region *region = add(mem, 4096);
	char byte = 1;

	ck_assert_ptr_null(guest_memory_borrow(mem, region->gpa, 1));
	ck_assert_int_eq(guest_memory_write(mem, region->gpa, &byte, 1),
			 -EFAULT);
	ck_assert_int_eq(
		madvise(region->host, region->size, MADV_POPULATE_WRITE), -1);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(an_image_that_no_cpu_could_address_is_refused)
{
	struct guest_memory *mem = create(LAYOUT_RAM_MIN);
	uint64_t size = (UINT64_C(1) << memory_physical_bits()) - 4 * GIB;
	struct err err = { "" };
	int fd = image_of(4096);

	ck_assert_int_eq(guest_memory_add_image(mem, fd, size, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.text, "can address"));
	close(fd);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(there_is_an_end_to_images)
{
	struct guest_memory *mem = create(LAYOUT_RAM_MIN);
	struct err err = { "" };
	int fd = image_of(4096);

	for (int i = 0; i < GUEST_MEMORY_IMAGES_MAX; i++)
		add(mem, 4096);
	ck_assert_int_eq(guest_memory_add_image(mem, fd, 4096, &err), -ENOSPC);
	close(fd);
	guest_memory_destroy(mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmem_image");
	TCase *tc = tcase_create("pmem_image");

	tcase_add_loop_test(tc,
			    an_image_lies_behind_all_ram_in_sections_of_its_own,
			    0, ARRAY_LEN(places));
	tcase_add_test(tc, an_image_is_surrounded_by_zeros);
	tcase_add_test(tc, the_info_block_says_where_the_image_is);
	tcase_add_test(tc, nobody_borrows_or_writes_an_image);
	tcase_add_test(tc, an_image_that_no_cpu_could_address_is_refused);
	tcase_add_test(tc, there_is_an_end_to_images);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
