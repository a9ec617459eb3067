// SPDX-License-Identifier: Apache-2.0
/*
 * cpuid.c - the CPUID leaves a guest sees
 *
 * KVM_GET_SUPPORTED_CPUID lists what KVM can give a guest on this host. Taken as
 * it is, it describes the host's topology and the host CPU it was read on, and
 * leaves out what depends on the irqchip. Here each such leaf is made to speak
 * of the guest: one package, one thread per core, as many cores as vCPUs, APIC
 * id = vCPU index. All other leaves are passed on.
 *
 * "SDM": Intel's manual, vol. 2A, CPUID. "APM": AMD's, vol. 3, appendix E.
 */
#include "cpuid.h"
#include "util.h"

#include <asm/kvm_para.h>

/* Leaf 1. */
enum {
	ECX1_MONITOR = 1 << 3,
	ECX1_VMX = 1 << 5,
	ECX1_TSC_DEADLINE = 1 << 24,
	EDX1_HTT = 1 << 28,
};
#define ECX1_HYPERVISOR (UINT32_C(1) << 31)

/* Leaf 0x80000001. */
enum {
	ECX81_SVM = 1 << 2,
	ECX81_PERFCTR_CORE = 1 << 23,
	ECX81_PERFCTR_NB = 1 << 24,
	ECX81_PERFCTR_LLC = 1 << 28,
};

enum {
	LEAF_MAX = 0x0,
	LEAF_FEATURES = 0x1,
	LEAF_CACHES = 0x4,
	LEAF_MWAIT = 0x5,
	LEAF_PMU = 0xa,
	LEAF_TOPOLOGY = 0xb,
	LEAF_TOPOLOGY_V2 = 0x1f,
};
#define LEAF_HYPERVISOR_TIMING UINT32_C(0x40000010)
#define LEAF_AMD_FEATURES      UINT32_C(0x80000001)
#define LEAF_AMD_SIZES	       UINT32_C(0x80000008)
#define LEAF_AMD_SVM	       UINT32_C(0x8000000a)
#define LEAF_AMD_CACHES	       UINT32_C(0x8000001d)
#define LEAF_AMD_TOPOLOGY      UINT32_C(0x8000001e)
#define LEAF_AMD_PMU	       UINT32_C(0x80000022)
#define LEAF_AMD_TOPOLOGY_V2   UINT32_C(0x80000026)

/* KVM's LAPIC timer counts nanoseconds (APIC_BUS_CYCLE_NS). */
enum { APIC_BUS_KHZ = 1000000 };

/* Bits of an APIC id that number the cores: log2, rounded up. */
static unsigned id_bits(unsigned cpus)
{
	unsigned bits = 0;

	while ((1u << bits) < cpus)
		bits++;
	return bits;
}

static void put_bits(uint32_t *reg, unsigned low, unsigned width,
		     uint32_t value)
{
	uint32_t mask = ((UINT32_C(1) << width) - 1) << low;

	*reg = (*reg & ~mask) | ((value << low) & mask);
}

/*
 * HYPERVISOR makes the guest look at leaf 0x40000000; KVM before 6.13 does not
 * list it. TSC_DEADLINE depends on where the LAPIC is, so KVM leaves it to us.
 * MONITOR: MWAIT would be a busy loop. OSXSAVE follows CR4, KVM keeps it.
 */
static void set_features(struct cpuid_table *table, const struct cpuid_vm *vm)
{
	struct kvm_cpuid_entry2 *leaf = cpuid_find(table, LEAF_FEATURES, 0);

	if (leaf == NULL)
		return;
	leaf->ecx |= ECX1_HYPERVISOR;
	leaf->ecx &= ~(uint32_t)(ECX1_MONITOR | ECX1_VMX);
	if (vm->tsc_deadline)
		leaf->ecx |= ECX1_TSC_DEADLINE;
	/* SDM, EBX[23:16]: addressable ids in the package, if HTT is set. */
	put_bits(&leaf->ebx, 16, 8, 1u << id_bits(vm->cpus));
	leaf->edx &= ~(uint32_t)EDX1_HTT;
	if (vm->cpus > 1)
		leaf->edx |= EDX1_HTT;
	cpuid_drop(table, LEAF_MWAIT);
}

/*
 * A hypervisor inside the guest reaches a large part of the host's KVM that
 * nothing else reaches. No user has asked for one; KVM refuses the instructions
 * when the bits are off.
 */
static void hide_nested_virtualisation(struct cpuid_table *table)
{
	struct kvm_cpuid_entry2 *amd = cpuid_find(table, LEAF_AMD_FEATURES, 0);

	if (amd != NULL)
		amd->ecx &= ~(uint32_t)ECX81_SVM;
	cpuid_drop(table, LEAF_AMD_SVM);
}

/* See disable_pmu() in vm_setup.c. */
static void hide_pmu(struct cpuid_table *table)
{
	struct kvm_cpuid_entry2 *amd = cpuid_find(table, LEAF_AMD_FEATURES, 0);

	if (amd != NULL)
		amd->ecx &= ~(uint32_t)(ECX81_PERFCTR_CORE | ECX81_PERFCTR_NB |
					ECX81_PERFCTR_LLC);
	cpuid_drop(table, LEAF_PMU);
	cpuid_drop(table, LEAF_AMD_PMU);
}

/*
 * Leaf 4 (SDM, Intel) and 0x8000001d (APM), same layout: caches up to level 2
 * belong to one core, the others to all of them. EAX[25:14] holds the ids that
 * share the cache, EAX[31:26] (Intel's only) the cores of the package, each
 * less one.
 */
static void set_caches(struct cpuid_table *table, unsigned cpus)
{
	uint32_t all = (1u << id_bits(cpus)) - 1;

	for (unsigned i = 0; i < table->kvm.nent; i++) {
		struct kvm_cpuid_entry2 *leaf = &table->kvm.entries[i];
		unsigned type = leaf->eax & 0x1f, level = leaf->eax >> 5 & 7;

		if ((leaf->function != LEAF_CACHES &&
		     leaf->function != LEAF_AMD_CACHES) ||
		    type == 0)
			continue;
		put_bits(&leaf->eax, 14, 12, level <= 2 ? 0 : all);
		if (leaf->function == LEAF_CACHES)
			put_bits(&leaf->eax, 26, 6, all);
	}
}

/*
 * Leaf 0xb (SDM): subleaf 0 is the thread level, 1 the core level, the first
 * one of type 0 the end. EAX: shift to the id of the next level; EBX: logical
 * CPUs at this level; ECX: type and subleaf; EDX: the CPU's own id. Leaf 0x1f
 * says the same with more levels; guests go back to 0xb where it is empty.
 */
static void set_topology(struct cpuid_table *table, unsigned cpus)
{
	enum { TYPE_THREAD = 1, TYPE_CORE = 2 };
	const uint32_t flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	struct kvm_cpuid_entry2 *max = cpuid_find(table, LEAF_MAX, 0), *leaf;

	cpuid_drop(table, LEAF_TOPOLOGY);
	cpuid_drop(table, LEAF_TOPOLOGY_V2);
	cpuid_drop(table, LEAF_AMD_TOPOLOGY_V2);
	if (max == NULL || max->eax < LEAF_TOPOLOGY)
		return;
	leaf = cpuid_add(table, LEAF_TOPOLOGY, 0, flags);
	leaf->ebx = 1;
	leaf->ecx = TYPE_THREAD << 8;
	leaf = cpuid_add(table, LEAF_TOPOLOGY, 1, flags);
	leaf->eax = id_bits(cpus);
	leaf->ebx = cpus;
	leaf->ecx = TYPE_CORE << 8 | 1;
	leaf = cpuid_add(table, LEAF_TOPOLOGY, 2, flags);
	leaf->ecx = 2;
}

/* APM, ECX[7:0]: cores less one; ECX[15:12]: bits of the id that count them. */
static void set_amd_sizes(struct cpuid_table *table, unsigned cpus)
{
	struct kvm_cpuid_entry2 *leaf = cpuid_find(table, LEAF_AMD_SIZES, 0);

	if (leaf == NULL)
		return;
	put_bits(&leaf->ecx, 0, 8, cpus - 1);
	put_bits(&leaf->ecx, 12, 4, id_bits(cpus));
}

/*
 * TSC and LAPIC timer frequency in kHz, EAX and EBX of a leaf that began with
 * VMware. There is no PIT or HPET to measure them by: Linux asks kvmclock, but
 * FreeBSD and NetBSD look here, and FreeBSD does not boot without an answer.
 */
static void set_timing(struct cpuid_table *table, uint32_t tsc_khz)
{
	struct kvm_cpuid_entry2 *leaf, *kvm;

	kvm = cpuid_find(table, KVM_CPUID_SIGNATURE, 0);
	if (kvm == NULL || tsc_khz == 0)
		return;
	kvm->eax = MAX(kvm->eax, LEAF_HYPERVISOR_TIMING);
	leaf = cpuid_add(table, LEAF_HYPERVISOR_TIMING, 0, 0);
	leaf->eax = tsc_khz;
	leaf->ebx = APIC_BUS_KHZ;
}

void cpuid_set_vm(struct cpuid_table *table, const struct cpuid_vm *vm)
{
	set_features(table, vm);
	hide_nested_virtualisation(table);
	hide_pmu(table);
	set_caches(table, vm->cpus);
	set_topology(table, vm->cpus);
	set_amd_sizes(table, vm->cpus);
	set_timing(table, vm->tsc_khz);
}

void cpuid_set_cpu(struct cpuid_table *table, unsigned index)
{
	for (unsigned i = 0; i < table->kvm.nent; i++) {
		struct kvm_cpuid_entry2 *leaf = &table->kvm.entries[i];

		switch (leaf->function) {
		case LEAF_FEATURES:
			put_bits(&leaf->ebx, 24, 8, index);
			break;
		case LEAF_TOPOLOGY:
			leaf->edx = index;
			break;
		case LEAF_AMD_TOPOLOGY:
			leaf->eax = index;
			/* APM, EBX: core id, threads per core less one. */
			leaf->ebx = index;
			leaf->ecx = 0; /* node 0 of 1 */
			break;
		default:
			break;
		}
	}
}
