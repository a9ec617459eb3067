// SPDX-License-Identifier: Apache-2.0
/*
 * memory_map.h - e820: what is RAM and what is not
 */
#ifndef MOTE_MEMORY_MAP_H
#define MOTE_MEMORY_MAP_H

#include "guest_memory.h"

#include <asm/bootparam.h>

enum { MEMORY_MAP_MAX = 4 };

/* Fill in out[MEMORY_MAP_MAX], ascending; returns the number of entries. */
size_t memory_map_fill(const struct guest_memory *mem,
		       struct boot_e820_entry *out);

#endif
