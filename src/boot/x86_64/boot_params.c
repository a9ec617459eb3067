// SPDX-License-Identifier: Apache-2.0
/*
 * boot_params.c - what the kernel is handed at its entry
 *
 * The zero page of Documentation/arch/x86/zero-page.rst for the 64-bit protocol,
 * or the start info block of PVH.
 */
#include "boot_arch.h"
#include "layout.h"
#include "memory_map.h"
#include "pvh.h"

#include <errno.h>
#include <sys/random.h>

enum {
	PROTOCOL_VERSION = 0x020f,
	LOADER_UNDEFINED = 0xff, /* boot.rst: no assigned loader id */
	RNG_SEED_SIZE = 32,	 /* bytes; what Linux's pool holds */
	KERNEL_ALIGNMENT = 0x1000000,
};

/*
 * Entropy for the first moments of a guest that has no other source, and may be
 * the clone of another. Linux erases it after use.
 */
static int write_rng_seed(const struct boot_state *state, struct err *err)
{
	const struct setup_data header = { .type = SETUP_RNG_SEED,
					   .len = RNG_SEED_SIZE };
	uint8_t seed[RNG_SEED_SIZE];
	ssize_t n;

	do {
		n = getrandom(seed, sizeof(seed), 0);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(seed))
		return err_errno(err, "getrandom for the guest's seed");
	if (guest_memory_write(state->mem, LAYOUT_SETUP_DATA, &header,
			       sizeof(header)) < 0 ||
	    guest_memory_write(state->mem, LAYOUT_SETUP_DATA + sizeof(header),
			       seed, sizeof(seed)) < 0)
		return err_set(err, EFAULT, "no memory for the guest's seed");
	return 0;
}

/* An ELF kernel brings no header, but looks into the one it is given. */
static void make_header(struct setup_header *hdr)
{
	hdr->boot_flag = SETUP_BOOT_FLAG;
	hdr->header = SETUP_HEADER;
	hdr->version = PROTOCOL_VERSION;
	hdr->loadflags = LOADED_HIGH;
	hdr->kernel_alignment = KERNEL_ALIGNMENT;
}

static void fill_header(const struct boot_state *state,
			struct boot_params *params)
{
	struct setup_header *hdr = &params->hdr;

	*hdr = state->kernel.header.setup;
	if (hdr->header != SETUP_HEADER)
		make_header(hdr);
	hdr->type_of_loader = LOADER_UNDEFINED;
	hdr->cmd_line_ptr = (uint32_t)LAYOUT_CMDLINE;
	hdr->setup_data = LAYOUT_SETUP_DATA;
	hdr->ramdisk_image = (uint32_t)state->initrd;
	hdr->ramdisk_size = (uint32_t)state->initrd_size;
	params->ext_ramdisk_image = (uint32_t)(state->initrd >> 32);
	params->ext_ramdisk_size = (uint32_t)(state->initrd_size >> 32);
}

static int write_zero_page(const struct boot_state *state, struct err *err)
{
	struct boot_params params = { .acpi_rsdp_addr = state->rsdp };
	int ret;

	fill_header(state, &params);
	params.e820_entries =
		(uint8_t)memory_map_fill(state->mem, params.e820_table);
	ret = write_rng_seed(state, err);
	if (ret < 0)
		return ret;
	if (guest_memory_write(state->mem, LAYOUT_ZERO_PAGE, &params,
			       sizeof(params)) < 0)
		return err_set(err, EFAULT, "no memory for the zero page");
	return 0;
}

int boot_params_write(const struct boot_state *state, struct boot_entry *entry,
		      struct err *err)
{
	entry->protocol = state->kernel.protocol;
	entry->pc = state->kernel.entry;
	if (entry->protocol == BOOT_PVH)
		return pvh_write_start_info(state, &entry->arg, err);
	entry->arg = LAYOUT_ZERO_PAGE;
	return write_zero_page(state, err);
}
