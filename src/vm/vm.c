// SPDX-License-Identifier: Apache-2.0
/*
 * vm.c - one VM: creation in order, run, end
 *
 * Theory of operation: created -> running -> ended, never back. Creation asks
 * for the backends first, so that they start while KVM is set up, then keeps
 * KVM's order: memory slots, irqchip, vCPUs, then ioeventfds and irqfds (a
 * memory slot set later costs milliseconds on newer kernels). The end is
 * requested by anyone, once; its owner then releases
 * the vCPUs that wait for the main thread, joins them (vm_stop()), and only then
 * takes the devices apart, so
 * that nothing a backend or a vCPU still does can meet freed memory.
 */
#include "vm_internal.h"
#include "exit_status.h"
#include "fd.h"
#include "ioapic.h"
#include "journal.h"
#include "ksm.h"
#include "log.h"
#include "main_call.h"
#include "spawner.h"
#include "vhost_user.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static_assert(CONFIG_CPUS_MAX == VCPUS_MAX,
	      "the limit that users are told is that of the vCPUs");

struct end_request {
	struct vm *vm;
	enum vm_end end;
};

static int end_on_main(void *arg)
{
	struct end_request *request = arg;
	struct vm *vm = request->vm;

	if (!vm->ended) {
		if (request->end == VM_END_PANIC)
			journal_post("guest-panic", vm->cfg->id, "%s", "");
		vm->ended = true;
		vm->end = request->end;
		vm->owner.ended(vm->owner.ctx, vm->end);
	}
	return 0;
}

void vm_end_request(struct vm *vm, enum vm_end end)
{
	struct end_request request = { vm, end };

	main_call_run(vm->main_calls, end_on_main, &request);
}

static int create_main_calls(struct vm *vm, struct err *err)
{
	return main_call_create(vm->base, &vm->main_calls, err);
}

static int create_memory(struct vm *vm, struct err *err)
{
	const struct vm_config *cfg = vm->cfg;
	bool mergeable = vm_config_is_mergeable(cfg, ksm_is_inherited());
	bool small = !cfg->thp || mergeable || cfg->load == LOAD_MAP;
	struct guest_memory_config memory = {
		.size = cfg->memory,
		.shared = vm_config_is_shared(cfg),
		.mergeable = mergeable,
		.prefault = cfg->prefault,
		.pages = cfg->hugepages ? MEMORY_PAGES_2M
			 : small	? MEMORY_PAGES_SMALL
					: MEMORY_PAGES_THP,
	};

	return guest_memory_create(&memory, &vm->memory, err);
}

static int create_windows(struct vm *vm, struct err *err)
{
	size_t size = vm->device_count * LAYOUT_DEVICE_SIZE;
	void *windows;

	if (size == 0)
		return 0;
	windows = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (windows == MAP_FAILED)
		return err_errno(err, "device windows");
	vm->windows = windows;
	return 0;
}

static int add_memory_slots(struct vm *vm, struct err *err)
{
	const struct memory_region *regions;
	size_t n = guest_memory_regions(vm->memory, &regions);
	int ret;

	for (size_t i = 0; i < n; i++) {
		ret = kvm_add_memory(vm->kvm, regions[i].gpa, regions[i].size,
				     regions[i].host, regions[i].readonly, err);
		if (ret < 0)
			return ret;
	}
	if (vm->windows == NULL)
		return 0;
	return kvm_add_memory(vm->kvm, LAYOUT_DEVICES_BASE,
			      vm->device_count * LAYOUT_DEVICE_SIZE,
			      vm->windows, true, err);
}

static int create_kvm(struct vm *vm, struct err *err)
{
	struct vcpu_handlers handlers = vm_bus_handlers;
	int ret;

	ret = kvm_create(NULL, &vm->kvm, err);
	if (ret < 0)
		return ret;
	ret = add_memory_slots(vm, err);
	if (ret < 0)
		return ret;
	ret = kvm_create_irqchip(vm->kvm, err);
	if (ret < 0)
		return ret;
	handlers.ctx = vm;
	return vcpus_create(vm->kvm, vm->cfg->cpus, &handlers, &vm->vcpus, err);
}

static int open_early_console(struct vm *vm, struct err *err)
{
	const char *path = vm->cfg->early_console;

	if (path == NULL)
		return 0;
	if (strcmp(path, "stderr") == 0)
		vm->early_console.fd = dup(STDERR_FILENO);
	else
		vm->early_console.fd =
			open(path,
			     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
				     O_NOCTTY | O_NONBLOCK,
			     0600);
	if (vm->early_console.fd < 0)
		return err_errno(err, "early console '%s'", path);
	return 0;
}

static void handle_backend_exit(void *ctx, const char *id, int status)
{
	struct vm *vm = ctx;

	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_CONSOLE_ESCAPE) {
		log_write(LOG_INFO, "vm", vm->cfg->id,
			  "ended from the console by Ctrl-A x");
		vm_end_request(vm, VM_END_USER);
		return;
	}
	if (WIFSIGNALED(status))
		log_write(LOG_ERROR, "backend", id, "killed by signal %d",
			  WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_write(LOG_ERROR, "backend", id, "ended with status %d",
			  WEXITSTATUS(status));
}

static int create_all(struct vm *vm, struct err *err)
{
	int (*const steps[])(struct vm * vm, struct err * err) = {
		create_main_calls,    open_early_console,
		vm_start_backends,    create_memory,
		vm_map_pmem,	      create_windows,
		create_kvm,	      vm_load,
		vm_create_interrupts, vm_create_devices,
		vm_connect_devices,   vm_create_power_button,
	};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(steps) && ret == 0; i++)
		ret = steps[i](vm, err);
	if (ret == 0)
		ret = spawner_watch(vm->spawner, vm->base, handle_backend_exit,
				    vm, err);
	return ret;
}

int vm_create(const struct vm_config *cfg, struct spawner *spawner,
	      struct event_base *base, const struct vm_owner *owner,
	      struct vm **out, struct err *err)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int ret;

	if (vm == NULL)
		return err_set(err, ENOMEM, "VM: out of memory");
	vm->cfg = cfg;
	vm->spawner = spawner;
	vm->base = base;
	vm->owner = *owner;
	vm->ack_fd = -1;
	vm->power_button.fd = -1;
	vm->early_console.fd = -1;
	if (cfg->boot_timer)
		boot_timer_start(&vm->boot_timer);
	vm->power = (struct power_ops){ vm_power_event, vm };
	for (size_t i = 0; i < LAYOUT_DEVICES_MAX; i++) {
		vm->devices[i].backend_fd = -1;
		vm->devices[i].control_fd = -1;
	}
	ret = create_all(vm, err);
	if (ret < 0) {
		vm_destroy(vm);
		return ret;
	}
	*out = vm;
	return 0;
}

/* Without a driver there is no console, and an early end would be a riddle. */
static void explain_silence(const struct vm *vm)
{
	if (vm->driver_seen || vm->device_count == 0 ||
	    (vm->end != VM_END_RESET && vm->end != VM_END_PANIC &&
	     vm->end != VM_END_TRIPLE_FAULT))
		return;
	log_write(
		LOG_WARN, "vm", vm->cfg->id,
		"the guest ended before it used a device: its messages are to "
		"be had by --early-console stderr and earlyprintk=ttyS0 in "
		"--cmdline; does its initrd have virtio_mmio and drivers?");
}

int vm_start(struct vm *vm, struct err *err)
{
	int ret;

	vcpus_set_affinity(vm->vcpus, vm->cfg->affinity,
			   vm->cfg->affinity_count);
	ret = vcpus_start(vm->vcpus, err);

	if (ret < 0)
		return ret;
	log_write(LOG_INFO, "vm", vm->cfg->id, "running: %u CPUs, %llu MiB",
		  vm->cfg->cpus, (unsigned long long)(vm->cfg->memory / MIB));
	return 0;
}

void vm_stop(struct vm *vm)
{
	main_call_close(vm->main_calls);
	vm_drop_loading(vm);
	vcpus_stop(vm->vcpus);
	explain_silence(vm);
}

void vm_destroy(struct vm *vm)
{
	if (vm == NULL)
		return;
	vm_drop_loading(vm);
	vcpus_destroy(vm->vcpus);
	vm_destroy_devices(vm);
	vm_destroy_power_button(vm);
	ioapic_destroy(vm->ioapic);
	kvm_destroy(vm->kvm);
	guest_memory_destroy(vm->memory);
	if (vm->windows != NULL)
		munmap(vm->windows, vm->device_count * LAYOUT_DEVICE_SIZE);
	fd_close(&vm->ack_fd);
	fd_close(&vm->early_console.fd);
	main_call_destroy(vm->main_calls);
	spawner_unwatch(vm->spawner);
	free(vm);
}
