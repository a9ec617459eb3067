// SPDX-License-Identifier: Apache-2.0
/*
 * boot_arch.h - the stages of loading, and what a CPU architecture supplies
 *
 * Private to src/boot. boot.c calls the functions in the order they stand here;
 * each reads what the stages before it left in struct boot_state.
 */
#ifndef MOTE_BOOT_ARCH_H
#define MOTE_BOOT_ARCH_H

#include "boot.h"
#include "boot_file.h"
#include "cmdline.h"
#include "kernel_header.h" /* struct kernel_header, of each CPU */

/* What loading the kernel found out. */
struct boot_kernel {
	enum boot_protocol protocol;
	gpa_t entry;
	gpa_t start;	    /* its first byte; 1 MiB or more */
	gpa_t end;	    /* first byte after it, bss included */
	gpa_t initrd_end;   /* an initrd must end here or before */
	size_t cmdline_max; /* characters, without the zero */
	struct kernel_header header;
};

/* How the bytes of a file get into guest memory. */
enum boot_placing {
	PLACE_READ,   /* copied now */
	PLACE_MAP,    /* mapped copy-on-write; private memory */
	PLACE_DEMAND, /* copied when touched; shared memory */
};

struct boot_state {
	const struct boot_config *cfg;
	struct guest_memory *mem;
	uint64_t low_ram; /* bytes of RAM from address 0 on */
	enum boot_placing placing;
	struct boot_demand *demand; /* with PLACE_DEMAND */
	struct boot_kernel kernel;
	gpa_t initrd;
	uint64_t initrd_size; /* bytes; 0: no initrd */
	struct cmdline cmdline;
	gpa_t rsdp; /* 0: no ACPI tables */
};

/*
 * place.c (every CPU): put len bytes of the file from offset at gpa, of which the
 * caller knows that they are RAM up to gpa + room; the room behind the bytes
 * stays zero.
 */
int boot_place(struct boot_state *state, const struct boot_file *file,
	       uint64_t offset, uint64_t len, gpa_t gpa, uint64_t room,
	       struct err *err);

/* kernel_image.c: recognise the format, load it, fill in state->kernel. */
int kernel_image_load(struct boot_state *state, const struct boot_file *file,
		      struct err *err);

/* initrd.c (every CPU): fill in state->initrd. */
int initrd_load(struct boot_state *state, const struct boot_file *file,
		struct err *err);

/*
 * platform_tables.c: write what describes CPUs and devices, and add to the
 * command line what the kernel cannot find there.
 */
int platform_tables_write(struct boot_state *state, struct err *err);

/* boot_params.c: write what the kernel is handed, and say where it starts. */
int boot_params_write(const struct boot_state *state, struct boot_entry *entry,
		      struct err *err);

#endif
