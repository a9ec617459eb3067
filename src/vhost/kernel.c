// SPDX-License-Identifier: Apache-2.0
/*
 * kernel.c - vhost of the host kernel: what its devices share
 *
 * Theory of operation: created -> (started <-> stopped)* -> destroyed. Creation
 * opens the device, makes us its owner (the kernel's worker then uses our
 * address space) and hands over the memory, which does not change. A start checks
 * everything a driver can get wrong, then sets features and rings, and runs. The
 * call eventfd and the kick eventfds go to the kernel as they are: from then on
 * nobody here hears of them.
 *
 * When the kernel cannot make sense of a ring it says so on the error eventfd,
 * and goes on saying so as often as the guest kicks. It is listened to once per
 * start, so that a guest cannot keep the main thread busy; the device is then
 * marked NEEDS_RESET, and a reset makes it work again.
 *
 * A driver may stop one queue by QueueReady = 0 whether VIRTIO_F_RING_RESET was
 * offered or not (virtio 1.3, 4.2.2.2). Where the kernel cannot stop a single ring
 * all of them stop, until the driver resets the device.
 *
 * Rings always start at index 0: there is nothing to resume.
 */
#include "kernel_internal.h"
#include "fd.h"
#include "ring_area.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { REGIONS_MAX = 64 }; /* default of the module parameter max_mem_regions */

static void unbind_kick(struct kernel *kernel, unsigned index)
{
	struct vhost_vring_file file = { index, VHOST_FILE_UNBIND };

	ioctl_checked(kernel->fd, VHOST_SET_VRING_KICK, &file, NULL);
	kernel->ring_set[index] = false;
}

static void stop(struct vhost *vhost)
{
	struct kernel *kernel = to_kernel(vhost);

	if (!kernel->started)
		return;
	kernel->kind->halt(kernel);
	for (unsigned i = 0; i < kernel->rings; i++) {
		if (kernel->ring_set[i])
			unbind_kick(kernel, i);
	}
	event_del(kernel->err_event);
	kernel->started = false;
}

static void destroy(struct vhost *vhost)
{
	struct kernel *kernel = to_kernel(vhost);

	stop(vhost);
	if (kernel->err_event != NULL)
		event_free(kernel->err_event);
	fd_close(&kernel->err_fd);
	fd_close(&kernel->fd);
	kernel->kind->release(kernel);
}

static int read_config(struct vhost *vhost, size_t offset, void *buf,
		       size_t len, struct err *err)
{
	(void)err;
	memcpy(buf, to_kernel(vhost)->config + offset, len);
	return 0;
}

/* Some drivers write what they have just read (virtio_scsi: sense_size). */
static int write_config(struct vhost *vhost, size_t offset, const void *buf,
			size_t len, struct err *err)
{
	if (memcmp(to_kernel(vhost)->config + offset, buf, len) == 0)
		return 0;
	return err_set(err, ENOTSUP, "%zu bytes at %zu cannot be changed", len,
		       offset);
}

static int bind_fd(struct kernel *kernel, unsigned long request,
		   const char *name, unsigned index, int fd, struct err *err)
{
	struct vhost_vring_file file = { index, fd };

	return ioctl_named(kernel->fd, request, (uintptr_t)&file, name, err);
}

#define BIND(kernel, request, index, fd, err)                                  \
	bind_fd((kernel), (request), #request, (index), (fd), (err))

static int set_ring(struct kernel *kernel, unsigned index,
		    const struct vhost_queue *queue, struct err *err)
{
	struct vhost_vring_state num = { index, queue->size };
	struct vhost_vring_state start = { index, 0 };
	struct vhost_vring_addr addr;
	int ret;

	ret = ring_area_locate(kernel->mem, kernel->features, index, queue,
			       &addr, err);
	if (ret == 0)
		ret = ioctl_checked(kernel->fd, VHOST_SET_VRING_NUM, &num, err);
	if (ret == 0)
		ret = ioctl_checked(kernel->fd, VHOST_SET_VRING_BASE, &start,
				    err);
	if (ret == 0)
		ret = ioctl_checked(kernel->fd, VHOST_SET_VRING_ADDR, &addr,
				    err);
	if (ret == 0)
		ret = BIND(kernel, VHOST_SET_VRING_ERR, index, kernel->err_fd,
			   err);
	if (ret == 0)
		ret = BIND(kernel, VHOST_SET_VRING_CALL, index, kernel->call_fd,
			   err);
	if (ret == 0)
		ret = BIND(kernel, VHOST_SET_VRING_KICK, index, queue->kick_fd,
			   err);
	if (ret == 0)
		kernel->ring_set[index] = true;
	return ret < 0 ? err_prefix(err, ret, "queue %u", index) : 0;
}

static int set_all(struct kernel *kernel, const struct vhost_queue *queues,
		   unsigned n, struct err *err)
{
	uint64_t features = kernel->features & kernel->kind->offered;
	int ret = ioctl_checked(kernel->fd, VHOST_SET_FEATURES, &features, err);

	for (unsigned i = 0; i < n && ret == 0; i++) {
		if (queues[i].enabled)
			ret = set_ring(kernel, i, &queues[i], err);
	}
	return ret;
}

static int start(struct vhost *vhost, uint64_t features,
		 const struct vhost_queue *queues, unsigned n, int call_fd,
		 struct err *err)
{
	struct kernel *kernel = to_kernel(vhost);
	int ret = ring_area_check_all(kernel->mem, features, queues, n, err);

	if (ret < 0)
		return ret;
	kernel->started = true;
	kernel->features = features;
	kernel->call_fd = call_fd;
	eventfd_drain(kernel->err_fd);
	event_add(kernel->err_event, NULL);
	ret = set_all(kernel, queues, MIN(n, kernel->rings), err);
	if (ret == 0)
		ret = kernel->kind->run(kernel, err);
	if (ret < 0)
		stop(vhost);
	return ret;
}

static int stop_queue(struct vhost *vhost, unsigned index, struct err *err)
{
	struct kernel *kernel = to_kernel(vhost);

	if (index >= kernel->rings || !kernel->ring_set[index])
		return 0;
	if (kernel->kind->halt_ring == NULL) {
		stop(vhost);
		return err_set(err, ENOTSUP,
			       "queue %u cannot be stopped alone, all are",
			       index);
	}
	kernel->kind->halt_ring(kernel, index);
	unbind_kick(kernel, index);
	return 0;
}

static int start_queue(struct vhost *vhost, unsigned index,
		       const struct vhost_queue *queue, struct err *err)
{
	struct kernel *kernel = to_kernel(vhost);
	int ret;

	if (!kernel->started || index >= kernel->rings ||
	    kernel->ring_set[index])
		return err_set(err, EINVAL,
			       "queue %u: device stopped, or queue running",
			       index);
	if (kernel->kind->run_ring == NULL)
		return err_set(err, ENOTSUP, "queue %u cannot be started alone",
			       index);
	ret = set_ring(kernel, index, queue, err);
	if (ret < 0)
		return ret;
	ret = kernel->kind->run_ring(kernel, index, err);
	if (ret < 0)
		unbind_kick(kernel, index);
	return ret;
}

static const struct vhost_ops kernel_ops = {
	.destroy = destroy,
	.read_config = read_config,
	.write_config = write_config,
	.start = start,
	.stop = stop,
	.stop_queue = stop_queue,
	.start_queue = start_queue,
};

void kernel_init(struct kernel *kernel, const struct kernel_kind *kind,
		 const char *id)
{
	kernel->vhost.ops = &kernel_ops;
	kernel->kind = kind;
	snprintf(kernel->id, sizeof(kernel->id), "%s", id);
	kernel->fd = -1;
	kernel->err_fd = -1;
}

static void handle_err(evutil_socket_t fd, short what, void *arg)
{
	struct kernel *kernel = arg;
	const struct vhost_events *events = &kernel->vhost.events;

	(void)what;
	eventfd_drain(fd);
	if (kernel->kind->excused != NULL && kernel->kind->excused(kernel))
		return;
	if (events->failed != NULL)
		events->failed(events->ctx, "the kernel found a queue broken");
}

int kernel_open_path(const char *path, const char *module, struct err *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return err_errno(err, "%s (modprobe %s brings it)", path,
				 module);
	if (errno == EACCES || errno == EPERM)
		return err_errno(err,
				 "%s (user %u needs read and write access)",
				 path, (unsigned)geteuid());
	return err_errno(err, "%s", path);
}

/* Every region goes: memory that the guest may only read is read, too. */
static int set_memory(struct kernel *kernel, struct err *err)
{
	union {
		struct vhost_memory table;
		char room[sizeof(struct vhost_memory) +
			  REGIONS_MAX * sizeof(struct vhost_memory_region)];
	} memory = { .table = { 0 } };
	const struct memory_region *regions;
	size_t n = guest_memory_regions(kernel->mem, &regions);

	if (n > REGIONS_MAX)
		return err_set(err, ENOSPC,
			       "the kernel takes %d memory regions, the guest "
			       "has %zu",
			       REGIONS_MAX, n);
	memory.table.nregions = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		memory.table.regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = regions[i].gpa,
			.memory_size = regions[i].size,
			.userspace_addr = (uintptr_t)regions[i].host,
		};
	return ioctl_checked(kernel->fd, VHOST_SET_MEM_TABLE, &memory.table,
			     err);
}

static int set_owner(struct kernel *kernel, struct err *err)
{
	int ret = ioctl_checked(kernel->fd, VHOST_SET_OWNER, NULL, err);

	if (ret == -EBUSY)
		return err_set(err, EBUSY,
			       "descriptor %d has an owner already: pass a "
			       "newly opened %s",
			       kernel->fd, kernel->kind->path);
	if (ret == -ENOTTY || ret == -EBADFD || ret == -EINVAL)
		return err_set(err, EINVAL, "descriptor %d is not a %s",
			       kernel->fd, kernel->kind->path);
	return ret;
}

static int get_features(struct kernel *kernel, struct err *err)
{
	uint64_t features;
	int ret = ioctl_checked(kernel->fd, VHOST_GET_FEATURES, &features, err);

	if (ret < 0)
		return ret;
	features &= kernel->kind->offered;
	if (kernel->kind->run_ring == NULL)
		features &= ~BIT(VIRTIO_F_RING_RESET);
	kernel->vhost.features = features;
	return 0;
}

static int create_err_event(struct kernel *kernel, struct event_base *base,
			    struct err *err)
{
	kernel->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (kernel->err_fd < 0)
		return err_errno(err, "eventfd");
	kernel->err_event =
		event_new(base, kernel->err_fd, EV_READ, handle_err, kernel);
	return kernel->err_event == NULL
		       ? err_set(err, ENOMEM, "backend: out of memory")
		       : 0;
}

int kernel_open(struct kernel *kernel, int given_fd,
		const struct guest_memory *mem, struct event_base *base,
		struct err *err)
{
	int ret;

	kernel->mem = mem;
	kernel->fd = given_fd >= 0
			     ? given_fd
			     : kernel_open_path(kernel->kind->path,
						kernel->kind->module, err);
	if (kernel->fd < 0)
		return kernel->fd;
	ret = set_owner(kernel, err);
	if (ret == 0)
		ret = get_features(kernel, err);
	if (ret == 0)
		ret = set_memory(kernel, err);
	return ret < 0 ? ret : create_err_event(kernel, base, err);
}
