// SPDX-License-Identifier: Apache-2.0
/*
 * ring_peer.h - a ring and its driver in one process and one piece of memory
 */
#ifndef MOTE_TESTS_RING_PEER_H
#define MOTE_TESTS_RING_PEER_H

#include "vu_peer.h"
#include "vu_ring.h"

struct rings {
	struct vu_memory memory;
	struct vu_ring ring;
	struct vu_chain chain;
	struct driver driver;
	char *mem;
};

/* Offsets in mem of what the driver uses. */
enum { RING_AT = 4096, DATA_AT = 1 << 20, TABLE_AT = 2 << 20 };

void ring_set_up(struct rings *f, bool packed, bool event_idx, uint16_t size);
void ring_tear_down(struct rings *f);
/* What vu_ring_start() says to the driver's areas. */
int ring_start(struct rings *f, bool packed, bool event_idx, uint32_t size,
	       uint32_t base);
/* The next chain into f->chain. */
int ring_pop(struct rings *f);

#endif
