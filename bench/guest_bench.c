// SPDX-License-Identifier: Apache-2.0
/*
 * guest_bench.c - the init of the benchmark guests
 *
 * Marks moments by writing a number to an I/O port that no device has: the host
 * sees each as one kvm_pio trace event, whatever the monitor. Built static, so
 * that nothing runs before the first mark.
 *
 * Kernel command line: bench.read=N reads N random 4 KiB blocks of /dev/vda
 * with O_DIRECT at depth 1; bench.idle sleeps until it is ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

enum { MARK_PORT = 0xe4, MARK_INIT = 1, MARK_BEGIN = 2, MARK_END = 3 };
enum { BLOCK = 4096, WARM_UP = 200 };

static void mark(unsigned char value)
{
	outb(value, MARK_PORT);
}

static void __attribute__((noreturn)) power_off(const char *why)
{
	if (why != NULL)
		printf("guest_bench: %s: %s\n", why, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* /modules/list names the files, in the order they depend on each other. */
static void load_modules(void)
{
	char line[256], path[300];
	FILE *list = fopen("/modules/list", "re");
	int fd;

	while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "/modules/%s", line);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
			power_off(line);
		close(fd);
	}
}

static void read_blocks(long count)
{
	uint64_t size, state = 88172645463325252u;
	void *block = aligned_alloc(BLOCK, BLOCK);
	int fd = -1;

	for (int i = 0; i < 1000 && fd < 0; i++) {
		fd = open("/dev/vda", O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			usleep(1000);
	}
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0 || block == NULL)
		power_off("/dev/vda");
	for (long i = -WARM_UP; i < count; i++) {
		if (i == 0)
			mark(MARK_BEGIN);
		state ^= state << 13; /* xorshift64 */
		state ^= state >> 7;
		state ^= state << 17;
		if (pread(fd, block, BLOCK,
			  (off_t)(state % (size / BLOCK) * BLOCK)) != BLOCK)
			power_off("read");
	}
	mark(MARK_END);
}

int main(void)
{
	char cmdline[4096] = "", *arg;
	int fd;

	if (iopl(3) < 0)
		power_off("iopl");
	mark(MARK_INIT);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) < 0)
		power_off("/proc/cmdline");
	load_modules();
	arg = strstr(cmdline, "bench.read=");
	if (arg != NULL)
		read_blocks(strtol(arg + strlen("bench.read="), NULL, 10));
	while (strstr(cmdline, "bench.idle") != NULL)
		pause();
	power_off(NULL);
}
