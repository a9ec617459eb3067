// SPDX-License-Identifier: Apache-2.0
/*
 * vm_load.c - kernel, initrd and tables into guest memory, now or on demand
 */
#include "vm_internal.h"
#include "boot.h"
#include "boot_demand.h"
#include "log.h"

#include <errno.h>
#include <event2/event.h>

static void handle_touched(evutil_socket_t fd, short what, void *arg)
{
	struct vm *vm = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (boot_demand_handle(vm->demand, &err) < 0) {
		log_write(LOG_ERROR, "vm", vm->cfg->id, "loading: %s",
			  err.text);
		vm_end_request(vm, VM_END_ERROR);
	}
}

static int watch_demand(struct vm *vm, struct err *err)
{
	if (vm->demand == NULL)
		return 0;
	vm->demand_event = event_new(vm->base, boot_demand_fd(vm->demand),
				     EV_READ | EV_PERSIST, handle_touched, vm);
	if (vm->demand_event == NULL || event_add(vm->demand_event, NULL) < 0)
		return err_set(err, ENOMEM, "event loop: out of memory");
	return 0;
}

static void stop_watching(struct vm *vm)
{
	if (vm->demand_event != NULL)
		event_free(vm->demand_event);
	vm->demand_event = NULL;
}

int vm_finish_loading(struct vm *vm, struct err *err)
{
	int ret;

	if (vm->demand == NULL)
		return 0;
	stop_watching(vm);
	ret = boot_demand_finish(vm->demand, err);
	vm_drop_loading(vm);
	if (ret < 0) {
		/* The guest now reads zeros where its kernel should be. */
		log_write(LOG_ERROR, "vm", vm->cfg->id, "loading: %s",
			  err->text);
		vm_end_request(vm, VM_END_ERROR);
	}
	return ret;
}

void vm_drop_loading(struct vm *vm)
{
	stop_watching(vm);
	boot_demand_destroy(vm->demand);
	vm->demand = NULL;
}

int vm_load(struct vm *vm, struct err *err)
{
	static const enum boot_load loads[] = {
		[LOAD_AUTO] = BOOT_LOAD_AUTO,
		[LOAD_READ] = BOOT_LOAD_READ,
		[LOAD_MAP] = BOOT_LOAD_MAP,
	};
	const struct vm_config *cfg = vm->cfg;
	struct boot_device devices[LAYOUT_DEVICES_MAX];
	struct boot_config boot = {
		.kernel_fd = cfg->kernel_fd,
		.kernel_name = cfg->kernel,
		.initrd_fd = cfg->initrd_fd,
		.initrd_name = cfg->initrd,
		.cmdline = cfg->cmdline,
		.load = loads[cfg->load],
		.platform = cfg->platform == PLATFORM_ACPI
				    ? BOOT_PLATFORM_ACPI
				    : BOOT_PLATFORM_CMDLINE,
		.cpus = cfg->cpus,
		.ioapic_pins = LAYOUT_DEVICE_GSI_BASE + vm->device_count,
		.devices = devices,
		.device_count = vm->device_count,
		.demand = &vm->demand,
	};
	struct boot_entry entry;
	int ret;

	for (unsigned i = 0; i < vm->device_count; i++)
		devices[i] = (struct boot_device){
			.base = LAYOUT_DEVICES_BASE + i * LAYOUT_DEVICE_SIZE,
			.size = LAYOUT_DEVICE_SIZE,
			.gsi = LAYOUT_DEVICE_GSI_BASE + i,
		};
	ret = boot_load(&boot, vm->memory, &entry, err);
	if (ret < 0)
		return ret;
	ret = watch_demand(vm, err);
	if (ret < 0)
		return ret;
	return vcpus_set_boot_state(vm->vcpus, vm->memory, &entry, err);
}
