// SPDX-License-Identifier: Apache-2.0
/*
 * test_guest_memory.c - layout around the device hole, bounds, sharing, files
 */
#include "unit.h"
#include "guest_memory.h"
#include "layout.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define TWO_MIB (2 * MIB)

static struct guest_memory *create(struct guest_memory_config cfg)
{
	struct guest_memory *mem = NULL;
	struct err err = { "" };

	ck_assert_msg(guest_memory_create(&cfg, &mem, &err) == 0, "%s",
		      err.text);
	return mem;
}

static struct guest_memory *create_small(bool shared)
{
	return create((struct guest_memory_config){
		.size = LAYOUT_RAM_MIN,
		.shared = shared,
		.pages = MEMORY_PAGES_SMALL,
	});
}

static const struct {
	uint64_t size;
	size_t regions;
	uint64_t high;
} sizes[] = {
	{ 16 * MIB, 1, 0 },	 { 3 * GIB - TWO_MIB, 1, 0 },
	{ 3 * GIB, 1, 0 },	 { 3 * GIB + TWO_MIB, 2, TWO_MIB },
	{ 5 * GIB, 2, 2 * GIB },
};

START_TEST(ram_beyond_the_device_hole_continues_at_4_gib)
{
	const struct memory_region *regions;

	for (int shared = 0; shared < 2; shared++) {
		struct guest_memory *mem = create((struct guest_memory_config){
			.size = sizes[_i].size, .shared = shared });
		size_t n = guest_memory_regions(mem, &regions);
		uint64_t low = sizes[_i].size - sizes[_i].high;

		ck_assert_uint_eq(guest_memory_size(mem), sizes[_i].size);
		ck_assert_uint_eq(n, sizes[_i].regions);
		ck_assert_uint_eq(regions[0].gpa, 0);
		ck_assert_uint_eq(regions[0].size, low);
		ck_assert_int_eq(regions[0].fd >= 0, shared);
		if (n == 2) {
			ck_assert_uint_eq(regions[1].gpa, 4 * GIB);
			ck_assert_uint_eq(regions[1].size, sizes[_i].high);
			ck_assert_int_eq(regions[1].fd, regions[0].fd);
			ck_assert_uint_eq(regions[1].fd_offset, low);
		}
		for (size_t i = 0; i < n; i++)
			ck_assert_uint_eq((uintptr_t)regions[i].host % TWO_MIB,
					  regions[i].gpa % TWO_MIB);
		guest_memory_destroy(mem);
	}
}
END_TEST

static const struct {
	struct guest_memory_config cfg;
	const char *says;
} refused[] = {
	{ { .size = 0 }, "too small: at least 16 MiB" },
	{ { .size = 14 * MIB }, "too small" },
	{ { .size = 17 * MIB }, "not a multiple of 2 MiB" },
	{ { .size = 16 * MIB + 1 }, "not a multiple of 2 MiB" },
	{ { .size = UINT64_MAX - TWO_MIB + 1 }, "more than this CPU" },
	{ { .size = UINT64_C(1) << 53 }, "more than this CPU" },
	{ { .size = 16 * MIB, .shared = true, .mergeable = true },
	  "cannot be mergeable" },
	{ { .size = 16 * MIB, .mergeable = true, .pages = MEMORY_PAGES_2M },
	  "cannot be mergeable" },
};

START_TEST(impossible_memory_is_refused_with_the_reason)
{
	struct guest_memory *mem = NULL;
	struct err err = { "" };

	ck_assert_int_eq(guest_memory_create(&refused[_i].cfg, &mem, &err),
			 -EINVAL);
	ck_assert_ptr_null(mem);
	ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "'%s'",
		      err.text);
}
END_TEST

START_TEST(prefaulting_more_than_the_host_has_is_refused)
{
	struct guest_memory_config cfg = { .prefault = true };
	struct guest_memory *mem = NULL;
	struct err err = { "" };
	struct sysinfo info;

	sysinfo(&info);
	cfg.size = align_up((info.totalram + info.totalswap) * info.mem_unit,
			    TWO_MIB) +
		   TWO_MIB;
	ck_assert_int_eq(guest_memory_create(&cfg, &mem, &err), -ENOMEM);
	ck_assert_msg(strstr(err.text, "this host has") != NULL, "'%s'",
		      err.text);
}
END_TEST

/* In a VM of 3 GiB + 2 MiB. */
static const struct {
	gpa_t gpa;
	size_t len;
	bool inside;
} ranges[] = {
	{ 0, 1, true },
	{ 0, 0, true },
	{ 0, 3 * GIB, true },
	{ 0, 3 * GIB + 1, false },
	{ 3 * GIB - 1, 1, true },
	{ 3 * GIB - 1, 2, false },
	{ 3 * GIB, 1, false },
	{ 3 * GIB - 1, GIB + 2, false }, /* from region to region */
	{ 4 * GIB - 1, 2, false },
	{ 4 * GIB, TWO_MIB, true },
	{ 4 * GIB, TWO_MIB + 1, false },
	{ 4 * GIB + TWO_MIB, 1, false },
	{ UINT64_MAX, 1, false },
	{ 4096, SIZE_MAX, false }, /* gpa + len wraps */
	{ UINT64_MAX - 4095, 8192, false },
};

START_TEST(only_what_one_region_holds_can_be_borrowed)
{
	struct guest_memory *mem = create((struct guest_memory_config){
		.size = 3 * GIB + TWO_MIB, .pages = MEMORY_PAGES_SMALL });
	const struct memory_region *regions;
	char *at = guest_memory_borrow(mem, ranges[_i].gpa, ranges[_i].len);
	size_t index = ranges[_i].gpa >= 4 * GIB;

	guest_memory_regions(mem, &regions);
	ck_assert_int_eq(at != NULL, ranges[_i].inside);
	if (at != NULL)
		ck_assert_ptr_eq(at,
				 (char *)regions[index].host +
					 (ranges[_i].gpa - regions[index].gpa));
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(copies_are_bounds_checked_and_whole)
{
	struct guest_memory *mem = create_small(false);
	gpa_t last = LAYOUT_RAM_MIN - 4;
	char text[8] = "";

	ck_assert_int_eq(guest_memory_write(mem, last, "abcd", 4), 0);
	ck_assert_int_eq(guest_memory_read(mem, last, text, 4), 0);
	ck_assert_str_eq(text, "abcd");
	ck_assert_int_eq(guest_memory_write(mem, last, "XXXXX", 5), -EFAULT);
	ck_assert_int_eq(guest_memory_read(mem, last, text, 5), -EFAULT);
	ck_assert_int_eq(guest_memory_read(mem, last, text, 4), 0);
	ck_assert_str_eq(text, "abcd");
	guest_memory_destroy(mem);
}
END_TEST

/* Asking the kernel to read there faults as the CPU would, without a signal. */
START_TEST(an_access_past_either_end_of_a_region_faults)
{
	struct guest_memory *mem = create_small(_i);
	char *at = guest_memory_borrow(mem, 0, LAYOUT_RAM_MIN);
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(write(fds[1], at, 1), 1);
	ck_assert_int_eq(write(fds[1], at + LAYOUT_RAM_MIN - 1, 1), 1);
	ck_assert_int_eq(write(fds[1], at - 1, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(write(fds[1], at + LAYOUT_RAM_MIN, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	close(fds[0]);
	close(fds[1]);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(shared_memory_has_a_size_nobody_can_change)
{
	struct guest_memory *mem = create_small(true);
	const struct memory_region *region;
	int seals;

	guest_memory_regions(mem, &region);
	seals = fcntl(region->fd, F_GET_SEALS);
	ck_assert_int_eq(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	ck_assert_int_lt(ftruncate(region->fd, 0), 0);
	ck_assert_int_lt(ftruncate(region->fd, 1 << 30), 0);
	ck_assert_int_ne(fcntl(region->fd, F_GETFD) & FD_CLOEXEC, 0);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(a_second_mapping_of_shared_memory_sees_what_is_written)
{
	struct guest_memory *mem = create_small(true);
	const struct memory_region *region;
	char *other;

	guest_memory_regions(mem, &region);
	other = mmap(NULL, region->size, PROT_READ, MAP_SHARED, region->fd,
		     (off_t)region->fd_offset);
	ck_assert_ptr_ne(other, MAP_FAILED);
	guest_memory_write(mem, 12345, "hello", 6);
	ck_assert_str_eq(other + 12345, "hello");
	munmap(other, region->size);
	guest_memory_destroy(mem);
}
END_TEST

/* A file of two pages: 'a' in the first, 'b' in 100 bytes of the second. */
static int make_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	char page[4096 + 100];

	memset(page, 'a', 4096);
	memset(page + 4096, 'b', 100);
	ck_assert_int_eq(write(fd, page, sizeof(page)), sizeof(page));
	return fd;
}

START_TEST(a_mapped_file_is_copied_on_write)
{
	struct guest_memory *mem = create_small(false);
	char *at = guest_memory_borrow(mem, 2 * MIB, 3 * 4096);
	int fd = make_file();
	char byte;

	ck_assert_int_eq(guest_memory_map_file(mem, 2 * MIB, 4096 + 100, fd, 0,
					       NULL),
			 0);
	ck_assert_int_eq(at[0], 'a');
	ck_assert_int_eq(at[4096 + 99], 'b');
	ck_assert_int_eq(at[4096 + 100], 0);
	ck_assert_int_eq(at[8192], 0);
	at[0] = 'x';
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'a');
	close(fd);
	guest_memory_destroy(mem);
}
END_TEST

static const struct {
	gpa_t gpa;
	size_t len;
	off_t offset;
	bool shared;
	int ret;
} file_mappings[] = {
	{ 2 * MIB, 4096, 0, false, 0 },
	{ 2 * MIB, 100, 4096, false, 0 },
	{ 16 * MIB - 4096, 4096, 0, false, 0 },
	{ 2 * MIB, 0, 0, false, 0 },
	{ 2 * MIB, 4096, 0, true, -EINVAL },
	{ 2 * MIB + 1, 4096, 0, false, -EINVAL },
	{ 2 * MIB, 4096, 1, false, -EINVAL },
	{ 2 * MIB, 4096, -4096, false, -EINVAL },
	{ 2 * MIB, 101, 4096, false, -EINVAL }, /* would be SIGBUS later */
	{ 2 * MIB, 8192, 0, false, -EINVAL },
	{ 2 * MIB, SIZE_MAX, 0, false, -EINVAL },
	{ 16 * MIB - 4096, 4097, 0, false, -EFAULT },
	{ 16 * MIB, 4096, 0, false, -EFAULT },
};

START_TEST(a_file_is_mapped_only_where_every_page_of_it_exists)
{
	struct guest_memory *mem = create_small(file_mappings[_i].shared);
	struct err err = { "" };
	int fd = make_file();
	int ret = guest_memory_map_file(mem, file_mappings[_i].gpa,
					file_mappings[_i].len, fd,
					file_mappings[_i].offset, &err);

	ck_assert_int_eq(ret, file_mappings[_i].ret);
	ck_assert_int_eq(err.text[0] != '\0', ret != 0);
	close(fd);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(prefaulted_memory_is_resident)
{
	struct guest_memory *mem = create((struct guest_memory_config){
		.size = LAYOUT_RAM_MIN, .prefault = true, .shared = _i });
	unsigned char resident[LAYOUT_RAM_MIN / 4096];
	void *at = guest_memory_borrow(mem, 0, LAYOUT_RAM_MIN);

	ck_assert_int_eq(mincore(at, LAYOUT_RAM_MIN, resident), 0);
	for (size_t i = 0; i < ARRAY_LEN(resident); i++)
		ck_assert_int_eq(resident[i] & 1, 1);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(collapsing_keeps_the_contents)
{
	struct guest_memory *mem = create((struct guest_memory_config){
		.size = LAYOUT_RAM_MIN, .shared = _i });
	char text[8] = "";

	guest_memory_write(mem, 4 * MIB + 7, "hello", 6);
	guest_memory_collapse(mem, 3 * MIB, 4 * MIB);
	guest_memory_collapse(mem, 15 * MIB, 4 * MIB); /* past the end */
	guest_memory_collapse(mem, 0, 4096);
	guest_memory_read(mem, 4 * MIB + 7, text, 6);
	ck_assert_str_eq(text, "hello");
	guest_memory_destroy(mem);
}
END_TEST

/* 256 GiB: more than any pool on a machine that runs this. */
START_TEST(an_empty_huge_page_pool_is_an_error_with_the_remedy)
{
	struct guest_memory_config cfg = { .size = 256 * GIB,
					   .shared = _i,
					   .pages = MEMORY_PAGES_2M };
	struct guest_memory *mem = NULL;
	struct err err = { "" };

	ck_assert_int_eq(guest_memory_create(&cfg, &mem, &err), -ENOMEM);
	ck_assert_msg(strstr(err.text, "131072 needed: echo ") != NULL ||
			      strstr(err.text, "no 2 MiB huge pages") != NULL,
		      "'%s'", err.text);
}
END_TEST

/* Whether a pool is there is the machine's business; both answers are clear. */
START_TEST(huge_page_memory_works_or_says_what_it_lacks)
{
	struct guest_memory_config cfg = { .size = LAYOUT_RAM_MIN,
					   .shared = _i,
					   .pages = MEMORY_PAGES_2M };
	struct guest_memory *mem = NULL;
	struct err err = { "" };

	if (guest_memory_create(&cfg, &mem, &err) < 0) {
		ck_assert_ptr_nonnull(strstr(err.text, "hugepages"));
		return;
	}
	memset(guest_memory_borrow(mem, 0, LAYOUT_RAM_MIN), 1, LAYOUT_RAM_MIN);
	guest_memory_destroy(mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_memory");
	TCase *tc = tcase_create("guest_memory");

	tcase_add_loop_test(tc, ram_beyond_the_device_hole_continues_at_4_gib,
			    0, ARRAY_LEN(sizes));
	tcase_add_loop_test(tc, impossible_memory_is_refused_with_the_reason, 0,
			    ARRAY_LEN(refused));
	tcase_add_test(tc, prefaulting_more_than_the_host_has_is_refused);
	tcase_add_loop_test(tc, only_what_one_region_holds_can_be_borrowed, 0,
			    ARRAY_LEN(ranges));
	tcase_add_test(tc, copies_are_bounds_checked_and_whole);
	tcase_add_loop_test(tc, an_access_past_either_end_of_a_region_faults, 0,
			    2);
	tcase_add_test(tc, shared_memory_has_a_size_nobody_can_change);
	tcase_add_test(tc,
		       a_second_mapping_of_shared_memory_sees_what_is_written);
	tcase_add_test(tc, a_mapped_file_is_copied_on_write);
	tcase_add_loop_test(tc,
			    a_file_is_mapped_only_where_every_page_of_it_exists,
			    0, ARRAY_LEN(file_mappings));
	tcase_add_loop_test(tc, prefaulted_memory_is_resident, 0, 2);
	tcase_add_loop_test(tc, collapsing_keeps_the_contents, 0, 2);
	tcase_add_loop_test(
		tc, an_empty_huge_page_pool_is_an_error_with_the_remedy, 0, 2);
	tcase_add_loop_test(tc, huge_page_memory_works_or_says_what_it_lacks, 0,
			    2);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
