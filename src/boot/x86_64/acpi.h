// SPDX-License-Identifier: Apache-2.0
/*
 * acpi.h - the ACPI tables of a hardware-reduced machine
 */
#ifndef MOTE_ACPI_H
#define MOTE_ACPI_H

#include "boot.h"

/*
 * Write RSDP, XSDT, FADT, MADT, DSDT and, when mem has images, NFIT between
 * LAYOUT_ACPI and LAYOUT_ACPI_END; the RSDP's address in *rsdp. -ENOSPC when they do not fit there.
 */
int acpi_write(const struct boot_config *cfg, struct guest_memory *mem,
	       gpa_t *rsdp, struct err *err);

#endif
