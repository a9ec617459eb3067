// SPDX-License-Identifier: Apache-2.0
/*
 * console_buffer.h - a bounded queue of bytes between the guest and a stream
 *
 * It starts over at its first byte whenever it runs empty, so that a console
 * nobody writes much to touches one page of it.
 */
#ifndef MOTE_CONSOLE_BUFFER_H
#define MOTE_CONSOLE_BUFFER_H

#include "vu_iov.h"

struct console_buffer {
	char *data;
	size_t size; /* bytes */
	size_t head; /* of the oldest byte */
	size_t len;  /* bytes held */
};

int console_buffer_create(struct console_buffer *buf, size_t size);
void console_buffer_destroy(struct console_buffer *buf);

static inline size_t console_buffer_room(const struct console_buffer *buf)
{
	return buf->size - buf->len;
}

/* Append up to len bytes; returns how many there was room for. */
size_t console_buffer_put(struct console_buffer *buf, const void *data,
			  size_t len);
/* The same from the front of v, which loses them. */
size_t console_buffer_put_iov(struct console_buffer *buf, struct vu_iov *v);

/* What is held, oldest first, in up to two pieces; returns how many. */
unsigned console_buffer_peek(const struct console_buffer *buf,
			     struct iovec pieces[2]);
/* Drop the oldest len bytes. */
void console_buffer_drop(struct console_buffer *buf, size_t len);

#endif
