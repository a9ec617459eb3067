// SPDX-License-Identifier: Apache-2.0
/*
 * link_watch.h - be told when one interface of the host changes or goes
 *
 * A tap's descriptor cannot be watched for that: it becomes readable with every
 * packet. So this listens to the kernel's announcements (rtnetlink(7)), with a
 * filter in the kernel that lets through those about the one interface.
 */
#ifndef MOTE_LINK_WATCH_H
#define MOTE_LINK_WATCH_H

#include "err.h"

#include <linux/filter.h>

struct event_base;
struct link_watch;

/*
 * changed(ctx) is called from the event loop of the main thread some time after
 * the interface changed or went; what it is like now is for the callee to find
 * out. index is of our network namespace.
 */
int link_watch_create(unsigned index, struct event_base *base,
		      void (*changed)(void *ctx), void *ctx,
		      struct link_watch **out, struct err *err);
void link_watch_destroy(struct link_watch *watch); /* NULL is allowed */

/* The filter's program. */
enum { LINK_FILTER_LEN = 9 };
void link_filter_make(unsigned index,
		      struct sock_filter program[LINK_FILTER_LEN]);

#endif
