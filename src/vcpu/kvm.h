// SPDX-License-Identifier: Apache-2.0
/*
 * kvm.h - one VM's KVM handles: memory slots, irqchip, event descriptors
 *
 * Main thread only. Order of calls (KVM makes a memory slot that is set after
 * the irqchip cost milliseconds on newer kernels): memory slots, irqchip, vCPUs
 * (vcpu.h), then ioeventfds and irqfds.
 */
#ifndef MOTE_KVM_H
#define MOTE_KVM_H

#include "err.h"
#include "guest_memory.h"

struct kvm;

/*
 * Open the device (NULL: /dev/kvm), check the API version and every capability
 * mote needs, create the VM. The message tells a missing module from missing
 * permission from a KVM that lacks a capability, and what to do.
 */
int kvm_create(const char *device, struct kvm **out, struct err *err);
void kvm_destroy(struct kvm *kvm); /* NULL is allowed */

int kvm_system_fd(const struct kvm *kvm); /* the device; borrowed */
int kvm_vm_fd(const struct kvm *kvm);	  /* borrowed */
unsigned kvm_vcpus_max(const struct kvm *kvm);

/* Slots count up from 0. size in bytes, host page-aligned, both outlive kvm. */
int kvm_add_memory(struct kvm *kvm, gpa_t gpa, uint64_t size, void *host,
		   bool readonly, struct err *err);

/* LAPICs in the kernel, IOAPIC in user space (KVM_CAP_SPLIT_IRQCHIP). */
int kvm_create_irqchip(struct kvm *kvm, struct err *err);

/*
 * A guest write of len bytes at addr counts fd up inside the kernel. With
 * match, only a write of that value. fd is borrowed, never read here.
 */
int kvm_add_ioeventfd(struct kvm *kvm, gpa_t addr, unsigned len, bool match,
		      uint64_t value, int fd, struct err *err);

/* Signalling fd raises gsi, straight from the signaller's context. */
int kvm_add_irqfd(struct kvm *kvm, unsigned gsi, int fd, struct err *err);

struct kvm_msi_route {
	unsigned gsi;
	uint64_t address;
	uint32_t data;
};

/* Replace all routes; a gsi without one delivers nothing. */
int kvm_set_msi_routes(struct kvm *kvm, const struct kvm_msi_route *routes,
		       size_t n, struct err *err);

#endif
