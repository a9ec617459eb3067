// SPDX-License-Identifier: Apache-2.0
/*
 * guest.c - getting at the registers from an init, and messages
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	UART_IER = 1, /* registers, relative to UART */
	UART_LCR = 3,
	UART_LCR_8N1 = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_LSR_THRE = 0x20,
	POLLS_MAX = 1000,
	ARENA_PAGES = 1024,
	RUN_PAGES = RUN_SIZE / PAGE,
};

struct options opt = { 4, 0xc0000000, PAGE, 1000000, 1, 1, 1 };
struct arena arena;
uint8_t *windows;
size_t window_len;
uint8_t *ioapic;

static void put_char(char c)
{
	/* Bounded: nobody may be there, or we may have broken it. */
	for (int i = 0; i < POLLS_MAX; i++)
		if (inb(UART + UART_LSR) & UART_LSR_THRE)
			break;
	outb((uint8_t)c, UART);
}

/* The chip may be in any state, a line of garbage may be begun. */
void say(const char *fmt, ...)
{
	char line[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	outb(UART_LCR_8N1, UART + UART_LCR);
	outb(0, UART + UART_IER);
	outb(0, UART + UART_MCR);
	put_char('\n');
	for (const char *p = line; *p != '\0'; p++)
		put_char(*p);
	put_char('\n');
}

_Noreturn void fail(const char *what)
{
	say("HOSTILE-FAIL %s: %s", what, strerror(errno));
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void read_options(void)
{
	static const struct {
		const char *name;
		uint64_t *into;
	} options[] = {
		{ "windows", &opt.windows }, { "base", &opt.base },
		{ "stride", &opt.stride },   { "count", &opt.count },
		{ "seed", &opt.seed },	     { "ioapic", &opt.ioapic },
		{ "ports", &opt.ports },
	};
	char line[4096] = " ", key[32];
	FILE *f = fopen("/proc/cmdline", "re");

	if (f == NULL || fgets(line + 1, sizeof(line) - 1, f) == NULL)
		fail("/proc/cmdline");
	fclose(f);
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *at;

		snprintf(key, sizeof(key), " hostile.%s=", options[i].name);
		at = strstr(line, key);
		if (at != NULL)
			*options[i].into = strtoull(at + strlen(key), NULL, 0);
	}
	errno = EINVAL;
	if (opt.windows == 0 || opt.base % PAGE != 0 || opt.stride < 0x110)
		fail("hostile.windows, .base, .stride");
}

/* A driver that answers interrupts would take our devices' side. */
static void unbind_drivers(void)
{
	static const char dir[] = "/sys/bus/platform/drivers/virtio-mmio/";
	glob_t found = { 0 };
	int fd = open("/sys/bus/platform/drivers/virtio-mmio/unbind",
		      O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* no such driver: nothing is bound */
	if (glob("/sys/bus/platform/drivers/virtio-mmio/*[.:]*", 0, NULL,
		 &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *name = found.gl_pathv[i] + strlen(dir);

			if (write(fd, name, strlen(name)) < 0)
				fail(name);
		}
	globfree(&found);
	close(fd);
}

static void map_registers(void)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);

	window_len = opt.windows * opt.stride + 2 * PAGE - 1;
	window_len -= window_len % PAGE;
	if (fd < 0)
		fail("/dev/mem");
	windows = mmap(NULL, window_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)opt.base);
	if (windows == MAP_FAILED)
		fail("the windows in /dev/mem");
	if (!opt.ioapic)
		return;
	ioapic = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      IOAPIC_BASE);
	if (ioapic == MAP_FAILED) {
		/* IO_STRICT_DEVMEM: the kernel uses it itself. */
		say("hostile: the IOAPIC is left out: %s", strerror(errno));
		ioapic = NULL;
	}
	close(fd);
}

/* Documentation/admin-guide/mm/pagemap.rst: the frame number, 0 if none. */
static uint64_t frame_of(int pagemap, const uint8_t *at)
{
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry),
		  (off_t)((uintptr_t)at / PAGE * sizeof(entry))) !=
	    sizeof(entry))
		fail("/proc/self/pagemap");
	return entry & ((1ull << 55) - 1);
}

static void make_arena(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint8_t *at = mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	unsigned start = 0;

	if (pagemap < 0 || at == MAP_FAILED)
		fail("memory with known addresses");
	for (unsigned i = 0; i < ARENA_PAGES && arena.runs < RUNS_MAX; i++) {
		uint64_t first = frame_of(pagemap, at + start * PAGE);

		if (frame_of(pagemap, at + i * PAGE) != first + (i - start))
			start = i;
		if (first != 0 && i - start == RUN_PAGES - 1) {
			arena.at[arena.runs] = at + start * PAGE;
			arena.phys[arena.runs++] = first * PAGE;
			start = i + 1;
		}
	}
	close(pagemap);
	errno = ENOMEM;
	if (arena.runs == 0)
		fail("contiguous memory with known addresses");
}

void prepare(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mknod("/dev/mem", S_IFCHR | 0600, makedev(1, 1));
	if (iopl(3) < 0) {
		perror("HOSTILE-FAIL iopl"); /* no port to say it on */
		reboot(RB_AUTOBOOT);
	}
	read_options();
	unbind_drivers();
	map_registers();
	make_arena();
}
