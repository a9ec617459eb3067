// SPDX-License-Identifier: Apache-2.0
/*
 * vm_setup.c - x86_64: capabilities and settings of the whole VM
 */
#include "kvm_ioctl.h"
#include "layout.h"
#include "util.h"
#include "vcpu_arch.h"

static const struct vcpu_arch_capability capabilities[] = {
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_SET_TSS_ADDR) },
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_SET_IDENTITY_MAP_ADDR) },
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_EXT_CPUID) },
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_SPLIT_IRQCHIP) },
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_IRQ_ROUTING) }, /* IOAPIC -> MSI */
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_SIGNAL_MSI) },
};

size_t vcpu_arch_capabilities(const struct vcpu_arch_capability **out)
{
	*out = capabilities;
	return ARRAY_LEN(capabilities);
}

/*
 * No PMU: a guest that counts events makes the host program real counters on
 * every entry. Clearing the CPUID bits (cpuid.c) is enough on Intel, but AMD's
 * first four counters have no bit. KVM before 5.18 cannot do it, and the guest
 * then has those four: not a reason to fail.
 */
static void disable_pmu(int vm_fd)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_PMU_CAPABILITY,
		.args = { KVM_PMU_CAP_DISABLE },
	};

	kvm_ioctl(vm_fd, KVM_ENABLE_CAP, &cap, NULL);
}

int vcpu_arch_init_vm(int vm_fd, struct err *err)
{
	uint64_t identity_map = LAYOUT_KVM_IDENTITY_MAP;
	int ret;

	ret = kvm_ioctl(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map, err);
	if (ret < 0)
		return ret;
	ret = kvm_ioctl(vm_fd, KVM_SET_TSS_ADDR, LAYOUT_KVM_TSS, err);
	if (ret < 0)
		return ret;
	disable_pmu(vm_fd);
	return 0;
}

/*
 * args[0] is the number of IOAPIC pins whose end-of-interrupt KVM is to report
 * to user space, for level-triggered lines that may still be raised. Ours are
 * edges: the IOAPIC makes every route an edge-triggered MSI and keeps no Remote
 * IRR, so nobody waits for an EOI, and with 0 no EOI ever exits.
 */
int vcpu_arch_create_irqchip(int vm_fd, struct err *err)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP,
		.args = { 0 },
	};
	int ret = kvm_ioctl(vm_fd, KVM_ENABLE_CAP, &cap, err);

	return ret < 0 ? err_prefix(err, ret, "KVM_CAP_SPLIT_IRQCHIP") : 0;
}
