// SPDX-License-Identifier: Apache-2.0
/*
 * vm_bus.c - which device an exit of a vCPU is for
 *
 * vCPU threads. An address that belongs to nobody reads as all ones (vcpu.h)
 * and a write to it is dropped.
 */
#include "vm_internal.h"
#include "ioapic.h"
#include "log.h"
#include "virtio_mmio.h"

#include <inttypes.h>

static void bus_write(void *ctx, enum vcpu_space space, uint64_t addr,
		      const void *data, unsigned len)
{
	struct vm *vm = ctx;
	uint64_t window = (addr - LAYOUT_DEVICES_BASE) / LAYOUT_DEVICE_SIZE;

	if (space == VCPU_PIO) {
		if (!power_pio_write(&vm->power, (uint16_t)addr, data, len))
			early_console_pio_write(&vm->early_console,
						(uint16_t)addr, data, len);
		return;
	}
	if (boot_timer_write(&vm->boot_timer, addr, data, len))
		return;
	if (addr >= LAYOUT_DEVICES_BASE && window < vm->device_count)
		virtio_mmio_write(vm->devices[window].virtio,
				  addr % LAYOUT_DEVICE_SIZE, data, len);
	else if (addr - LAYOUT_IOAPIC < LAYOUT_IOAPIC_SIZE)
		ioapic_write(vm->ioapic, addr - LAYOUT_IOAPIC, data, len);
	else
		log_guest_debug("bus", vm->cfg->id,
				"write of %u bytes to %#" PRIx64
				", no device there",
				len, addr);
}

static void bus_read(void *ctx, enum vcpu_space space, uint64_t addr,
		     void *data, unsigned len)
{
	struct vm *vm = ctx;

	if (space == VCPU_PIO) {
		if (!power_pio_read(&vm->power, (uint16_t)addr, data, len))
			early_console_pio_read(&vm->early_console,
					       (uint16_t)addr, data, len);
		return;
	}
	if (addr - LAYOUT_IOAPIC < LAYOUT_IOAPIC_SIZE)
		ioapic_read(vm->ioapic, addr - LAYOUT_IOAPIC, data, len);
}

static void vcpu_ended(void *ctx, unsigned index, enum vcpu_end why)
{
	static const enum vm_end ends[] = {
		[VCPU_END_SHUTDOWN] = VM_END_TRIPLE_FAULT,
		[VCPU_END_ERROR] = VM_END_ERROR,
	};
	struct vm *vm = ctx;

	if (why == VCPU_END_SHUTDOWN)
		log_write(LOG_INFO, "vm", vm->cfg->id, "triple fault on CPU %u",
			  index);
	vm_end_request(vm, ends[why]);
}

const struct vcpu_handlers vm_bus_handlers = {
	.read = bus_read,
	.write = bus_write,
	.ended = vcpu_ended,
};

void vm_power_event(void *ctx, enum power_event event)
{
	static const struct {
		enum vm_end end;
		const char *text;
	} events[] = {
		[POWER_OFF] = { VM_END_POWEROFF, "guest powered off" },
		[POWER_RESET] = { VM_END_RESET, "guest asked for a reset" },
		[POWER_PANIC] = { VM_END_PANIC, "guest kernel panicked" },
	};
	struct vm *vm = ctx;

	log_write(LOG_INFO, "vm", vm->cfg->id, "%s", events[event].text);
	vm_end_request(vm, events[event].end);
}
