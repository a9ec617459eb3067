// SPDX-License-Identifier: Apache-2.0
/*
 * kvm_ioctl.h - one KVM ioctl, its own name in the error
 *
 * As ioctl_checked(): not for KVM_RUN, where EINTR means "someone kicked us", and
 * retrying would lose the kick.
 */
#ifndef MOTE_KVM_IOCTL_H
#define MOTE_KVM_IOCTL_H

#include "ioctl.h"

#include <linux/kvm.h>

#define kvm_ioctl(fd, request, arg, err)                                       \
	ioctl_named((fd), (request), (uintptr_t)(arg), #request, (err))

#endif
