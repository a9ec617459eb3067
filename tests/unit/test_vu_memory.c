// SPDX-License-Identifier: Apache-2.0
/*
 * test_vu_memory.c - which regions fit, and which addresses lie in them
 */
#include "unit.h"
#include "vu_memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* {gpa, size, user, offset} beside a region of 64 KiB at 1 MiB, user 2 MiB. */
/* clang-format off */
static const struct { struct vu_region region; int ret; } regions[] = {
	{ { 0x110000, 0x1000, 0x210000, 0 }, 0 },
	{ { 0xff000, 0x1000, 0x1ff000, 0 }, 0 },
	{ { 0x110000, 0x800, 0x210000, 0x123 }, 0 },	/* odd offset */
	{ { 0x10f000, 0x1000, 0x300000, 0 }, -EEXIST },
	{ { 0xff000, 0x1001, 0x300000, 0 }, -EEXIST },
	{ { 0x300000, 0x1000, 0x20f000, 0 }, -EEXIST },
	{ { 0x0, 0x400000, 0x300000, 0 }, -EINVAL },	/* beyond the file */
	{ { 0x300000, 0, 0x300000, 0 }, -EINVAL },
	{ { 0x300000, 0x1000, 0x300000, 0xff001 }, -EINVAL },
	{ { 0x300000, 0x1000, 0x300000, UINT64_MAX }, -EINVAL },
	{ { UINT64_MAX - 1, 0x1000, 0x300000, 0 }, -EINVAL },
	{ { 0x300000, 0x1000, UINT64_MAX - 1, 0 }, -EINVAL },
	{ { 0x300000, UINT64_MAX, 0x300000, 0 }, -EINVAL },
};
/* clang-format on */

START_TEST(a_region_fits_in_or_is_refused)
{
	struct vu_region first = { 0x100000, 0x10000, 0x200000, 0x2000 };
	struct vu_memory memory = { .count = 0 };
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct err err;
	uint64_t len = 1;

	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	ck_assert_int_eq(vu_memory_add(&memory, &first, fd, &err), 0);
	ck_assert_int_eq(vu_memory_add(&memory, &regions[_i].region, fd, &err),
			 regions[_i].ret);
	ck_assert_uint_eq(memory.count, regions[_i].ret == 0 ? 2 : 1);
	if (regions[_i].ret == 0) {
		ck_assert_int_eq(pwrite(fd, "x", 1,
					(off_t)regions[_i].region.mmap_offset),
				 1);
		ck_assert_int_eq(*(char *)vu_memory_gpa(
					 &memory, regions[_i].region.gpa, &len),
				 'x');
	}
	vu_memory_clear(&memory);
	close(fd);
}
END_TEST

/* clang-format off */
static const struct { uint64_t addr, len; bool found; } user_ranges[] = {
	{ 0x200000, 0x10000, true }, { 0x200000, 0x10001, false },
	{ 0x20ffff, 1, true },	     { 0x210000, 1, false },
	{ 0x210000, 0, true },	     { 0x1fffff, 1, false },
	{ 0x200001, UINT64_MAX, false }, { UINT64_MAX, 2, false },
};
/* clang-format on */

START_TEST(a_user_address_is_found_whole_or_not)
{
	struct vu_region first = { 0x100000, 0x10000, 0x200000, 0 };
	struct vu_memory memory = { .count = 0 };
	int fd = memfd_create("guest", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	ck_assert_int_eq(vu_memory_add(&memory, &first, fd, NULL), 0);
	ck_assert_int_eq(vu_memory_user(&memory, user_ranges[_i].addr,
					user_ranges[_i].len) != NULL,
			 user_ranges[_i].found);
	vu_memory_clear(&memory);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vu_memory");
	TCase *tc = tcase_create("vu_memory");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_region_fits_in_or_is_refused, 0,
			    ARRAY_LEN(regions));
	tcase_add_loop_test(tc, a_user_address_is_found_whole_or_not, 0,
			    ARRAY_LEN(user_ranges));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
