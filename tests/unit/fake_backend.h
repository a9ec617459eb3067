// SPDX-License-Identifier: Apache-2.0
/*
 * fake_backend.h - a struct vhost without a backend, and a device on top of it
 *
 * The fake does what the test tells it and remembers what it was asked.
 */
#ifndef MOTE_TESTS_FAKE_BACKEND_H
#define MOTE_TESTS_FAKE_BACKEND_H

#include "main_call.h"
#include "util.h"
#include "vhost_internal.h"
#include "virtio_mmio.h"

struct event_base;

enum { FAKE_QUEUES = 3, FAKE_QUEUE_SIZE = 256, FAKE_CONFIG_MAX = 256 };

struct fake_backend {
	struct vhost vhost;

	/* what the test wants */
	int start_ret;
	int start_queue_ret;
	int stop_queue_ret;
	int write_ret;
	int forget_ret;
	uint8_t config[FAKE_CONFIG_MAX];

	/* what happened */
	unsigned starts, stops, queue_starts, queue_stops, config_writes,
		forgets;
	bool running;
	uint64_t features;
	struct vhost_queue queues[FAKE_QUEUES];
	int call_fd;
};

struct fake_backend *fake_backend_create(uint64_t features, size_t config_size);

/* A device in a page of its own, its main thread being the caller. */
struct fake_device {
	struct event_base *base;
	struct main_call *calls;
	uint8_t *window;
	struct fake_backend *backend; /* owned by dev */
	struct virtio_mmio *dev;
};

/* features: VERSION_1 is added. */
void fake_device_create(struct fake_device *d, uint64_t features,
			size_t config_size);
void fake_device_destroy(struct fake_device *d);

void fake_device_write(struct fake_device *d, uint64_t offset, uint32_t value);
uint32_t fake_device_read(const struct fake_device *d, uint32_t offset);

/* As a driver would, up to FEATURES_OK; a queue; up to DRIVER_OK. */
void fake_device_negotiate(struct fake_device *d, uint64_t features);
void fake_device_set_up_queue(struct fake_device *d, unsigned index,
			      uint32_t size, uint64_t desc, uint64_t driver,
			      uint64_t device);
void fake_device_run(struct fake_device *d);

/* Has call_fd been signalled since the last question? */
bool fake_device_interrupted(struct fake_device *d);

#endif
