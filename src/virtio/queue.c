// SPDX-License-Identifier: Apache-2.0
/*
 * queue.c - setting up, starting and resetting one virtqueue
 *
 * Only numbers are looked at: size, alignment of the three areas. Whether the
 * areas lie in RAM is found out when they are handed to the backend; what they
 * hold is the backend's business alone.
 */
#include "virtio_internal.h"
#include "log.h"

struct virtio_queue *queue_selected(struct virtio_mmio *dev)
{
	return dev->queue_sel < dev->queue_count ? &dev->queues[dev->queue_sel]
						 : NULL;
}

struct vhost_queue queue_for_backend(const struct virtio_queue *queue)
{
	return (struct vhost_queue){
		.enabled = queue->ready,
		.size = queue->size,
		.desc = queue->desc,
		.driver = queue->driver,
		.device = queue->device,
		.kick_fd = queue->kick_fd,
	};
}

/*
 * virtio 1.3, 2.7 (split: sizes are powers of two) and 2.8 (packed: any size),
 * with the alignment of each area. The one check of a driver's queue.
 */
static const char *queue_fault(const struct virtio_mmio *dev,
			       const struct virtio_queue *queue)
{
	bool packed = dev->driver_features & BIT(VIRTIO_F_RING_PACKED);

	if (queue->size == 0 ||
	    queue->size > vhost_queue_size_max(dev->backend))
		return "size is 0 or above QueueSizeMax";
	if (!packed && !is_power_of_two(queue->size))
		return "size is no power of two";
	if (queue->desc % 16 != 0)
		return "descriptor area is not aligned to 16";
	if (queue->driver % (packed ? 4 : 2) != 0)
		return "driver area is not aligned";
	if (queue->device % 4 != 0)
		return "device area is not aligned to 4";
	return NULL;
}

static void start_queue(struct virtio_mmio *dev, struct virtio_queue *queue)
{
	struct vhost_queue backend_queue;
	struct err err;

	queue->ready = true;
	queue->was_reset = false;
	if (!dev->running)
		return;
	backend_queue = queue_for_backend(queue);
	if (vhost_start_queue(dev->backend, dev->queue_sel, &backend_queue,
			      &err) < 0) {
		log_guest("virtio", dev->id,
			  "queue %u: %s, device marked NEEDS_RESET",
			  dev->queue_sel, err.text);
		queue->ready = false;
		status_set_needs_reset(dev);
	}
}

static void stop_queue(struct virtio_mmio *dev, struct virtio_queue *queue)
{
	struct err err;

	if (dev->running && queue->ready &&
	    vhost_stop_queue(dev->backend, dev->queue_sel, &err) < 0) {
		log_guest("virtio", dev->id,
			  "queue %u: %s, device marked NEEDS_RESET",
			  dev->queue_sel, err.text);
		status_set_needs_reset(dev);
	}
	queue->ready = false;
	queue->was_reset = true;
	queue->size = 0;
	queue->desc = queue->driver = queue->device = 0;
}

void queue_write_ready(struct virtio_mmio *dev, uint32_t value)
{
	struct virtio_queue *queue = queue_selected(dev);
	const char *fault;

	if (queue == NULL || queue->ready == (value == 1))
		return; /* Linux clears QueueReady after a reset */
	if (value != 1) {
		stop_queue(dev, queue);
		return;
	}
	fault = queue_fault(dev, queue);
	if (fault == NULL && dev->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !queue->was_reset)
		fault = "device is running";
	if (fault != NULL)
		log_guest("virtio", dev->id,
			  "queue %u (size %u): %s, QueueReady stays 0",
			  dev->queue_sel, queue->size, fault);
	else
		start_queue(dev, queue);
}

/* 4.2.2: done before the write returns, so QueueReset always reads 0. */
void queue_write_reset(struct virtio_mmio *dev, uint32_t value)
{
	struct virtio_queue *queue = queue_selected(dev);

	if (queue == NULL || value != 1 ||
	    !(dev->driver_features & BIT(VIRTIO_F_RING_RESET))) {
		log_guest("virtio", dev->id,
			  "QueueReset %#x without such a queue or feature, "
			  "write dropped",
			  value);
		return;
	}
	stop_queue(dev, queue);
}
