// SPDX-License-Identifier: Apache-2.0
/*
 * kvm_ioctl.c - the one place that issues KVM ioctls other than KVM_RUN
 */
#include "kvm_ioctl.h"

#include <errno.h>
#include <sys/ioctl.h>

int kvm_ioctl_named(int fd, unsigned long request, uintptr_t arg,
		    const char *name, struct err *err)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? err_errno(err, "%s", name) : ret;
}
