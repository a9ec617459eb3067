// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_formats.h - the loaders of the image formats x86_64 can start
 *
 * Each recognises its own format by the first bytes of the file, loads it and
 * fills in state->kernel. Whatever the file says is checked before use against
 * the file's size and the VM's memory.
 */
#ifndef MOTE_KERNEL_FORMATS_H
#define MOTE_KERNEL_FORMATS_H

#include "boot_arch.h"

/* Enough for an ELF header and for boot sector plus setup header. */
struct kernel_head {
	uint8_t bytes[1024]; /* zero after the end of the file */
};

bool elf_image_is(const struct kernel_head *head);
int elf_image_load(struct boot_state *state, const struct boot_file *file,
		   struct err *err);

bool bzimage_is(const struct kernel_head *head);
int bzimage_load(struct boot_state *state, const struct boot_file *file,
		 const struct kernel_head *head, struct err *err);

/*
 * -ENOMEM with *err naming both sizes unless [start, end) is RAM that a kernel
 * may have: above the first MiB, which holds what we write for it.
 */
int kernel_image_check_range(const struct boot_state *state, gpa_t start,
			     gpa_t end, struct err *err);

#endif
