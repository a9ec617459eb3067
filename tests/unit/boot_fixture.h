// SPDX-License-Identifier: Apache-2.0
/*
 * boot_fixture.h - kernel images small enough to be made in a test
 */
#ifndef MOTE_TESTS_BOOT_FIXTURE_H
#define MOTE_TESTS_BOOT_FIXTURE_H

#include "unit.h"
#include "boot.h"
#include "util.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	ELF_TEXT = 0x1000000, /* two segments: text, with a bss ... */
	ELF_TEXT_OFFSET = 0x1000,
	ELF_TEXT_SIZE = 0x1800,
	ELF_TEXT_MEMORY = 0x5000,
	ELF_DATA = 0x1200000, /* ... and data, after a gap */
	ELF_DATA_OFFSET = 0x3000,
	ELF_DATA_SIZE = 0x800,
	ELF_NOTE_OFFSET = 0x3900,
	ELF_PVH_ENTRY = ELF_TEXT + 0x40,
	ELF_SIZE = 0x4000,

	BZ_SETUP_SECTS = 1,
	BZ_OFFSET = (1 + BZ_SETUP_SECTS) * 512,
	BZ_KERNEL_SIZE = 0x2000,
	BZ_LOAD = 0x1000000,
	BZ_INIT_SIZE = 0x200000,
	BZ_SIZE = BZ_OFFSET + BZ_KERNEL_SIZE,
};

struct test_image {
	uint8_t bytes[ELF_SIZE];
	size_t size;
};

/* The byte that a loader must have put where the file's at-th byte goes. */
static inline uint8_t test_pattern(size_t at)
{
	return (uint8_t)(at * 7 + 1);
}

static inline void test_fill(struct test_image *image, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		image->bytes[i] = test_pattern(i);
}

static inline void test_elf(struct test_image *image, bool pvh)
{
	const Elf64_Phdr phdrs[] = {
		{ .p_type = PT_LOAD,
		  .p_offset = ELF_TEXT_OFFSET,
		  .p_paddr = ELF_TEXT,
		  .p_filesz = ELF_TEXT_SIZE,
		  .p_memsz = ELF_TEXT_MEMORY },
		{ .p_type = PT_LOAD,
		  .p_offset = ELF_DATA_OFFSET,
		  .p_paddr = ELF_DATA,
		  .p_filesz = ELF_DATA_SIZE,
		  .p_memsz = ELF_DATA_SIZE },
		{ .p_type = PT_NOTE,
		  .p_offset = ELF_NOTE_OFFSET,
		  .p_filesz = pvh ? 40 : 20,
		  .p_align = 4 },
	};
	const Elf64_Ehdr ehdr = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_entry = ELF_TEXT,
		.e_phoff = sizeof(ehdr),
		.e_phentsize = sizeof(phdrs[0]),
		.e_phnum = ARRAY_LEN(phdrs),
	};
	/* Another note first, whose name and contents need padding. */
	const struct {
		Elf64_Nhdr other;
		char other_name[4], other_desc[4];
		Elf64_Nhdr note;
		char name[4];
		uint32_t entry;
	} notes = {
		{ 3, 1, 18 }, "Xe", "x", { 4, 4, 18 }, "Xen", ELF_PVH_ENTRY
	};

	memset(image, 0, sizeof(*image));
	image->size = ELF_SIZE;
	memcpy(image->bytes, &ehdr, sizeof(ehdr));
	memcpy(image->bytes + ehdr.e_phoff, phdrs, sizeof(phdrs));
	memcpy(image->bytes + ELF_NOTE_OFFSET, &notes, sizeof(notes));
	test_fill(image, ELF_TEXT_OFFSET, ELF_TEXT_SIZE);
	test_fill(image, ELF_DATA_OFFSET, ELF_DATA_SIZE);
	/* What the file has behind a segment must not reach its bss. */
	memset(image->bytes + ELF_TEXT_OFFSET + ELF_TEXT_SIZE, 0xee, 0x800);
}

static inline void test_bzimage(struct test_image *image)
{
	const struct setup_header hdr = {
		.setup_sects = BZ_SETUP_SECTS,
		.syssize = BZ_KERNEL_SIZE / 16,
		.boot_flag = 0xaa55,
		.jump = 0x6aeb,
		.header = 0x53726448,
		.version = 0x020f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.pref_address = BZ_LOAD,
		.init_size = BZ_INIT_SIZE,
	};

	memset(image, 0, sizeof(*image));
	image->size = BZ_SIZE;
	memcpy(image->bytes + offsetof(struct boot_params, hdr), &hdr,
	       sizeof(hdr));
	test_fill(image, BZ_OFFSET, BZ_KERNEL_SIZE);
}

/* An open file with these bytes; the caller closes it. */
static inline int test_file(const void *bytes, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	return fd;
}

static inline struct guest_memory *test_memory(uint64_t size, bool shared)
{
	const struct guest_memory_config cfg = { .size = size,
						 .shared = shared,
						 .pages = MEMORY_PAGES_SMALL };
	struct guest_memory *mem = NULL;
	struct err err = { "" };

	ck_assert_msg(guest_memory_create(&cfg, &mem, &err) == 0, "%s",
		      err.text);
	return mem;
}

/* Images of one page each. */
static inline void test_add_images(struct guest_memory *mem, unsigned n)
{
	static const char bytes[4096] = "image";
	struct err err = { "" };
	int fd;

	for (unsigned i = 0; i < n; i++) {
		fd = test_file(bytes, sizeof(bytes));
		ck_assert_msg(guest_memory_add_image(mem, fd, sizeof(bytes),
						     &err) == 0,
			      "%s", err.text);
		close(fd);
	}
}

/* What a test changes is up to it. */
static inline struct boot_config test_config(int kernel_fd)
{
	return (struct boot_config){
		.kernel_fd = kernel_fd,
		.kernel_name = "'vmlinux'",
		.initrd_fd = -1,
		.initrd_name = "'initrd'",
		.cmdline = "console=hvc0",
		.cpus = 1,
		.ioapic_pins = 96,
	};
}

#endif
