// SPDX-License-Identifier: Apache-2.0
/*
 * mptable.c - the MP table: CPUs and interrupts for kernels without ACPI
 *
 * MultiProcessor Specification 1.4, chapter 4. A guest finds the floating pointer
 * in the last KiB of base memory. The table itself would fit behind it only for
 * a few CPUs, so it always stands at LAYOUT_ACPI, which is free because this
 * platform has no ACPI tables.
 *
 * virtio_mmio.device= names a Linux interrupt number; interrupts of the ISA bus
 * have the number of their pin, so every device line is declared as one.
 */
#include "mptable.h"
#include "checksum.h"
#include "layout.h"
#include "util.h"

#include <errno.h>
#include <string.h>

#define MP_PACKED __attribute__((packed))

struct mp_floating {
	char signature[4];
	uint32_t table;
	uint8_t length; /* in units of 16 bytes */
	uint8_t spec_revision;
	uint8_t checksum;
	uint8_t features[5];
} MP_PACKED;

struct mp_header {
	char signature[4];
	uint16_t length; /* bytes, this header included */
	uint8_t spec_revision;
	uint8_t checksum;
	char oem_id[8];
	char product_id[12];
	uint32_t oem_table;
	uint16_t oem_table_size;
	uint16_t entry_count;
	uint32_t local_apic;
	uint16_t extended_length;
	uint8_t extended_checksum;
	uint8_t reserved;
} MP_PACKED;

struct mp_processor {
	uint8_t type;
	uint8_t apic_id, apic_version;
	uint8_t flags;
	uint32_t signature, features;
	uint32_t reserved[2];
} MP_PACKED;

struct mp_bus {
	uint8_t type;
	uint8_t id;
	char name[6];
} MP_PACKED;

struct mp_ioapic {
	uint8_t type;
	uint8_t id, version;
	uint8_t flags;
	uint32_t address;
} MP_PACKED;

struct mp_interrupt {
	uint8_t type;
	uint8_t interrupt_type;
	uint16_t flags;
	uint8_t bus, bus_irq;
	uint8_t ioapic, pin;
} MP_PACKED;

static_assert(sizeof(struct mp_floating) == 16, "MP 1.4, 4.1");
static_assert(sizeof(struct mp_header) == 44, "MP 1.4, 4.2");
static_assert(sizeof(struct mp_processor) == 20, "MP 1.4, 4.3.1");
static_assert(sizeof(struct mp_interrupt) == 8, "MP 1.4, 4.3.4");

enum { MP_PROCESSOR, MP_BUS, MP_IOAPIC, MP_INTERRUPT }; /* types */

enum {
	SPEC_REVISION = 4,
	LAPIC_VERSION = 0x14,
	IOAPIC_VERSION = 0x11,
	CPU_ENABLED = 1 << 0,
	CPU_BOOTSTRAP = 1 << 1,
	CPU_FEATURE_APIC = 1 << 9,
	IOAPIC_ENABLED = 1,
	INTERRUPT_VECTORED = 0,
	ACTIVE_HIGH = 1,
	EDGE_TRIGGERED = 1 << 2,
	ISA_BUS = 0,
	IOAPIC_ID = 0,
};

struct table {
	uint8_t *at;
	size_t len, max; /* bytes */
	uint16_t entries;
	bool overflow;
};

static void add(struct table *table, const void *entry, size_t size)
{
	if (size > table->max - table->len) {
		table->overflow = true;
		return;
	}
	memcpy(table->at + table->len, entry, size);
	table->len += size;
	table->entries++;
}

static void add_processors(struct table *table, unsigned cpus)
{
	struct mp_processor cpu = {
		.type = MP_PROCESSOR,
		.apic_version = LAPIC_VERSION,
		.flags = CPU_ENABLED | CPU_BOOTSTRAP,
		.features = CPU_FEATURE_APIC,
	};

	for (unsigned i = 0; i < cpus; i++) {
		cpu.apic_id = (uint8_t)i;
		add(table, &cpu, sizeof(cpu));
		cpu.flags = CPU_ENABLED;
	}
}

static void add_devices(struct table *table, const struct boot_config *cfg)
{
	struct mp_interrupt interrupt = {
		.type = MP_INTERRUPT,
		.interrupt_type = INTERRUPT_VECTORED,
		.flags = ACTIVE_HIGH | EDGE_TRIGGERED,
		.bus = ISA_BUS,
		.ioapic = IOAPIC_ID,
	};

	for (size_t i = 0; i < cfg->device_count; i++) {
		interrupt.pin = (uint8_t)cfg->devices[i].gsi;
		interrupt.bus_irq = interrupt.pin;
		add(table, &interrupt, sizeof(interrupt));
	}
}

static void finish(struct table *table)
{
	struct mp_header header = {
		.length = (uint16_t)table->len,
		.spec_revision = SPEC_REVISION,
		.entry_count = table->entries,
		.local_apic = (uint32_t)LAYOUT_LAPIC,
	};

	memcpy(header.signature, "PCMP", sizeof(header.signature));
	memcpy(header.oem_id, "MOTE    ", sizeof(header.oem_id));
	memcpy(header.product_id, "MICROVM     ", sizeof(header.product_id));
	memcpy(table->at, &header, sizeof(header));
	header.checksum = checksum_for(table->at, table->len);
	memcpy(table->at, &header, sizeof(header));
}

static int write_floating(struct guest_memory *mem)
{
	struct mp_floating floating = {
		.table = (uint32_t)LAYOUT_ACPI,
		.length = sizeof(floating) / 16,
		.spec_revision = SPEC_REVISION,
	};

	memcpy(floating.signature, "_MP_", sizeof(floating.signature));
	floating.checksum = checksum_for(&floating, sizeof(floating));
	return guest_memory_write(mem, LAYOUT_MPTABLE, &floating,
				  sizeof(floating));
}

int mptable_write(const struct boot_config *cfg, struct guest_memory *mem,
		  struct err *err)
{
	const struct mp_bus bus = { MP_BUS, ISA_BUS, "ISA   " };
	const struct mp_ioapic ioapic = { MP_IOAPIC, IOAPIC_ID, IOAPIC_VERSION,
					  IOAPIC_ENABLED,
					  (uint32_t)LAYOUT_IOAPIC };
	struct table table = { .len = sizeof(struct mp_header),
			       .max = LAYOUT_ACPI_END - LAYOUT_ACPI };

	table.at = guest_memory_borrow(mem, LAYOUT_ACPI, table.max);
	if (table.at == NULL || write_floating(mem) < 0)
		return err_set(err, EFAULT, "no memory for the MP table");
	add_processors(&table, cfg->cpus);
	add(&table, &bus, sizeof(bus));
	add(&table, &ioapic, sizeof(ioapic));
	add_devices(&table, cfg);
	if (table.overflow)
		return err_set(err, ENOSPC,
			       "the MP table of %zu devices and %u CPUs does "
			       "not fit",
			       cfg->device_count, cfg->cpus);
	finish(&table);
	return 0;
}
