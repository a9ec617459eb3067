// SPDX-License-Identifier: Apache-2.0
/*
 * ioctl.c - one ioctl, its own name in the error
 */
#include "ioctl.h"

#include <errno.h>
#include <sys/ioctl.h>

int ioctl_named(int fd, unsigned long request, uintptr_t arg, const char *name,
		struct err *err)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? err_errno(err, "%s", name) : ret;
}
