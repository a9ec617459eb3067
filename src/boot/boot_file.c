// SPDX-License-Identifier: Apache-2.0
/*
 * boot_file.c - a kernel or initrd: checked when opened, bounds-checked after
 */
#include "boot_file.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int boot_file_open(int fd, struct boot_file *file, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "stat");
	if (S_ISDIR(st.st_mode))
		return err_set(err, EINVAL, "is a directory");
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "is not a regular file");
	if (st.st_size == 0)
		return err_set(err, EINVAL, "is empty");
	*file = (struct boot_file){ fd, (uint64_t)st.st_size };
	return 0;
}

static int truncated(const struct boot_file *file, uint64_t offset,
		     uint64_t len, struct err *err)
{
	return err_set(err, EINVAL,
		       "is truncated: %llu bytes at offset %llu are missing "
		       "from its %llu",
		       (unsigned long long)len, (unsigned long long)offset,
		       (unsigned long long)file->size);
}

int boot_file_check(const struct boot_file *file, uint64_t offset, uint64_t len,
		    struct err *err)
{
	if (range_within(offset, len, file->size))
		return 0;
	return truncated(file, offset, len, err);
}

int boot_file_read(const struct boot_file *file, uint64_t offset, void *buf,
		   size_t len, struct err *err)
{
	int ret;

	ret = boot_file_check(file, offset, len, err);
	if (ret < 0)
		return ret;
	ret = fd_pread_all(file->fd, buf, len, (off_t)offset);
	if (ret == -ENODATA) /* it shrank since boot_file_open() */
		return truncated(file, offset, len, err);
	if (ret < 0)
		return err_set(err, -ret, "read: %s", strerror(-ret));
	return 0;
}
