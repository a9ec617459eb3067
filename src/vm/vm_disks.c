// SPDX-License-Identifier: Apache-2.0
/*
 * vm_disks.c - disks with an image of ours: open it, start `mote block` for it
 */
#include "vm_internal.h"
#include "vm_disks.h"
#include "fd.h"
#include "log.h"
#include "spawner.h"
#include "vm_image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/socket.h>

int vm_open_disk(const struct config_disk *disk, int *fd, struct err *err)
{
	/* O_NONBLOCK: for a FIFO, until it is refused; the backend ends it. */
	int flags = (disk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
		    O_NONBLOCK | (disk->direct ? O_DIRECT : 0);
	int ret, image_fd = open(disk->path, flags);

	if (image_fd < 0 && errno == EINVAL && disk->direct) {
		log_write(LOG_WARN, "vm", disk->id,
			  "'%s' is on a file system without O_DIRECT, the page "
			  "cache is used",
			  disk->path);
		image_fd = open(disk->path, flags & ~O_DIRECT);
	}
	if (image_fd < 0 &&
	    (errno == EACCES || errno == EROFS || errno == EPERM) &&
	    !disk->read_only)
		return err_errno(err,
				 "disk %s: '%s' cannot be written (a "
				 "read-only disk is --disk %s,ro)",
				 disk->id, disk->path, disk->path);
	if (image_fd < 0)
		return err_errno(err, "disk %s: '%s'", disk->id, disk->path);
	ret = vm_check_image(image_fd, disk->path, err);
	if (ret < 0) {
		fd_close(&image_fd);
		return err_prefix(err, ret, "disk %s", disk->id);
	}
	*fd = image_fd;
	return 0;
}

/* On the bus; *backend_fd and *control_fd are the backend's ends of two sockets. */
static int add_disk(struct vm *vm, const struct config_disk *disk,
		    int *backend_fd, int *control_fd, struct err *err)
{
	int pair[2], ret;

	ret = vm_add_own_device(vm, disk->id, VIRTIO_ID_BLOCK, disk, backend_fd,
				err);
	if (ret < 0)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "%s: socketpair", disk->id);
	vm->devices[vm->device_count - 1].control_fd = pair[0];
	*control_fd = pair[1];
	return 0;
}

int vm_start_disk(struct vm *vm, const struct config_disk *disk,
		  struct err *err)
{
	struct spawn_request req = {
		.role = SPAWN_BLOCK,
		.read_only = disk->read_only,
		.direct = disk->direct,
		.control = true,
		.queues = disk->queues,
		.log_level = (uint8_t)vm->cfg->log_level,
	};
	int backend_fd = -1, control_fd = -1, ret;

	memcpy(req.id, disk->id, sizeof(req.id));
	/* The backend's lock is the same one; it does not know the path. */
	ret = vm_claim_image(disk->fd, disk->path, !disk->read_only, err);
	if (ret < 0)
		err_prefix(err, ret, "disk %s", disk->id);
	if (ret == 0)
		ret = add_disk(vm, disk, &backend_fd, &control_fd, err);
	if (ret == 0) {
		int fds[] = { backend_fd, disk->fd, control_fd };

		ret = spawner_start(vm->spawner, &req, fds, ARRAY_LEN(fds),
				    err);
	}
	fd_close(&control_fd);
	fd_close(&backend_fd);
	return ret;
}
