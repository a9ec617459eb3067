// SPDX-License-Identifier: Apache-2.0
/*
 * vm_devices.c - the devices of the configuration become slots on the bus
 *
 * Order on the bus, and so of names in the guest (vda, vdb, ...; hvc0, ...):
 * disks, vhost-user devices, sockets on Unix sockets, those of the kernel
 * (vm_kernel_devices.c), consoles, each in the order they were given.
 */
#include "vm_internal.h"
#include "vm_disks.h"
#include "fd.h"
#include "spawner.h"
#include "vhost_user.h"
#include "virtio_mmio.h"

#include <errno.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

struct vm_device *vm_add_device(struct vm *vm, const char *id, struct err *err)
{
	struct vm_device *device;

	if (vm->device_count == LAYOUT_DEVICES_MAX) {
		err_set(err, ENOSPC, "device %s: at most %u devices", id,
			LAYOUT_DEVICES_MAX);
		return NULL;
	}
	device = &vm->devices[vm->device_count++];
	device->id = id;
	return device;
}

static int connect_own_backend(struct vm *vm, struct vm_device *device,
			       struct vhost **out, struct err *err)
{
	static const char *const types[] = {
		[VIRTIO_ID_BLOCK] = "blk",
		[VIRTIO_ID_CONSOLE] = "console",
		[VIRTIO_ID_VSOCK] = "vsock",
	};
	const char *type = types[device->device_id];
	struct vhost_user_config cfg = {
		.id = device->id,
		.device_id = device->device_id,
		.fd = fd_take(&device->backend_fd),
		.config_size = vhost_user_type_find(type)->config_size,
		.queue_size = CONFIG_QUEUE_SIZE,
	};

	if (device->device_id == VIRTIO_ID_BLOCK) {
		const struct config_disk *disk = device->config;

		cfg.queues = disk->queues;
	}
	return vhost_user_create(&cfg, vm->memory, vm->base, out, err);
}

int vm_add_own_device(struct vm *vm, const char *id, uint32_t device_id,
		      const void *config, int *theirs, struct err *err)
{
	struct vm_device *device = vm_add_device(vm, id, err);
	int pair[2];

	if (device == NULL)
		return -ENOSPC;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "%s: socketpair", id);
	device->device_id = device_id;
	device->config = config;
	device->connect = connect_own_backend;
	device->backend_fd = pair[0];
	*theirs = pair[1];
	return 0;
}

static_assert(sizeof(((struct virtio_fs_config *)0)->tag) == CONFIG_TAG_MAX,
	      "a tag that fits the configuration fits the device");

/*
 * What the user gave for backends that have no configuration space. src/vhost
 * cuts the numbers of queues to those the backend has.
 */
static void fill_config(const struct config_vhost_user *user,
			const struct vhost_user_type *type,
			struct vhost_user_config *cfg)
{
	unsigned queues = user->queues > 0 ? user->queues : type->queues;
	struct virtio_fs_config fs = { .num_request_queues = 0 };
	struct virtio_net_config net = { .status = VIRTIO_NET_S_LINK_UP };

	if (user->tag != NULL) {
		fs.num_request_queues = MAX(queues, 2) - 1;
		memcpy(fs.tag, user->tag, strlen(user->tag));
		memcpy(cfg->config, &fs, sizeof(fs));
		cfg->config_given = true;
	}
	if (user->mac.given) {
		memcpy(net.mac, user->mac.addr, sizeof(net.mac));
		net.max_virtqueue_pairs = (uint16_t)MAX(queues / 2, 1);
		memcpy(cfg->config, &net, sizeof(net));
		cfg->config_given = true;
	}
}

static int connect_user_backend(struct vm *vm, struct vm_device *device,
				struct vhost **out, struct err *err)
{
	const struct config_vhost_user *user = device->config;
	const struct vhost_user_type *type = vhost_user_type_find(user->type);
	struct vhost_user_config cfg = {
		.id = user->id,
		.path = user->socket,
		.listen = user->listen,
		.queues = user->queues,
		.queue_size = user->queue_size,
	};
	int ret;

	if (type == NULL)
		return err_set(err, EINVAL,
			       "vhost-user type '%s' is unknown; known are %s",
			       user->type, vhost_user_type_names());
	device->device_id = type->device_id;
	cfg.device_id = type->device_id;
	cfg.config_size = type->config_size;
	fill_config(user, type, &cfg);
	ret = fd_copy(user->fd, &cfg.fd, err);
	if (ret < 0)
		return ret;
	ret = vhost_user_create(&cfg, vm->memory, vm->base, out, err);
	if (ret == 0 && user->listen && user->fd < 0) {
		/* Only now is the file ours, and not another's to be kept. */
		ret = spawner_unlink_at_end(vm->spawner, user->socket, err);
		if (ret < 0)
			vhost_destroy(*out);
	}
	return ret;
}

static int add_vhost_user(struct vm *vm, const struct config_vhost_user *user,
			  struct err *err)
{
	struct vm_device *device = vm_add_device(vm, user->id, err);

	if (device == NULL)
		return -ENOSPC;
	device->config = user;
	device->connect = connect_user_backend;
	return 0;
}

static int start_console(struct vm *vm, const struct config_console *console,
			 struct err *err)
{
	int backend_fd, ret;

	ret = vm_add_own_device(vm, console->id, VIRTIO_ID_CONSOLE, console,
				&backend_fd, err);
	if (ret < 0)
		return ret;
	ret = vm_start_console(vm, console, backend_fd, err);
	fd_close(&backend_fd);
	return ret;
}

static int start_vsock(struct vm *vm, const struct config_vsock *vsock,
		       struct err *err)
{
	int backend_fd, ret;

	ret = vm_add_own_device(vm, vsock->id, VIRTIO_ID_VSOCK, vsock,
				&backend_fd, err);
	if (ret < 0)
		return ret;
	ret = vm_start_vsock(vm, vsock, backend_fd, err);
	fd_close(&backend_fd);
	return ret;
}

int vm_start_backends(struct vm *vm, struct err *err)
{
	const struct vm_config *cfg = vm->cfg;
	int ret = 0;

	for (unsigned i = 0; i < cfg->disk_count && ret == 0; i++)
		ret = vm_start_disk(vm, &cfg->disks[i], err);
	for (unsigned i = 0; i < cfg->vhost_user_count && ret == 0; i++)
		ret = add_vhost_user(vm, &cfg->vhost_user[i], err);
	for (unsigned i = 0; i < cfg->vsock_count && ret == 0; i++) {
		if (cfg->vsocks[i].uds_path != NULL)
			ret = start_vsock(vm, &cfg->vsocks[i], err);
	}
	if (ret == 0)
		ret = vm_add_kernel_devices(vm, err);
	for (unsigned i = 0; i < cfg->console_count && ret == 0; i++)
		ret = start_console(vm, &cfg->consoles[i], err);
	return ret;
}

/* A driver is there: the guest has got that far. */
static int before_start(void *ctx, struct err *err)
{
	struct vm *vm = ctx;

	vm->driver_seen = true;
	return vm_finish_loading(vm, err);
}

static int create_device(struct vm *vm, unsigned index, struct err *err)
{
	struct vm_device *device = &vm->devices[index];
	struct virtio_mmio_config cfg = {
		.id = device->id,
		.window = vm->windows + index * LAYOUT_DEVICE_SIZE,
		.main_calls = vm->main_calls,
		.before_start = before_start,
		.before_start_ctx = vm,
	};
	int ret = device->connect(vm, device, &cfg.backend, err);

	if (ret == 0) {
		cfg.device_id = device->device_id;
		ret = virtio_mmio_create(&cfg, &device->virtio, err);
	}
	return ret < 0 ? err_prefix(err, ret, "device %s", device->id) : 0;
}

int vm_create_devices(struct vm *vm, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < vm->device_count && ret == 0; i++)
		ret = create_device(vm, i, err);
	return ret;
}

static int connect_device(struct vm *vm, unsigned index, struct err *err)
{
	const struct virtio_mmio *virtio = vm->devices[index].virtio;
	gpa_t window = LAYOUT_DEVICES_BASE + index * LAYOUT_DEVICE_SIZE;
	unsigned queues = virtio_mmio_queue_count(virtio);
	int ret;

	for (unsigned queue = 0; queue < queues; queue++) {
		ret = kvm_add_ioeventfd(vm->kvm,
					window + VIRTIO_MMIO_QUEUE_NOTIFY,
					sizeof(uint32_t), true, queue,
					virtio_mmio_kick_fd(virtio, queue),
					err);
		if (ret < 0)
			return ret;
	}
	ret = kvm_add_ioeventfd(vm->kvm, window + VIRTIO_MMIO_INTERRUPT_ACK,
				sizeof(uint32_t), true, VIRTIO_MMIO_INT_VRING,
				vm->ack_fd, err);
	if (ret < 0)
		return ret;
	return kvm_add_irqfd(vm->kvm, LAYOUT_DEVICE_GSI_BASE + index,
			     virtio_mmio_call_fd(virtio), err);
}

int vm_connect_devices(struct vm *vm, struct err *err)
{
	int ret = 0;

	/* Counts up for ever and nobody reads it: that is its whole job. */
	vm->ack_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->ack_fd < 0)
		return err_errno(err, "eventfd");
	for (unsigned i = 0; i < vm->device_count && ret == 0; i++)
		ret = connect_device(vm, i, err);
	return ret;
}

void vm_destroy_devices(struct vm *vm)
{
	for (unsigned i = 0; i < vm->device_count; i++) {
		virtio_mmio_destroy(vm->devices[i].virtio);
		fd_close(&vm->devices[i].backend_fd);
		fd_close(&vm->devices[i].control_fd);
	}
}
