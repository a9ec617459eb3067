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

#endif
