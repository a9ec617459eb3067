// SPDX-License-Identifier: Apache-2.0
/*
 * vhost.h - the control plane of one device's backend
 *
 * A backend owns the data path: a vhost-user server in another process
 * (vhost_user.h) or a worker of the host kernel (vhost_kernel.h). src/virtio
 * knows no more of it than this. Queue contents never pass here; addresses are
 * handed on unread.
 *
 * Main thread only. A backend that does not answer within its time limit, or
 * answers nonsense, is lost: its connection is closed, every later call returns
 * -ENOTCONN at once, and events.lost is called from the event loop.
 */
#ifndef MOTE_VHOST_H
#define MOTE_VHOST_H

#include "err.h"
#include "guest_memory.h"

struct vhost; /* opaque; starts with its ops table */

/* One virtqueue as the driver set it up. */
struct vhost_queue {
	bool enabled;		    /* QueueReady was 1 at DRIVER_OK */
	uint16_t size;		    /* descriptors */
	gpa_t desc, driver, device; /* the three areas, virtio 1.3, 2.6 */
	int kick_fd;		    /* eventfd, borrowed; -1 never */
};

/* Backend -> device, on the main thread. */
struct vhost_events {
	void (*config_changed)(void *ctx);
	/* Gone for good. */
	void (*lost)(void *ctx, const char *why);
	/* Gave up on the queues as the driver set them up; a reset revives it. */
	void (*failed)(void *ctx, const char *why);
	void *ctx;
};

void vhost_destroy(struct vhost *vhost); /* NULL is allowed */

/* Once, before the first start. Copied. */
void vhost_set_events(struct vhost *vhost, const struct vhost_events *events);

/* virtio feature bits (0-63) the device may offer; transport bits included. */
uint64_t vhost_features(const struct vhost *vhost);
unsigned vhost_queue_count(const struct vhost *vhost);
uint16_t vhost_queue_size_max(const struct vhost *vhost);

/*
 * The device's configuration space, len bytes of it from offset. A backend
 * without one has the bytes given at its creation; writing such a space returns
 * -ENOTSUP and the write is dropped.
 */
size_t vhost_config_size(const struct vhost *vhost);
int vhost_read_config(struct vhost *vhost, size_t offset, void *buf, size_t len,
		      struct err *err);
int vhost_write_config(struct vhost *vhost, size_t offset, const void *buf,
		       size_t len, struct err *err);

/*
 * The next read asks the backend, which may have changed it without a word.
 * -ENOTSUP: it has none of its own.
 */
int vhost_forget_config(struct vhost *vhost, struct err *err);

/*
 * DRIVER_OK: hand over the negotiated features and the queues; the backend
 * raises call_fd (eventfd, borrowed) for used buffers of any queue.
 */
int vhost_start(struct vhost *vhost, uint64_t features,
		const struct vhost_queue *queues, unsigned n, int call_fd,
		struct err *err);

/*
 * Reset or removal: returns when the backend no longer touches guest memory
 * (lost backends included). Starting again is allowed. Never fails: a backend
 * that does not stop is cut off.
 */
void vhost_stop(struct vhost *vhost);

/* One queue only (VIRTIO_F_RING_RESET): stop it, and start it again. */
int vhost_stop_queue(struct vhost *vhost, unsigned index, struct err *err);
int vhost_start_queue(struct vhost *vhost, unsigned index,
		      const struct vhost_queue *queue, struct err *err);

#endif
