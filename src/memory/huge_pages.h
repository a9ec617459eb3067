// SPDX-License-Identifier: Apache-2.0
/*
 * huge_pages.h - the host's pool of reserved 2 MiB pages
 */
#ifndef MOTE_HUGE_PAGES_H
#define MOTE_HUGE_PAGES_H

#include "err.h"

#include <stdint.h>

#define HUGE_PAGE_SIZE (2 * MIB)

/*
 * -ENOMEM with *err saying what to do unless the pool has size bytes that
 * nobody has reserved. The kernel decides when the memory is mapped; this is
 * for the message.
 */
int huge_pages_check(uint64_t size, struct err *err);

#endif
