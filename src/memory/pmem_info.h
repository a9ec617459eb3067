// SPDX-License-Identifier: Apache-2.0
/*
 * pmem_info.h - the block that makes Linux use persistent memory directly
 *
 * Linux maps files from persistent memory into processes (DAX) only when it has
 * a struct page for every page of it, and makes those only when the memory
 * itself asks for them, in an info block near its start. Images do not carry
 * one, so we show it in front of them.
 */
#ifndef MOTE_PMEM_INFO_H
#define MOTE_PMEM_INFO_H

#include "util.h"

/*
 * Bytes in front of the data: the least that keeps the data aligned for huge
 * pages. The guest's disk (/dev/pmem0) begins behind them.
 */
#define PMEM_INFO_SPACE (2 * MIB)

/*
 * Fill in the space at the start of a persistent memory of size bytes, which
 * include the space; it is zero before. number tells apart those of a guest.
 */
void pmem_info_write(void *space, uint64_t size, uint32_t number);

#endif
