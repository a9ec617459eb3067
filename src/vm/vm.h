// SPDX-License-Identifier: Apache-2.0
/*
 * vm.h - one VM: composed from its configuration, run to its end
 *
 * Main thread.
 */
#ifndef MOTE_VM_H
#define MOTE_VM_H

#include "config.h"
#include "err.h"

struct spawner;
struct vm;

/* How it ended; the exit status of `mote run` follows from it (docs/mote.1). */
enum vm_end {
	VM_END_POWEROFF,
	VM_END_RESET, /* the guest rebooted */
	VM_END_PANIC, /* the guest said so through pvpanic */
	VM_END_TRIPLE_FAULT,
	VM_END_USER,  /* signal, or Ctrl-A x on the console */
	VM_END_ERROR, /* KVM or the monitor failed; logged */
};

/*
 * Create everything a guest needs up to its first instruction. cfg has passed
 * vm_config_check(); cfg and spawner are borrowed until vm_destroy().
 */
int vm_create(const struct vm_config *cfg, struct spawner *spawner,
	      struct vm **out, struct err *err);

/* Run the event loop until the VM has ended. */
enum vm_end vm_run(struct vm *vm);

/*
 * Press the guest's power button, as SIGUSR1 does: a guest with a driver for it
 * shuts down. What became of it is not known here. -ENOTSUP without ACPI.
 */
int vm_power_button(struct vm *vm, struct err *err);

/*
 * While it runs, from an event of its loop: stop the guest between two
 * instructions, its clocks with it, and let it go on. Devices finish what they
 * have been given. Either is done at once or fails, and changes nothing when
 * there is nothing to change.
 */
int vm_pause(struct vm *vm, struct err *err);
int vm_resume(struct vm *vm, struct err *err);
bool vm_is_paused(const struct vm *vm);

void vm_destroy(struct vm *vm); /* NULL is allowed */

#endif
