// SPDX-License-Identifier: Apache-2.0
/*
 * vu_loop.h - the event loop of a backend process: epoll and nothing more
 *
 * One thread. A watch belongs to its owner and must stay where it is while it
 * is in the loop; it may be removed at any time, from its own callback too.
 */
#ifndef MOTE_VU_LOOP_H
#define MOTE_VU_LOOP_H

#include "err.h"

#include <stdint.h>
#include <sys/epoll.h>

enum { VU_LOOP_BATCH = 8 };

struct vu_watch {
	int fd; /* -1: not in the loop */
	void (*ready)(struct vu_watch *watch, uint32_t events);
};

#define VU_WATCH_NONE(fn) ((struct vu_watch){ .fd = -1, .ready = (fn) })

struct vu_loop {
	int epoll_fd;
	int pending; /* events below still to be delivered */
	struct epoll_event events[VU_LOOP_BATCH];
};

int vu_loop_init(struct vu_loop *loop, struct err *err);
void vu_loop_close(struct vu_loop *loop);

/*
 * Watch fd, which the caller keeps owning, for events as of epoll_ctl(2).
 * Returns 0 or -errno; -EPERM when fd is of a kind that cannot be waited for.
 */
int vu_loop_add(struct vu_loop *loop, struct vu_watch *watch, int fd,
		uint32_t events);
/* Other events for a watch in the loop; what is ready now counts as an edge. */
void vu_loop_change(struct vu_loop *loop, struct vu_watch *watch,
		    uint32_t events);
/* Does nothing for a watch that is not in the loop. Call before close(fd). */
void vu_loop_remove(struct vu_loop *loop, struct vu_watch *watch);

/* Wait up to timeout_ms (-1: for ever) and run what is ready. */
void vu_loop_wait(struct vu_loop *loop, int timeout_ms);

#endif
