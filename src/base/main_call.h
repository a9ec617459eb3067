// SPDX-License-Identifier: Apache-2.0
/*
 * main_call.h - other threads ask the main thread to act
 *
 * A vCPU thread may do little more than KVM_RUN; whatever needs other system
 * calls (starting a device, changing interrupt routes) it hands to the main
 * thread and waits. Both sides use only a futex and one eventfd.
 */
#ifndef MOTE_MAIN_CALL_H
#define MOTE_MAIN_CALL_H

#include "err.h"

struct event_base;
struct main_call;

/* Main thread. The creating thread becomes the one that runs the calls. */
int main_call_create(struct event_base *base, struct main_call **out,
		     struct err *err);
void main_call_destroy(struct main_call *calls); /* NULL is allowed */

/*
 * Any thread: run fn(arg) on the main thread and return its result; called on
 * the main thread it runs at once. -ECANCELED after main_call_close(). The
 * caller must hold no lock that fn or any other main-thread code takes.
 */
int main_call_run(struct main_call *calls, int (*fn)(void *arg), void *arg);

/*
 * Main thread: for one that must wait, without going back to the event loop, for
 * threads that may wait for it. The descriptor (borrowed) is readable while calls
 * wait; run one of them, if there is one.
 */
int main_call_fd(const struct main_call *calls);
void main_call_run_next(struct main_call *calls);

/*
 * Main thread: from now on every waiting and every future call returns
 * -ECANCELED, so that the threads that wait can be joined.
 */
void main_call_close(struct main_call *calls);

#endif
