// SPDX-License-Identifier: Apache-2.0
/*
 * vcpu_arch.h - what a CPU architecture must supply to src/vcpu
 *
 * Implemented in ${ARCH}/; private to this folder. Main thread only, but for
 * vcpu_arch_log_registers().
 */
#ifndef MOTE_VCPU_ARCH_H
#define MOTE_VCPU_ARCH_H

#include "boot_entry.h"
#include "err.h"

#include <stddef.h>

struct kvm;

/* A capability without which mote does not work, and its name for the user. */
struct vcpu_arch_capability {
	long number;
	const char *name;
};
#define VCPU_ARCH_CAPABILITY(cap) .number = cap, .name = #cap

/* Beyond those that every architecture needs. Returns their number. */
size_t vcpu_arch_capabilities(const struct vcpu_arch_capability **out);

/* Right after KVM_CREATE_VM: before memory slots, irqchip and vCPUs. */
int vcpu_arch_init_vm(int vm_fd, struct err *err);

/* Interrupt controllers; after the memory slots, before the vCPUs. */
int vcpu_arch_create_irqchip(int vm_fd, struct err *err);

/*
 * Give all count vCPUs, fds[0] to fds[count - 1], their identity and the
 * registers that differ from KVM's own reset state.
 */
int vcpu_arch_init_cpus(int system_fd, const int *fds, unsigned count,
			struct err *err);

/* Put the first vCPU where entry says. */
int vcpu_arch_set_boot_state(int fd, struct guest_memory *mem,
			     const struct boot_entry *entry, struct err *err);

/*
 * While no vCPU runs: keep what the guest's clocks show, and later let them go on
 * from there, so that the guest does not see the time between. On failure they
 * still stand.
 */
struct vcpu_clock;
int vcpu_arch_stop_clocks(int vm_fd, struct vcpu_clock *clock, struct err *err);
int vcpu_arch_start_clocks(int vm_fd, const int *fds, unsigned count,
			   const struct vcpu_clock *clock, struct err *err);

/*
 * Log the registers of the vCPU, a few lines at level error. On the vCPU's own
 * thread, which is outside KVM_RUN.
 */
void vcpu_arch_log_registers(int fd);

#endif
