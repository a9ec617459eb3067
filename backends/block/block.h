// SPDX-License-Identifier: Apache-2.0
/*
 * block.h - a virtio-blk device: its state, shared by the files of this folder
 */
#ifndef MOTE_BLOCK_H
#define MOTE_BLOCK_H

#include "block_image.h"
#include "block_swap.h"
#include "vu_iov.h"
#include "vu_server.h"

#include <liburing.h>
#include <linux/virtio_blk.h>

enum {
	BLOCK_REQUESTS = 128,	  /* in flight, over all queues */
	BLOCK_SEG_MAX = 126,	  /* data buffers; with header and status 128 */
	BLOCK_BOUNCE = 64 * 1024, /* bytes */
};

static_assert(BLOCK_SEG_MAX + 2 <= VU_IOV_MAX, "every legal chain fits");

/* What the disk is to do next for a request. */
enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_SYNC, BLOCK_PUNCH, BLOCK_ZERO };

struct block_request {
	struct block_request *next; /* in the list of free ones */
	struct vu_queue *queue;
	enum block_op op;
	bool then_sync;	      /* write-through: one more step */
	uint64_t offset;      /* bytes, of what is left */
	uint64_t left;	      /* bytes */
	uint64_t room;	      /* bytes of guest buffers before *status */
	uint64_t filled;      /* of them written */
	uint8_t *status;      /* in guest memory */
	void *bounce;	      /* aligned copy, or NULL */
	struct vu_iov data;   /* what is left, inside chain.iov */
	struct iovec bounced; /* or this piece of it */
	struct vu_chain chain;
};

struct block {
	struct vu_server *server;
	const char *id; /* log lines, or NULL */
	struct block_image image;
	char serial[VIRTIO_BLK_ID_BYTES];
	unsigned queues;
	bool try_now[2];    /* [write?]: RWF_NOWAIT is supported */
	bool no_zero_range; /* only holes give zeroes here */
	bool changed;	    /* this image has been written to */
	struct block_swap swap;

	bool ring;	    /* uring is there ... */
	bool async;	    /* ... and is used for this image */
	unsigned submitted; /* what the kernel has of ours */
	struct io_uring uring;
	struct vu_watch completions;

	struct block_request *free;
	unsigned fresh; /* first of requests[] never used */
	bool starved;	/* a queue waits for a free request */
	bool drained;	/* what other queues wait for, not yet told */
	int timer_fd;
	struct vu_watch timer;
	struct block_request requests[BLOCK_REQUESTS];
};

/* block.c: the device as the server sees it. */
extern const struct vu_device_ops block_ops;
uint64_t block_features(const struct block *b);

/*
 * The image (taken over) and the serial make a device; it then joins the
 * server's loop.
 */
int block_create(const struct block_image *image, const char *serial,
		 unsigned queues, struct block **out, struct err *err);
int block_attach(struct block *b, struct vu_server *server, struct err *err);
void block_destroy(struct block *b); /* NULL is allowed */
/* Queues that waited because none was to be served. */
void block_resume(struct block *b);

/* block_request.c: check the chain of r and carry it out, or start to. */
void block_request_start(struct block *b, struct block_request *r);
/* The step that was under way has come to res bytes, or -errno. */
void block_request_continue(struct block *b, struct block_request *r,
			    int64_t res);

/* block_io.c: the disk. init again after each change of the image. */
void block_io_init(struct block *b);
int block_io_attach(struct block *b, struct vu_loop *loop, struct err *err);
void block_io_close(struct block *b);
/*
 * Do r's next step. Returns bytes or -errno; or -EINPROGRESS, and
 * block_request_continue() is called later.
 */
int64_t block_io_step(struct block *b, struct block_request *r);
/* Make the image safe: 0, -errno, or -EINPROGRESS and block_swap_synced(). */
int block_io_sync(struct block *b);
/* Hand over to the kernel what was prepared; wait for one completion or not. */
void block_io_submit(struct block *b, bool wait);
/* Continue what is complete. Returns how many there were. */
unsigned block_io_reap(struct block *b);

/* block.c: status into the guest, chain back to it, r free again. */
void block_request_finish(struct block *b, struct block_request *r,
			  uint8_t status);

#endif
