// SPDX-License-Identifier: Apache-2.0
/*
 * vm_disks.h - disks with an image of ours; seen by src/vm alone
 */
#ifndef MOTE_VM_DISKS_H
#define MOTE_VM_DISKS_H

#include "vm.h"

/* vm_disks.c: a slot on the bus, an image and a `mote block` for it. */
int vm_start_disk(struct vm *vm, const struct config_disk *disk,
		  struct err *err);

#endif
