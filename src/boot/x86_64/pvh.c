// SPDX-License-Identifier: Apache-2.0
/*
 * pvh.c - the PVH boot protocol: note and start info block
 */
#include "pvh.h"
#include "layout.h"
#include "memory_map.h"
#include "util.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum {
	XEN_ELFNOTE_PHYS32_ENTRY = 18,
	START_INFO_MAGIC = 0x336ec578, /* "xEn3", bit 7 of E set */
	START_INFO_VERSION = 1,	       /* with the memory map */
};

struct hvm_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};

struct hvm_modlist_entry {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
};

struct hvm_memmap_table_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type; /* as in e820 */
	uint32_t reserved;
};

/* One page holds all of it. */
struct pvh_block {
	struct hvm_start_info info;
	struct hvm_modlist_entry initrd;
	struct hvm_memmap_table_entry map[MEMORY_MAP_MAX];
};

static_assert(LAYOUT_PVH_START_INFO + sizeof(struct pvh_block) <=
		      LAYOUT_ZERO_PAGE,
	      "the start info page ends before the zero page");

static bool owner_is(const Elf64_Nhdr *note, const uint8_t *name,
		     const char *owner)
{
	return note->n_namesz == strlen(owner) + 1 &&
	       memcmp(name, owner, note->n_namesz) == 0;
}

static void read_note(const Elf64_Nhdr *note, const uint8_t *name,
		      const uint8_t *desc, struct kernel_notes *found)
{
	uint32_t value;

	if (owner_is(note, name, "Linux"))
		found->is_linux = true;
	if (owner_is(note, name, "Xen") &&
	    note->n_type == XEN_ELFNOTE_PHYS32_ENTRY &&
	    note->n_descsz >= sizeof(value)) {
		/* 4 or 8 bytes, but an address below 4 GiB. */
		memcpy(&value, desc, sizeof(value));
		found->has_pvh = true;
		found->pvh_entry = value;
	}
}

void kernel_notes_read(const uint8_t *notes, size_t size, size_t align,
		       struct kernel_notes *found)
{
	Elf64_Nhdr note;
	size_t at = 0, name, desc;

	while (range_within(at, sizeof(note), size)) {
		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		desc = align_up(name + note.n_namesz, align);
		if (!range_within(name, note.n_namesz, size) ||
		    !range_within(desc, note.n_descsz, size))
			return;
		read_note(&note, notes + name, notes + desc, found);
		at = align_up(desc + note.n_descsz, align);
	}
}

int pvh_write_start_info(const struct boot_state *state, gpa_t *start_info,
			 struct err *err)
{
	struct boot_e820_entry map[MEMORY_MAP_MAX];
	struct pvh_block block = {
		.info = {
			.magic = START_INFO_MAGIC,
			.version = START_INFO_VERSION,
			.cmdline_paddr = LAYOUT_CMDLINE,
			.rsdp_paddr = state->rsdp,
			.memmap_paddr = LAYOUT_PVH_START_INFO +
					offsetof(struct pvh_block, map),
		},
		.initrd = { state->initrd, state->initrd_size, 0, 0 },
	};
	size_t n = memory_map_fill(state->mem, map);

	for (size_t i = 0; i < n; i++)
		block.map[i] = (struct hvm_memmap_table_entry){
			map[i].addr, map[i].size, map[i].type, 0
		};
	block.info.memmap_entries = (uint32_t)n;
	if (state->initrd_size > 0) {
		block.info.nr_modules = 1;
		block.info.modlist_paddr = LAYOUT_PVH_START_INFO +
					   offsetof(struct pvh_block, initrd);
	}
	if (guest_memory_write(state->mem, LAYOUT_PVH_START_INFO, &block,
			       sizeof(block)) < 0)
		return err_set(err, EFAULT, "no memory for the start info");
	*start_info = LAYOUT_PVH_START_INFO;
	return 0;
}
