// SPDX-License-Identifier: Apache-2.0
/*
 * block_swap.h - another image for a running disk, by the control socket
 */
#ifndef MOTE_BLOCK_SWAP_H
#define MOTE_BLOCK_SWAP_H

#include "block_image.h"
#include "vu_loop.h"

struct block;

enum block_swap_state {
	BLOCK_SWAP_NONE,
	BLOCK_SWAP_DRAINING, /* requests finish, none is begun */
	BLOCK_SWAP_SYNCING,  /* the old image is being made safe */
	BLOCK_SWAP_SYNCED,   /* it is, or cannot be: result */
};

struct block_swap {
	int control_fd; /* -1: none */
	int timer_fd;
	struct vu_watch control, timer;
	enum block_swap_state state;
	struct block_image next;
	uint64_t deadline_ms; /* CLOCK_MONOTONIC */
	uint32_t sequence;    /* of the request */
	int result;	      /* 0 or -errno */
};

/*
 * Take requests for another image from this socket, which is taken over. While a
 * swap is pending no request of the driver may be begun.
 */
void block_swap_init(struct block *b);
int block_swap_attach(struct block *b, int control_fd, struct err *err);
void block_swap_close(struct block *b);
bool block_swap_is_pending(const struct block *b);
/* After each wait of the loop: go on with it, as far as possible. */
void block_swap_continue(struct block *b);
/* What block_io_sync() started has come to res. */
void block_swap_synced(struct block *b, int res);

#endif
