// SPDX-License-Identifier: Apache-2.0
/*
 * nfit_tables.h - the layout of the NVDIMM Firmware Interface Table (ACPI 6.5,
 * 5.2.25)
 *
 * Data only, and of it only what describes persistent memory without labels,
 * interleaving or block windows.
 */
#ifndef MOTE_NFIT_TABLES_H
#define MOTE_NFIT_TABLES_H

#include "acpi_tables.h"

/* 5.2.25 */
struct acpi_nfit {
	struct acpi_header header;
	uint32_t reserved;
} ACPI_PACKED;

/* 5.2.25.2; without the location cookie that a flag would announce */
struct acpi_nfit_spa {
	uint16_t type, length;
	uint16_t index; /* from 1 */
	uint16_t flags;
	uint32_t reserved, proximity_domain;
	uint8_t range_type[16]; /* a GUID */
	uint64_t base, size;	/* bytes */
	uint64_t attributes;	/* UEFI 2.10, 7.2.3 */
} ACPI_PACKED;

/* 5.2.25.3 */
struct acpi_nfit_memory_map {
	uint16_t type, length;
	uint32_t handle; /* _ADR of the NVDIMM */
	uint16_t physical_id, region_id;
	uint16_t spa_index, control_index;
	uint64_t size, offset; /* bytes */
	uint64_t dimm_address;
	uint16_t interleave_index, interleave_ways;
	uint16_t flags, reserved;
} ACPI_PACKED;

/* 5.2.25.6 */
struct acpi_nfit_control {
	uint16_t type, length;
	uint16_t index; /* from 1 */
	uint16_t vendor_id, device_id, revision_id;
	uint16_t subsystem[3];
	uint8_t valid_fields, manufacturing_location;
	uint16_t manufacturing_date, reserved;
	uint32_t serial_number;
	uint16_t format_code, windows;
	uint8_t of_windows[48]; /* without any: zero */
} ACPI_PACKED;

static_assert(sizeof(struct acpi_nfit_spa) == 56, "ACPI 6.5, 5.2.25.2");
static_assert(sizeof(struct acpi_nfit_memory_map) == 48, "ACPI 6.5, 5.2.25.3");
static_assert(sizeof(struct acpi_nfit_control) == 80, "ACPI 6.5, 5.2.25.6");

enum {
	ACPI_NFIT_SPA = 0,
	ACPI_NFIT_MEMORY_MAP = 1,
	ACPI_NFIT_CONTROL = 4,
	ACPI_NFIT_NOT_ARMED = 1 << 3,	    /* Linux: the memory is read-only */
	ACPI_NFIT_BYTE_ADDRESSABLE = 0x301, /* JEDEC annex L, not backed */
	EFI_MEMORY_WB = 1 << 3,
	EFI_MEMORY_NV = 1 << 15,
};

/* 5.2.25.2: 66F0D379-B4F3-4074-AC43-0D3318B78CDB, persistent memory */
#define ACPI_NFIT_PERSISTENT_MEMORY                                            \
	{                                                                      \
		0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40, 0xac, 0x43,    \
			0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb                     \
	}

#endif
