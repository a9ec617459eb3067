// SPDX-License-Identifier: Apache-2.0
/*
 * vu_buffer.c - a bounded queue of bytes between the guest and a stream
 */
#include "vu_buffer.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int vu_buffer_create(struct vu_buffer *buf, size_t size)
{
	*buf = (struct vu_buffer){ .size = size };
	/* Not malloc(): pages that are never used must not become memory. */
	buf->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (buf->data == MAP_FAILED) {
		buf->data = NULL;
		return -errno;
	}
	return 0;
}

void vu_buffer_destroy(struct vu_buffer *buf)
{
	if (buf->data != NULL)
		munmap(buf->data, buf->size);
	buf->data = NULL;
}

/* The free bytes that follow each other after the newest one. */
static size_t tail(const struct vu_buffer *buf, char **at)
{
	size_t start = (buf->head + buf->len) % buf->size;

	*at = buf->data + start;
	return MIN(vu_buffer_room(buf), buf->size - start);
}

size_t vu_buffer_put(struct vu_buffer *buf, const void *data, size_t len)
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

size_t vu_buffer_put_iov(struct vu_buffer *buf, struct vu_iov *v)
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

unsigned vu_buffer_peek(const struct vu_buffer *buf, struct iovec pieces[2])
{
	size_t first = MIN(buf->len, buf->size - buf->head);

	pieces[0] = (struct iovec){ buf->data + buf->head, first };
	pieces[1] = (struct iovec){ buf->data, buf->len - first };
	if (buf->len == 0)
		return 0;
	return pieces[1].iov_len > 0 ? 2 : 1;
}

void vu_buffer_drop(struct vu_buffer *buf, size_t len)
{
	buf->len -= len;
	buf->head = buf->len == 0 ? 0 : (buf->head + len) % buf->size;
}
