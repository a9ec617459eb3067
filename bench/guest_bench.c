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
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest_init.h"

enum { BLOCK = 4096, WARM_UP = 200 };

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
	mount_basics();
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
