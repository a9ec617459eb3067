// SPDX-License-Identifier: Apache-2.0
/*
 * console_peer.h - a `mote console` in a child process, and its driver
 */
#ifndef MOTE_TESTS_CONSOLE_PEER_H
#define MOTE_TESTS_CONSOLE_PEER_H

#include "pattern.h"
#include "vu_peer.h"

enum { RX, TX, QUEUE = 16, CHUNK = 4096 };

/* A backend with option=in, and --out-fd=out unless that is -1. */
void console_start(struct peer *p, const char *option, int in, int out,
		   const char *extra, uint64_t features);
/* The guest writes len bytes of the pattern from offset, and waits. */
void console_write(struct peer *p, uint32_t at, size_t offset, uint32_t len);

#endif
