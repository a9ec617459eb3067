// SPDX-License-Identifier: Apache-2.0
/*
 * status.c - the device status machine
 *
 * Theory of operation (virtio 1.3, 2.1 and 3.1.1): 0 -> ACKNOWLEDGE -> DRIVER ->
 * FEATURES_OK -> DRIVER_OK, one bit at a time, FAILED at any time; 0 resets from
 * everywhere. The backend has the queues exactly between DRIVER_OK and reset.
 *
 *   before FEATURES_OK   DriverFeatures may be written
 *   then, to DRIVER_OK   queues may be set up
 *   from DRIVER_OK on    a queue may be set up again after its own reset
 *   backend failed       NEEDS_RESET until the driver resets; then as new
 *   backend lost         NEEDS_RESET until the driver resets; then no features
 *                        are offered, so that the driver gives up cleanly
 */
#include "virtio_internal.h"
#include "journal.h"
#include "log.h"

#include <string.h>

void status_set_needs_reset(struct virtio_mmio *dev)
{
	bool told = dev->status & VIRTIO_CONFIG_S_NEEDS_RESET;

	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (!told && dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		raise_config_irq(dev); /* 2.1.2 */
	page_refresh(dev);
}

static void reset(struct virtio_mmio *dev)
{
	if (dev->running) {
		vhost_stop(dev->backend);
		journal_post_guest("device-reset", dev->id, "%s", "");
	}
	dev->running = false;
	dev->status = 0;
	dev->config_pending = false;
	dev->device_features_sel = dev->driver_features_sel = 0;
	dev->driver_features = 0;
	dev->queue_sel = 0;
	for (unsigned i = 0; i < dev->queue_count; i++)
		dev->queues[i] = (struct virtio_queue){
			.kick_fd = dev->queues[i].kick_fd,
		};
}

static void start(struct virtio_mmio *dev)
{
	struct vhost_queue queues[VIRTIO_MMIO_QUEUES_MAX];
	struct err err;
	int ret = 0;

	for (unsigned i = 0; i < dev->queue_count; i++)
		queues[i] = queue_for_backend(&dev->queues[i]);
	dev->status |= VIRTIO_CONFIG_S_DRIVER_OK;
	if (dev->before_start != NULL)
		ret = dev->before_start(dev->before_start_ctx, &err);
	if (ret == 0)
		ret = vhost_start(dev->backend, dev->driver_features, queues,
				  dev->queue_count, dev->call_fd, &err);
	if (ret < 0) {
		log_guest("virtio", dev->id, "%s, device marked NEEDS_RESET",
			  err.text);
		journal_post_guest("device-failed", dev->id, "%s", err.text);
		dev->counts.start_fails++;
		status_set_needs_reset(dev);
		return;
	}
	journal_post_guest("device-ready", dev->id, "%s", "");
	dev->counts.starts++;
	dev->running = true;
}

static bool features_are_acceptable(const struct virtio_mmio *dev)
{
	uint64_t unknown = dev->driver_features & ~dev->device_features;
	bool modern = dev->driver_features & BIT(VIRTIO_F_VERSION_1);

	if (unknown == 0 && modern && !dev->lost)
		return true;
	log_guest("virtio", dev->id, "features %#llx refused: %s",
		  (unsigned long long)dev->driver_features,
		  dev->lost	 ? "the backend is gone"
		  : unknown != 0 ? "some were not offered"
				 : "VIRTIO_F_VERSION_1 is missing");
	return false;
}

/* The bit that may come next, or 0 after the last. */
static uint32_t next_step(uint32_t status)
{
	static const uint32_t steps[] = {
		VIRTIO_CONFIG_S_ACKNOWLEDGE,
		VIRTIO_CONFIG_S_DRIVER,
		VIRTIO_CONFIG_S_FEATURES_OK,
		VIRTIO_CONFIG_S_DRIVER_OK,
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (!(status & steps[i]))
			return steps[i];
	}
	return 0;
}

void status_write(struct virtio_mmio *dev, uint32_t value)
{
	/* The driver writes back what it read, NEEDS_RESET included. */
	uint32_t wanted = value & ~(uint32_t)VIRTIO_CONFIG_S_NEEDS_RESET;
	uint32_t now = dev->status & ~(uint32_t)VIRTIO_CONFIG_S_NEEDS_RESET;
	uint32_t added = wanted & ~now;

	if (value == 0) {
		reset(dev);
		return;
	}
	if (wanted == now)
		return;
	if ((wanted & now) != now ||
	    (added & ~(uint32_t)VIRTIO_CONFIG_S_FAILED &&
	     (added & ~(uint32_t)VIRTIO_CONFIG_S_FAILED) != next_step(now))) {
		log_guest("virtio", dev->id,
			  "Status: %#x -> %#x breaks the "
			  "order of 3.1.1, write dropped",
			  dev->status, value);
		return;
	}
	if (added & VIRTIO_CONFIG_S_FEATURES_OK &&
	    !features_are_acceptable(dev))
		return;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK) {
		dev->status |= added & VIRTIO_CONFIG_S_FAILED;
		start(dev);
		return;
	}
	dev->status |= added;
}
