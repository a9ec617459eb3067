// SPDX-License-Identifier: Apache-2.0
/*
 * test_boot_demand.c - kernel and initrd in shared memory, copied when touched
 *
 * Needs userfaultfd for faults of the kernel: root, or /dev/userfaultfd.
 */
#include "boot_fixture.h"
#include "boot_demand.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77 };

/* Three chunks and a bit, so that one can be there while others are not. */
#define INITRD_SIZE (6 * MIB + 12345)

struct loaded {
	struct guest_memory *mem;
	struct boot_demand *demand;
	uint8_t *initrd; /* what must be there */
	gpa_t at;	 /* where */
	int ret;
};

static gpa_t initrd_address(struct guest_memory *mem, gpa_t zero_page)
{
	struct boot_params params;

	guest_memory_read(mem, zero_page, &params, sizeof(params));
	return params.hdr.ramdisk_image;
}

static struct loaded load(struct guest_memory_config memory)
{
	struct loaded l = { 0 };
	struct test_image image;
	struct boot_config cfg;
	struct boot_entry entry;
	struct err err = { "" };

	l.initrd = malloc(INITRD_SIZE);
	for (size_t i = 0; i < INITRD_SIZE; i++)
		l.initrd[i] = test_pattern(i);
	ck_assert_int_eq(guest_memory_create(&memory, &l.mem, NULL), 0);
	test_elf(&image, false);
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.initrd_fd = test_file(l.initrd, INITRD_SIZE);
	cfg.load = BOOT_LOAD_MAP;
	cfg.demand = &l.demand;
	ck_assert_msg(boot_load(&cfg, l.mem, &entry, &err) == 0, "%s",
		      err.text);
	close(cfg.kernel_fd);
	close(cfg.initrd_fd);
	l.at = initrd_address(l.mem, entry.arg);
	return l;
}

static struct loaded load_shared(void)
{
	return load((struct guest_memory_config){ .size = 64 * MIB,
						  .shared = true });
}

static void unload(struct loaded *l)
{
	boot_demand_destroy(l->demand);
	guest_memory_destroy(l->mem);
	free(l->initrd);
}

/* Is the page of guest memory there, for us and for everyone? */
static bool exists(const struct loaded *l, gpa_t gpa)
{
	const struct memory_region *region;

	guest_memory_regions(l->mem, &region);
	return lseek(region->fd, (off_t)gpa, SEEK_DATA) == (off_t)gpa;
}

static void check_loaded(const struct loaded *l)
{
	const uint8_t *text =
		guest_memory_borrow(l->mem, ELF_TEXT, ELF_TEXT_MEMORY);

	ck_assert_mem_eq(guest_memory_borrow(l->mem, l->at, INITRD_SIZE),
			 l->initrd, INITRD_SIZE);
	for (size_t i = 0; i < ELF_TEXT_MEMORY; i++)
		ck_assert_uint_eq(text[i],
				  i < ELF_TEXT_SIZE
					  ? test_pattern(ELF_TEXT_OFFSET + i)
					  : 0);
}

/* Stands for a vCPU. */
static void *touch(void *arg)
{
	struct loaded *l = arg;
	uint8_t bytes[2];

	l->ret = guest_memory_read(l->mem, l->at + 3 * MIB, bytes, 2);
	if (bytes[0] != l->initrd[3 * MIB] ||
	    bytes[1] != l->initrd[3 * MIB + 1])
		l->ret = -EIO;
	return NULL;
}

START_TEST(a_page_that_is_touched_comes_before_the_others)
{
	struct loaded l = load_shared();
	struct pollfd fd = { .fd = boot_demand_fd(l.demand), .events = POLLIN };
	pthread_t thread;

	ck_assert(!exists(&l, ELF_TEXT));
	ck_assert(!exists(&l, l.at + 3 * MIB));
	pthread_create(&thread, NULL, touch, &l);
	ck_assert_int_eq(poll(&fd, 1, 5000), 1);
	ck_assert_int_eq(boot_demand_handle(l.demand, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(l.ret, 0);
	ck_assert(exists(&l, l.at + 3 * MIB));
	ck_assert(!exists(&l, l.at + 5 * MIB));
	ck_assert_int_eq(boot_demand_finish(l.demand, NULL), 0);
	check_loaded(&l);
	unload(&l);
}
END_TEST

START_TEST(everything_is_there_when_loading_is_finished)
{
	struct loaded l = load_shared();

	ck_assert_int_eq(boot_demand_finish(l.demand, NULL), 0);
	ck_assert_int_eq(boot_demand_fd(l.demand), -1);
	check_loaded(&l);
	ck_assert(exists(&l, ELF_TEXT));
	ck_assert(exists(&l, l.at + INITRD_SIZE - 4096));
	ck_assert_int_eq(boot_demand_finish(l.demand, NULL), 0);
	ck_assert_int_eq(boot_demand_handle(l.demand, NULL), 0);
	unload(&l);
}
END_TEST

/* A vCPU that waits while the main thread finishes must go on. */
START_TEST(finishing_wakes_who_waits)
{
	struct loaded l = load_shared();
	struct pollfd fd = { .fd = boot_demand_fd(l.demand), .events = POLLIN };
	pthread_t thread;

	pthread_create(&thread, NULL, touch, &l);
	ck_assert_int_eq(poll(&fd, 1, 5000), 1);
	ck_assert_int_eq(boot_demand_finish(l.demand, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(l.ret, 0);
	unload(&l);
}
END_TEST

START_TEST(memory_whose_pages_all_exist_is_loaded_at_once)
{
	struct loaded l = load((struct guest_memory_config){
		.size = 64 * MIB, .shared = true, .prefault = true });

	ck_assert_ptr_null(l.demand);
	check_loaded(&l);
	unload(&l);
}
END_TEST

START_TEST(a_failed_load_leaves_nothing_to_finish)
{
	struct guest_memory *mem = test_memory(32 * MIB, true);
	struct boot_demand *demand = (void *)mem;
	struct test_image image;
	struct boot_config cfg;
	struct boot_entry entry;

	test_elf(&image, false);
	cfg = test_config(test_file(image.bytes, ELF_DATA_OFFSET + 1));
	cfg.load = BOOT_LOAD_MAP;
	cfg.demand = &demand;
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, NULL), -EINVAL);
	ck_assert_ptr_null(demand);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

static bool can_run(void)
{
	struct guest_memory_config cfg = { .size = 16 * MIB, .shared = true };
	struct boot_demand *demand = NULL;
	struct guest_memory *mem = NULL;
	struct err err = { "" };
	bool can = guest_memory_create(&cfg, &mem, &err) == 0 &&
		   boot_demand_create(mem, &demand, &err) == 0;

	if (!can)
		printf("skipped: %s\n", err.text);
	boot_demand_destroy(demand);
	guest_memory_destroy(mem);
	return can;
}

int main(void)
{
	Suite *suite = suite_create("boot_demand");
	TCase *tc = tcase_create("boot_demand");

	tcase_add_test(tc, a_page_that_is_touched_comes_before_the_others);
	tcase_add_test(tc, everything_is_there_when_loading_is_finished);
	tcase_add_test(tc, finishing_wakes_who_waits);
	tcase_add_test(tc, memory_whose_pages_all_exist_is_loaded_at_once);
	tcase_add_test(tc, a_failed_load_leaves_nothing_to_finish);
	suite_add_tcase(suite, tc);
	if (!can_run()) {
		srunner_free(srunner_create(suite));
		return SKIPPED;
	}
	return unit_run(suite);
}
