// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_scsi.c - a SCSI controller whose disks are a target of the host's LIO
 *
 * virtio 1.3, 5.6, served by /dev/vhost-scsi. The target is made by configfs
 * (docs/mote.1 has an example). The kernel looks for it by its name at every
 * start; creation tries that once, so that a wrong name is an error of the
 * command line and not of the guest.
 */
#include "kernel_internal.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum {
	FIXED_QUEUES = 2, /* controlq, eventq */
	/* What QEMU's vhost-scsi says; the kernel does not tell its limits. */
	SEG_MAX = 126,
	MAX_SECTORS = 0xffff,
	CMD_PER_LUN = 128,
	MAX_TARGET = 255,
	MAX_LUN = 16383,
};

struct scsi {
	struct kernel kernel;
	struct vhost_scsi_target target;
};

static_assert(KERNEL_RINGS_MAX == VHOST_SCSI_QUEUES_MAX + FIXED_QUEUES,
	      "every ring of a controller has its place");

static const uint64_t offered =
	BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
	BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_SCSI_F_HOTPLUG);

static struct scsi *to_scsi(struct kernel *kernel)
{
	return container_of(kernel, struct scsi, kernel);
}

static int run(struct kernel *kernel, struct err *err)
{
	struct vhost_scsi_target *target = &to_scsi(kernel)->target;
	int ret =
		ioctl_checked(kernel->fd, VHOST_SCSI_SET_ENDPOINT, target, err);

	if (ret == -EEXIST || ret == -ENODEV || ret == -ENOENT)
		return err_set(err, ENODEV,
			       "target %s does not exist, has no nexus, or is "
			       "in use by another VM (see "
			       "/sys/kernel/config/target/vhost)",
			       target->vhost_wwpn);
	return ret < 0 ? err_prefix(err, ret, "target %s", target->vhost_wwpn)
		       : 0;
}

static void halt(struct kernel *kernel)
{
	ioctl_checked(kernel->fd, VHOST_SCSI_CLEAR_ENDPOINT,
		      &to_scsi(kernel)->target, NULL);
}

static void release(struct kernel *kernel)
{
	free(to_scsi(kernel));
}

static const struct kernel_kind scsi_kind = {
	.path = "/dev/vhost-scsi",
	.module = "vhost_scsi",
	.offered = offered,
	.run = run,
	.halt = halt,
	.release = release,
};

static int check_abi(struct kernel *kernel, struct err *err)
{
	int version = 0;
	int ret = ioctl_checked(kernel->fd, VHOST_SCSI_GET_ABI_VERSION,
				&version, err);

	if (ret == 0 && version > VHOST_SCSI_ABI_VERSION)
		ret = err_set(err, ENOTSUP,
			      "/dev/vhost-scsi has ABI version %d, up to %d "
			      "are known",
			      version, VHOST_SCSI_ABI_VERSION);
	return ret;
}

static int try_target(struct kernel *kernel, struct err *err)
{
	int ret = run(kernel, err);

	if (ret == 0)
		halt(kernel);
	return ret;
}

static void set_up_config(struct kernel *kernel, unsigned queues)
{
	const struct virtio_scsi_config config = {
		.num_queues = queues,
		.seg_max = SEG_MAX,
		.max_sectors = MAX_SECTORS,
		.cmd_per_lun = CMD_PER_LUN,
		.event_info_size = sizeof(struct virtio_scsi_event),
		.sense_size = VIRTIO_SCSI_SENSE_DEFAULT_SIZE,
		.cdb_size = VIRTIO_SCSI_CDB_DEFAULT_SIZE,
		.max_target = MAX_TARGET,
		.max_lun = MAX_LUN,
	};

	kernel->vhost.config_size = sizeof(config);
	memcpy(kernel->config, &config, sizeof(config));
}

int vhost_scsi_create(const struct vhost_scsi_config *cfg,
		      const struct guest_memory *mem, struct event_base *base,
		      struct vhost **out, struct err *err)
{
	struct scsi *scsi = calloc(1, sizeof(*scsi));
	struct kernel *kernel;
	int ret;

	if (scsi == NULL)
		return err_set(err, ENOMEM, "scsi: out of memory");
	kernel = &scsi->kernel;
	kernel_init(kernel, &scsi_kind, cfg->id);
	kernel->vhost.queue_count = FIXED_QUEUES + cfg->queues;
	kernel->vhost.queue_size_max = cfg->queue_size;
	kernel->rings = kernel->vhost.queue_count;
	scsi->target.abi_version = VHOST_SCSI_ABI_VERSION;
	scsi->target.vhost_tpgt = cfg->tpgt;
	snprintf(scsi->target.vhost_wwpn, sizeof(scsi->target.vhost_wwpn), "%s",
		 cfg->wwpn);
	set_up_config(kernel, cfg->queues);
	ret = kernel_open(kernel, -1, mem, base, err);
	if (ret == 0)
		ret = check_abi(kernel, err);
	if (ret == 0)
		ret = try_target(kernel, err);
	if (ret < 0)
		vhost_destroy(&kernel->vhost);
	else
		*out = &kernel->vhost;
	return ret;
}
