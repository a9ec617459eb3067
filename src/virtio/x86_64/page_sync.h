// SPDX-License-Identifier: Apache-2.0
/*
 * page_sync.h - make a store to a register page visible to the guest
 *
 * x86: the guest's reads are coherent with our cache whatever memory type it
 * maps the window with, so there is nothing to do.
 */
#ifndef MOTE_PAGE_SYNC_H
#define MOTE_PAGE_SYNC_H

#include <stddef.h>

static inline void page_sync(const void *start, size_t len)
{
	(void)start;
	(void)len;
}

#endif
