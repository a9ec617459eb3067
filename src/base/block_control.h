// SPDX-License-Identifier: Apache-2.0
/*
 * block_control.h - what a monitor and `mote block` say on the control socket
 *
 * SOCK_SEQPACKET, connected. One request at a time, each with the descriptor of
 * an open image (fd_packet.h): "use this one from now on"; one answer to each.
 * Whatever is not a request closes the socket and changes nothing. It lies here,
 * because neither side sees the other's folder.
 */
#ifndef MOTE_BLOCK_CONTROL_H
#define MOTE_BLOCK_CONTROL_H

#include <stdint.h>

enum { BLOCK_CONTROL_SWAP = 0x6b736964 };

enum block_control_flag {
	BLOCK_CONTROL_READ_ONLY = 1, /* the image is open for reading only */
	BLOCK_CONTROL_DIRECT = 2,    /* past the page cache, where it can be */
	BLOCK_CONTROL_FLAGS = 3,     /* all there are */
};

/* Longest time that a request may ask for. */
enum { BLOCK_CONTROL_MS_MAX = 60000 };

struct block_control_request {
	uint32_t verb;	      /* BLOCK_CONTROL_SWAP */
	uint32_t flags;	      /* enum block_control_flag */
	uint64_t deadline_ms; /* CLOCK_MONOTONIC: later nothing is changed */
	uint32_t sequence;    /* comes back in the answer */
	uint32_t zero;
};

/* error: 0, or -errno and the old image stays in use. */
struct block_control_answer {
	uint32_t sequence;
	int32_t error;
};

#endif
