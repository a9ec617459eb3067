// SPDX-License-Identifier: Apache-2.0
/*
 * initrd.c - where the initrd goes, and that it fits
 *
 * As high as the kernel allows, so that it stays clear of the memory a kernel
 * may unpack itself into; in a small VM, whose memory ends with the kernel, below
 * it. On a page of its own, so that it can be mapped.
 */
#include "boot_arch.h"
#include "layout.h"
#include "util.h"

#include <errno.h>

enum { INITRD_ALIGN = 4096 };

/* The highest place in [start, end), or 0 when there is none. */
static gpa_t find_place(uint64_t size, gpa_t start, gpa_t end)
{
	start = align_up(start, INITRD_ALIGN);
	end = align_down(end, INITRD_ALIGN);
	if (end <= start || size > end - start)
		return 0;
	return align_down(end - size, INITRD_ALIGN);
}

static unsigned long long room_mib(gpa_t start, gpa_t end)
{
	return end > start ? (end - start) / MIB : 0;
}

int initrd_load(struct boot_state *state, const struct boot_file *file,
		struct err *err)
{
	const struct boot_kernel *kernel = &state->kernel;
	gpa_t end = MIN(kernel->initrd_end, state->low_ram);
	gpa_t end_below = MIN(end, kernel->start);

	state->initrd = find_place(file->size, kernel->end, end);
	if (state->initrd == 0)
		state->initrd =
			find_place(file->size, LAYOUT_BOOT_DATA_END, end_below);
	if (state->initrd == 0)
		return err_set(
			err, ENOMEM,
			"does not fit: it needs %llu MiB, and the kernel "
			"leaves %llu MiB above and %llu MiB below it: "
			"give the VM more memory",
			(unsigned long long)((file->size - 1) / MIB + 1),
			room_mib(kernel->end, end),
			room_mib(LAYOUT_BOOT_DATA_END, end_below));
	state->initrd_size = file->size;
	return boot_place(state, file, 0, file->size, state->initrd, file->size,
			  err);
}
