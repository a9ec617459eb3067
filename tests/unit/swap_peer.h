// SPDX-License-Identifier: Apache-2.0
/*
 * swap_peer.h - a `mote block` with a control socket, and two images for it
 */
#ifndef MOTE_TESTS_SWAP_PEER_H
#define MOTE_TESTS_SWAP_PEER_H

#include "disk_peer.h"

#include <linux/virtio_blk.h>

enum { OTHER_BYTES = 1 << 20, LONG_MS = 20000 };

struct swap_peer {
	struct disk disk;
	int control, channel; /* ours: to swap, and for CONFIG_CHANGE */
	char other[64];	      /* a second image ... */
	int other_fd;	      /* ... open for reading and writing */
	uint32_t sequence;
};

/* The first image lies in dir and is as disk_create() makes it. */
void swap_begin(struct swap_peer *f, const char *dir, const char *option);
/* Whole pages of 'B', cut to that many bytes. */
void swap_create_other(struct swap_peer *f, const char *dir, off_t bytes);
void swap_finish(struct swap_peer *f);

/* A request with a deadline in ms, and the error of its answer. */
void swap_ask(struct swap_peer *f, int image_fd, uint32_t flags, uint64_t ms);
int swap_answer(struct swap_peer *f);
/* Both, for path opened with mode. */
int swap_image(struct swap_peer *f, const char *path, int mode, uint32_t flags);

/* Has a CONFIG_CHANGE come? */
bool swap_is_announced(struct swap_peer *f);
struct virtio_blk_config swap_config(struct swap_peer *f);
/* The first byte of a sector as the driver reads it; -1: an I/O error. */
int swap_read_byte(struct swap_peer *f, uint64_t sector);
bool swap_is_locked(const char *path);

#endif
