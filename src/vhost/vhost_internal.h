// SPDX-License-Identifier: Apache-2.0
/*
 * vhost_internal.h - what a kind of backend supplies to be a struct vhost
 *
 * Seen by the kinds there are (user.c, kernel.c) and by unit tests that stand in
 * for one; everybody else uses vhost.h.
 */
#ifndef MOTE_VHOST_INTERNAL_H
#define MOTE_VHOST_INTERNAL_H

#include "vhost.h"

/* As the functions of the same names in vhost.h; arguments are checked there. */
struct vhost_ops {
	void (*destroy)(struct vhost *vhost);
	int (*read_config)(struct vhost *vhost, size_t offset, void *buf,
			   size_t len, struct err *err);
	int (*write_config)(struct vhost *vhost, size_t offset, const void *buf,
			    size_t len, struct err *err);
	int (*forget_config)(struct vhost *vhost,
			     struct err *err); /* or NULL */
	int (*start)(struct vhost *vhost, uint64_t features,
		     const struct vhost_queue *queues, unsigned n, int call_fd,
		     struct err *err);
	void (*stop)(struct vhost *vhost);
	int (*stop_queue)(struct vhost *vhost, unsigned index, struct err *err);
	int (*start_queue)(struct vhost *vhost, unsigned index,
			   const struct vhost_queue *queue, struct err *err);
};

/* First member of every kind; all but ops and events are fixed at creation. */
struct vhost {
	const struct vhost_ops *ops;
	struct vhost_events events;
	uint64_t features;
	unsigned queue_count;
	uint16_t queue_size_max;
	size_t config_size; /* bytes */
};

#endif
