// SPDX-License-Identifier: Apache-2.0
/*
 * kvm.c - one VM's KVM handles
 *
 * Owns the descriptors of the device and of the VM; the vCPUs' are in vcpu.c.
 * Nothing here is undone one by one: closing the VM ends all of it.
 */
#include "kvm.h"
#include "fd.h"
#include "kvm_ioctl.h"
#include "util.h"
#include "vcpu_arch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#define DEFAULT_DEVICE "/dev/kvm"

struct kvm {
	int system_fd; /* /dev/kvm */
	int vm_fd;
	unsigned vcpus_max;
	uint32_t slots; /* memory slots in use */
};

static const struct vcpu_arch_capability capabilities[] = {
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_USER_MEMORY) },
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_READONLY_MEM) },	  /* register pages */
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_IOEVENTFD) },	  /* QueueNotify */
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_IRQFD) },	  /* backends' lines */
	{ VCPU_ARCH_CAPABILITY(KVM_CAP_IMMEDIATE_EXIT) }, /* kicks */
};

static int open_device(const char *device, struct err *err)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT: /* no module loaded, or no device node */
	case ENODEV: /* a node without a module behind it */
	case ENXIO:
		return err_set(err, errno,
			       "%s: no KVM here: load kvm-intel/kvm-amd or "
			       "enable virtualisation in the firmware",
			       device);
	case EACCES:
	case EPERM:
		return err_set(err, errno,
			       "%s: no permission: add the user to group kvm "
			       "(or run as root)",
			       device);
	default:
		return err_errno(err, "%s", device);
	}
}

static int check_api_version(int fd, const char *device, struct err *err)
{
	int version = kvm_ioctl(fd, KVM_GET_API_VERSION, 0, NULL);

	/* The number has been 12 since Linux 2.6.22 and is not to change. */
	if (version == KVM_API_VERSION)
		return 0;
	if (version < 0)
		return err_set(err, ENODEV, "%s: not a KVM device", device);
	return err_set(err, EPROTO, "%s: KVM API version %d, need %d", device,
		       version, KVM_API_VERSION);
}

static int check_capabilities(int fd, const struct vcpu_arch_capability *caps,
			      size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int ret =
			kvm_ioctl(fd, KVM_CHECK_EXTENSION, caps[i].number, err);

		if (ret < 0)
			return ret;
		if (ret == 0)
			return err_set(err, ENOTSUP,
				       "KVM lacks %s: host kernel too old?",
				       caps[i].name);
	}
	return 0;
}

static int check_all_capabilities(int fd, struct err *err)
{
	const struct vcpu_arch_capability *arch;
	size_t n = vcpu_arch_capabilities(&arch);
	int ret = check_capabilities(fd, capabilities, ARRAY_LEN(capabilities),
				     err);

	return ret < 0 ? ret : check_capabilities(fd, arch, n, err);
}

static int create_vm(struct kvm *kvm, struct err *err)
{
	int ret = kvm_ioctl(kvm->system_fd, KVM_CREATE_VM, 0, err);

	if (ret == -EBUSY)
		return err_prefix(err, ret,
				  "another hypervisor uses this CPU's "
				  "virtualisation");
	if (ret < 0)
		return ret;
	kvm->vm_fd = ret;

	ret = kvm_ioctl(kvm->system_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS,
			err);
	if (ret < 0)
		return ret;
	kvm->vcpus_max = (unsigned)ret;
	return vcpu_arch_init_vm(kvm->vm_fd, err);
}

int kvm_create(const char *device, struct kvm **out, struct err *err)
{
	struct kvm *kvm = malloc(sizeof(*kvm));
	int ret;

	if (device == NULL)
		device = DEFAULT_DEVICE;
	if (kvm == NULL)
		return err_set(err, ENOMEM, "%s: out of memory", device);
	*kvm = (struct kvm){ .system_fd = -1, .vm_fd = -1 };

	kvm->system_fd = ret = open_device(device, err);
	if (ret < 0)
		goto fail;
	ret = check_api_version(kvm->system_fd, device, err);
	if (ret < 0)
		goto fail;
	ret = check_all_capabilities(kvm->system_fd, err);
	if (ret < 0)
		goto fail;
	ret = create_vm(kvm, err);
	if (ret < 0)
		goto fail;
	*out = kvm;
	return 0;
fail:
	kvm_destroy(kvm);
	return ret;
}

void kvm_destroy(struct kvm *kvm)
{
	if (kvm == NULL)
		return;
	fd_close(&kvm->vm_fd);
	fd_close(&kvm->system_fd);
	free(kvm);
}

int kvm_system_fd(const struct kvm *kvm)
{
	return kvm->system_fd;
}

int kvm_vm_fd(const struct kvm *kvm)
{
	return kvm->vm_fd;
}

unsigned kvm_vcpus_max(const struct kvm *kvm)
{
	return kvm->vcpus_max;
}

int kvm_add_memory(struct kvm *kvm, gpa_t gpa, uint64_t size, void *host,
		   bool readonly, struct err *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = kvm->slots,
		.flags = readonly ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};
	int ret =
		kvm_ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region, err);

	if (ret < 0)
		return err_prefix(err, ret,
				  "memory slot %" PRIu32 ", %#" PRIx64
				  " bytes at %#" PRIx64,
				  kvm->slots, size, gpa);
	kvm->slots++;
	return 0;
}

int kvm_create_irqchip(struct kvm *kvm, struct err *err)
{
	return vcpu_arch_create_irqchip(kvm->vm_fd, err);
}

int kvm_add_ioeventfd(struct kvm *kvm, gpa_t addr, unsigned len, bool match,
		      uint64_t value, int fd, struct err *err)
{
	struct kvm_ioeventfd ioeventfd = {
		.datamatch = value,
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0,
	};
	int ret = kvm_ioctl(kvm->vm_fd, KVM_IOEVENTFD, &ioeventfd, err);

	return ret < 0 ? err_prefix(err, ret, "address %#" PRIx64, addr) : 0;
}

int kvm_add_irqfd(struct kvm *kvm, unsigned gsi, int fd, struct err *err)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };
	int ret = kvm_ioctl(kvm->vm_fd, KVM_IRQFD, &irqfd, err);

	return ret < 0 ? err_prefix(err, ret, "GSI %u", gsi) : 0;
}

int kvm_set_msi_routes(struct kvm *kvm, const struct kvm_msi_route *routes,
		       size_t n, struct err *err)
{
	struct kvm_irq_routing *table;
	int ret;

	table = calloc(1, sizeof(*table) + n * sizeof(table->entries[0]));
	if (table == NULL)
		return err_set(err, ENOMEM, "%zu MSI routes: out of memory", n);
	table->nr = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		table->entries[i] = (struct kvm_irq_routing_entry){
			.gsi = routes[i].gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi.address_lo = (uint32_t)routes[i].address,
			.u.msi.address_hi = (uint32_t)(routes[i].address >> 32),
			.u.msi.data = routes[i].data,
		};
	}
	ret = kvm_ioctl(kvm->vm_fd, KVM_SET_GSI_ROUTING, table, err);
	free(table);
	return ret < 0 ? err_prefix(err, ret, "%zu MSI routes", n) : 0;
}
