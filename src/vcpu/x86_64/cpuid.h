// SPDX-License-Identifier: Apache-2.0
/*
 * cpuid.h - the CPUID leaves a guest sees: KVM's list, and what mote changes
 *
 * Pure functions on a table but for cpuid_fetch(). A table has one owner, who
 * frees it.
 */
#ifndef MOTE_CPUID_H
#define MOTE_CPUID_H

#include "err.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* Leaves that cpuid_set_vm() may add; each table has room for them. */
enum { CPUID_SPARE = 8 };

struct cpuid_table {
	unsigned capacity;     /* of kvm.entries */
	struct kvm_cpuid2 kvm; /* as KVM_SET_CPUID2 takes it */
};

struct cpuid_vm {
	unsigned cpus;	   /* 1 to VCPUS_MAX */
	bool tsc_deadline; /* the LAPIC in KVM has the timer mode */
	uint32_t tsc_khz;  /* 0: not known */
};

/* An empty table for n leaves and CPUID_SPARE more; NULL: out of memory. */
struct cpuid_table *cpuid_table_create(unsigned n);

/* The first entry of that leaf and subleaf, or NULL. */
struct kvm_cpuid_entry2 *cpuid_find(struct cpuid_table *table,
				    uint32_t function, uint32_t index);
/* As cpuid_find(), but a missing one is added, all zero. */
struct kvm_cpuid_entry2 *cpuid_add(struct cpuid_table *table, uint32_t function,
				   uint32_t index, uint32_t flags);
/* Drop every subleaf of that leaf: the guest reads zeros. */
void cpuid_drop(struct cpuid_table *table, uint32_t function);

/* KVM_GET_SUPPORTED_CPUID into a new table. */
int cpuid_fetch(int system_fd, struct cpuid_table **out, struct err *err);

/* What all vCPUs have in common; once per table. */
void cpuid_set_vm(struct cpuid_table *table, const struct cpuid_vm *vm);

/* What only vCPU index has: its APIC id. Any number of times. */
void cpuid_set_cpu(struct cpuid_table *table, unsigned index);

#endif
