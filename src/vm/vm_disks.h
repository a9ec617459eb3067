// SPDX-License-Identifier: Apache-2.0
/*
 * vm_disks.h - image files, and the disks that have one; seen by src/vm alone
 */
#ifndef MOTE_VM_DISKS_H
#define MOTE_VM_DISKS_H

#include "vm.h"

/* vm_image.c: a file or a block device, whatever is to become of it. */
int vm_check_image(int fd, const char *path, struct err *err);
/*
 * And locked for writing or for reading as long as somebody has this open. A file
 * system that has no locks is no failure.
 */
int vm_claim_image(int fd, const char *path, bool write, struct err *err);

/* vm_disks.c: a slot on the bus, an image and a `mote block` for it. */
int vm_start_disk(struct vm *vm, const struct config_disk *disk,
		  struct err *err);

#endif
