// SPDX-License-Identifier: Apache-2.0
/*
 * vm_disks.h - the images of our own disks
 *
 * Seen by src/vm only. Main thread.
 */
#ifndef MOTE_VM_DISKS_H
#define MOTE_VM_DISKS_H

#include "config.h"

/* Open and lock the image as disk asks for; *fd is -1 on failure. */
int vm_open_disk(const struct config_disk *disk, int *fd, struct err *err);

#endif
