// SPDX-License-Identifier: Apache-2.0
/*
 * boot_file.h - a kernel or initrd: checked when opened, bounds-checked after
 *
 * No message names the file; the caller puts that in front.
 */
#ifndef MOTE_BOOT_FILE_H
#define MOTE_BOOT_FILE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

struct boot_file {
	int fd;	       /* borrowed */
	uint64_t size; /* bytes, more than 0 */
};

/* -EINVAL for a directory, an empty file or anything but a regular one. */
int boot_file_open(int fd, struct boot_file *file, struct err *err);

/* -EINVAL, saying that the file is truncated, unless it has these bytes. */
int boot_file_check(const struct boot_file *file, uint64_t offset, uint64_t len,
		    struct err *err);

/* Read exactly len bytes; boot_file_check() is done first. */
int boot_file_read(const struct boot_file *file, uint64_t offset, void *buf,
		   size_t len, struct err *err);

#endif
