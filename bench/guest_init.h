/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_init.h - what the inits of the benchmark guests share
 *
 * Part of each program, as each is built from one file.
 */
#ifndef GUEST_INIT_H
#define GUEST_INIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A port that no device has; measure.py knows the marks. */
enum { MARK_PORT = 0xe4, MARK_INIT = 1, MARK_BEGIN = 2, MARK_END = 3 };

/* iopl() comes first. */
static inline void mark(unsigned char value)
{
	outb(value, MARK_PORT);
}

/* why: what failed, with errno; NULL: nothing. */
static void __attribute__((noreturn)) power_off(const char *why)
{
	if (why != NULL)
		printf("guest: %s: %s\n", why, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static inline void mount_basics(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
}

/* /modules/list names the files, in the order they depend on each other. */
static inline void load_modules(void)
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

#endif
