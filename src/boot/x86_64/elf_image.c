// SPDX-License-Identifier: Apache-2.0
/*
 * elf_image.c - vmlinux and other ELF kernels
 *
 * Segments go to their physical addresses; what is behind a segment's bytes in
 * the file (bss) is zero because guest memory is fresh. A kernel with a PVH note
 * is started through it, any other through the 64-bit protocol at e_entry.
 */
#include "kernel_formats.h"
#include "pvh.h"
#include "util.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum {
	PHDRS_MAX = 64,
	NOTES_MAX = 16384,		/* bytes of one PT_NOTE */
	LINUX_COMMAND_LINE_SIZE = 2048, /* asm/setup.h of x86, zero included */
};

/* boot.rst: the highest address of an initrd unless the header says other. */
#define INITRD_ADDR_MAX UINT64_C(0x7fffffff)

struct elf {
	struct boot_state *state;
	const struct boot_file *file;
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[PHDRS_MAX];
};

static const struct {
	Elf64_Half machine;
	const char *name;
} machines[] = {
	{ EM_386, "32-bit x86" },      { EM_ARM, "32-bit ARM" },
	{ EM_AARCH64, "aarch64" },     { EM_RISCV, "RISC-V" },
	{ EM_PPC64, "ppc64" },	       { EM_S390, "s390" },
	{ EM_LOONGARCH, "LoongArch" },
};

static const char *machine_name(Elf64_Half machine)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		if (machines[i].machine == machine)
			return machines[i].name;
	}
	return "another CPU";
}

/* e_type and e_machine stand at the same place in a 32-bit header. */
static int check_header(const Elf64_Ehdr *ehdr, struct err *err)
{
	if (ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, EINVAL,
			       "is a big-endian ELF file, not for x86_64");
	if (ehdr->e_machine != EM_X86_64)
		return err_set(err, EINVAL,
			       "is for %s (ELF machine %u); this CPU is x86_64",
			       machine_name(ehdr->e_machine), ehdr->e_machine);
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64)
		return err_set(err, EINVAL,
			       "is a 32-bit ELF file; 64-bit kernels only");
	if (ehdr->e_type == ET_DYN)
		return err_set(err, EINVAL,
			       "is position-independent (ELF type DYN): a "
			       "program or library, not a vmlinux");
	if (ehdr->e_type != ET_EXEC)
		return err_set(err, EINVAL,
			       "is no executable ELF file (type %u): an object "
			       "file or module?",
			       ehdr->e_type);
	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phnum == 0 ||
	    ehdr->e_phnum > PHDRS_MAX)
		return err_set(err, EINVAL,
			       "is damaged: %u program headers of %u bytes",
			       ehdr->e_phnum, ehdr->e_phentsize);
	return 0;
}

static bool is_loaded(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_memsz > 0;
}

/* Segments that overlap have no right order; and bss must stay zero. */
static int check_overlap(const struct elf *elf, const Elf64_Phdr *ph,
			 struct err *err)
{
	const Elf64_Phdr *other;

	for (other = elf->phdrs; other < ph; other++) {
		if (is_loaded(other) &&
		    ph->p_paddr < other->p_paddr + other->p_memsz &&
		    other->p_paddr < ph->p_paddr + ph->p_memsz)
			return err_set(err, EINVAL,
				       "is damaged: two segments overlap at "
				       "%#llx",
				       (unsigned long long)ph->p_paddr);
	}
	return 0;
}

static int check_segment(const struct elf *elf, const Elf64_Phdr *ph,
			 struct err *err)
{
	if (ph->p_filesz > ph->p_memsz ||
	    ph->p_paddr > UINT64_MAX - ph->p_memsz)
		return err_set(err, EINVAL,
			       "is damaged: a segment at %#llx has %llu bytes "
			       "for %llu of memory",
			       (unsigned long long)ph->p_paddr,
			       (unsigned long long)ph->p_filesz,
			       (unsigned long long)ph->p_memsz);
	return kernel_image_check_range(elf->state, ph->p_paddr,
					ph->p_paddr + ph->p_memsz, err);
}

static int load_segments(const struct elf *elf, struct err *err)
{
	struct boot_state *state = elf->state;
	const Elf64_Phdr *ph;
	int ret;

	for (size_t i = 0; i < elf->ehdr.e_phnum; i++) {
		ph = &elf->phdrs[i];
		if (!is_loaded(ph))
			continue;
		ret = check_segment(elf, ph, err);
		if (ret == 0)
			ret = check_overlap(elf, ph, err);
		if (ret < 0)
			return ret;
		ret = boot_place(state, elf->file, ph->p_offset, ph->p_filesz,
				 ph->p_paddr, ph->p_memsz, err);
		if (ret < 0)
			return ret;
		if (state->kernel.end == 0 || ph->p_paddr < state->kernel.start)
			state->kernel.start = ph->p_paddr;
		state->kernel.end =
			MAX(state->kernel.end, ph->p_paddr + ph->p_memsz);
	}
	if (state->kernel.end == 0)
		return err_set(err, EINVAL, "has nothing to load");
	return 0;
}

static int read_notes(const struct elf *elf, const Elf64_Phdr *ph,
		      struct kernel_notes *found, struct err *err)
{
	uint8_t notes[NOTES_MAX];
	int ret;

	if (ph->p_filesz > sizeof(notes))
		return err_set(err, EINVAL,
			       "is damaged: %llu bytes of ELF notes",
			       (unsigned long long)ph->p_filesz);
	ret = boot_file_read(elf->file, ph->p_offset, notes, ph->p_filesz, err);
	if (ret == 0)
		kernel_notes_read(notes, ph->p_filesz, ph->p_align == 8 ? 8 : 4,
				  found);
	return ret;
}

/*
 * PVH where a note asks for it, except for Linux: its 64-bit entry reaches init
 * 24 million instructions earlier (docs/performance.md) and can be handed a
 * random seed.
 */
static int choose_entry(const struct elf *elf, struct err *err)
{
	struct boot_kernel *kernel = &elf->state->kernel;
	struct kernel_notes notes = { .is_linux = false };
	int ret;

	for (size_t i = 0; i < elf->ehdr.e_phnum; i++) {
		if (elf->phdrs[i].p_type != PT_NOTE)
			continue;
		ret = read_notes(elf, &elf->phdrs[i], &notes, err);
		if (ret < 0)
			return ret;
	}
	kernel->protocol = BOOT_LINUX64;
	kernel->entry = elf->ehdr.e_entry;
	if (notes.has_pvh && !notes.is_linux) {
		kernel->protocol = BOOT_PVH;
		kernel->entry = notes.pvh_entry;
	}
	return 0;
}

static int check_entry(const struct elf *elf, struct err *err)
{
	gpa_t entry = elf->state->kernel.entry;
	const Elf64_Phdr *ph;

	for (size_t i = 0; i < elf->ehdr.e_phnum; i++) {
		ph = &elf->phdrs[i];
		if (is_loaded(ph) && entry >= ph->p_paddr &&
		    entry - ph->p_paddr < ph->p_filesz)
			return 0;
	}
	return err_set(err, EINVAL,
		       "has its entry point %#llx outside what it loads (not a "
		       "kernel?)",
		       (unsigned long long)entry);
}

bool elf_image_is(const struct kernel_head *head)
{
	return memcmp(head->bytes, ELFMAG, SELFMAG) == 0;
}

int elf_image_load(struct boot_state *state, const struct boot_file *file,
		   struct err *err)
{
	struct elf elf = { .state = state, .file = file };
	int ret;

	ret = boot_file_read(file, 0, &elf.ehdr, sizeof(elf.ehdr), err);
	if (ret < 0)
		return ret;
	ret = check_header(&elf.ehdr, err);
	if (ret < 0)
		return ret;
	ret = boot_file_read(file, elf.ehdr.e_phoff, elf.phdrs,
			     elf.ehdr.e_phnum * sizeof(elf.phdrs[0]), err);
	if (ret < 0)
		return ret;
	ret = choose_entry(&elf, err);
	if (ret < 0)
		return ret;
	ret = check_entry(&elf, err);
	if (ret < 0)
		return ret;
	state->kernel.initrd_end = INITRD_ADDR_MAX + 1;
	state->kernel.cmdline_max = LINUX_COMMAND_LINE_SIZE - 1;
	return load_segments(&elf, err);
}
