// SPDX-License-Identifier: Apache-2.0
/*
 * boot_entry.h - where and how the first CPU starts
 *
 * Filled in by src/boot, used by src/vcpu; neither sees the other.
 */
#ifndef MOTE_BOOT_ENTRY_H
#define MOTE_BOOT_ENTRY_H

#include "guest_memory.h"

enum boot_protocol {
	BOOT_LINUX64, /* Documentation/arch/x86/boot.rst, "64-bit boot" */
	BOOT_PVH,     /* xen/include/public/arch-x86/hvm/start_info.h */
};

struct boot_entry {
	enum boot_protocol protocol;
	gpa_t pc;  /* first instruction */
	gpa_t arg; /* boot_params (RSI) or hvm_start_info (EBX) */
};

#endif
