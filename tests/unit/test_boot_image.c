// SPDX-License-Identifier: Apache-2.0
/*
 * test_boot_image.c - kernels and initrds: where they go, and what is wrong
 * with the ones that are refused
 */
#include "boot_fixture.h"
#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* Whatever is not from the file must be zero. */
static void check_bytes(const struct guest_memory *mem, gpa_t gpa,
			size_t offset, size_t from_file, size_t in_memory)
{
	const uint8_t *at = guest_memory_borrow(mem, gpa, in_memory);

	for (size_t i = 0; i < in_memory; i++) {
		uint8_t expect = i < from_file ? test_pattern(offset + i) : 0;

		if (at[i] != expect) /* a check per byte would take long */
			ck_abort_msg("byte %zu from %#llx: %u instead of %u", i,
				     (unsigned long long)gpa, at[i], expect);
	}
}

static void check_elf_loaded(const struct guest_memory *mem)
{
	check_bytes(mem, ELF_TEXT, ELF_TEXT_OFFSET, ELF_TEXT_SIZE,
		    ELF_TEXT_MEMORY);
	check_bytes(mem, ELF_DATA, ELF_DATA_OFFSET, ELF_DATA_SIZE, 0x2000);
}

static const struct {
	bool shared;
	enum boot_load load;
} ways[] = {
	{ false, BOOT_LOAD_AUTO }, { false, BOOT_LOAD_READ },
	{ false, BOOT_LOAD_MAP },  { true, BOOT_LOAD_AUTO },
	{ true, BOOT_LOAD_READ },
};

START_TEST(an_elf_kernel_is_loaded_at_its_physical_addresses)
{
	struct guest_memory *mem = test_memory(32 * MIB, ways[_i].shared);
	struct boot_entry entry = { 0 };
	struct err err = { "" };
	struct test_image image;
	struct boot_config cfg;

	test_elf(&image, false);
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.load = ways[_i].load;
	ck_assert_msg(boot_load(&cfg, mem, &entry, &err) == 0, "%s", err.text);
	check_elf_loaded(mem);
	ck_assert_int_eq(entry.protocol, BOOT_LINUX64);
	ck_assert_uint_eq(entry.pc, ELF_TEXT);
	ck_assert_uint_eq(entry.arg, LAYOUT_ZERO_PAGE);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

/* A write by the guest must not reach the kernel file. */
START_TEST(a_mapped_kernel_is_copied_on_write)
{
	struct guest_memory *mem = test_memory(32 * MIB, false);
	struct boot_entry entry;
	struct test_image image;
	struct boot_config cfg;
	uint8_t byte;

	test_elf(&image, false);
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.load = BOOT_LOAD_MAP;
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, NULL), 0);
	ck_assert_int_eq(pwrite(cfg.kernel_fd, "M", 1, ELF_TEXT_OFFSET), 1);
	ck_assert_int_eq(*(char *)guest_memory_borrow(mem, ELF_TEXT, 1), 'M');
	ck_assert_int_eq(guest_memory_write(mem, ELF_TEXT, "G", 1), 0);
	ck_assert_int_eq(pread(cfg.kernel_fd, &byte, 1, ELF_TEXT_OFFSET), 1);
	ck_assert_int_eq(byte, 'M');
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

/* Segments that do not begin at the start of a page, with every loading. */
START_TEST(a_segment_may_begin_inside_a_page)
{
	enum { SKEW = 0x123 };
	struct guest_memory *mem = test_memory(32 * MIB, ways[_i].shared);
	struct boot_entry entry;
	struct test_image image;
	struct boot_config cfg;
	Elf64_Phdr *ph = (void *)(image.bytes + sizeof(Elf64_Ehdr));

	test_elf(&image, false);
	ph->p_paddr += SKEW;
	ph->p_offset += SKEW;
	ph->p_filesz -= SKEW;
	((Elf64_Ehdr *)(void *)image.bytes)->e_entry += SKEW;
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.load = ways[_i].load;
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, NULL), 0);
	check_bytes(mem, ELF_TEXT, 0, 0, SKEW);
	check_bytes(mem, ELF_TEXT + SKEW, ELF_TEXT_OFFSET + SKEW,
		    ELF_TEXT_SIZE - SKEW, ELF_TEXT_MEMORY - SKEW);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(a_kernel_with_a_pvh_note_is_entered_there)
{
	struct guest_memory *mem = test_memory(32 * MIB, false);
	struct boot_entry entry;
	struct test_image image;
	struct boot_config cfg;

	test_elf(&image, true);
	cfg = test_config(test_file(image.bytes, image.size));
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, NULL), 0);
	check_elf_loaded(mem);
	ck_assert_int_eq(entry.protocol, BOOT_PVH);
	ck_assert_uint_eq(entry.pc, ELF_PVH_ENTRY);
	ck_assert_uint_eq(entry.arg, LAYOUT_PVH_START_INFO);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

/* Its 64-bit entry is the faster one, and takes a random seed. */
START_TEST(linux_is_entered_in_64_bit_mode_in_spite_of_its_pvh_note)
{
	const struct {
		Elf64_Nhdr linux_note;
		char linux_name[8];
		uint32_t lto;
		Elf64_Nhdr pvh;
		char name[4];
		uint32_t entry;
	} notes = { { 6, 4, 0x101 }, "Linux", 0,
		    { 4, 4, 18 },    "Xen",   ELF_PVH_ENTRY };
	struct guest_memory *mem = test_memory(32 * MIB, false);
	struct boot_entry entry;
	struct test_image image;
	struct boot_config cfg;
	Elf64_Phdr *phdrs = (void *)(image.bytes + sizeof(Elf64_Ehdr));

	test_elf(&image, true);
	memcpy(image.bytes + ELF_NOTE_OFFSET, &notes, sizeof(notes));
	phdrs[2].p_filesz = sizeof(notes);
	cfg = test_config(test_file(image.bytes, image.size));
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, NULL), 0);
	ck_assert_int_eq(entry.protocol, BOOT_LINUX64);
	ck_assert_uint_eq(entry.pc, ELF_TEXT);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(a_bzimage_is_loaded_without_its_real_mode_part)
{
	struct guest_memory *mem = test_memory(32 * MIB, ways[_i].shared);
	struct boot_entry entry;
	struct test_image image;
	struct boot_config cfg;

	test_bzimage(&image);
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.load = ways[_i].load;
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, NULL), 0);
	check_bytes(mem, BZ_LOAD, BZ_OFFSET, BZ_KERNEL_SIZE, BZ_INIT_SIZE);
	ck_assert_int_eq(entry.protocol, BOOT_LINUX64);
	ck_assert_uint_eq(entry.pc, BZ_LOAD + 0x200);
	ck_assert_uint_eq(entry.arg, LAYOUT_ZERO_PAGE);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

enum kind { ELF, BZ };

#define EHDR(field)                                                            \
	offsetof(Elf64_Ehdr, field), sizeof(((Elf64_Ehdr *)0)->field)
#define PHDR(n, field)                                                         \
	sizeof(Elf64_Ehdr) + (n) * sizeof(Elf64_Phdr) +                        \
		offsetof(Elf64_Phdr, field),                                   \
		sizeof(((Elf64_Phdr *)0)->field)
#define SETUP(field)                                                           \
	offsetof(struct boot_params, hdr) +                                    \
		offsetof(struct setup_header, field),                          \
		sizeof(((struct setup_header *)0)->field)
#define NOTHING 0, 0
#define WHOLE	SIZE_MAX

/*
 * One damage each to an image that loads into 32 MiB: a field gets a value, the
 * file is cut to a size. The message must contain the text.
 */
static const struct {
	enum kind kind;
	size_t offset, width;
	uint64_t value;
	size_t size;
	const char *says;
} damages[] = {
	{ ELF, NOTHING, 0, 0, "kernel 'vmlinux': is empty" },
	{ ELF, NOTHING, 0, 10, "is truncated" },
	{ ELF, NOTHING, 0, 64, "is truncated" },
	{ ELF, NOTHING, 0, ELF_TEXT_OFFSET, "is truncated" },
	{ ELF, NOTHING, 0, ELF_DATA_OFFSET + 1, "is truncated" },
	{ ELF, EHDR(e_ident[EI_CLASS]), ELFCLASS32, WHOLE, "32-bit ELF" },
	{ ELF, EHDR(e_ident[EI_DATA]), ELFDATA2MSB, WHOLE, "big-endian" },
	{ ELF, EHDR(e_machine), EM_AARCH64, WHOLE, "is for aarch64" },
	{ ELF, EHDR(e_machine), EM_386, WHOLE, "is for 32-bit x86" },
	{ ELF, EHDR(e_machine), EM_SPARC, WHOLE,
	  "another CPU (ELF machine 2)" },
	{ ELF, EHDR(e_type), ET_DYN, WHOLE, "position-independent" },
	{ ELF, EHDR(e_type), ET_REL, WHOLE, "object file or module" },
	{ ELF, EHDR(e_type), ET_CORE, WHOLE, "no executable ELF" },
	{ ELF, EHDR(e_phentsize), 32, WHOLE, "is damaged" },
	{ ELF, EHDR(e_phnum), 0, WHOLE, "is damaged" },
	{ ELF, EHDR(e_phnum), 0xffff, WHOLE, "is damaged" },
	{ ELF, EHDR(e_phoff), ELF_SIZE - 8, WHOLE, "is truncated" },
	{ ELF, EHDR(e_phoff), UINT64_MAX, WHOLE, "is truncated" },
	{ ELF, EHDR(e_entry), 0, WHOLE, "entry point" },
	{ ELF, EHDR(e_entry), ELF_TEXT + ELF_TEXT_SIZE, WHOLE, "entry point" },
	{ ELF, EHDR(e_entry), UINT64_MAX, WHOLE, "entry point" },
	{ ELF, PHDR(0, p_offset), UINT64_MAX, WHOLE, "is truncated" },
	{ ELF, PHDR(1, p_filesz), ELF_DATA_SIZE + 1, WHOLE, "is damaged" },
	{ ELF, PHDR(1, p_memsz), 0x700, WHOLE, "is damaged" },
	{ ELF, PHDR(1, p_memsz), UINT64_MAX, WHOLE, "is damaged" },
	{ ELF, PHDR(1, p_memsz), 16 * MIB, WHOLE,
	  "needs memory up to 34 MiB, the VM has 32 MiB" },
	{ ELF, PHDR(1, p_paddr), 32 * MIB - 0x7ff, WHOLE,
	  "needs memory up to 33 MiB" },
	{ ELF, PHDR(1, p_paddr), 0x7000, WHOLE, "from 1 MiB on" },
	{ ELF, PHDR(1, p_paddr), UINT64_MAX - 0x800, WHOLE, "does not fit" },
	{ ELF, PHDR(1, p_paddr), ELF_TEXT + 0x4fff, WHOLE, "overlap" },
	{ ELF, PHDR(1, p_paddr), ELF_TEXT - 0x7ff, WHOLE, "overlap" },
	{ ELF, PHDR(2, p_filesz), 100000, WHOLE, "ELF notes" },
	{ ELF, PHDR(2, p_offset), ELF_SIZE, WHOLE, "is truncated" },
	{ BZ, NOTHING, 0, BZ_SIZE - 1, "is truncated" },
	{ BZ, NOTHING, 0, 0x208, "is truncated" },
	{ BZ, SETUP(version), 0x0204, WHOLE, "boot protocol 2.04, older" },
	{ BZ, SETUP(xloadflags), 0, WHOLE, "32-bit kernel" },
	{ BZ, SETUP(loadflags), 0, WHOLE, "zImage" },
	{ BZ, SETUP(syssize), 0, WHOLE, "is damaged" },
	{ BZ, SETUP(syssize), UINT32_MAX, WHOLE, "does not fit" },
	{ BZ, SETUP(syssize), BZ_KERNEL_SIZE, WHOLE, "is truncated" },
	{ BZ, SETUP(setup_sects), 0, WHOLE, "is truncated" },
	{ BZ, SETUP(init_size), 32 * MIB, WHOLE,
	  "needs memory up to 48 MiB, the VM has 32 MiB" },
	{ BZ, SETUP(pref_address), UINT64_MAX, WHOLE, "is damaged" },
	{ BZ, SETUP(pref_address), UINT64_MAX / 2, WHOLE, "does not fit" },
	{ BZ, SETUP(cmdline_size), 5, WHOLE, "limit of this kernel is 5" },
	{ BZ, SETUP(header), 0, WHOLE, "is not a kernel image" },
	{ BZ, SETUP(boot_flag), 0, WHOLE, "is not a kernel image" },
};

START_TEST(a_damaged_kernel_is_refused_with_the_reason)
{
	struct guest_memory *mem = test_memory(32 * MIB, false);
	struct boot_entry entry;
	struct err err = { "" };
	struct test_image image;
	struct boot_config cfg;
	int ret;

	if (damages[_i].kind == ELF)
		test_elf(&image, false);
	else
		test_bzimage(&image);
	memcpy(image.bytes + damages[_i].offset, &damages[_i].value,
	       damages[_i].width);
	cfg = test_config(
		test_file(image.bytes, MIN(image.size, damages[_i].size)));
	ret = boot_load(&cfg, mem, &entry, &err);
	ck_assert_int_lt(ret, 0);
	ck_assert_msg(strstr(err.text, damages[_i].says) != NULL,
		      "'%s', expected '%s'", err.text, damages[_i].says);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1
static const struct {
	const char *bytes;
	size_t len, offset;
	const char *says;
} strangers[] = {
	{ BYTES("\x1f\x8b\x08"), 0, "compressed with gzip; unpack it first" },
	{ BYTES("\xfd\x37zXZ\0"), 0, "compressed with xz" },
	{ BYTES("\x28\xb5\x2f\xfd"), 0, "compressed with zstd" },
	{ BYTES("ARM\x64"), 56, "is an aarch64 kernel" },
	{ BYTES("MZ"), 0, "EFI program" },
	{ BYTES("070701"), 0, "cpio archive" },
	{ BYTES("#!/bin/sh\n"), 0, "is not a kernel image" },
	{ BYTES("x"), 0, "is not a kernel image" },
};

START_TEST(a_file_that_is_no_kernel_is_called_what_it_is)
{
	struct guest_memory *mem = test_memory(32 * MIB, false);
	struct boot_entry entry;
	struct err err = { "" };
	struct boot_config cfg;
	char bytes[128] = "";

	memcpy(bytes + strangers[_i].offset, strangers[_i].bytes,
	       strangers[_i].len);
	cfg = test_config(
		test_file(bytes, strangers[_i].offset + strangers[_i].len));
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, strangers[_i].says) != NULL, "'%s'",
		      err.text);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

static const struct {
	const char *path, *says;
} not_files[] = {
	{ "/", "kernel 'vmlinux': is a directory" },
	{ "/dev/null", "kernel 'vmlinux': is not a regular file" },
};

START_TEST(only_a_regular_file_can_be_a_kernel)
{
	struct guest_memory *mem = test_memory(16 * MIB, false);
	struct boot_config cfg =
		test_config(open(not_files[_i].path, O_RDONLY | O_CLOEXEC));
	struct boot_entry entry;
	struct err err = { "" };

	ck_assert_int_eq(boot_load(&cfg, mem, &entry, &err), -EINVAL);
	ck_assert_str_eq(err.text, not_files[_i].says);
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

START_TEST(mapping_into_shared_memory_is_refused)
{
	struct guest_memory *mem = test_memory(32 * MIB, true);
	struct boot_entry entry;
	struct err err = { "" };
	struct test_image image;
	struct boot_config cfg;

	test_elf(&image, false);
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.load = BOOT_LOAD_MAP;
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "private memory only"));
	close(cfg.kernel_fd);
	guest_memory_destroy(mem);
}
END_TEST

/* The kernel of these tests lies from 16 to 18 MiB. */
static const struct {
	uint64_t ram, addr_max, size; /* bytes */
	gpa_t at;		      /* 0: refused */
	const char *says;
} initrds[] = {
	{ 32 * MIB, 0x7fffffff, 4096, 32 * MIB - 4096, NULL },
	{ 32 * MIB, 0x7fffffff, 4097, 32 * MIB - 8192, NULL },
	{ 32 * MIB, 0x7fffffff, 14 * MIB, 18 * MIB, NULL },
	{ 32 * MIB, 0x7fffffff, 14 * MIB + 1, 2 * MIB - 4096, NULL },
	{ 32 * MIB, 0x7fffffff, 15 * MIB, MIB, NULL },
	{ 32 * MIB, 0x7fffffff, 15 * MIB + 1, 0,
	  "initrd 'initrd': does not fit: it needs 16 MiB" },
	{ 32 * MIB, 20 * MIB - 1, 4096, 20 * MIB - 4096, NULL },
	{ 32 * MIB, 20 * MIB, 4096, 20 * MIB - 4096, NULL },
	{ 32 * MIB, 20 * MIB - 1, 2 * MIB + 1, 14 * MIB - 4096, NULL },
	{ 32 * MIB, 17 * MIB, 4096, 16 * MIB - 4096, NULL },
	{ 32 * MIB, 8 * MIB - 1, 4096, 8 * MIB - 4096, NULL },
	{ 32 * MIB, 8 * MIB - 1, 7 * MIB + 1, 0,
	  "0 MiB above and 7 MiB below" },
	{ 5 * GIB, 0x7fffffff, 4096, 2 * GIB - 4096, NULL },
	{ 5 * GIB, 0xffffffff, 4096, 3 * GIB - 4096, NULL },
	{ 32 * MIB, 0x7fffffff, 0, 0, "initrd 'initrd': is empty" },
};

static void check_initrd(enum boot_load load, size_t row)
{
	struct guest_memory *mem = test_memory(initrds[row].ram, false);
	size_t size = initrds[row].size;
	struct boot_params params;
	struct boot_entry entry;
	struct err err = { "" };
	struct test_image image;
	struct boot_config cfg;
	uint8_t *bytes = malloc(size + 1);
	uint32_t addr_max = (uint32_t)initrds[row].addr_max;

	for (size_t i = 0; i < size; i++)
		bytes[i] = test_pattern(i);
	test_bzimage(&image);
	memcpy(image.bytes + offsetof(struct boot_params, hdr.initrd_addr_max),
	       &addr_max, sizeof(addr_max));
	cfg = test_config(test_file(image.bytes, image.size));
	cfg.initrd_fd = test_file(bytes, size);
	cfg.load = load;
	ck_assert_int_eq(boot_load(&cfg, mem, &entry, &err) == 0,
			 initrds[row].at != 0);
	if (initrds[row].at == 0) {
		ck_assert_msg(strstr(err.text, initrds[row].says) != NULL,
			      "'%s'", err.text);
	} else {
		guest_memory_read(mem, entry.arg, &params, sizeof(params));
		ck_assert_uint_eq(params.hdr.ramdisk_image, initrds[row].at);
		ck_assert_uint_eq(params.hdr.ramdisk_size, size);
		check_bytes(mem, initrds[row].at, 0, size,
			    align_up(size, 4096));
	}
	free(bytes);
	close(cfg.kernel_fd);
	close(cfg.initrd_fd);
	guest_memory_destroy(mem);
}

START_TEST(an_initrd_goes_as_high_as_kernel_and_memory_allow)
{
	check_initrd(BOOT_LOAD_READ, (size_t)_i);
	check_initrd(BOOT_LOAD_MAP, (size_t)_i);
}
END_TEST

/* Bytes that a random change makes wrong must be refused or harmless. */
START_TEST(no_garbage_in_a_header_does_harm)
{
	struct guest_memory *mem = test_memory(32 * MIB, false);
	struct test_image good[2], bad;
	struct boot_entry entry;
	struct boot_config cfg;

	test_elf(&good[ELF], true);
	test_bzimage(&good[BZ]);
	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = 1 + (size_t)random() % 4;

		bad = good[i % 2];
		while (n-- > 0)
			bad.bytes[(i % 2 == ELF ? 0 : 0x1e0) +
				  (size_t)random() % 0x100] = (uint8_t)random();
		cfg = test_config(test_file(bad.bytes, bad.size));
		cfg.load = BOOT_LOAD_READ;
		if (boot_load(&cfg, mem, &entry, NULL) == 0)
			ck_assert_ptr_nonnull(
				guest_memory_borrow(mem, entry.pc, 1));
		close(cfg.kernel_fd);
	}
	guest_memory_destroy(mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot_image");
	TCase *tc = tcase_create("boot_image");

	tcase_add_loop_test(tc,
			    an_elf_kernel_is_loaded_at_its_physical_addresses,
			    0, ARRAY_LEN(ways));
	tcase_add_test(tc, a_mapped_kernel_is_copied_on_write);
	tcase_add_loop_test(tc, a_segment_may_begin_inside_a_page, 0,
			    ARRAY_LEN(ways));
	tcase_add_test(tc, a_kernel_with_a_pvh_note_is_entered_there);
	tcase_add_test(
		tc, linux_is_entered_in_64_bit_mode_in_spite_of_its_pvh_note);
	tcase_add_loop_test(tc, a_bzimage_is_loaded_without_its_real_mode_part,
			    0, ARRAY_LEN(ways));
	tcase_add_loop_test(tc, a_damaged_kernel_is_refused_with_the_reason, 0,
			    ARRAY_LEN(damages));
	tcase_add_loop_test(tc, a_file_that_is_no_kernel_is_called_what_it_is,
			    0, ARRAY_LEN(strangers));
	tcase_add_loop_test(tc, only_a_regular_file_can_be_a_kernel, 0,
			    ARRAY_LEN(not_files));
	tcase_add_test(tc, mapping_into_shared_memory_is_refused);
	tcase_add_loop_test(tc,
			    an_initrd_goes_as_high_as_kernel_and_memory_allow,
			    0, ARRAY_LEN(initrds));
	tcase_add_test(tc, no_garbage_in_a_header_does_harm);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
