// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_image.c - recognise a kernel image; what is none gets a useful name
 */
#include "kernel_formats.h"
#include "util.h"

#include <errno.h>
#include <string.h>

/*
 * What people give instead of a kernel for this CPU. The first match counts, so
 * the vaguer ones stand last.
 */
#define BYTES(text) text, sizeof(text) - 1
static const struct {
	size_t offset;
	const char *magic;
	size_t len;
	const char *what;
} foreign[] = {
	{ 0, BYTES("\x1f\x8b"), "is compressed with gzip; unpack it first" },
	{ 0, BYTES("\xfd\x37zXZ"), "is compressed with xz; unpack it first" },
	{ 0, BYTES("\x28\xb5\x2f\xfd"),
	  "is compressed with zstd; unpack it first" },
	{ 0, BYTES("BZh"), "is compressed with bzip2; unpack it first" },
	{ 0, BYTES("\x02\x21\x4c\x18"),
	  "is compressed with lz4; unpack it first" },
	{ 0, BYTES("\x04\x22\x4d\x18"),
	  "is compressed with lz4; unpack it first" },
	{ 0, BYTES("\x5d\0\0"), "is compressed with lzma; unpack it first" },
	{ 0, BYTES("\x89LZO"), "is compressed with lzop; unpack it first" },
	{ 56, BYTES("ARM\x64"), "is an aarch64 kernel; this CPU is x86_64" },
	{ 56, BYTES("RSC\x05"), "is a RISC-V kernel; this CPU is x86_64" },
	{ 0, BYTES("\x27\x05\x19\x56"), "is a U-Boot image; unpack it first" },
	{ 0, BYTES("07070"), "is a cpio archive (an initrd?), not a kernel" },
	{ 0, BYTES("!<arch>\n"), "is a package or library, not a kernel" },
	{ 0, BYTES("MZ"), "is an EFI program without a Linux kernel header" },
};
#undef BYTES

static int refuse(const struct kernel_head *head, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		if (memcmp(head->bytes + foreign[i].offset, foreign[i].magic,
			   foreign[i].len) == 0)
			return err_set(err, EINVAL, "%s", foreign[i].what);
	}
	return err_set(err, EINVAL,
		       "is not a kernel image (neither ELF vmlinux nor "
		       "bzImage)");
}

int kernel_image_check_range(const struct boot_state *state, gpa_t start,
			     gpa_t end, struct err *err)
{
	if (start < MIB || end < start)
		return err_set(err, EINVAL,
			       "wants to be at %#llx, where only memory from "
			       "1 MiB on is free",
			       (unsigned long long)start);
	if (end > state->low_ram)
		return err_set(err, ENOMEM,
			       "does not fit: it needs memory up to %llu MiB, "
			       "the VM has %llu MiB there",
			       (unsigned long long)((end - 1) / MIB + 1),
			       (unsigned long long)(state->low_ram / MIB));
	return 0;
}

int kernel_image_load(struct boot_state *state, const struct boot_file *file,
		      struct err *err)
{
	struct kernel_head head = { { 0 } };
	int ret;

	ret = boot_file_read(file, 0, head.bytes,
			     MIN(file->size, sizeof(head.bytes)), err);
	if (ret < 0)
		return ret;
	if (elf_image_is(&head))
		return elf_image_load(state, file, err);
	if (bzimage_is(&head))
		return bzimage_load(state, file, &head, err);
	return refuse(&head, err);
}
