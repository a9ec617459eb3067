// SPDX-License-Identifier: Apache-2.0
/*
 * ring_area.h - where the areas of a ring lie, as every kind of backend is told it
 */
#ifndef MOTE_RING_AREA_H
#define MOTE_RING_AREA_H

#include "vhost.h"

#include <linux/vhost.h>

/*
 * Our addresses of the three areas of queue `index`, with the features that were
 * negotiated. -EFAULT with *err naming the area that is not in RAM.
 */
int ring_area_locate(const struct guest_memory *mem, uint64_t features,
		     unsigned index, const struct vhost_queue *queue,
		     struct vhost_vring_addr *addr, struct err *err);

/* As ring_area_locate(), for every queue that is enabled, before any is started. */
int ring_area_check_all(const struct guest_memory *mem, uint64_t features,
			const struct vhost_queue *queues, unsigned n,
			struct err *err);

#endif
