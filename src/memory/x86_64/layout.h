// SPDX-License-Identifier: Apache-2.0
/*
 * layout.h - where things are in an x86_64 guest's physical address space
 *
 *   0 ............ LAYOUT_LOW_END      boot data (below 1 MiB), kernel, RAM
 *   LAYOUT_DEVICES_BASE ...            virtio-mmio windows, one read-only slot
 *   0xfec00000 / 0xfee00000            IOAPIC / LAPIC
 *   4 GiB ........                     the RAM that does not fit below
 *   ... behind it                      persistent memory, a section or more each
 */
#ifndef MOTE_LAYOUT_H
#define MOTE_LAYOUT_H

#include "util.h"

/* RAM */
#define LAYOUT_LOW_END	 (3 * GIB) /* the MMIO hole begins here */
#define LAYOUT_HIGH_BASE (4 * GIB)
#define LAYOUT_RAM_MIN	 (16 * MIB)

/*
 * Persistent memory begins at multiples of a section of Linux (SECTION_SIZE_BITS
 * in arch/x86/include/asm/sparsemem.h): nothing else shares its struct pages.
 */
#define LAYOUT_PMEM_ALIGN (128 * MIB)

/* Boot data below 1 MiB; all of it is ordinary RAM once the guest runs. */
#define LAYOUT_GDT	      UINT64_C(0x500)
#define LAYOUT_ZERO_PAGE      UINT64_C(0x7000) /* struct boot_params */
#define LAYOUT_PVH_START_INFO UINT64_C(0x6000)
#define LAYOUT_PAGE_TABLES    UINT64_C(0x9000) /* PML4, PDPT, 4 PDs */
#define LAYOUT_CMDLINE	      UINT64_C(0x20000)
#define LAYOUT_CMDLINE_SIZE   UINT64_C(0x10000)
#define LAYOUT_SETUP_DATA     UINT64_C(0x30000) /* SETUP_RNG_SEED */
#define LAYOUT_LOW_RAM_END    UINT64_C(0x9fc00) /* e820: RAM up to here */
#define LAYOUT_MPTABLE	      UINT64_C(0x9fc00) /* 1 KiB "EBDA" */
#define LAYOUT_ACPI	      UINT64_C(0xe0000) /* RSDP first */
#define LAYOUT_ACPI_END	      UINT64_C(0xffff0)
#define LAYOUT_RESET_VECTOR   UINT64_C(0xffff0) /* to 1 MiB */
#define LAYOUT_BOOT_DATA_END  UINT64_C(0x100000)
#define LAYOUT_KERNEL	      UINT64_C(0x1000000) /* bzImage default */

/* Devices */
#define LAYOUT_DEVICES_BASE UINT64_C(0xc0000000)
#define LAYOUT_DEVICE_SIZE  UINT64_C(0x1000)
#define LAYOUT_DEVICES_MAX  64u
#define LAYOUT_IOAPIC	    UINT64_C(0xfec00000)
#define LAYOUT_IOAPIC_SIZE  UINT64_C(0x1000)
#define LAYOUT_LAPIC	    UINT64_C(0xfee00000)

/* KVM on Intel wants four pages of its own below 4 GiB (KVM_SET_TSS_ADDR). */
#define LAYOUT_KVM_IDENTITY_MAP UINT64_C(0xfeffc000)
#define LAYOUT_KVM_TSS		UINT64_C(0xfeffd000)

/*
 * GSIs: 0-15 stay free for what guests believe about ISA, but for the one that
 * was the SCI's by tradition, and which a hardware-reduced machine has not.
 */
#define LAYOUT_POWER_BUTTON_GSI 9u
#define LAYOUT_DEVICE_GSI_BASE	16u

/* I/O ports */
#define LAYOUT_PORT_I8042	  0x64u	 /* write 0xfe: reset */
#define LAYOUT_PORT_PVPANIC	  0x505u /* QEMU's docs/specs/pvpanic */
#define LAYOUT_PORT_EARLY_CONSOLE 0x3f8u /* earlyprintk=ttyS0 */
#define LAYOUT_PORT_ACPI_SLEEP	  0x600u /* FADT sleep control */
#define LAYOUT_PORT_ACPI_STATUS	  0x601u /* FADT sleep status */
#define LAYOUT_PORT_ACPI_RESET	  0x602u /* FADT reset register */
#define LAYOUT_ACPI_SLEEP_S5	  5u	 /* SLP_TYP of \_S5 */
#define LAYOUT_ACPI_RESET_VALUE	  1u

#endif
