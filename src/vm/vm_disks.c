// SPDX-License-Identifier: Apache-2.0
/*
 * vm_disks.c - the images of our own disks
 */
#include "vm_disks.h"
#include "fd.h"
#include "log.h"
#include "vm_image.h"

#include <errno.h>
#include <fcntl.h>

int vm_open_disk(const struct config_disk *disk, int *fd, struct err *err)
{
	/* O_NONBLOCK: for a FIFO, until it is refused; the backend ends it. */
	int flags = (disk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
		    O_NONBLOCK | (disk->direct ? O_DIRECT : 0);
	int ret;

	*fd = open(disk->path, flags);
	if (*fd < 0 && errno == EINVAL && disk->direct) {
		log_write(LOG_WARN, "vm", disk->id,
			  "'%s' is on a file system without O_DIRECT, the page "
			  "cache is used",
			  disk->path);
		*fd = open(disk->path, flags & ~O_DIRECT);
	}
	if (*fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM) &&
	    !disk->read_only)
		return err_errno(err,
				 "disk %s: '%s' cannot be written (a "
				 "read-only disk is --disk %s,ro)",
				 disk->id, disk->path, disk->path);
	if (*fd < 0)
		return err_errno(err, "disk %s: '%s'", disk->id, disk->path);
	/* The backend's lock is the same one; it does not know the path. */
	ret = vm_claim_image(*fd, disk->path, !disk->read_only, err);
	if (ret < 0)
		fd_close(fd);
	return ret < 0 ? err_prefix(err, ret, "disk %s", disk->id) : 0;
}
