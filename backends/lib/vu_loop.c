// SPDX-License-Identifier: Apache-2.0
/*
 * vu_loop.c - the event loop of a backend process: epoll and nothing more
 */
#include "vu_loop.h"
#include "fd.h"

#include <errno.h>

int vu_loop_init(struct vu_loop *loop, struct err *err)
{
	loop->pending = 0;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? err_errno(err, "epoll") : 0;
}

void vu_loop_close(struct vu_loop *loop)
{
	fd_close(&loop->epoll_fd);
}

int vu_loop_add(struct vu_loop *loop, struct vu_watch *watch, int fd,
		uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	watch->fd = fd;
	return 0;
}

void vu_loop_change(struct vu_loop *loop, struct vu_watch *watch,
		    uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void vu_loop_remove(struct vu_loop *loop, struct vu_watch *watch)
{
	if (watch->fd < 0)
		return;
	/* Closing alone is not enough: the other side holds the same open file,
	 * whose events would keep coming with a dangling pointer. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
	for (int i = 0; i < loop->pending; i++) {
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
	}
}

void vu_loop_wait(struct vu_loop *loop, int timeout_ms)
{
	struct vu_watch *watch;
	int n;

	n = epoll_wait(loop->epoll_fd, loop->events, VU_LOOP_BATCH, timeout_ms);
	loop->pending = n > 0 ? n : 0; /* EINTR: io_uring's doing */
	for (int i = 0; i < loop->pending; i++) {
		watch = loop->events[i].data.ptr;
		if (watch != NULL)
			watch->ready(watch, loop->events[i].events);
	}
	loop->pending = 0;
}
