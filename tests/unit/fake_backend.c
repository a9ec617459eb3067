// SPDX-License-Identifier: Apache-2.0
/*
 * fake_backend.c - a struct vhost without a backend, and a device on top of it
 */
#include "fake_backend.h"
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct fake_backend *to_fake(struct vhost *vhost)
{
	return container_of(vhost, struct fake_backend, vhost);
}

static void destroy(struct vhost *vhost)
{
	free(to_fake(vhost));
}

static int read_config(struct vhost *vhost, size_t offset, void *buf,
		       size_t len, struct err *err)
{
	(void)err;
	memcpy(buf, to_fake(vhost)->config + offset, len);
	return 0;
}

static int write_config(struct vhost *vhost, size_t offset, const void *buf,
			size_t len, struct err *err)
{
	struct fake_backend *fake = to_fake(vhost);

	fake->config_writes++;
	if (fake->write_ret < 0)
		return err_set(err, -fake->write_ret, "told to refuse");
	memcpy(fake->config + offset, buf, len);
	return 0;
}

static int forget_config(struct vhost *vhost, struct err *err)
{
	struct fake_backend *fake = to_fake(vhost);

	fake->forgets++;
	return fake->forget_ret < 0
		       ? err_set(err, -fake->forget_ret, "told to refuse")
		       : 0;
}

static int start(struct vhost *vhost, uint64_t features,
		 const struct vhost_queue *queues, unsigned n, int call_fd,
		 struct err *err)
{
	struct fake_backend *fake = to_fake(vhost);

	ck_assert(!fake->running);
	fake->starts++;
	if (fake->start_ret < 0)
		return err_set(err, -fake->start_ret, "told to fail");
	fake->running = true;
	fake->features = features;
	memcpy(fake->queues, queues, n * sizeof(*queues));
	fake->call_fd = call_fd;
	return 0;
}

static void stop(struct vhost *vhost)
{
	struct fake_backend *fake = to_fake(vhost);

	ck_assert(fake->running);
	fake->stops++;
	fake->running = false;
}

static int stop_queue(struct vhost *vhost, unsigned index, struct err *err)
{
	struct fake_backend *fake = to_fake(vhost);

	(void)index;
	ck_assert(fake->running);
	fake->queue_stops++;
	return fake->stop_queue_ret < 0
		       ? err_set(err, -fake->stop_queue_ret, "told to fail")
		       : 0;
}

static int start_queue(struct vhost *vhost, unsigned index,
		       const struct vhost_queue *queue, struct err *err)
{
	struct fake_backend *fake = to_fake(vhost);

	ck_assert(fake->running);
	fake->queue_starts++;
	fake->queues[index] = *queue;
	return fake->start_queue_ret < 0
		       ? err_set(err, -fake->start_queue_ret, "told to fail")
		       : 0;
}

static const struct vhost_ops fake_ops = {
	.destroy = destroy,
	.read_config = read_config,
	.write_config = write_config,
	.forget_config = forget_config,
	.start = start,
	.stop = stop,
	.stop_queue = stop_queue,
	.start_queue = start_queue,
};

struct fake_backend *fake_backend_create(uint64_t features, size_t config_size)
{
	struct fake_backend *fake = calloc(1, sizeof(*fake));

	ck_assert_ptr_nonnull(fake);
	fake->vhost = (struct vhost){
		.ops = &fake_ops,
		.features = features,
		.queue_count = FAKE_QUEUES,
		.queue_size_max = FAKE_QUEUE_SIZE,
		.config_size = config_size,
	};
	for (size_t i = 0; i < config_size; i++)
		fake->config[i] = (uint8_t)i;
	return fake;
}

void fake_device_create(struct fake_device *d, uint64_t features,
			size_t config_size)
{
	struct virtio_mmio_config cfg = {
		.id = "fake0",
		.device_id = VIRTIO_ID_BLOCK,
	};

	*d = (struct fake_device){ .base = event_base_new() };
	ck_assert_int_eq(main_call_create(d->base, &d->calls, NULL), 0);
	d->window = mmap(NULL, VIRTIO_MMIO_WINDOW_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(d->window, MAP_FAILED);
	d->backend = fake_backend_create(
		features | UINT64_C(1) << VIRTIO_F_VERSION_1, config_size);
	cfg.window = d->window;
	cfg.backend = &d->backend->vhost;
	cfg.main_calls = d->calls;
	ck_assert_int_eq(virtio_mmio_create(&cfg, &d->dev, NULL), 0);
}

void fake_device_destroy(struct fake_device *d)
{
	virtio_mmio_destroy(d->dev);
	munmap(d->window, VIRTIO_MMIO_WINDOW_SIZE);
	main_call_destroy(d->calls);
	event_base_free(d->base);
}

void fake_device_write(struct fake_device *d, uint64_t offset, uint32_t value)
{
	virtio_mmio_write(d->dev, offset, &value, sizeof(value));
}

uint32_t fake_device_read(const struct fake_device *d, uint32_t offset)
{
	uint32_t *reg = (uint32_t *)(void *)(d->window + offset);

	return __atomic_load_n(reg, __ATOMIC_ACQUIRE);
}

void fake_device_negotiate(struct fake_device *d, uint64_t features)
{
	static const uint32_t steps[] = {
		0,
		VIRTIO_CONFIG_S_ACKNOWLEDGE,
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	};

	features |= UINT64_C(1) << VIRTIO_F_VERSION_1;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		fake_device_write(d, VIRTIO_MMIO_STATUS, steps[i]);
	for (uint32_t sel = 0; sel < 2; sel++) {
		fake_device_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, sel);
		fake_device_write(d, VIRTIO_MMIO_DRIVER_FEATURES,
				  (uint32_t)(features >> (32 * sel)));
	}
	fake_device_write(d, VIRTIO_MMIO_STATUS,
			  fake_device_read(d, VIRTIO_MMIO_STATUS) |
				  VIRTIO_CONFIG_S_FEATURES_OK);
}

void fake_device_set_up_queue(struct fake_device *d, unsigned index,
			      uint32_t size, uint64_t desc, uint64_t driver,
			      uint64_t device)
{
	const struct {
		uint32_t offset, value;
	} writes[] = {
		{ VIRTIO_MMIO_QUEUE_SEL, index },
		{ VIRTIO_MMIO_QUEUE_NUM, size },
		{ VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc },
		{ VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32) },
		{ VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)driver },
		{ VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(driver >> 32) },
		{ VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)device },
		{ VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(device >> 32) },
		{ VIRTIO_MMIO_QUEUE_READY, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		fake_device_write(d, writes[i].offset, writes[i].value);
}

void fake_device_run(struct fake_device *d)
{
	fake_device_write(d, VIRTIO_MMIO_STATUS,
			  fake_device_read(d, VIRTIO_MMIO_STATUS) |
				  VIRTIO_CONFIG_S_DRIVER_OK);
}

bool fake_device_interrupted(struct fake_device *d)
{
	uint64_t count;

	return read(virtio_mmio_call_fd(d->dev), &count, sizeof(count)) ==
	       sizeof(count);
}
