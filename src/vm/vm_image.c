// SPDX-License-Identifier: Apache-2.0
/*
 * vm_image.c - whether an opened file can be a disk or persistent memory
 */
#include "vm_disks.h"
#include "fd.h"

#include <errno.h>
#include <sys/stat.h>

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
