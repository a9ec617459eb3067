// SPDX-License-Identifier: Apache-2.0
/*
 * vu_iov.h - scattered buffers of the guest as one stream of bytes
 *
 * A driver may cut its buffers anywhere (virtio 1.3, 2.7.4): no header can be
 * assumed to lie in one piece.
 */
#ifndef MOTE_VU_IOV_H
#define MOTE_VU_IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* What is left of an array of buffers; the array itself is changed. */
struct vu_iov {
	struct iovec *iov;
	unsigned count;
};

uint64_t vu_iov_len(const struct vu_iov *v);

/* Drop the first or last len bytes; there must be as many. */
void vu_iov_skip(struct vu_iov *v, uint64_t len);
void vu_iov_trim(struct vu_iov *v, uint64_t len);

/* Copy len bytes from the front, which must be there, and keep them. */
void vu_iov_peek(const struct vu_iov *v, void *buf, size_t len);

/*
 * Copy from or to the front, up to len bytes, and drop them. Returns how many.
 */
size_t vu_iov_read(struct vu_iov *v, void *buf, size_t len);
size_t vu_iov_write(struct vu_iov *v, const void *buf, size_t len);

#endif
