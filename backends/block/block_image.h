// SPDX-License-Identifier: Apache-2.0
/*
 * block_image.h - the file or block device behind a disk
 */
#ifndef MOTE_BLOCK_IMAGE_H
#define MOTE_BLOCK_IMAGE_H

#include "err.h"
#include "util.h"

enum { BLOCK_SECTOR = 512 }; /* bytes; virtio 1.3, 5.2.4 */

struct block_image {
	int fd;
	const char *id;	  /* device in log lines, or NULL */
	const char *name; /* for messages */
	bool read_only;
	bool device;		/* a block device, not a file */
	bool direct;		/* O_DIRECT is on */
	bool in_memory;		/* tmpfs: no access ever waits */
	bool can_discard;	/* holes can be punched */
	uint32_t block_size;	/* logical block, bytes */
	uint32_t physical_size; /* bytes that are written at once */
	uint64_t sectors;	/* capacity, of 512 bytes */
};

/*
 * id is borrowed. Open path, or take over fd when path is NULL, lock it against other VMs and
 * find out what it can do. direct is a wish: where it cannot be, a line is
 * logged and the page cache used.
 */
int block_image_open(struct block_image *image, const char *id,
		     const char *path, int fd, bool read_only, bool direct,
		     struct err *err);
void block_image_close(struct block_image *image);

/*
 * The image that is to follow old: fd is taken over. What the driver has been told
 * for good stays as it is: whether it may write, and the size of a block, which
 * access past the page cache then must be possible with.
 */
int block_image_open_next(struct block_image *image,
			  const struct block_image *old, int fd, bool direct,
			  struct err *err);
/* The same, and its lock ends, whoever else has the descriptor. */
void block_image_release(struct block_image *image);
/* Is fd another opening of the same file or device? */
bool block_image_is_same(const struct block_image *image, int fd);

/* Look at the size again; true when the capacity has changed. */
bool block_image_resized(struct block_image *image);

#endif
