// SPDX-License-Identifier: Apache-2.0
/*
 * bzimage.c - bzImage, Linux's own container
 *
 * Documentation/arch/x86/boot.rst. Only the protected-mode part is loaded; of
 * the real-mode part nothing runs, its setup header is copied into the zero
 * page. The kernel unpacks itself inside [load address, + init_size).
 */
#include "kernel_formats.h"
#include "layout.h"
#include "util.h"

#include <errno.h>
#include <string.h>

enum {
	SETUP_HEADER_OFFSET = offsetof(struct boot_params, hdr),
	SETUP_SECTS_DEFAULT = 4, /* what 0 means, for old loaders */
	SECTOR = 512,
	SYSSIZE_UNIT = 16,
	PROTOCOL_MIN = 0x020c, /* the first with xloadflags */
	ENTRY_64 = 0x200,      /* "64-bit boot protocol" */
};

static_assert(SETUP_HEADER_OFFSET + sizeof(struct setup_header) <=
		      sizeof(struct kernel_head),
	      "the head of the file holds the setup header");

bool bzimage_is(const struct kernel_head *head)
{
	struct setup_header hdr;

	memcpy(&hdr, head->bytes + SETUP_HEADER_OFFSET, sizeof(hdr));
	return hdr.boot_flag == SETUP_BOOT_FLAG && hdr.header == SETUP_HEADER;
}

/*
 * "The end of the setup header can be calculated as 0x0202 + byte value at
 * offset 0x0201": the offset of the jump over it. What follows is code.
 */
static int read_header(const struct boot_file *file,
		       const struct kernel_head *head, struct setup_header *hdr,
		       struct err *err)
{
	size_t end = 0x202 + head->bytes[0x201];
	size_t len = MIN(end - SETUP_HEADER_OFFSET, sizeof(*hdr));

	memset(hdr, 0, sizeof(*hdr));
	return boot_file_read(file, SETUP_HEADER_OFFSET, hdr, len, err);
}

/* Where it was linked to run, so that it need not relocate itself. */
static gpa_t load_address(const struct setup_header *hdr)
{
	return hdr->pref_address >= MIB ? hdr->pref_address : LAYOUT_KERNEL;
}

static int check_header(const struct setup_header *hdr, struct err *err)
{
	if (hdr->version < PROTOCOL_MIN)
		return err_set(err, EINVAL,
			       "has boot protocol %u.%02u, older than 2.12 "
			       "(Linux 3.8)",
			       hdr->version >> 8, hdr->version & 0xff);
	if (!(hdr->xloadflags & XLF_KERNEL_64))
		return err_set(err, EINVAL,
			       "is a 32-bit kernel; this CPU is started in "
			       "64-bit mode");
	if (!(hdr->loadflags & LOADED_HIGH))
		return err_set(err, EINVAL, "is a zImage, not a bzImage");
	return 0;
}

int bzimage_load(struct boot_state *state, const struct boot_file *file,
		 const struct kernel_head *head, struct err *err)
{
	struct boot_kernel *kernel = &state->kernel;
	struct setup_header *hdr = &kernel->header.setup;
	uint64_t offset, size, memory;
	gpa_t load;
	int ret;

	ret = read_header(file, head, hdr, err);
	if (ret == 0)
		ret = check_header(hdr, err);
	if (ret < 0)
		return ret;

	offset = hdr->setup_sects ? hdr->setup_sects : SETUP_SECTS_DEFAULT;
	offset = (offset + 1) * SECTOR;
	size = (uint64_t)hdr->syssize * SYSSIZE_UNIT;
	if (size == 0)
		return err_set(err, EINVAL, "is damaged: its size field is 0");
	load = load_address(hdr);
	memory = MAX(size, hdr->init_size);
	if (load > UINT64_MAX - memory)
		return err_set(err, EINVAL,
			       "is damaged: its load address is %#llx",
			       (unsigned long long)load);
	ret = kernel_image_check_range(state, load, load + memory, err);
	if (ret < 0)
		return ret;

	ret = boot_place(state, file, offset, size, load, memory, err);
	if (ret < 0)
		return ret;
	hdr->code32_start = (uint32_t)load;
	kernel->protocol = BOOT_LINUX64;
	kernel->entry = load + ENTRY_64;
	kernel->start = load;
	kernel->end = load + memory;
	kernel->initrd_end = (uint64_t)hdr->initrd_addr_max + 1;
	kernel->cmdline_max = hdr->cmdline_size;
	return 0;
}
