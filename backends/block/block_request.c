// SPDX-License-Identifier: Apache-2.0
/*
 * block_request.c - what each request of the driver means, virtio 1.3, 5.2.6
 *
 * Theory of operation
 *
 * A chain is a 16-byte header, data in one direction, and a status byte at the
 * very end of what the device may write; buffers can be cut anywhere. start()
 * checks all of it against the copy of the header and turns it into a first
 * step on the disk; continue() takes the result of a step and goes on until
 * nothing is left: short transfers and bounce buffers make further steps, and
 * so does the flush that write-through asks for.
 *
 * A request that makes no sense gets its status; only a chain without room for
 * one stops the queue.
 */
#include "block.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

struct parsed {
	struct virtio_blk_outhdr header;
	struct vu_iov out, in; /* data; what is left after header, status */
};

static bool has_feature(const struct block *b, unsigned bit)
{
	return vu_server_features(b->server) >> bit & 1;
}

/* 5.2.6.2: without FLUSH the driver takes a completed write for a safe one. */
static bool write_through(const struct block *b)
{
	return !has_feature(b, VIRTIO_BLK_F_FLUSH);
}

static bool in_capacity(const struct block *b, uint64_t sector, uint64_t bytes)
{
	return bytes % BLOCK_SECTOR == 0 &&
	       range_within(sector, bytes / BLOCK_SECTOR, b->image.sectors);
}

static void go(struct block *b, struct block_request *r)
{
	block_request_continue(b, r, block_io_step(b, r));
}

static void transfer(struct block *b, struct block_request *r,
		     const struct parsed *p)
{
	bool write = p->header.type == VIRTIO_BLK_T_OUT;
	uint64_t bytes;

	r->data = write ? p->out : p->in;
	bytes = vu_iov_len(&r->data);
	if (!in_capacity(b, p->header.sector, bytes) ||
	    (write && b->image.read_only)) {
		block_request_finish(b, r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->op = write ? BLOCK_WRITE : BLOCK_READ;
	r->offset = p->header.sector * BLOCK_SECTOR;
	r->left = bytes;
	r->then_sync = write && write_through(b);
	if (bytes == 0)
		block_request_finish(b, r, VIRTIO_BLK_S_OK);
	else
		go(b, r);
}

static void flush(struct block *b, struct block_request *r,
		  const struct parsed *p)
{
	(void)p;
	if (b->image.read_only) {
		block_request_finish(b, r, VIRTIO_BLK_S_OK);
		return;
	}
	r->op = BLOCK_SYNC;
	go(b, r);
}

static void get_id(struct block *b, struct block_request *r,
		   const struct parsed *p)
{
	struct vu_iov in = p->in;

	if (vu_iov_len(&in) < sizeof(b->serial)) {
		block_request_finish(b, r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->filled = vu_iov_write(&in, b->serial, sizeof(b->serial));
	block_request_finish(b, r, VIRTIO_BLK_S_OK);
}

/* 5.2.6.2: flags that are unknown, or unmap in a discard, are UNSUPP. */
static uint8_t check_range(const struct block *b,
			   const struct virtio_blk_discard_write_zeroes *range,
			   bool zero)
{
	uint32_t allowed = zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	if (b->image.read_only)
		return VIRTIO_BLK_S_IOERR;
	if (!has_feature(b, zero ? VIRTIO_BLK_F_WRITE_ZEROES
				 : VIRTIO_BLK_F_DISCARD) ||
	    range->flags & ~allowed)
		return VIRTIO_BLK_S_UNSUPP;
	if (range->num_sectors == 0 ||
	    !range_within(range->sector, range->num_sectors, b->image.sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static void discard(struct block *b, struct block_request *r,
		    const struct parsed *p)
{
	bool zero = p->header.type == VIRTIO_BLK_T_WRITE_ZEROES;
	struct virtio_blk_discard_write_zeroes range;
	struct vu_iov out = p->out;
	uint8_t status = VIRTIO_BLK_S_IOERR;

	/* One segment, as the configuration space says. */
	if (vu_iov_len(&out) == sizeof(range)) {
		vu_iov_read(&out, &range, sizeof(range));
		status = check_range(b, &range, zero);
	}
	if (status != VIRTIO_BLK_S_OK) {
		block_request_finish(b, r, status);
		return;
	}
	r->op = zero && !range.flags && !b->no_zero_range ? BLOCK_ZERO
							  : BLOCK_PUNCH;
	r->offset = range.sector * BLOCK_SECTOR;
	r->left = (uint64_t)range.num_sectors * BLOCK_SECTOR;
	r->then_sync = write_through(b);
	go(b, r);
}

static const struct {
	uint32_t type;
	void (*start)(struct block *b, struct block_request *r,
		      const struct parsed *p);
} types[] = {
	{ VIRTIO_BLK_T_IN, transfer },
	{ VIRTIO_BLK_T_OUT, transfer },
	{ VIRTIO_BLK_T_FLUSH, flush },
	{ VIRTIO_BLK_T_GET_ID, get_id },
	{ VIRTIO_BLK_T_DISCARD, discard },
	{ VIRTIO_BLK_T_WRITE_ZEROES, discard },
};

void block_request_start(struct block *b, struct block_request *r)
{
	struct vu_chain *chain = &r->chain;
	struct parsed p = {
		.out = { chain->iov, chain->readable },
		.in = { chain->iov + chain->readable, chain->writable },
	};
	const struct iovec *last;

	r->status = NULL;
	r->then_sync = false;
	r->left = 0;
	r->filled = 0;
	if (chain->writable > 0) {
		last = &p.in.iov[p.in.count - 1];
		r->status = (uint8_t *)last->iov_base + last->iov_len - 1;
		vu_iov_trim(&p.in, 1);
		r->room = vu_iov_len(&p.in);
	}
	if (r->status == NULL ||
	    vu_iov_read(&p.out, &p.header, sizeof(p.header)) !=
		    sizeof(p.header)) {
		vu_queue_break(r->queue, "a request without a header or a "
					 "status byte");
		block_request_finish(b, r, VIRTIO_BLK_S_IOERR);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].type == p.header.type) {
			types[i].start(b, r, &p);
			return;
		}
	}
	block_request_finish(b, r, VIRTIO_BLK_S_UNSUPP);
}

/* n bytes of the transfer are done; they may have gone through the bounce. */
static void account(struct block_request *r, uint64_t n)
{
	if (r->op == BLOCK_READ && r->bounce != NULL)
		vu_iov_write(&r->data, r->bounce, n);
	else
		vu_iov_skip(&r->data, n);
	if (r->op == BLOCK_READ)
		r->filled += n;
	r->offset += n;
	r->left -= n;
}

/* True: r has a further step. False: it ends with *status. */
static bool next_step(struct block *b, struct block_request *r, int64_t res,
		      uint8_t *status)
{
	bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

	if (res == -EINTR || res == -EAGAIN)
		return true;
	if (res == -EOPNOTSUPP && r->op == BLOCK_ZERO) {
		b->no_zero_range = true; /* a hole reads as zeroes too */
		r->op = BLOCK_PUNCH;
		return true;
	}
	*status = res == -EOPNOTSUPP && r->op == BLOCK_PUNCH
			  ? VIRTIO_BLK_S_UNSUPP
			  : VIRTIO_BLK_S_IOERR;
	if (res < 0 || (moves && res == 0)) /* 0: the file has shrunk */
		return false;
	if (moves)
		account(r, (uint64_t)res);
	if (moves && r->left > 0)
		return true;
	*status = VIRTIO_BLK_S_OK;
	if (!r->then_sync)
		return false;
	r->then_sync = false;
	r->op = BLOCK_SYNC;
	return true;
}

void block_request_continue(struct block *b, struct block_request *r,
			    int64_t res)
{
	uint8_t status;

	while (res != -EINPROGRESS) {
		if (!next_step(b, r, res, &status)) {
			block_request_finish(b, r, status);
			return;
		}
		res = block_io_step(b, r);
	}
}
