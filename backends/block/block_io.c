// SPDX-License-Identifier: Apache-2.0
/*
 * block_io.c - the disk: system calls where nothing waits, io_uring elsewhere
 *
 * The thread must not wait for a disk, or every queue waits with it. Three ways:
 *
 *   - tmpfs never waits, and io_uring would hand each access to a worker thread
 *     (its files lack FMODE_NOWAIT): plain preadv2() and pwritev2().
 *   - A lone request (nothing else waiting or under way) on a file with a page
 *     cache: preadv2(RWF_NOWAIT) first. A hit costs one system call and no
 *     completion; a miss costs that call and goes on with io_uring.
 *   - Everything else goes to io_uring, all of a batch in one submission.
 *
 * Where io_uring is not permitted, every access is a plain system call and the
 * thread does wait.
 */
#include "block.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Completions are fetched by block_io_reap() after each wait of the loop. */
static void completions_ready(struct vu_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
}

static int create_ring(struct block *b)
{
	/* Newer flags save interrupts of the thread; older kernels know none. */
	static const unsigned flags[] = {
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER |
			IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_SUBMIT_ALL,
		0,
	};
	int ret = -EINVAL;

	for (size_t i = 0; i < ARRAY_LEN(flags) && ret == -EINVAL; i++)
		ret = io_uring_queue_init(BLOCK_REQUESTS, &b->uring, flags[i]);
	if (ret < 0) {
		log_write(LOG_WARN, "block", b->id,
			  "io_uring cannot be used "
			  "(%s): requests are carried out one by one",
			  strerror(-ret));
		return ret;
	}
	/*
	 * Saves a look-up per submission. The image is not registered: that too
	 * would save one, but the kernel takes a ring apart some time after its
	 * process has ended, and the image would stay locked until then.
	 */
	io_uring_register_ring_fd(&b->uring);
	b->ring = true;
	b->completions = VU_WATCH_NONE(completions_ready);
	return 0;
}

void block_io_init(struct block *b)
{
	b->try_now[false] = b->try_now[true] = !b->image.direct;
	b->async = false;
	if (b->image.in_memory)
		return;
	b->async = b->ring || create_ring(b) == 0;
}

int block_io_attach(struct block *b, struct vu_loop *loop, struct err *err)
{
	int ret = 0;

	if (b->ring && b->completions.fd < 0)
		ret = vu_loop_add(loop, &b->completions, b->uring.ring_fd,
				  EPOLLIN | EPOLLET);
	return ret < 0 ? err_set(err, -ret, "io_uring cannot be polled") : 0;
}

void block_io_close(struct block *b)
{
	if (b->ring)
		io_uring_queue_exit(&b->uring);
	b->ring = false;
	b->async = false;
}

static bool aligned(const struct vu_iov *v, uint32_t align)
{
	uintptr_t bits = 0;

	for (unsigned i = 0; i < v->count; i++)
		bits |= (uintptr_t)v->iov[i].iov_base | v->iov[i].iov_len;
	return bits % align == 0;
}

/*
 * What the next transfer of r uses: its own buffers or, for direct access to
 * buffers at odd addresses, a copy of a first part. NULL without memory for it.
 */
static const struct iovec *buffers(struct block *b, struct block_request *r,
				   unsigned *count)
{
	*count = r->data.count;
	if (r->bounce == NULL) {
		if (!b->image.direct || aligned(&r->data, b->image.block_size))
			return r->data.iov;
		if (posix_memalign(&r->bounce, 4096, BLOCK_BOUNCE) != 0) {
			r->bounce = NULL;
			return NULL;
		}
	}
	r->bounced.iov_base = r->bounce;
	r->bounced.iov_len = MIN(r->left, (uint64_t)BLOCK_BOUNCE);
	if (r->op == BLOCK_WRITE)
		vu_iov_peek(&r->data, r->bounce, r->bounced.iov_len);
	*count = 1;
	return &r->bounced;
}

static int64_t move(struct block *b, struct block_request *r,
		    const struct iovec *iov, unsigned count, int flags)
{
	ssize_t n;

	if (r->op == BLOCK_READ)
		n = preadv2(b->image.fd, iov, (int)count, (off_t)r->offset,
			    flags);
	else
		n = pwritev2(b->image.fd, iov, (int)count, (off_t)r->offset,
			     flags);
	return n < 0 ? -errno : n;
}

static int hole_mode(const struct block_request *r)
{
	return FALLOC_FL_KEEP_SIZE |
	       (r->op == BLOCK_ZERO ? FALLOC_FL_ZERO_RANGE
				    : FALLOC_FL_PUNCH_HOLE);
}

/* One plain system call, which may wait. */
static int64_t step_now(struct block *b, struct block_request *r,
			const struct iovec *iov, unsigned count)
{
	int ret;

	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
		return move(b, r, iov, count, 0);
	if (r->op == BLOCK_SYNC)
		ret = fdatasync(b->image.fd);
	else
		ret = fallocate(b->image.fd, hole_mode(r), (off_t)r->offset,
				(off_t)r->left);
	return ret < 0 ? -errno : 0;
}

/* One entry of io_uring; there is room, every request has at most one. */
static void step_later(struct block *b, struct block_request *r,
		       const struct iovec *iov, unsigned count)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->uring);
	int fd = b->image.fd;

	switch (r->op) {
	case BLOCK_READ:
		io_uring_prep_readv(sqe, fd, iov, count, r->offset);
		break;
	case BLOCK_WRITE:
		io_uring_prep_writev(sqe, fd, iov, count, r->offset);
		break;
	case BLOCK_SYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLOCK_PUNCH:
	case BLOCK_ZERO:
		io_uring_prep_fallocate(sqe, fd, hole_mode(r), (off_t)r->offset,
					(off_t)r->left);
		break;
	}
	io_uring_sqe_set_data(sqe, r);
	b->submitted++;
}

/* Is it worth a try without io_uring? See the top of this file. */
static bool lone(const struct block *b, struct block_request *r)
{
	return b->submitted == 0 && !vu_queue_ready(r->queue);
}

int64_t block_io_step(struct block *b, struct block_request *r)
{
	bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;
	const struct iovec *iov = NULL;
	unsigned count = 0;
	int64_t res;

	if (r->op != BLOCK_READ && r->op != BLOCK_SYNC)
		b->changed = true;
	if (moves) {
		iov = buffers(b, r, &count);
		if (iov == NULL)
			return -ENOMEM;
	}
	if (!b->async)
		return step_now(b, r, iov, count);
	if (moves && b->try_now[r->op == BLOCK_WRITE] && lone(b, r)) {
		res = move(b, r, iov, count, RWF_NOWAIT);
		if (res == -EOPNOTSUPP)
			b->try_now[r->op == BLOCK_WRITE] = false;
		else if (res != -EAGAIN)
			return res;
	}
	step_later(b, r, iov, count);
	return -EINPROGRESS;
}

int block_io_sync(struct block *b)
{
	struct io_uring_sqe *sqe;

	if (!b->async)
		return fdatasync(b->image.fd) < 0 ? -errno : 0;
	sqe = io_uring_get_sqe(&b->uring);
	io_uring_prep_fsync(sqe, b->image.fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, NULL); /* no request's */
	b->submitted++;
	return -EINPROGRESS;
}

/*
 * A submission fails for want of kernel memory only; nothing else would come of
 * waiting in the loop either.
 */
void block_io_submit(struct block *b, bool wait)
{
	int ret;

	if (!b->async)
		return;
	while (io_uring_sq_ready(&b->uring) > 0 || wait) {
		ret = io_uring_submit_and_wait(&b->uring, wait);
		if (ret >= 0)
			return;
		if (ret == -EINTR)
			continue;
		log_guest("block", b->id, "io_uring: %s, trying again",
			  strerror(-ret));
		usleep(1000);
	}
}

unsigned block_io_reap(struct block *b)
{
	struct io_uring_cqe *cqe;
	struct block_request *r;
	unsigned n = 0;
	int64_t res;

	if (!b->async)
		return 0;
	for (; io_uring_peek_cqe(&b->uring, &cqe) == 0; n++) {
		r = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&b->uring, cqe);
		b->submitted--;
		if (r != NULL)
			block_request_continue(b, r, res);
		else
			block_swap_synced(b, (int)res);
	}
	return n;
}
