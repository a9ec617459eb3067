// SPDX-License-Identifier: Apache-2.0
/*
 * user_vrings.h - memory table and rings: handing the data path to the backend
 */
#ifndef MOTE_USER_VRINGS_H
#define MOTE_USER_VRINGS_H

#include "user_internal.h"

/*
 * user_memory.c: give the backend all guest RAM. The confirmations come later,
 * in the order of the requests; user_memory_confirm() collects them.
 */
int user_memory_send(struct user *user, unsigned *sent, struct err *err);
int user_memory_confirm(struct user *user, unsigned sent, struct err *err);

/* The ops of struct vhost. */
int user_start(struct vhost *vhost, uint64_t features,
	       const struct vhost_queue *queues, unsigned n, int call_fd,
	       struct err *err);
void user_stop(struct vhost *vhost);
int user_stop_queue(struct vhost *vhost, unsigned index, struct err *err);
int user_start_queue(struct vhost *vhost, unsigned index,
		     const struct vhost_queue *queue, struct err *err);

#endif
