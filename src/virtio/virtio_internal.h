// SPDX-License-Identifier: Apache-2.0
/*
 * virtio_internal.h - what the files of src/virtio share; seen by nobody else
 */
#ifndef MOTE_VIRTIO_INTERNAL_H
#define MOTE_VIRTIO_INTERNAL_H

#include "util.h"
#include "virtio_mmio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <pthread.h>

/* virtio 1.3, 4.2.2; newer than the uapi header of some distributions. */
#define VIRTIO_MMIO_REG_QUEUE_RESET 0x0c0

struct virtio_queue {
	uint16_t size;	/* as the driver wrote it, unchecked until ready */
	bool ready;	/* QueueReady; size and addresses are checked */
	bool was_reset; /* by QueueReset: may be set up again */
	gpa_t desc, driver, device;
	int kick_fd;
};

struct virtio_mmio {
	char id[ID_MAX + 1];
	uint32_t device_id;
	struct vhost *backend;
	struct main_call *main_calls;
	int (*before_start)(void *ctx, struct err *err);
	void *before_start_ctx;
	uint8_t *window; /* the page the guest reads */
	int call_fd;

	pthread_mutex_t lock; /* guards everything below */
	uint32_t status;
	bool running;	     /* the backend has the queues */
	bool lost;	     /* the backend is gone for good */
	bool config_pending; /* InterruptStatus bit 1 */
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t device_features, driver_features;
	size_t config_size; /* bytes */
	unsigned queue_count;
	struct virtio_queue *queues;
	struct virtio_mmio_counts counts;
};

/* mmio_page.c. The caller holds the lock. */

/* Fill the window of a new device, which nobody reads yet. */
void page_create(struct virtio_mmio *dev, const uint8_t *config);
/* Make every register show what the next read must return. */
void page_refresh(struct virtio_mmio *dev);
/*
 * Show these config_size bytes: all of them and the next generation in one step,
 * or nothing at all when they are what the page shows already.
 */
int page_set_config(struct virtio_mmio *dev, const uint8_t *config,
		    struct err *err);

/* mmio_regs.c: a 32-bit write to a register below 0x100. Lock held. */
void regs_write(struct virtio_mmio *dev, uint32_t offset, uint32_t value);
/* Would this write have to talk to the backend? Lock held. */
bool regs_write_needs_main(const struct virtio_mmio *dev, uint32_t offset,
			   uint32_t value);

/* queue.c. Lock held. */
struct virtio_queue *queue_selected(struct virtio_mmio *dev);
void queue_write_ready(struct virtio_mmio *dev, uint32_t value);
void queue_write_reset(struct virtio_mmio *dev, uint32_t value);
struct vhost_queue queue_for_backend(const struct virtio_queue *queue);

/* status.c. Lock held; both on the main thread when they reach the backend. */
void status_write(struct virtio_mmio *dev, uint32_t value);
void status_set_needs_reset(struct virtio_mmio *dev);

/* virtio_mmio.c: a configuration change interrupt. Lock held. */
void raise_config_irq(struct virtio_mmio *dev);

#endif
