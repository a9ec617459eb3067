// SPDX-License-Identifier: Apache-2.0
/*
 * cpu_setup.c - x86_64: what each vCPU is: CPUID, and MSRs at reset
 *
 * What is not set here is right as KVM resets it: TSC (0, and the same on all
 * vCPUs), PAT, XCR0; the first vCPU is runnable, the others wait for INIT and
 * SIPI. LAPICs keep LINT0 as ExtINT on the first vCPU and everything else
 * masked, which is what the guest's tables say; there is no PIC to use it.
 */
#include "cpuid.h"
#include "kvm_ioctl.h"
#include "util.h"
#include "vcpu_arch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* SDM vol. 4, table 2-2. */
enum {
	MSR_IA32_MISC_ENABLE = 0x1a0,
	MSR_IA32_MTRR_DEF_TYPE = 0x2ff,
};
enum {
	MISC_ENABLE_FAST_STRING = 1 << 0,
	MISC_ENABLE_BTS_UNAVAIL = 1 << 11,  /* as KVM resets it */
	MISC_ENABLE_PEBS_UNAVAIL = 1 << 12, /* as KVM resets it */
	MTRR_DEF_TYPE_WRITE_BACK = 6,
	MTRR_DEF_TYPE_ENABLE = 1 << 11,
};

/*
 * What firmware would have done: Linux gives up "rep movsb" on Intel without
 * fast strings, and PAT without MTRRs.
 */
static int set_msrs(int fd, struct err *err)
{
	static const struct kvm_msr_entry entries[] = {
		{ .index = MSR_IA32_MISC_ENABLE,
		  .data = MISC_ENABLE_FAST_STRING | MISC_ENABLE_BTS_UNAVAIL |
			  MISC_ENABLE_PEBS_UNAVAIL },
		{ .index = MSR_IA32_MTRR_DEF_TYPE,
		  .data = MTRR_DEF_TYPE_ENABLE | MTRR_DEF_TYPE_WRITE_BACK },
	};
	union {
		struct kvm_msrs list;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(entries)];
	} msrs = { .list.nmsrs = ARRAY_LEN(entries) };
	int ret;

	memcpy(msrs.list.entries, entries, sizeof(entries));
	ret = kvm_ioctl(fd, KVM_SET_MSRS, &msrs, err);
	if (ret < 0)
		return ret;
	if (ret < (int)ARRAY_LEN(entries)) /* how many went well */
		return err_set(err, EINVAL, "KVM refuses MSR %#x",
			       entries[ret].index);
	return 0;
}

static int init_cpu(int fd, unsigned index, struct cpuid_table *cpuid,
		    struct err *err)
{
	int ret;

	cpuid_set_cpu(cpuid, index);
	ret = kvm_ioctl(fd, KVM_SET_CPUID2, &cpuid->kvm, err);
	if (ret == 0)
		ret = set_msrs(fd, err);
	return ret < 0 ? err_prefix(err, ret, "vCPU %u", index) : 0;
}

int vcpu_arch_init_cpus(int system_fd, const int *fds, unsigned count,
			struct err *err)
{
	struct cpuid_vm vm = { .cpus = count };
	struct cpuid_table *cpuid;
	int ret;

	ret = cpuid_fetch(system_fd, &cpuid, err);
	if (ret < 0)
		return ret;
	vm.tsc_deadline = kvm_ioctl(system_fd, KVM_CHECK_EXTENSION,
				    KVM_CAP_TSC_DEADLINE_TIMER, NULL) > 0;
	ret = kvm_ioctl(fds[0], KVM_GET_TSC_KHZ, 0, NULL);
	vm.tsc_khz = ret > 0 ? (uint32_t)ret : 0;
	cpuid_set_vm(cpuid, &vm);

	ret = 0;
	for (unsigned i = 0; i < count && ret == 0; i++)
		ret = init_cpu(fds[i], i, cpuid, err);
	free(cpuid);
	return ret;
}
