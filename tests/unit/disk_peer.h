// SPDX-License-Identifier: Apache-2.0
/*
 * disk_peer.h - a `mote block` in a child process, its image and its driver
 */
#ifndef MOTE_TESTS_DISK_PEER_H
#define MOTE_TESTS_DISK_PEER_H

#include "vu_peer.h"

enum { IMAGE_BYTES = 8 << 20, SECTOR = 512, QUEUE = 64 };

#define ALL_FEATURES (~UINT64_C(0))

/* The ring formats every request is tried on. */
enum { FORMATS = 4 };
struct format {
	const char *name;
	uint64_t without; /* features the driver declines */
};
extern const struct format formats[FORMATS];

struct disk {
	struct peer peer;
	char image[64];
	int fd; /* the image, for looking at */
};

/* dir decides the file system, and with it the path through block_io.c. */
void disk_create(struct disk *f, const char *dir);
void disk_start(struct disk *f, uint64_t features, const char *extra,
		unsigned queues);
/* The same with several extra options, NULL at the end. */
void disk_start_with(struct disk *f, uint64_t features,
		     const char *const *extra, unsigned queues);
/* Both of them, on /tmp, with one queue. */
void disk_begin(struct disk *f, uint64_t without);
void disk_finish(struct disk *f);

struct disk_request {
	uint32_t type;
	uint64_t sector;
	struct buffer data[8];
	unsigned buffers;
	uint32_t header_cut; /* header in two pieces, cut here */
	uint32_t table;	     /* indirect, when not 0 */
};

/* Lay out header, data, status; returns the offset of the status byte. */
uint32_t disk_submit(struct peer *p, unsigned queue,
		     const struct disk_request *r);
/* Submit to queue 0 and wait: the status, and the written length in *len. */
uint8_t disk_run(struct peer *p, const struct disk_request *r, uint32_t *len);
/* The same with one data buffer, or none when len is 0. */
uint8_t disk_simple(struct peer *p, uint32_t type, uint64_t sector, uint32_t at,
		    uint32_t len);
/* Discard or write zeroes. */
uint8_t disk_range(struct peer *p, uint32_t type, uint64_t sector,
		   uint32_t sectors, uint32_t flags);
/* Does the image hold at sector what the memory does at at? */
bool disk_same(struct disk *f, uint64_t sector, uint32_t at, uint32_t len);

#endif
