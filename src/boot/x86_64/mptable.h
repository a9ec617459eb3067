// SPDX-License-Identifier: Apache-2.0
/*
 * mptable.h - the MP table: CPUs and interrupts for kernels without ACPI
 */
#ifndef MOTE_MPTABLE_H
#define MOTE_MPTABLE_H

#include "boot.h"

/*
 * Write the floating pointer at LAYOUT_MPTABLE and the table it points at where
 * the other platform has its ACPI tables.
 */
int mptable_write(const struct boot_config *cfg, struct guest_memory *mem,
		  struct err *err);

#endif
