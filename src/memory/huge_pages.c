// SPDX-License-Identifier: Apache-2.0
/*
 * huge_pages.c - the host's pool of reserved 2 MiB pages
 *
 * Documentation/admin-guide/mm/hugetlbpage.rst: a page is to be had when it is
 * free and not reserved by a mapping that has not touched it yet.
 */
#include "huge_pages.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static int read_count(const char *path, uint64_t *out)
{
	FILE *file = fopen(path, "re");
	unsigned long long value;
	int n;

	if (file == NULL)
		return -errno;
	n = fscanf(file, "%llu", &value);
	fclose(file);
	if (n != 1)
		return -EIO;
	*out = value;
	return 0;
}

int huge_pages_check(uint64_t size, struct err *err)
{
	uint64_t needed = size / HUGE_PAGE_SIZE;
	uint64_t total, free_pages, reserved, usable;

	if (read_count(POOL "nr_hugepages", &total) < 0 ||
	    read_count(POOL "free_hugepages", &free_pages) < 0 ||
	    read_count(POOL "resv_hugepages", &reserved) < 0)
		return err_set(err, ENOMEM,
			       "this kernel has no 2 MiB huge pages (no " POOL
			       ")");
	usable = free_pages > reserved ? free_pages - reserved : 0;
	if (usable >= needed)
		return 0;
	return err_set(err, ENOMEM,
		       "huge pages: %llu free, %llu needed: echo %llu > " POOL
		       "nr_hugepages",
		       (unsigned long long)usable, (unsigned long long)needed,
		       (unsigned long long)(total + needed - usable));
}
