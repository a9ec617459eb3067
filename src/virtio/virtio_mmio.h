// SPDX-License-Identifier: Apache-2.0
/*
 * virtio_mmio.h - what the driver sees of one device: the register window
 *
 * virtio 1.3, 4.2 "Virtio Over MMIO", version 2. The window is one page of a
 * read-only memory slot: reads never come here. Writes do, on vCPU threads; what
 * needs the backend is handed to the main thread. The rings themselves are never
 * looked at.
 */
#ifndef MOTE_VIRTIO_MMIO_H
#define MOTE_VIRTIO_MMIO_H

#include "err.h"
#include "main_call.h"
#include "vhost.h"

struct virtio_mmio;

enum {
	VIRTIO_MMIO_WINDOW_SIZE = 4096,
	VIRTIO_MMIO_CONFIG_MAX = 256, /* bytes of configuration space */
	VIRTIO_MMIO_QUEUES_MAX = 256,
};

struct virtio_mmio_config {
	const char *id;	       /* device id, for log lines; copied */
	uint32_t device_id;    /* virtio device type, 5 */
	void *window;	       /* one page inside the read-only slot */
	struct vhost *backend; /* taken over; destroyed with the device */
	struct main_call *main_calls;
	/*
	 * Called on the main thread each time before the backend is told to run;
	 * a failure keeps it from running. NULL: nothing to do.
	 */
	int (*before_start)(void *ctx, struct err *err);
	void *before_start_ctx;
};

/* Main thread. Fills the window; takes over cfg->backend even on failure. */
int virtio_mmio_create(const struct virtio_mmio_config *cfg,
		       struct virtio_mmio **out, struct err *err);
/* Main thread, vCPUs stopped: stops the backend. NULL is allowed. */
void virtio_mmio_destroy(struct virtio_mmio *dev);

/* For the ioeventfds on QueueNotify and the irqfd; borrowed. */
unsigned virtio_mmio_queue_count(const struct virtio_mmio *dev);
int virtio_mmio_kick_fd(const struct virtio_mmio *dev, unsigned queue);
int virtio_mmio_call_fd(const struct virtio_mmio *dev);

/*
 * Main thread: ask the backend for its configuration space again and tell the
 * driver, as after an announced change. On failure all stays as it is.
 */
int virtio_mmio_refresh_config(struct virtio_mmio *dev, struct err *err);

/*
 * vCPU threads: a trapped write of len bytes at offset of the window. Anything
 * the spec does not allow is dropped with a log_guest() line.
 */
void virtio_mmio_write(struct virtio_mmio *dev, uint64_t offset,
		       const void *data, unsigned len);

/* What the device has done since it was created. */
struct virtio_mmio_counts {
	uint64_t writes;	    /* register writes that left the guest */
	uint64_t notifies;	    /* those to QueueNotify among them */
	uint64_t config_interrupts; /* config changes the driver was told of */
	uint64_t starts;	    /* DRIVER_OK, the backend took the queues */
	uint64_t start_fails;	    /* DRIVER_OK, it did not */
	uint64_t failures;	    /* it gave up on the queues later */
	uint64_t config_fails;	    /* config space neither read nor written */
};

struct virtio_mmio_state {
	uint32_t status; /* device status bits; virtio 1.3, 2.1 */
	bool started;	 /* the backend has the queues */
	bool lost;	 /* the backend is gone for good */
	struct virtio_mmio_counts counts;
};

/* Any thread that holds no lock of the device's. */
void virtio_mmio_get_state(struct virtio_mmio *dev,
			   struct virtio_mmio_state *out);

#endif
