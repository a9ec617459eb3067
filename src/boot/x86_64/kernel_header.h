// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_header.h - what an x86_64 kernel image says about itself
 */
#ifndef MOTE_KERNEL_HEADER_H
#define MOTE_KERNEL_HEADER_H

#include <asm/bootparam.h>

/* boot.rst, "Details of Header Fields": boot_flag and header */
enum {
	SETUP_BOOT_FLAG = 0xaa55,
	SETUP_HEADER = 0x53726448, /* "HdrS" */
};

struct kernel_header {
	struct setup_header setup; /* of a bzImage; all zero for an ELF */
};

#endif
