// SPDX-License-Identifier: Apache-2.0
/*
 * vm_swap.c - devices that change while the VM runs: another image, another size
 *
 * A disk's backend has until BACKEND_MS to take the new image, and does not take it
 * later: when nothing has been heard GRACE_MS after that, the old one is in use.
 * Answers carry the number of their request, so that a late one is none for the
 * next.
 */
#include "vm_internal.h"
#include "block_control.h"
#include "clock.h"
#include "fd_packet.h"
#include "virtio_mmio.h"
#include "vm_image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKEND_MS = 1500, GRACE_MS = 500 };

/* A disk, where another kind of device has the same id. */
static struct vm_device *find_device(struct vm *vm, const char *id,
				     struct err *err)
{
	struct vm_device *found = NULL;

	for (unsigned i = 0; i < vm->device_count; i++) {
		struct vm_device *device = &vm->devices[i];

		if (strcmp(device->id, id) == 0 &&
		    (found == NULL || device->device_id == VIRTIO_ID_BLOCK))
			found = device;
	}
	if (found != NULL)
		return found;
	err_set(err, ENOENT, "device %s: there is none of this name", id);
	return NULL;
}

/* The answer to the request with this number, or -errno. */
static int await(int sock, uint32_t sequence, uint64_t until_ms)
{
	struct pollfd answer = { .fd = sock, .events = POLLIN };
	struct block_control_answer message;
	uint64_t now;
	ssize_t n;

	while ((now = clock_now_ms()) < until_ms) {
		if (poll(&answer, 1, (int)(until_ms - now)) <= 0)
			continue;
		n = recv(sock, &message, sizeof(message), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return -ENOTCONN;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == sizeof(message) && message.sequence == sequence)
			return message.error < 0 ? message.error : 0;
	}
	return -ETIMEDOUT;
}

static int ask(struct vm_device *device, int image_fd, uint32_t flags)
{
	uint64_t now = clock_now_ms();
	struct block_control_request request = {
		.verb = BLOCK_CONTROL_SWAP,
		.flags = flags,
		.deadline_ms = now + BACKEND_MS,
		.sequence = ++device->swaps,
	};
	int ret = fd_packet_send(device->control_fd, &request, sizeof(request),
				 image_fd);

	if (ret == 0)
		ret = await(device->control_fd, request.sequence,
			    request.deadline_ms + GRACE_MS);
	return ret;
}

/* What a user can make of an answer; the rest is said as errno says it. */
static const struct {
	int error;
	const char *text;
} reasons[] = {
	{ -EROFS, "it is read-only, and the disk is not" },
	{ -EBADF, "it is not open for reading and writing" },
	{ -EBUSY, "it is in use by another process" },
	{ -EINVAL, "it is neither a file nor a block device" },
	{ -ETIMEDOUT, "requests to the old image take too long, try again" },
	{ -EAGAIN, "the backend of the disk has not answered for long" },
	{ -ENOTCONN, "the backend of the disk has gone" },
	{ -EPIPE, "the backend of the disk has gone" },
};

static const char *reason(int error)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].error == error)
			return reasons[i].text;
	}
	return strerror(-error);
}

int vm_swap_disk(struct vm *vm, const char *id, int image_fd, const char *path,
		 struct err *err)
{
	struct vm_device *device = find_device(vm, id, err);
	const struct config_disk *disk;
	int mode = fcntl(image_fd, F_GETFL), ret;
	uint32_t flags = 0;

	if (device == NULL)
		return -ENOENT;
	if (device->control_fd < 0)
		return err_set(err, EINVAL,
			       "device %s: not a disk with an image of ours",
			       id);
	if (mode < 0)
		return err_errno(err, "disk %s: '%s'", id, path);
	disk = device->config;
	if ((mode & O_ACCMODE) == O_RDONLY)
		flags |= BLOCK_CONTROL_READ_ONLY;
	if (disk->direct || mode & O_DIRECT)
		flags |= BLOCK_CONTROL_DIRECT;
	ret = ask(device, image_fd, flags);
	return ret < 0 ? err_set(err, -ret, "disk %s: '%s': %s", id, path,
				 reason(ret))
		       : 0;
}

int vm_refresh_config(struct vm *vm, const char *id, struct err *err)
{
	struct vm_device *device = find_device(vm, id, err);
	int ret;

	if (device == NULL)
		return -ENOENT;
	ret = virtio_mmio_refresh_config(device->virtio, err);
	return ret < 0 ? err_prefix(err, ret, "device %s", id) : 0;
}
