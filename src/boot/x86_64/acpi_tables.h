// SPDX-License-Identifier: Apache-2.0
/*
 * acpi_tables.h - the layout of the ACPI tables we write (ACPI 6.5, chapter 5)
 *
 * Data only. Fields that a hardware-reduced machine leaves zero keep their
 * place, under the names of the specification where they are used.
 */
#ifndef MOTE_ACPI_TABLES_H
#define MOTE_ACPI_TABLES_H

#include <assert.h>
#include <stdint.h>

#define ACPI_PACKED __attribute__((packed))

/* 5.2.5.3 */
struct acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum; /* of all of it */
	uint8_t reserved[3];
} ACPI_PACKED;

/* 5.2.6 */
struct acpi_header {
	char signature[4];
	uint32_t length; /* bytes, this header included */
	uint8_t revision;
	uint8_t checksum; /* all bytes add up to 0 */
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} ACPI_PACKED;

/* 5.2.3.2 */
struct acpi_gas {
	uint8_t space_id;
	uint8_t bit_width, bit_offset;
	uint8_t access_size;
	uint64_t address;
} ACPI_PACKED;

enum { ACPI_SPACE_IO = 1, ACPI_ACCESS_BYTE = 1 };

/* 5.2.9 */
struct acpi_fadt {
	struct acpi_header header;
	uint32_t firmware_ctrl, dsdt;
	uint8_t fixed_hardware[64]; /* reserved to CENTURY */
	uint8_t century;
	uint16_t iapc_boot_arch;
	uint8_t reserved;
	uint32_t flags;
	struct acpi_gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_version;
	uint64_t x_firmware_ctrl, x_dsdt;
	struct acpi_gas x_fixed_hardware[8];
	struct acpi_gas sleep_control_reg, sleep_status_reg;
	char hypervisor_id[8];
} ACPI_PACKED;

static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 6.5, table 5.9");

/* 5.2.9: Fixed ACPI Description Table Fixed Feature Flags */
enum {
	ACPI_WBINVD = 1 << 0,
	ACPI_PWR_BUTTON = 1 << 4, /* is not a fixed feature */
	ACPI_SLP_BUTTON = 1 << 5, /* is not a fixed feature */
	ACPI_RESET_REG_SUP = 1 << 10,
	ACPI_HW_REDUCED = 1 << 20,
};

/* 5.2.9.3: IA-PC Boot Architecture Flags */
enum {
	ACPI_VGA_NOT_PRESENT = 1 << 2,
	ACPI_CMOS_RTC_NOT_PRESENT = 1 << 5,
};

/* 5.2.12 */
struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic;
	uint32_t flags; /* 0: no dual 8259 */
} ACPI_PACKED;

struct acpi_madt_lapic {
	uint8_t type, length;
	uint8_t uid, apic_id;
	uint32_t flags;
} ACPI_PACKED;

struct acpi_madt_ioapic {
	uint8_t type, length;
	uint8_t id, reserved;
	uint32_t address, gsi_base;
} ACPI_PACKED;

enum { ACPI_MADT_LAPIC = 0, ACPI_MADT_IOAPIC = 1, ACPI_LAPIC_ENABLED = 1 };

/* 5.2.25: NVDIMM Firmware Interface Table */
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

/* 5.2.25.6; a region without block windows ends here */
struct acpi_nfit_control {
	uint16_t type, length;
	uint16_t index; /* from 1 */
	uint16_t vendor_id, device_id, revision_id;
	uint16_t subsystem[3];
	uint8_t valid_fields, manufacturing_location;
	uint16_t manufacturing_date, reserved;
	uint32_t serial_number;
	uint16_t format_code, windows;
} ACPI_PACKED;

static_assert(sizeof(struct acpi_nfit_spa) == 56, "ACPI 6.5, 5.2.25.2");
static_assert(sizeof(struct acpi_nfit_memory_map) == 48, "ACPI 6.5, 5.2.25.3");
static_assert(sizeof(struct acpi_nfit_control) == 32, "ACPI 6.5, 5.2.25.6");

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
