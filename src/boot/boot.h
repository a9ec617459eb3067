// SPDX-License-Identifier: Apache-2.0
/*
 * boot.h - everything written into guest memory before the first instruction
 *
 * Main thread, before the vCPUs start.
 */
#ifndef MOTE_BOOT_H
#define MOTE_BOOT_H

#include "boot_entry.h"
#include "err.h"

enum boot_load {
	BOOT_LOAD_AUTO, /* read; map when memory is mergeable */
	BOOT_LOAD_READ, /* copy into memory: fastest to boot */
	BOOT_LOAD_MAP,	/* map the files: fastest to start, densest */
};

enum boot_platform {
	BOOT_PLATFORM_ACPI,    /* hardware-reduced ACPI */
	BOOT_PLATFORM_CMDLINE, /* virtio_mmio.device= and an MP table */
};

/* One virtio-mmio window. */
struct boot_device {
	gpa_t base;
	uint64_t size; /* bytes */
	unsigned gsi;  /* edge-triggered, active high */
};

struct boot_demand; /* see boot_demand.h */

struct boot_config {
	int kernel_fd;		 /* borrowed, open for reading */
	const char *kernel_name; /* for messages */
	int initrd_fd;		 /* -1: none */
	const char *initrd_name;
	const char *cmdline; /* user's; parameters may be added */
	enum boot_load load;
	enum boot_platform platform;
	unsigned cpus;
	unsigned ioapic_pins;
	const struct boot_device *devices;
	size_t device_count;
	/*
	 * Where boot_load() puts what it left in the files, or NULL in *demand when
	 * it left nothing. With NULL here, BOOT_LOAD_MAP is refused for shared
	 * memory.
	 */
	struct boot_demand **demand;
};

/*
 * Load kernel and initrd, write command line, tables and boot parameters, and
 * say in *entry where vCPU 0 starts. Every way in which a file can be wrong has
 * its own message that names the file.
 */
int boot_load(const struct boot_config *cfg, struct guest_memory *mem,
	      struct boot_entry *entry, struct err *err);

#endif
