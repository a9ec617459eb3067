// SPDX-License-Identifier: Apache-2.0
/*
 * test_boot_tables.c - what a kernel is told about its machine
 *
 * With the arguments "--dump DIRECTORY" it tests nothing, but writes the ACPI
 * tables into files for iasl.
 */
#include "boot_fixture.h"
#include "layout.h"

#include <errno.h>
#include <stdio.h>

struct machine {
	struct guest_memory *mem;
	struct boot_entry entry;
	struct boot_device devices[LAYOUT_DEVICES_MAX];
};

struct shape {
	uint64_t ram;
	unsigned cpus, devices;
	enum boot_platform platform;
	bool pvh;
	const char *cmdline;
	unsigned images; /* of one page each */
};

static int load(struct machine *machine, const struct shape *shape,
		struct err *err)
{
	struct test_image image;
	struct boot_config cfg;
	int ret;

	for (unsigned i = 0; i < ARRAY_LEN(machine->devices); i++)
		machine->devices[i] = (struct boot_device){
			LAYOUT_DEVICES_BASE + i * LAYOUT_DEVICE_SIZE,
			LAYOUT_DEVICE_SIZE, LAYOUT_DEVICE_GSI_BASE + i
		};
	test_elf(&image, shape->pvh);
	machine->mem = test_memory(shape->ram, false);
	test_add_images(machine->mem, shape->images);
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.initrd_fd = test_file("initrd", 6);
	cfg.platform = shape->platform;
	cfg.cpus = shape->cpus;
	cfg.devices = machine->devices;
	cfg.device_count = shape->devices;
	if (shape->cmdline != NULL)
		cfg.cmdline = shape->cmdline;
	ret = boot_load(&cfg, machine->mem, &machine->entry, err);
	close(cfg.kernel_fd);
	close(cfg.initrd_fd);
	return ret;
}

static void start(struct machine *machine, struct shape shape)
{
	struct err err = { "" };

	ck_assert_msg(load(machine, &shape, &err) == 0, "%s", err.text);
}

static const void *at(const struct machine *machine, gpa_t gpa, size_t len)
{
	const void *p = guest_memory_borrow(machine->mem, gpa, len);

	ck_assert_ptr_nonnull(p);
	return p;
}

static uint8_t sum(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint8_t total = 0;

	while (n-- > 0)
		total += *p++;
	return total;
}

static uint64_t get(const void *bytes, size_t offset, size_t width)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)bytes + offset, width);
	return value;
}

/* e820 types: 1 RAM, 2 reserved */
static const struct {
	uint64_t ram;
	unsigned count;
	struct boot_e820_entry map[4];
	unsigned images;
} maps[] = {
	{ 32 * MIB,
	  3,
	  { { 0, 0x9fc00, 1 }, { 0x9fc00, 0x60400, 2 }, { MIB, 31 * MIB, 1 } },
	  0 },
	{ 3 * GIB,
	  3,
	  { { 0, 0x9fc00, 1 },
	    { 0x9fc00, 0x60400, 2 },
	    { MIB, 3 * GIB - MIB, 1 } },
	  0 },
	{ 5 * GIB,
	  4,
	  { { 0, 0x9fc00, 1 },
	    { 0x9fc00, 0x60400, 2 },
	    { MIB, 3 * GIB - MIB, 1 },
	    { 4 * GIB, 2 * GIB, 1 } },
	  0 },
	{ 5 * GIB,
	  4,
	  { { 0, 0x9fc00, 1 },
	    { 0x9fc00, 0x60400, 2 },
	    { MIB, 3 * GIB - MIB, 1 },
	    { 4 * GIB, 2 * GIB, 1 } },
	  8 },
};

START_TEST(the_memory_map_covers_all_ram_and_hides_the_tables)
{
	const struct boot_params *params;
	struct machine machine;

	start(&machine, (struct shape){ .ram = maps[_i].ram,
					.cpus = 1,
					.images = maps[_i].images });
	params = at(&machine, machine.entry.arg, sizeof(*params));
	ck_assert_uint_eq(params->e820_entries, maps[_i].count);
	ck_assert_mem_eq(params->e820_table, maps[_i].map,
			 maps[_i].count * sizeof(maps[_i].map[0]));
	guest_memory_destroy(machine.mem);
}
END_TEST

START_TEST(the_zero_page_points_at_everything)
{
	const struct boot_params *params;
	const struct setup_data *seed;
	struct machine machine;
	gpa_t initrd;

	start(&machine, (struct shape){ .ram = 32 * MIB,
					.cpus = 1,
					.cmdline = "quiet -- x" });
	params = at(&machine, machine.entry.arg, sizeof(*params));
	ck_assert_uint_eq(params->hdr.boot_flag, 0xaa55);
	ck_assert_uint_eq(params->hdr.header, 0x53726448);
	ck_assert_uint_eq(params->hdr.type_of_loader, 0xff);
	ck_assert_uint_eq(params->sentinel, 0);
	ck_assert_uint_eq(params->acpi_rsdp_addr, LAYOUT_ACPI);
	ck_assert_str_eq(at(&machine, params->hdr.cmd_line_ptr, 64),
			 "quiet -- x");
	initrd = params->hdr.ramdisk_image | (gpa_t)params->ext_ramdisk_image
						     << 32;
	ck_assert_mem_eq(at(&machine, initrd, 6), "initrd", 6);
	ck_assert_uint_eq(params->hdr.ramdisk_size, 6);

	seed = at(&machine, params->hdr.setup_data, sizeof(*seed) + 32);
	ck_assert_uint_eq(seed->next, 0);
	ck_assert_uint_eq(seed->type, SETUP_RNG_SEED);
	ck_assert_uint_eq(seed->len, 32);
	guest_memory_destroy(machine.mem);
}
END_TEST

START_TEST(no_two_guests_get_the_same_seed)
{
	struct machine a, b;
	size_t offset = sizeof(struct setup_data);

	start(&a, (struct shape){ .ram = 32 * MIB, .cpus = 1 });
	start(&b, (struct shape){ .ram = 32 * MIB, .cpus = 1 });
	ck_assert_mem_ne((const char *)at(&a, LAYOUT_SETUP_DATA, 64) + offset,
			 (const char *)at(&b, LAYOUT_SETUP_DATA, 64) + offset,
			 32);
	guest_memory_destroy(a.mem);
	guest_memory_destroy(b.mem);
}
END_TEST

/* Offsets as in start_info.h of Xen's public headers. */
START_TEST(the_pvh_start_info_points_at_everything)
{
	const void *info, *module, *map;
	struct machine machine;

	start(&machine,
	      (struct shape){ .ram = 5 * GIB, .cpus = 1, .pvh = true });
	info = at(&machine, machine.entry.arg, 56);
	ck_assert_uint_eq(get(info, 0, 4), 0x336ec578);
	ck_assert_uint_eq(get(info, 4, 4), 1);
	ck_assert_uint_eq(get(info, 12, 4), 1);
	module = at(&machine, get(info, 16, 8), 32);
	ck_assert_mem_eq(at(&machine, get(module, 0, 8), 6), "initrd", 6);
	ck_assert_uint_eq(get(module, 8, 8), 6);
	ck_assert_str_eq(at(&machine, get(info, 24, 8), 64), "console=hvc0");
	ck_assert_uint_eq(get(info, 32, 8), LAYOUT_ACPI);
	map = at(&machine, get(info, 40, 8), 4 * 24);
	ck_assert_uint_eq(get(info, 48, 4), 4);
	ck_assert_uint_eq(get(map, 3 * 24, 8), 4 * GIB);
	ck_assert_uint_eq(get(map, 3 * 24 + 8, 8), 2 * GIB);
	ck_assert_uint_eq(get(map, 3 * 24 + 16, 4), 1);
	guest_memory_destroy(machine.mem);
}
END_TEST

/* Every table, in the order in which a guest finds them. */
static size_t find_tables(const struct machine *machine, const void *tables[8])
{
	const void *rsdp = at(machine, LAYOUT_ACPI, 36), *xsdt, *table;
	size_t n = 0, length;

	ck_assert_mem_eq(rsdp, "RSD PTR ", 8);
	ck_assert_uint_eq(sum(rsdp, 20), 0);
	ck_assert_uint_eq(sum(rsdp, 36), 0);
	xsdt = at(machine, get(rsdp, 24, 8), 36);
	length = get(xsdt, 4, 4);
	tables[n++] = xsdt;
	for (size_t i = 36; i < length; i += 8) {
		table = at(machine, get(xsdt, i, 8), 36);
		tables[n++] = table;
		if (memcmp(table, "FACP", 4) == 0)
			tables[n++] = at(machine, get(table, 140, 8), 36);
	}
	return n;
}

static const struct {
	unsigned cpus, devices, images;
} shapes[] = {
	{ 1, 0, 0 },
	{ 1, 1, 1 },
	{ 4, 8, 0 },
	{ 64, 64, 8 },
};

START_TEST(every_acpi_table_lies_inside_its_area_with_a_right_checksum)
{
	const char *area, *table;
	const void *tables[8];
	struct machine machine;
	size_t n, length;

	start(&machine, (struct shape){ .ram = 32 * MIB,
					.cpus = shapes[_i].cpus,
					.devices = shapes[_i].devices,
					.images = shapes[_i].images });
	area = at(&machine, LAYOUT_ACPI, LAYOUT_ACPI_END - LAYOUT_ACPI);
	n = find_tables(&machine, tables);
	ck_assert_uint_eq(n, shapes[_i].images > 0 ? 5 : 4);
	for (size_t i = 0; i < n; i++) {
		table = tables[i];
		length = get(table, 4, 4);
		ck_assert(range_within((uint64_t)(table - area), length,
				       LAYOUT_ACPI_END - LAYOUT_ACPI));
		ck_assert_uint_eq(sum(table, length), 0);
	}
	guest_memory_destroy(machine.mem);
}
END_TEST

START_TEST(the_madt_lists_every_cpu_and_the_ioapic)
{
	const uint8_t *madt = NULL, *entry;
	const void *tables[8];
	struct machine machine;
	unsigned cpus = 0, ioapics = 0;
	size_t n;

	start(&machine, (struct shape){ .ram = 32 * MIB, .cpus = 64 });
	n = find_tables(&machine, tables);
	for (size_t i = 0; i < n; i++) {
		if (memcmp(tables[i], "APIC", 4) == 0)
			madt = tables[i];
	}
	ck_assert_ptr_nonnull(madt);
	ck_assert_uint_eq(get(madt, 36, 4), LAYOUT_LAPIC);
	for (entry = madt + 44; entry < madt + get(madt, 4, 4);
	     entry += entry[1]) {
		if (entry[0] == 0) {
			ck_assert_uint_eq(entry[3], cpus++);
			ck_assert_uint_eq(get(entry, 4, 4), 1);
		} else {
			ck_assert_uint_eq(entry[0], 1);
			ck_assert_uint_eq(get(entry, 4, 4), LAYOUT_IOAPIC);
			ck_assert_uint_eq(get(entry, 8, 4), 0);
			ioapics++;
		}
	}
	ck_assert_uint_eq(cpus, 64);
	ck_assert_uint_eq(ioapics, 1);
	guest_memory_destroy(machine.mem);
}
END_TEST

/* ACPI 6.5, 5.2.25: type and length, then by type; offsets from there. */
START_TEST(the_nfit_describes_every_image_as_read_only)
{
	static const uint8_t persistent_memory[] = { 0x79, 0xd3, 0xf0, 0x66,
						     0xf3, 0xb4, 0x74, 0x40,
						     0xac, 0x43, 0x0d, 0x33,
						     0x18, 0xb7, 0x8c, 0xdb };
	const uint8_t *nfit = NULL, *spa, *map, *control;
	const struct memory_region *regions;
	const void *tables[8];
	struct machine machine;
	size_t n;

	start(&machine,
	      (struct shape){ .ram = 4 * GIB, .cpus = 1, .images = 8 });
	n = find_tables(&machine, tables);
	for (size_t i = 0; i < n; i++) {
		if (memcmp(tables[i], "NFIT", 4) == 0)
			nfit = tables[i];
	}
	ck_assert_ptr_nonnull(nfit);
	ck_assert_uint_eq(get(nfit, 4, 4), 40 + 8 * (56 + 48 + 80));
	ck_assert_uint_eq(guest_memory_regions(machine.mem, &regions), 10);
	for (unsigned i = 0; i < 8; i++) {
		spa = nfit + 40 + i * (56 + 48 + 80);
		map = spa + 56;
		control = map + 48;
		ck_assert_uint_eq(get(spa, 0, 4), 56 << 16 | 0);
		ck_assert_uint_eq(get(spa, 4, 2), i + 1);
		ck_assert_mem_eq(spa + 16, persistent_memory, 16);
		ck_assert_uint_eq(get(spa, 32, 8), regions[2 + i].gpa);
		ck_assert_uint_eq(get(spa, 40, 8), regions[2 + i].size);
		ck_assert_uint_eq(get(spa, 48, 8), 0x8008);
		ck_assert_uint_eq(get(map, 0, 4), 48 << 16 | 1);
		ck_assert_uint_eq(get(map, 4, 4), i + 1);
		ck_assert_uint_eq(get(map, 12, 4), (i + 1) << 16 | (i + 1));
		ck_assert_uint_eq(get(map, 16, 8), regions[2 + i].size);
		ck_assert_uint_eq(get(map, 42, 2), 1);
		ck_assert_uint_eq(get(map, 44, 2), 1 << 3);
		ck_assert_uint_eq(get(control, 0, 4), 80 << 16 | 4);
		ck_assert_uint_eq(get(control, 4, 2), i + 1);
	}
	guest_memory_destroy(machine.mem);
}
END_TEST

/* MP 1.4, 4.3: entries of 20 bytes for type 0, of 8 for the others */
START_TEST(the_mp_table_lists_cpus_and_device_interrupts)
{
	unsigned cpus = 0, interrupts = 0, entries;
	const uint8_t *floating, *table, *entry;
	struct machine machine;

	start(&machine, (struct shape){ .ram = 32 * MIB,
					.cpus = 64,
					.devices = 24,
					.platform = BOOT_PLATFORM_CMDLINE });
	floating = at(&machine, LAYOUT_MPTABLE, 16);
	ck_assert_mem_eq(floating, "_MP_", 4);
	ck_assert_uint_eq(sum(floating, 16), 0);
	table = at(&machine, get(floating, 4, 4), 4096);
	ck_assert_mem_eq(table, "PCMP", 4);
	ck_assert_uint_eq(sum(table, get(table, 4, 2)), 0);
	entry = table + 44;
	for (entries = 0; entry < table + get(table, 4, 2); entries++) {
		if (entry[0] == 0) {
			ck_assert_uint_eq(entry[1], cpus);
			ck_assert_uint_eq(entry[3], cpus == 0 ? 3 : 1);
			cpus++;
		} else if (entry[0] == 3) {
			ck_assert_uint_eq(get(entry, 2, 2), 5);
			ck_assert_uint_eq(entry[5], entry[7]);
			ck_assert_uint_eq(entry[7], LAYOUT_DEVICE_GSI_BASE +
							    interrupts++);
		}
		entry += entry[0] == 0 ? 20 : 8;
	}
	ck_assert_uint_eq(cpus, 64);
	ck_assert_uint_eq(interrupts, 24);
	ck_assert_uint_eq(entries, get(table, 34, 2));
	guest_memory_destroy(machine.mem);
}
END_TEST

START_TEST(without_acpi_devices_stand_on_the_command_line)
{
	const struct boot_params *params;
	struct machine machine;

	start(&machine, (struct shape){ .ram = 32 * MIB,
					.cpus = 1,
					.devices = 2,
					.platform = BOOT_PLATFORM_CMDLINE,
					.cmdline = "quiet -- x" });
	params = at(&machine, machine.entry.arg, sizeof(*params));
	ck_assert_uint_eq(params->acpi_rsdp_addr, 0);
	ck_assert_str_eq(at(&machine, LAYOUT_CMDLINE, 256),
			 "quiet virtio_mmio.device=4K@0xc0000000:16 "
			 "virtio_mmio.device=4K@0xc0001000:17 -- x");
	guest_memory_destroy(machine.mem);
}
END_TEST

START_TEST(a_restart_through_the_bios_reaches_the_reset_port)
{
	/* mov $0x602, %dx; mov $1, %al; out %al, (%dx); hlt; jmp to hlt */
	static const uint8_t code[] = { 0xba, 0x02, 0x06, 0xb0, 0x01,
					0xee, 0xf4, 0xeb, 0xfd };
	struct machine machine;

	start(&machine, (struct shape){ .ram = 32 * MIB, .cpus = 1 });
	ck_assert_mem_eq(at(&machine, 0xffff0, sizeof(code)), code,
			 sizeof(code));
	guest_memory_destroy(machine.mem);
}
END_TEST

START_TEST(device_parameters_count_towards_the_limit)
{
	struct shape shape = { .ram = 32 * MIB,
			       .cpus = 1,
			       .devices = 64,
			       .platform = BOOT_PLATFORM_CMDLINE };
	struct machine machine;
	struct err err = { "" };

	ck_assert_int_eq(load(&machine, &shape, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, "parameters for 64 devices") != NULL &&
			      strstr(err.text, "this kernel is 2047") != NULL,
		      "%s", err.text);
	guest_memory_destroy(machine.mem);
}
END_TEST

static const char *dump_directory;

/* Written as a test because the helpers above may only run inside one. */
START_TEST(the_tables_can_be_written_to_files)
{
	struct machine machine;
	const void *tables[8];
	char path[4096];
	size_t n, length;
	FILE *file;

	start(&machine,
	      (struct shape){
		      .ram = 5 * GIB, .cpus = 64, .devices = 64, .images = 8 });
	n = find_tables(&machine, tables);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%.4s.aml", dump_directory,
			 (const char *)tables[i]);
		length = get(tables[i], 4, 4);
		file = fopen(path, "we");
		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(tables[i], length, 1, file), 1);
		ck_assert_int_eq(fclose(file), 0);
	}
	guest_memory_destroy(machine.mem);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc,
			    the_memory_map_covers_all_ram_and_hides_the_tables,
			    0, ARRAY_LEN(maps));
	tcase_add_test(tc, the_zero_page_points_at_everything);
	tcase_add_test(tc, no_two_guests_get_the_same_seed);
	tcase_add_test(tc, the_pvh_start_info_points_at_everything);
	tcase_add_loop_test(
		tc, every_acpi_table_lies_inside_its_area_with_a_right_checksum,
		0, ARRAY_LEN(shapes));
	tcase_add_test(tc, the_madt_lists_every_cpu_and_the_ioapic);
	tcase_add_test(tc, the_nfit_describes_every_image_as_read_only);
	tcase_add_test(tc, the_mp_table_lists_cpus_and_device_interrupts);
	tcase_add_test(tc, without_acpi_devices_stand_on_the_command_line);
	tcase_add_test(tc, a_restart_through_the_bios_reaches_the_reset_port);
	tcase_add_test(tc, device_parameters_count_towards_the_limit);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("boot_tables");
	TCase *tc = tcase_create("boot_tables");

	if (argc == 3 && strcmp(argv[1], "--dump") == 0) {
		dump_directory = argv[2];
		tcase_add_test(tc, the_tables_can_be_written_to_files);
	} else {
		add_tests(tc);
	}
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
