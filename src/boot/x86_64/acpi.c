// SPDX-License-Identifier: Apache-2.0
/*
 * acpi.c - the ACPI tables of a hardware-reduced machine
 *
 * "Hardware-reduced" (ACPI 6.5, 4.1) spares us the PM timer, the fixed event
 * registers and the SCI; power-off, reset and everything else that a guest needs
 * stands in registers the FADT names. Devices are LNRO0005, the id under which
 * Linux looks for virtio-mmio.
 *
 * Theory of operation: tables are appended one after the other behind the RSDP,
 * directly in guest memory; each is begun, filled, and ended with its length
 * and checksum. A table can only point at one that stands before it, so the
 * order is DSDT, FADT, MADT, NFIT, XSDT, and the RSDP's fields come last.
 *
 * Images of persistent memory stand in the NFIT only. Without an entry in e820
 * Linux does not count them as memory that DMA must reach, which would cost
 * 64 MiB of bounce buffers.
 */
#include "acpi.h"
#include "acpi_tables.h"
#include "aml.h"
#include "checksum.h"
#include "layout.h"
#include "nfit_tables.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OEM_ID	     "MOTE  "
#define OEM_TABLE_ID "MOTEVM  "
#define CREATOR_ID   "MOTE"

enum { TABLE_ALIGN = 16, TABLES_MAX = 4 };

struct tables {
	uint8_t *base;	   /* guest memory at LAYOUT_ACPI */
	size_t used, size; /* bytes */
	bool overflow;
	gpa_t in_xsdt[TABLES_MAX];
	size_t in_xsdt_count;
};

/* Room for n bytes more, or NULL and the overflow remembered. */
static void *extend(struct tables *tables, size_t n)
{
	void *at = tables->base + tables->used;

	if (n > tables->size - tables->used) {
		tables->overflow = true;
		return NULL;
	}
	tables->used += n;
	return at;
}

static void append(struct tables *tables, const void *bytes, size_t n)
{
	void *at = extend(tables, n);

	if (at != NULL)
		memcpy(at, bytes, n);
}

static void fill_in(struct acpi_header *header, const char *signature,
		    uint8_t revision)
{
	*header = (struct acpi_header){
		.revision = revision,
		.oem_revision = 1,
		.creator_revision = 1,
	};
	memcpy(header->signature, signature, sizeof(header->signature));
	memcpy(header->oem_id, OEM_ID, sizeof(header->oem_id));
	memcpy(header->oem_table_id, OEM_TABLE_ID,
	       sizeof(header->oem_table_id));
	memcpy(header->creator_id, CREATOR_ID, sizeof(header->creator_id));
}

/* Returns the offset of the new table. */
static size_t begin(struct tables *tables)
{
	tables->used = MIN(align_up(tables->used, TABLE_ALIGN), tables->size);
	return tables->used;
}

/* Length and checksum; returns the table's address. */
static gpa_t end(struct tables *tables, size_t start)
{
	struct acpi_header *header = (void *)(tables->base + start);
	size_t len = tables->used - start;

	if (!tables->overflow) {
		header->length = (uint32_t)len;
		header->checksum = 0;
		header->checksum = checksum_for(header, len);
	}
	return LAYOUT_ACPI + start;
}

static void list_in_xsdt(struct tables *tables, gpa_t table)
{
	tables->in_xsdt[tables->in_xsdt_count++] = table;
}

/* One virtio-mmio window. The guest finds out itself what device is behind. */
static void add_device(struct aml *aml, const struct boot_device *device,
		       unsigned index)
{
	uint8_t buf[32];
	char name[5];
	struct aml res;
	size_t start;

	snprintf(name, sizeof(name), "V%03X", index & 0xfff);
	aml_init(&res, buf, sizeof(buf));
	aml_memory32_fixed(&res, (uint32_t)device->base,
			   (uint32_t)device->size);
	aml_interrupt_edge(&res, device->gsi);

	start = aml_begin_device(aml, name);
	aml_name_string(aml, "_HID", "LNRO0005");
	aml_name_integer(aml, "_UID", index);
	aml_name_integer(aml, "_CCA", 1);
	aml_name_resources(aml, "_CRS", &res);
	aml_end(aml, start);
}

/* QEMU's docs/specs/pvpanic: a port to say that the kernel panicked. */
static void add_pvpanic(struct aml *aml)
{
	enum { PRESENT_AND_ENABLED = 0xf }; /* ACPI 6.5, 6.3.7 */
	uint8_t buf[16];
	struct aml res;
	size_t start;

	aml_init(&res, buf, sizeof(buf));
	aml_io_port(&res, LAYOUT_PORT_PVPANIC, 1);

	start = aml_begin_device(aml, "PEVT");
	aml_name_string(aml, "_HID", "QEMU0001");
	aml_name_integer(aml, "_STA", PRESENT_AND_ENABLED);
	aml_name_resources(aml, "_CRS", &res);
	aml_end(aml, start);
}

/*
 * The power button is a control method device (ACPI 6.5, 4.8.3.1.1.2), since a
 * hardware-reduced machine has no registers for a fixed one. Its event comes as
 * an interrupt of the Generic Event Device (5.6.9).
 *
 * No register says what the event was: the interrupt has one meaning, and _EVT
 * need not ask. Hence it must never be raised but for a press; see
 * vm_interrupts.c.
 */
static void add_power_button(struct aml *aml)
{
	enum { PRESSED = 0x80 }; /* 5.6.6, of control method power buttons */
	uint8_t buf[16];
	struct aml res;
	size_t start, method;

	start = aml_begin_device(aml, "PWRB");
	aml_name_string(aml, "_HID", "PNP0C0C");
	aml_end(aml, start);

	aml_init(&res, buf, sizeof(buf));
	aml_interrupt_edge(&res, LAYOUT_POWER_BUTTON_GSI);
	start = aml_begin_device(aml, "GED0");
	aml_name_string(aml, "_HID", "ACPI0013");
	aml_name_resources(aml, "_CRS", &res);
	method = aml_begin_method(aml, "_EVT", 1);
	aml_notify(aml, "PWRB", PRESSED);
	aml_end(aml, method);
	aml_end(aml, start);
}

/* The images among the guest's regions; returns their number. */
static size_t find_images(const struct guest_memory *mem,
			  const struct memory_region **images)
{
	const struct memory_region *regions;
	size_t n = guest_memory_regions(mem, &regions), ram = 0;

	while (ram < n && !regions[ram].readonly)
		ram++;
	*images = regions + ram;
	return n - ram;
}

/* In the DSDT and in the NFIT; 0 is the root device. */
static uint32_t nvdimm_handle(size_t index)
{
	return (uint32_t)index + 1;
}

/* ACPI 6.5, 9.20: the root of NVDIMMs, and each of those that the NFIT has. */
static void add_nvdimms(struct aml *aml, size_t count)
{
	char name[5];
	size_t root, start;

	if (count == 0)
		return;
	root = aml_begin_device(aml, "NVDR");
	aml_name_string(aml, "_HID", "ACPI0012");
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "NV%02X", (unsigned)i & 0xff);
		start = aml_begin_device(aml, name);
		aml_name_integer(aml, "_ADR", nvdimm_handle(i));
		aml_end(aml, start);
	}
	aml_end(aml, root);
}

static gpa_t write_dsdt(struct tables *tables, const struct boot_config *cfg,
			size_t nvdimms)
{
	static const uint8_t s5[] = { LAYOUT_ACPI_SLEEP_S5, 0, 0, 0 };
	struct acpi_header header;
	size_t start = begin(tables), scope;
	struct aml aml;

	fill_in(&header, "DSDT", 2); /* 2: integers of 64 bits */
	append(tables, &header, sizeof(header));
	aml_init(&aml, tables->base + tables->used,
		 tables->size - tables->used);
	aml_name_package(&aml, "_S5_", s5, ARRAY_LEN(s5));
	scope = aml_begin_scope(&aml, "_SB_");
	add_pvpanic(&aml);
	add_power_button(&aml);
	for (size_t i = 0; i < cfg->device_count; i++)
		add_device(&aml, &cfg->devices[i], (unsigned)i);
	add_nvdimms(&aml, nvdimms);
	aml_end(&aml, scope);
	tables->used += aml.len;
	tables->overflow |= aml.overflow;
	return end(tables, start);
}

static struct acpi_gas byte_port(uint16_t port)
{
	return (struct acpi_gas){ .space_id = ACPI_SPACE_IO,
				  .bit_width = 8,
				  .access_size = ACPI_ACCESS_BYTE,
				  .address = port };
}

static gpa_t write_fadt(struct tables *tables, gpa_t dsdt)
{
	size_t start = begin(tables);
	struct acpi_fadt fadt = {
		.iapc_boot_arch =
			ACPI_VGA_NOT_PRESENT | ACPI_CMOS_RTC_NOT_PRESENT,
		.flags = ACPI_WBINVD | ACPI_PWR_BUTTON | ACPI_SLP_BUTTON |
			 ACPI_RESET_REG_SUP | ACPI_HW_REDUCED,
		.reset_reg = byte_port(LAYOUT_PORT_ACPI_RESET),
		.reset_value = LAYOUT_ACPI_RESET_VALUE,
		.minor_version = 5,
		.x_dsdt = dsdt,
		.sleep_control_reg = byte_port(LAYOUT_PORT_ACPI_SLEEP),
		.sleep_status_reg = byte_port(LAYOUT_PORT_ACPI_STATUS),
		.hypervisor_id = "MOTE",
	};

	fill_in(&fadt.header, "FACP", 6);
	append(tables, &fadt, sizeof(fadt));
	return end(tables, start);
}

static gpa_t write_madt(struct tables *tables, const struct boot_config *cfg)
{
	size_t start = begin(tables);
	struct acpi_madt madt = { .local_apic = (uint32_t)LAYOUT_LAPIC };
	struct acpi_madt_lapic lapic = { .type = ACPI_MADT_LAPIC,
					 .length = sizeof(lapic),
					 .flags = ACPI_LAPIC_ENABLED };
	const struct acpi_madt_ioapic ioapic = {
		.type = ACPI_MADT_IOAPIC,
		.length = sizeof(ioapic),
		.address = (uint32_t)LAYOUT_IOAPIC,
	};

	fill_in(&madt.header, "APIC", 5);
	append(tables, &madt, sizeof(madt));
	for (unsigned i = 0; i < cfg->cpus; i++) {
		lapic.uid = lapic.apic_id = (uint8_t)i;
		append(tables, &lapic, sizeof(lapic));
	}
	append(tables, &ioapic, sizeof(ioapic));
	return end(tables, start);
}

/* One NVDIMM, not interleaved, of which the image is all. */
static void append_image(struct tables *tables,
			 const struct memory_region *image, size_t index)
{
	uint16_t number = (uint16_t)(index + 1);
	const struct acpi_nfit_spa spa = {
		.type = ACPI_NFIT_SPA,
		.length = sizeof(spa),
		.index = number,
		.range_type = ACPI_NFIT_PERSISTENT_MEMORY,
		.base = image->gpa,
		.size = image->size,
		.attributes = EFI_MEMORY_WB | EFI_MEMORY_NV,
	};
	const struct acpi_nfit_memory_map map = {
		.type = ACPI_NFIT_MEMORY_MAP,
		.length = sizeof(map),
		.handle = nvdimm_handle(index),
		.spa_index = number,
		.control_index = number,
		.size = image->size,
		.interleave_ways = 1,
		.flags = ACPI_NFIT_NOT_ARMED,
	};
	const struct acpi_nfit_control control = {
		.type = ACPI_NFIT_CONTROL,
		.length = sizeof(control),
		.index = number,
		.serial_number = number,
		.format_code = ACPI_NFIT_BYTE_ADDRESSABLE,
	};

	append(tables, &spa, sizeof(spa));
	append(tables, &map, sizeof(map));
	append(tables, &control, sizeof(control));
}

static gpa_t write_nfit(struct tables *tables,
			const struct memory_region *images, size_t n)
{
	size_t start = begin(tables);
	struct acpi_nfit nfit = { .reserved = 0 };

	fill_in(&nfit.header, "NFIT", 1);
	append(tables, &nfit, sizeof(nfit));
	for (size_t i = 0; i < n; i++)
		append_image(tables, &images[i], i);
	return end(tables, start);
}

static gpa_t write_xsdt(struct tables *tables)
{
	size_t start = begin(tables);
	struct acpi_header header;

	fill_in(&header, "XSDT", 1);
	append(tables, &header, sizeof(header));
	append(tables, tables->in_xsdt,
	       tables->in_xsdt_count * sizeof(tables->in_xsdt[0]));
	return end(tables, start);
}

static void write_rsdp(struct tables *tables, gpa_t xsdt)
{
	struct acpi_rsdp rsdp = { .revision = 2,
				  .length = sizeof(rsdp),
				  .xsdt = xsdt };

	memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
	memcpy(rsdp.oem_id, OEM_ID, sizeof(rsdp.oem_id));
	rsdp.checksum = checksum_for(&rsdp, offsetof(struct acpi_rsdp, length));
	rsdp.extended_checksum = checksum_for(&rsdp, sizeof(rsdp));
	memcpy(tables->base, &rsdp, sizeof(rsdp));
}

int acpi_write(const struct boot_config *cfg, struct guest_memory *mem,
	       gpa_t *rsdp, struct err *err)
{
	struct tables tables = { .size = LAYOUT_ACPI_END - LAYOUT_ACPI };
	const struct memory_region *images;
	size_t image_count = find_images(mem, &images);
	gpa_t dsdt;

	tables.base = guest_memory_borrow(mem, LAYOUT_ACPI, tables.size);
	if (tables.base == NULL)
		return err_set(err, EFAULT, "no memory for ACPI tables");
	extend(&tables, sizeof(struct acpi_rsdp));
	dsdt = write_dsdt(&tables, cfg, image_count);
	list_in_xsdt(&tables, write_fadt(&tables, dsdt));
	list_in_xsdt(&tables, write_madt(&tables, cfg));
	if (image_count > 0)
		list_in_xsdt(&tables, write_nfit(&tables, images, image_count));
	write_rsdp(&tables, write_xsdt(&tables));
	if (tables.overflow)
		return err_set(err, ENOSPC,
			       "the ACPI tables of %zu devices and %u CPUs do "
			       "not fit into %zu KiB",
			       cfg->device_count, cfg->cpus,
			       (size_t)(tables.size / KIB));
	*rsdp = LAYOUT_ACPI;
	return 0;
}
