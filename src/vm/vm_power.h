// SPDX-License-Identifier: Apache-2.0
/*
 * vm_power.h - the guest's power button; private to src/vm
 *
 * Main thread.
 */
#ifndef MOTE_VM_POWER_H
#define MOTE_VM_POWER_H

#include "err.h"

struct vm;

struct vm_power_button {
	int fd; /* its interrupt line, an irqfd; -1: the guest has none */
};

/* Once vCPUs exist. */
int vm_create_power_button(struct vm *vm, struct err *err);
void vm_destroy_power_button(struct vm *vm); /* created or not */

#endif
