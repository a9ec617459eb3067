// SPDX-License-Identifier: Apache-2.0
/*
 * console_buffer.c - a bounded queue of bytes between the guest and a stream
 */
#include "console_buffer.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int console_buffer_create(struct console_buffer *buf, size_t size)
{
	*buf = (struct console_buffer){ .size = size };
	/* Not malloc(): pages that are never used must not become memory. */
	buf->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (buf->data == MAP_FAILED) {
		buf->data = NULL;
		return -errno;
	}
	return 0;
}

void console_buffer_destroy(struct console_buffer *buf)
{
	if (buf->data != NULL)
		munmap(buf->data, buf->size);
	buf->data = NULL;
}

/* The free bytes that follow each other after the newest one. */
static size_t tail(const struct console_buffer *buf, char **at)
{
	size_t start = (buf->head + buf->len) % buf->size;

	*at = buf->data + start;
	return MIN(console_buffer_room(buf), buf->size - start);
}

size_t console_buffer_put(struct console_buffer *buf, const void *data,
			  size_t len)
{
	size_t done = 0, n;
	char *at;

	while (done < len && (n = tail(buf, &at)) > 0) {
		n = MIN(n, len - done);
		memcpy(at, (const char *)data + done, n);
		buf->len += n;
		done += n;
	}
	return done;
}

size_t console_buffer_put_iov(struct console_buffer *buf, struct vu_iov *v)
{
	size_t done = 0, n;
	char *at;

	while (v->count > 0 && (n = tail(buf, &at)) > 0) {
		n = vu_iov_read(v, at, n);
		buf->len += n;
		done += n;
	}
	return done;
}

unsigned console_buffer_peek(const struct console_buffer *buf,
			     struct iovec pieces[2])
{
	size_t first = MIN(buf->len, buf->size - buf->head);

	pieces[0] = (struct iovec){ buf->data + buf->head, first };
	pieces[1] = (struct iovec){ buf->data, buf->len - first };
	if (buf->len == 0)
		return 0;
	return pieces[1].iov_len > 0 ? 2 : 1;
}

void console_buffer_drop(struct console_buffer *buf, size_t len)
{
	buf->len -= len;
	buf->head = buf->len == 0 ? 0 : (buf->head + len) % buf->size;
}
