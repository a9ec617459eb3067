// SPDX-License-Identifier: Apache-2.0
/*
 * vm_power.c - the guest's power button
 *
 * The interrupt is the whole message (src/boot/x86_64/acpi.c says what it means),
 * so there is nothing for the guest to read here. A press while the guest has
 * the pin masked, or has no driver, is lost, as on a machine that is still
 * booting.
 */
#include "vm_internal.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <sys/eventfd.h>

int vm_power_button(struct vm *vm, struct err *err)
{
	if (vm->power_button.fd < 0)
		return err_set(err, ENOTSUP,
			       "no power button: it needs ACPI, which "
			       "--platform cmdline leaves out");
	log_write(LOG_INFO, "vm", vm->cfg->id, "power button pressed");
	eventfd_signal(vm->power_button.fd);
	return 0;
}

int vm_create_power_button(struct vm *vm, struct err *err)
{
	int ret;

	if (vm->cfg->platform != PLATFORM_ACPI)
		return 0;
	vm->power_button.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->power_button.fd < 0)
		return err_errno(err, "power button: eventfd");
	ret = kvm_add_irqfd(vm->kvm, LAYOUT_POWER_BUTTON_GSI,
			    vm->power_button.fd, err);
	return ret < 0 ? err_prefix(err, ret, "power button") : 0;
}

void vm_destroy_power_button(struct vm *vm)
{
	fd_close(&vm->power_button.fd);
}
