// SPDX-License-Identifier: Apache-2.0
/*
 * vm_kernel_devices.c - slots for devices whose backend is the kernel
 *
 * Network cards, vsock, SCSI controllers, in this order.
 */
#include "vm_internal.h"
#include "fd.h"
#include "vhost_kernel.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

static_assert((int)CONFIG_SCSI_QUEUES_MAX == (int)VHOST_SCSI_QUEUES_MAX,
	      "the limit that users are told is that of the kernel");

static int connect_net(struct vm *vm, struct vm_device *device,
		       struct vhost **out, struct err *err)
{
	const struct config_net *net = device->config;
	struct vhost_net_config cfg = {
		.id = net->id,
		.vm_id = vm->cfg->id,
		.port = net->tap_fd >= 0   ? VHOST_NET_TAP_FD
			: net->tap != NULL ? VHOST_NET_TAP
					   : VHOST_NET_MACVTAP,
		.name = net->tap != NULL ? net->tap : net->macvtap,
		.mac_given = net->mac.given,
		.mtu = net->mtu,
		.queue_size = net->queue_size,
	};

	int ret;

	memcpy(cfg.mac, net->mac.addr, sizeof(cfg.mac));
	ret = fd_copy(net->tap_fd, &cfg.tap_fd, err);
	if (ret == 0)
		ret = fd_copy(net->vhost_fd, &cfg.vhost_fd, err);
	if (ret < 0) {
		fd_close(&cfg.tap_fd);
		return ret;
	}
	return vhost_net_create(&cfg, vm->memory, vm->base, out, err);
}

static int connect_vsock(struct vm *vm, struct vm_device *device,
			 struct vhost **out, struct err *err)
{
	const struct config_vsock *vsock = device->config;
	const struct vhost_vsock_config cfg = {
		.id = vsock->id,
		.cid = vsock->cid,
		.queue_size = CONFIG_QUEUE_SIZE,
	};

	return vhost_vsock_create(&cfg, vm->memory, vm->base, out, err);
}

static int connect_scsi(struct vm *vm, struct vm_device *device,
			struct vhost **out, struct err *err)
{
	const struct config_scsi *scsi = device->config;
	const struct vhost_scsi_config cfg = {
		.id = scsi->id,
		.wwpn = scsi->wwpn,
		.tpgt = (uint16_t)scsi->tpgt,
		.queues = scsi->queues,
		.queue_size = CONFIG_SCSI_QUEUE_SIZE,
	};

	return vhost_scsi_create(&cfg, vm->memory, vm->base, out, err);
}

static int add(struct vm *vm, const char *id, uint32_t device_id,
	       const void *config,
	       int (*connect)(struct vm *vm, struct vm_device *device,
			      struct vhost **out, struct err *err),
	       struct err *err)
{
	struct vm_device *device = vm_add_device(vm, id, err);

	if (device == NULL)
		return -ENOSPC;
	device->device_id = device_id;
	device->config = config;
	device->connect = connect;
	return 0;
}

int vm_add_kernel_devices(struct vm *vm, struct err *err)
{
	const struct vm_config *cfg = vm->cfg;
	int ret = 0;

	for (unsigned i = 0; i < cfg->net_count && ret == 0; i++)
		ret = add(vm, cfg->nets[i].id, VIRTIO_ID_NET, &cfg->nets[i],
			  connect_net, err);
	for (unsigned i = 0; i < cfg->vsock_count && ret == 0; i++) {
		if (cfg->vsocks[i].uds_path == NULL)
			ret = add(vm, cfg->vsocks[i].id, VIRTIO_ID_VSOCK,
				  &cfg->vsocks[i], connect_vsock, err);
	}
	for (unsigned i = 0; i < cfg->scsi_count && ret == 0; i++)
		ret = add(vm, cfg->scsis[i].id, VIRTIO_ID_SCSI, &cfg->scsis[i],
			  connect_scsi, err);
	return ret;
}
