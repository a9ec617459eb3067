// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_vsock.c - sockets between host and guest, served by /dev/vhost-vsock
 *
 * virtio 1.3, 5.10: rx, tx, event. The kernel serves the first two; nothing ever
 * happens on the third, which only tells of a guest that has moved.
 */
#include "kernel_internal.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUES = 3, RINGS = 2 };

static const uint64_t offered =
	BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
	BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_VSOCK_F_SEQPACKET);

static int set_running(struct kernel *kernel, int running, struct err *err)
{
	return ioctl_checked(kernel->fd, VHOST_VSOCK_SET_RUNNING, &running,
			     err);
}

static int run(struct kernel *kernel, struct err *err)
{
	return set_running(kernel, 1, err);
}

static void halt(struct kernel *kernel)
{
	set_running(kernel, 0, NULL);
}

static void release(struct kernel *kernel)
{
	free(kernel);
}

static const struct kernel_kind vsock_kind = {
	.path = "/dev/vhost-vsock",
	.module = "vhost_vsock",
	.offered = offered,
	.run = run,
	.halt = halt,
	.release = release,
};

static int set_cid(struct kernel *kernel, uint32_t cid, struct err *err)
{
	struct virtio_vsock_config config = { .guest_cid = cid };
	uint64_t value = cid;
	int ret = ioctl_checked(kernel->fd, VHOST_VSOCK_SET_GUEST_CID, &value,
				err);

	if (ret == -EADDRINUSE)
		return err_set(err, EADDRINUSE,
			       "cid %u is in use by another VM", cid);
	if (ret < 0)
		return err_prefix(err, ret, "cid %u", cid);
	kernel->vhost.config_size = sizeof(config);
	memcpy(kernel->config, &config, sizeof(config));
	return 0;
}

int vhost_vsock_create(const struct vhost_vsock_config *cfg,
		       const struct guest_memory *mem, struct event_base *base,
		       struct vhost **out, struct err *err)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));
	int ret;

	if (kernel == NULL)
		return err_set(err, ENOMEM, "vsock: out of memory");
	kernel_init(kernel, &vsock_kind, cfg->id);
	kernel->vhost.queue_count = QUEUES;
	kernel->vhost.queue_size_max = cfg->queue_size;
	kernel->rings = RINGS;
	ret = kernel_open(kernel, -1, mem, base, err);
	if (ret == 0)
		ret = set_cid(kernel, cfg->cid, err);
	if (ret < 0)
		vhost_destroy(&kernel->vhost);
	else
		*out = &kernel->vhost;
	return ret;
}
