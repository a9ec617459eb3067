// SPDX-License-Identifier: Apache-2.0
/*
 * vu_buffer.h - a bounded queue of bytes between the guest and a stream
 *
 * It starts over at its first byte whenever it runs empty, so that a stream that
 * never holds much touches one page of it.
 */
#ifndef MOTE_VU_BUFFER_H
#define MOTE_VU_BUFFER_H

#include "vu_iov.h"

struct vu_buffer {
	char *data;
	size_t size; /* bytes */
	size_t head; /* of the oldest byte */
	size_t len;  /* bytes held */
};

int vu_buffer_create(struct vu_buffer *buf, size_t size);
void vu_buffer_destroy(struct vu_buffer *buf);

static inline size_t vu_buffer_room(const struct vu_buffer *buf)
{
	return buf->size - buf->len;
}

/* Append up to len bytes; returns how many there was room for. */
size_t vu_buffer_put(struct vu_buffer *buf, const void *data, size_t len);
/* The same from the front of v, which loses them. */
size_t vu_buffer_put_iov(struct vu_buffer *buf, struct vu_iov *v);

/* What is held, oldest first, in up to two pieces; returns how many. */
unsigned vu_buffer_peek(const struct vu_buffer *buf, struct iovec pieces[2]);
/* Drop the oldest len bytes. */
void vu_buffer_drop(struct vu_buffer *buf, size_t len);

#endif
