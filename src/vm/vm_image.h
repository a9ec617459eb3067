// SPDX-License-Identifier: Apache-2.0
/*
 * vm_image.h - the files of a VM: opened, and fit to be what they are given for
 *
 * Seen by src/vm only. Main thread.
 */
#ifndef MOTE_VM_IMAGE_H
#define MOTE_VM_IMAGE_H

#include "config.h"

/* For reading. Returns a descriptor or -errno. */
int vm_open_file(const char *path, struct err *err);

/* A file or a block device, whatever is to become of it. */
int vm_check_image(int fd, const char *path, struct err *err);

/*
 * And locked for writing or for reading as long as somebody has this open. A file
 * system that has no locks is no failure.
 */
int vm_claim_image(int fd, const char *path, bool write, struct err *err);

/* Both for the image of persistent memory. Returns a descriptor or -errno. */
int vm_open_pmem(const struct config_pmem *pmem, struct err *err);

#endif
