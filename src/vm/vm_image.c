// SPDX-License-Identifier: Apache-2.0
/*
 * vm_image.c - the files of a VM: opened, and fit to be what they are given for
 */
#include "vm_image.h"
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int vm_open_file(const char *path, struct err *err)
{
	/* O_NONBLOCK: a FIFO must not hold us before it is refused. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? err_errno(err, "'%s'", path) : fd;
}

int vm_check_image(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return err_set(err, EINVAL,
			       "'%s' is neither a file nor a block device",
			       path);
	return 0;
}

int vm_claim_image(int fd, const char *path, bool write, struct err *err)
{
	int ret = vm_check_image(fd, path, err);

	if (ret < 0)
		return ret;
	if (fd_lock(fd, write) == -EBUSY)
		return err_set(err, EBUSY,
			       "'%s' is in use by another process%s", path,
			       write ? "" : ", which writes to it");
	return 0;
}

int vm_open_pmem(const struct config_pmem *pmem, struct err *err)
{
	int fd = vm_open_file(pmem->path, err), ret = MIN(fd, 0);

	if (ret == 0)
		ret = vm_claim_image(fd, pmem->path, false, err);
	if (ret < 0) {
		fd_close(&fd);
		return err_prefix(err, ret, "pmem %s", pmem->id);
	}
	return fd;
}
