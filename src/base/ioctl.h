// SPDX-License-Identifier: Apache-2.0
/*
 * ioctl.h - one ioctl, its own name in the error
 */
#ifndef MOTE_IOCTL_H
#define MOTE_IOCTL_H

#include "err.h"

#include <stdint.h>

/*
 * Issue one ioctl, again after EINTR. The request's own name goes into the
 * error, so callers add only what the name does not say ("vCPU 3"), never "ioctl
 * failed".
 *
 * Returns the ioctl's value (>= 0) or -errno with *err set. Not for KVM_RUN:
 * there EINTR means "someone kicked us", and retrying would lose the kick.
 */
#define ioctl_checked(fd, request, arg, err)                                   \
	ioctl_named((fd), (request), (uintptr_t)(arg), #request, (err))

int ioctl_named(int fd, unsigned long request, uintptr_t arg, const char *name,
		struct err *err);

#endif
