// SPDX-License-Identifier: Apache-2.0
/*
 * pvh.h - the PVH boot protocol: the ELF note that asks for it, and the block
 * such a kernel is handed
 *
 * Facts from Xen's public headers: xen/include/public/elfnote.h and
 * xen/include/public/arch-x86/hvm/start_info.h.
 */
#ifndef MOTE_PVH_H
#define MOTE_PVH_H

#include "boot_arch.h"

/* What the notes of an ELF kernel say; starts as all zero. */
struct kernel_notes {
	bool is_linux; /* there is a note of Linux's own (BUILD_SALT, ...) */
	bool has_pvh;  /* there is a 32-bit physical entry point */
	gpa_t pvh_entry;
};

/*
 * Add what one PT_NOTE segment says, copied to memory and align-ed (4 or 8).
 * Reads no further than a note that does not fit.
 */
void kernel_notes_read(const uint8_t *notes, size_t size, size_t align,
		       struct kernel_notes *found);

/* Write hvm_start_info and what it points at; its address in *start_info. */
int pvh_write_start_info(const struct boot_state *state, gpa_t *start_info,
			 struct err *err);

#endif
