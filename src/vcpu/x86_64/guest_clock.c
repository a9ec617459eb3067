// SPDX-License-Identifier: Apache-2.0
/*
 * guest_clock.c - x86_64: the guest's clocks stand still in a pause
 *
 * A Linux guest reads kvmclock or, on hosts whose TSC never stops, the TSC
 * itself. Both are put back by the length of the pause, so that watchdogs, RCU
 * and time-outs see nothing of it; the guest's time of day is late afterwards,
 * which only something that knows the time can put right.
 *
 * The TSC is moved by its offset, the same for all vCPUs, so that they stay
 * synchronised and what a guest has written to one of them stays. KVM can do it
 * since Linux 5.16; on an older host the TSC jumps. Deadlines that the guest has
 * set do not move: they come too early, at which a guest looks at its clock and
 * sets them again.
 *
 * No scaling: the guest's TSC counts as fast as the host's (cpu_setup.c).
 */
#include "guest_clock.h"
#include "kvm_ioctl.h"
#include "vcpu_arch.h"

#include <x86intrin.h>

int vcpu_arch_stop_clocks(int vm_fd, struct vcpu_clock *clock, struct err *err)
{
	struct kvm_clock_data now = { .flags = 0 };
	int ret = kvm_ioctl(vm_fd, KVM_GET_CLOCK, &now, err);

	clock->kvmclock = now.clock;
	clock->host_tsc = __rdtsc();
	return ret;
}

static void move_tsc_back(int fd, uint64_t ticks)
{
	uint64_t offset;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	if (kvm_ioctl(fd, KVM_GET_DEVICE_ATTR, &attr, NULL) < 0)
		return;
	offset -= ticks;
	kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &attr, NULL);
}

int vcpu_arch_start_clocks(int vm_fd, const int *fds, unsigned count,
			   const struct vcpu_clock *clock, struct err *err)
{
	struct kvm_clock_data then = { .clock = clock->kvmclock };
	uint64_t ticks;
	int ret = kvm_ioctl(vm_fd, KVM_SET_CLOCK, &then, err);

	if (ret < 0)
		return ret;
	ticks = __rdtsc() - clock->host_tsc;
	for (unsigned i = 0; i < count; i++)
		move_tsc_back(fds[i], ticks);
	/* What little the guest does see is no soft lockup either. EINVAL: it
	 * has no kvmclock. */
	for (unsigned i = 0; i < count; i++)
		kvm_ioctl(fds[i], KVM_KVMCLOCK_CTRL, 0, NULL);
	return 0;
}
