// SPDX-License-Identifier: Apache-2.0
/*
 * vm_power.c - the guest's power button, and the signal that presses it
 *
 * The interrupt is the whole message (src/boot/x86_64/acpi.c says what it means),
 * so there is nothing for the guest to read here. A press while the guest has
 * the pin masked, or has no driver, is lost, as on a machine that is still
 * booting.
 */
#include "vm_internal.h"
#include "fd.h"
#include "log.h"
#include "signals.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
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

static void handle_signal(evutil_socket_t signal, short what, void *arg)
{
	struct vm *vm = arg;
	struct err err;

	(void)what;
	if (vm_power_button(vm, &err) < 0)
		log_write(LOG_WARN, "vm", vm->cfg->id, "signal %d: %s", signal,
			  err.text);
}

static int watch_signal(struct vm *vm, struct err *err)
{
	if (signal_is_ignored(SIGUSR1))
		return 0;
	vm->power_button.signal =
		evsignal_new(vm->base, SIGUSR1, handle_signal, vm);
	if (vm->power_button.signal == NULL ||
	    evsignal_add(vm->power_button.signal, NULL) < 0)
		return err_set(err, ENOMEM, "event loop: out of memory");
	return 0;
}

int vm_create_power_button(struct vm *vm, struct err *err)
{
	int ret = watch_signal(vm, err);

	if (ret < 0 || vm->cfg->platform != PLATFORM_ACPI)
		return ret;
	vm->power_button.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->power_button.fd < 0)
		return err_errno(err, "power button: eventfd");
	ret = kvm_add_irqfd(vm->kvm, LAYOUT_POWER_BUTTON_GSI,
			    vm->power_button.fd, err);
	return ret < 0 ? err_prefix(err, ret, "power button") : 0;
}

void vm_destroy_power_button(struct vm *vm)
{
	if (vm->power_button.signal != NULL)
		event_free(vm->power_button.signal);
	fd_close(&vm->power_button.fd);
}
