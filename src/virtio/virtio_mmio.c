// SPDX-License-Identifier: Apache-2.0
/*
 * virtio_mmio.c - one device: creation, trapped writes, events, interrupts
 *
 * Theory of operation: a trapped write arrives on a vCPU thread. Under the
 * device's lock it is either pure state and done at once, or it needs the backend
 * (start, reset, a queue's reset, the configuration space): then the lock is
 * given up and the whole write is carried out on the main thread, which takes the
 * lock itself, while the vCPU waits. So the backend is only ever spoken to on the
 * main thread, and no thread waits for the main thread with the lock held.
 */
#include "virtio_internal.h"
#include "fd.h"
#include "journal.h"
#include "log.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static_assert(VIRTIO_MMIO_CONFIG + VIRTIO_MMIO_CONFIG_MAX <=
		      VIRTIO_MMIO_WINDOW_SIZE,
	      "the configuration space fits the page");

/*
 * What may be offered (virtio 1.3, 2.2 and 6): the bits of the device type, 0 to
 * 23 and from 50 on, and of the others those named here. Not among them: what the
 * backend protocol uses for itself (26, 30), what is legacy (24, 27), what needs
 * an IOMMU or PCI, and NOTIFICATION_DATA, which would change the value of
 * QueueNotify writes and so miss the ioeventfds.
 */
static const uint64_t features_possible =
	(BIT(24) - 1) | ~(BIT(50) - 1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |
	BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_F_VERSION_1) |
	BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_IN_ORDER) |
	BIT(VIRTIO_F_ORDER_PLATFORM) | BIT(VIRTIO_F_RING_RESET);

void raise_config_irq(struct virtio_mmio *dev)
{
	dev->config_pending = true;
	dev->counts.config_interrupts++;
	page_refresh(dev);
	eventfd_signal(dev->call_fd);
}

static int read_config(struct virtio_mmio *dev, uint8_t *config,
		       struct err *err)
{
	if (dev->config_size == 0)
		return 0;
	return vhost_read_config(dev->backend, 0, config, dev->config_size,
				 err);
}

/* Read the configuration space anew and show it. Main thread, lock held. */
static int reload_config(struct virtio_mmio *dev, struct err *err)
{
	uint8_t config[VIRTIO_MMIO_CONFIG_MAX];
	int ret = read_config(dev, config, err);

	if (ret == 0)
		ret = page_set_config(dev, config, err);
	if (ret < 0)
		dev->counts.config_fails++;
	return ret;
}

/* Show the new bytes, and interrupt a driver that has seen the old ones. */
static int change_config(struct virtio_mmio *dev, struct err *err)
{
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = reload_config(dev, err);
	if (ret == 0 && dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		raise_config_irq(dev);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

/* What of it those want to know who manage the VM (virtio 1.3, 5.2.4, 5.3.4). */
static void post_config(struct virtio_mmio *dev)
{
	union {
		struct virtio_console_config console;
		struct virtio_blk_config disk;
		uint8_t bytes[VIRTIO_MMIO_CONFIG_MAX];
	} config = { .bytes = { 0 } };
	char text[64] = "";

	if (read_config(dev, config.bytes, NULL) < 0)
		return;
	if (dev->device_id == VIRTIO_ID_CONSOLE)
		snprintf(text, sizeof(text), "%u columns, %u rows",
			 le16toh(config.console.cols),
			 le16toh(config.console.rows));
	else if (dev->device_id == VIRTIO_ID_BLOCK)
		snprintf(text, sizeof(text), "%llu sectors",
			 (unsigned long long)le64toh(config.disk.capacity));
	journal_post_guest("config-changed", dev->id, "%s", text);
}

static void handle_config_changed(void *ctx)
{
	struct virtio_mmio *dev = ctx;
	struct err err;
	int ret = change_config(dev, &err);

	post_config(dev);
	if (ret < 0)
		log_write(LOG_WARN, "virtio", dev->id,
			  "%s, driver keeps the old configuration", err.text);
}

int virtio_mmio_refresh_config(struct virtio_mmio *dev, struct err *err)
{
	int ret = vhost_forget_config(dev->backend, err);

	return ret < 0 ? ret : change_config(dev, err);
}

static void handle_lost(void *ctx, const char *why)
{
	struct virtio_mmio *dev = ctx;

	log_write(LOG_ERROR, "virtio", dev->id,
		  "backend lost: %s, device marked NEEDS_RESET", why);
	journal_post("backend-lost", dev->id, "%s", why);
	pthread_mutex_lock(&dev->lock);
	dev->lost = true;
	status_set_needs_reset(dev);
	pthread_mutex_unlock(&dev->lock);
}

static void handle_failed(void *ctx, const char *why)
{
	struct virtio_mmio *dev = ctx;

	pthread_mutex_lock(&dev->lock);
	if (dev->running) {
		log_guest("virtio", dev->id, "%s, device marked NEEDS_RESET",
			  why);
		journal_post_guest("device-failed", dev->id, "%s", why);
		dev->counts.failures++;
		status_set_needs_reset(dev);
	}
	pthread_mutex_unlock(&dev->lock);
}

static int create_queues(struct virtio_mmio *dev, struct err *err)
{
	dev->queue_count = MIN(vhost_queue_count(dev->backend),
			       (unsigned)VIRTIO_MMIO_QUEUES_MAX);
	dev->queues = calloc(dev->queue_count, sizeof(*dev->queues));
	if (dev->queues == NULL)
		return err_set(err, ENOMEM, "%u queues: out of memory",
			       dev->queue_count);
	for (unsigned i = 0; i < dev->queue_count; i++)
		dev->queues[i].kick_fd = -1;
	for (unsigned i = 0; i < dev->queue_count; i++) {
		dev->queues[i].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (dev->queues[i].kick_fd < 0)
			return err_errno(err, "eventfd");
	}
	dev->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return dev->call_fd < 0 ? err_errno(err, "eventfd") : 0;
}

static int set_up(struct virtio_mmio *dev, struct err *err)
{
	uint64_t features = vhost_features(dev->backend);
	const struct vhost_events events = {
		.config_changed = handle_config_changed,
		.lost = handle_lost,
		.failed = handle_failed,
		.ctx = dev,
	};
	uint8_t config[VIRTIO_MMIO_CONFIG_MAX];
	int ret;

	if (!(features & BIT(VIRTIO_F_VERSION_1)))
		return err_set(err, ENOTSUP,
			       "backend lacks VIRTIO_F_VERSION_1, which "
			       "virtio-mmio needs");
	dev->device_features = features & features_possible;
	dev->config_size = MIN(vhost_config_size(dev->backend),
			       (size_t)VIRTIO_MMIO_CONFIG_MAX);
	ret = create_queues(dev, err);
	if (ret == 0)
		ret = read_config(dev, config, err);
	if (ret < 0)
		return ret;
	page_create(dev, config);
	vhost_set_events(dev->backend, &events);
	return 0;
}

int virtio_mmio_create(const struct virtio_mmio_config *cfg,
		       struct virtio_mmio **out, struct err *err)
{
	struct virtio_mmio *dev = calloc(1, sizeof(*dev));
	int ret;

	if (dev == NULL) {
		vhost_destroy(cfg->backend);
		return err_set(err, ENOMEM, "device: out of memory");
	}
	snprintf(dev->id, sizeof(dev->id), "%s", cfg->id);
	dev->device_id = cfg->device_id;
	dev->backend = cfg->backend;
	dev->main_calls = cfg->main_calls;
	dev->before_start = cfg->before_start;
	dev->before_start_ctx = cfg->before_start_ctx;
	dev->window = cfg->window;
	dev->call_fd = -1;
	pthread_mutex_init(&dev->lock, NULL);
	ret = set_up(dev, err);
	if (ret < 0) {
		virtio_mmio_destroy(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

void virtio_mmio_destroy(struct virtio_mmio *dev)
{
	if (dev == NULL)
		return;
	if (dev->running)
		vhost_stop(dev->backend);
	vhost_destroy(dev->backend);
	for (unsigned i = 0; dev->queues != NULL && i < dev->queue_count; i++)
		fd_close(&dev->queues[i].kick_fd);
	free(dev->queues);
	fd_close(&dev->call_fd);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

unsigned virtio_mmio_queue_count(const struct virtio_mmio *dev)
{
	return dev->queue_count;
}

int virtio_mmio_kick_fd(const struct virtio_mmio *dev, unsigned queue)
{
	return dev->queues[queue].kick_fd;
}

int virtio_mmio_call_fd(const struct virtio_mmio *dev)
{
	return dev->call_fd;
}

void virtio_mmio_get_state(struct virtio_mmio *dev,
			   struct virtio_mmio_state *out)
{
	pthread_mutex_lock(&dev->lock);
	*out = (struct virtio_mmio_state){
		.status = dev->status,
		.started = dev->running,
		.lost = dev->lost,
		.counts = dev->counts,
	};
	pthread_mutex_unlock(&dev->lock);
}

struct trapped_write {
	struct virtio_mmio *dev;
	uint32_t offset;
	uint8_t data[8];
	unsigned len;
};

static uint32_t register_value(const struct trapped_write *write)
{
	uint32_t value;

	memcpy(&value, write->data, sizeof(value));
	return le32toh(value);
}

static void write_config(struct virtio_mmio *dev,
			 const struct trapped_write *write)
{
	struct err err;
	int ret;

	if (!(dev->status & VIRTIO_CONFIG_S_FEATURES_OK)) { /* 3.1.1, step 4 */
		log_guest("virtio", dev->id,
			  "configuration space: write before FEATURES_OK, "
			  "dropped");
		return;
	}
	ret = vhost_write_config(dev->backend,
				 write->offset - VIRTIO_MMIO_CONFIG,
				 write->data, write->len, &err);
	if (ret < 0)
		dev->counts.config_fails++;
	else
		ret = reload_config(dev, &err);
	if (ret < 0)
		log_guest("virtio", dev->id,
			  "configuration space: %s, write dropped", err.text);
}

/* Lock held. */
static void carry_out(const struct trapped_write *write)
{
	write->dev->counts.writes++;
	if (write->offset >= VIRTIO_MMIO_CONFIG)
		write_config(write->dev, write);
	else
		regs_write(write->dev, write->offset, register_value(write));
}

static int write_on_main(void *arg)
{
	const struct trapped_write *write = arg;

	pthread_mutex_lock(&write->dev->lock);
	carry_out(write);
	pthread_mutex_unlock(&write->dev->lock);
	return 0;
}

/* The one judgement of a trapped write's place and width (4.2.2.2). */
static bool write_is_possible(const struct virtio_mmio *dev, uint64_t offset,
			      unsigned len)
{
	if (offset < VIRTIO_MMIO_CONFIG)
		return len == sizeof(uint32_t) && offset % len == 0;
	return (len == 1 || len == 2 || len == 4 || len == 8) &&
	       range_within(offset - VIRTIO_MMIO_CONFIG, len, dev->config_size);
}

void virtio_mmio_write(struct virtio_mmio *dev, uint64_t offset,
		       const void *data, unsigned len)
{
	struct trapped_write write = { .dev = dev, .len = len };
	bool needs_main = true;

	if (!write_is_possible(dev, offset, len)) {
		log_guest("virtio", dev->id,
			  "write of %u bytes at %#llx dropped", len,
			  (unsigned long long)offset);
		return;
	}
	write.offset = (uint32_t)offset;
	memcpy(write.data, data, len);
	if (offset < VIRTIO_MMIO_CONFIG) {
		pthread_mutex_lock(&dev->lock);
		needs_main = regs_write_needs_main(dev, write.offset,
						   register_value(&write));
		if (!needs_main)
			carry_out(&write);
		pthread_mutex_unlock(&dev->lock);
	}
	if (needs_main)
		main_call_run(dev->main_calls, write_on_main, &write);
}
