// SPDX-License-Identifier: Apache-2.0
/*
 * physical.c - physical ADDRESS PAGES: try to write memory that is read-only
 *
 * Writes to each page of physical memory from ADDRESS on, through /dev/mem and
 * past any driver, in all the ways that a device register may be written, and
 * looks whether what is there has changed. Prints how many bytes have. The kernel
 * needs iomem=relaxed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void write_page(volatile uint8_t *page)
{
	volatile uint8_t *fill = page + 512;
	size_t n = 64;

	page[0] ^= 0xff;
	*(volatile uint16_t *)(page + 2) ^= 0xffff;
	*(volatile uint32_t *)(page + 8) ^= 0xffffffff;
	*(volatile uint64_t *)(page + 16) = ~*(volatile uint64_t *)(page + 16);
	asm volatile("lock incl %0" : "+m"(*(volatile uint32_t *)(page + 32)));
	asm volatile("rep stosb" : "+D"(fill), "+c"(n) : "a"(0x5a) : "memory");
	page[PAGE - 1] ^= 0xff;
}

int main(int argc, char **argv)
{
	uint8_t before[PAGE], *at;
	size_t pages, changed = 0;
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);

	if (argc != 3 || fd < 0) {
		perror("physical ADDRESS PAGES: /dev/mem");
		return 2;
	}
	pages = strtoul(argv[2], NULL, 0);
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  (off_t)strtoull(argv[1], NULL, 0));
	if (at == MAP_FAILED) {
		perror("physical: mmap");
		return 1;
	}
	for (size_t i = 0; i < pages; i++, at += PAGE) {
		memcpy(before, at, PAGE);
		write_page(at);
		for (size_t j = 0; j < PAGE; j++)
			changed += at[j] != before[j];
	}
	printf("%zu bytes of %zu pages changed\n", changed, pages);
	return changed != 0;
}
