// SPDX-License-Identifier: Apache-2.0
/*
 * vu_iov.c - scattered buffers of the guest as one stream of bytes
 */
#include "vu_iov.h"
#include "util.h"

#include <string.h>

uint64_t vu_iov_len(const struct vu_iov *v)
{
	uint64_t len = 0;

	for (unsigned i = 0; i < v->count; i++)
		len += v->iov[i].iov_len;
	return len;
}

void vu_iov_skip(struct vu_iov *v, uint64_t len)
{
	while (len > 0 && len >= v->iov->iov_len) {
		len -= v->iov->iov_len;
		v->iov++;
		v->count--;
	}
	if (len > 0) {
		v->iov->iov_base = (char *)v->iov->iov_base + len;
		v->iov->iov_len -= len;
	}
}

void vu_iov_trim(struct vu_iov *v, uint64_t len)
{
	while (len > 0 && len >= v->iov[v->count - 1].iov_len) {
		len -= v->iov[v->count - 1].iov_len;
		v->count--;
	}
	if (len > 0)
		v->iov[v->count - 1].iov_len -= len;
}

void vu_iov_peek(const struct vu_iov *v, void *buf, size_t len)
{
	const struct iovec *iov = v->iov;
	size_t n;

	for (char *to = buf; len > 0; to += n, len -= n, iov++) {
		n = MIN(len, iov->iov_len);
		memcpy(to, iov->iov_base, n);
	}
}

size_t vu_iov_read(struct vu_iov *v, void *buf, size_t len)
{
	size_t done = 0, n;

	while (done < len && v->count > 0) {
		n = MIN(len - done, v->iov->iov_len);
		memcpy((char *)buf + done, v->iov->iov_base, n);
		vu_iov_skip(v, n);
		done += n;
	}
	return done;
}

size_t vu_iov_write(struct vu_iov *v, const void *buf, size_t len)
{
	size_t done = 0, n;

	while (done < len && v->count > 0) {
		n = MIN(len - done, v->iov->iov_len);
		memcpy(v->iov->iov_base, (const char *)buf + done, n);
		vu_iov_skip(v, n);
		done += n;
	}
	return done;
}
