// SPDX-License-Identifier: Apache-2.0
/*
 * vm_interrupts.c - IOAPIC redirection entries become KVM's MSI routes
 *
 * The IOAPIC calls on a vCPU thread; the routes are set on the main thread,
 * because a vCPU thread may do no ioctl but KVM_RUN. The main thread never takes
 * the IOAPIC's lock, so waiting for it with that lock held is safe.
 */
#include "vm_internal.h"
#include "fd.h"
#include "ioapic.h"
#include "log.h"
#include "main_call.h"
#include "virtio_mmio.h"

struct route_change {
	struct vm *vm;
	const struct ioapic_route *routes;
	size_t n;
};

static int set_routes_on_main(void *arg)
{
	struct route_change *change = arg;
	struct kvm_msi_route
		routes[LAYOUT_DEVICE_GSI_BASE + LAYOUT_DEVICES_MAX];
	struct err err;
	int ret;

	for (size_t i = 0; i < change->n; i++)
		routes[i] = (struct kvm_msi_route){
			.gsi = change->routes[i].pin,
			.address = change->routes[i].address,
			.data = change->routes[i].data,
		};
	ret = kvm_set_msi_routes(change->vm->kvm, routes, change->n, &err);
	if (ret < 0)
		log_guest("ioapic", change->vm->cfg->id,
			  "%s, interrupts keep their old routes", err.text);
	return ret;
}

static void set_routes(void *ctx, const struct ioapic_route *routes, size_t n)
{
	struct vm *vm = ctx;
	struct route_change change = { vm, routes, n };

	main_call_run(vm->main_calls, set_routes_on_main, &change);
}

/*
 * The power button's line is not raised again: without a press before, that
 * would be one that nobody made (acpi.c).
 */
static void unmasked(void *ctx, unsigned pin)
{
	struct vm *vm = ctx;
	unsigned device = pin - LAYOUT_DEVICE_GSI_BASE;

	if (pin >= LAYOUT_DEVICE_GSI_BASE && device < vm->device_count)
		eventfd_signal(virtio_mmio_call_fd(vm->devices[device].virtio));
}

int vm_create_interrupts(struct vm *vm, struct err *err)
{
	const struct ioapic_ops ops = {
		.set_routes = set_routes,
		.unmasked = unmasked,
		.ctx = vm,
	};

	return ioapic_create(LAYOUT_DEVICE_GSI_BASE + vm->device_count, &ops,
			     &vm->ioapic, err);
}
