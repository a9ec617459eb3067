// SPDX-License-Identifier: Apache-2.0
/*
 * memory_map.c - e820: what is RAM and what is not
 *
 * The tables between LAYOUT_LOW_RAM_END and 1 MiB are reserved: the guest reads
 * them long after it has begun to hand out memory.
 */
#include "memory_map.h"
#include "layout.h"

enum { E820_RAM = 1, E820_RESERVED = 2 }; /* ACPI 6.5, 15.1 */

size_t memory_map_fill(const struct guest_memory *mem,
		       struct boot_e820_entry *out)
{
	const struct memory_region *regions;
	size_t n = guest_memory_regions(mem, &regions), count = 3;

	out[0] = (struct boot_e820_entry){ 0, LAYOUT_LOW_RAM_END, E820_RAM };
	out[1] = (struct boot_e820_entry){ LAYOUT_LOW_RAM_END,
					   MIB - LAYOUT_LOW_RAM_END,
					   E820_RESERVED };
	out[2] = (struct boot_e820_entry){ MIB, regions[0].size - MIB,
					   E820_RAM };
	/* Images stand in the NFIT instead, see acpi.c. */
	for (size_t i = 1; i < n && !regions[i].readonly; i++)
		out[count++] =
			(struct boot_e820_entry){ regions[i].gpa,
						  regions[i].size, E820_RAM };
	return count;
}
