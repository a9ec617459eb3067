// SPDX-License-Identifier: Apache-2.0
/*
 * block_image.c - the file or block device behind a disk
 */
#include "block_image.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { DIRECT_ALIGN = 4096 }; /* bytes; no device wants more */

static int open_fd(struct block_image *image, const char *path, struct err *err)
{
	int flags = image->read_only ? O_RDONLY : O_RDWR;
	int ret;

	/* O_NONBLOCK: a FIFO must not hold us before it is refused. */
	image->fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (image->fd >= 0)
		return 0;
	ret = -errno;
	err_errno(err, "image '%s'", path);
	if (!image->read_only && (ret == -EACCES || ret == -EROFS))
		err_set(err, -ret,
			"image '%s': no permission to write: change "
			"that, or attach it read-only",
			path);
	return ret;
}

static int check_kind(struct block_image *image, struct err *err)
{
	int flags = fcntl(image->fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(image->fd, &st) < 0)
		return err_errno(err, "image %s", image->name);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, EINVAL,
			       "image %s: neither a file nor a block device",
			       image->name);
	if (!image->read_only && (flags & O_ACCMODE) != O_RDWR)
		return err_set(err, EBADF, "image %s: not open for writing",
			       image->name);
	if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
		return err_set(err, EBADF, "image %s: not open for reading",
			       image->name);
	image->device = S_ISBLK(st.st_mode);
	/* With O_APPEND Linux writes at the end, whatever pwrite(2) is told. */
	fcntl(image->fd, F_SETFL, flags & ~(O_NONBLOCK | O_APPEND));
	return 0;
}

/*
 * Two VMs on one writable image destroy it. Locks of the open file description,
 * because that is what a descriptor we inherited shares with whoever opened it,
 * and what qemu-img and QEMU look for as well.
 */
static int lock(const struct block_image *image, struct err *err)
{
	int ret = fd_lock(image->fd, !image->read_only);

	if (ret == 0)
		return 0;
	if (ret == -EBUSY)
		return err_set(err, EBUSY,
			       "image %s is in use by another process%s",
			       image->name,
			       image->read_only ? ", which writes to it" : "");
	log_write(LOG_WARN, "block", image->id,
		  "image %s cannot be locked (%s): "
		  "make sure no other VM uses it",
		  image->name, strerror(-ret));
	return 0;
}

/* Both kinds, and both while they are in use: seeking moves nothing we use. */
static uint64_t read_size(const struct block_image *image)
{
	off_t end = lseek(image->fd, 0, SEEK_END);

	return end < 0 ? 0 : (uint64_t)end;
}

/* block_size: what the driver has been told; 0: it will be the image's own. */
static void find_geometry(struct block_image *image, uint32_t block_size)
{
	struct statfs fs;
	struct stat st;
	unsigned physical;
	int logical;

	image->block_size = BLOCK_SECTOR;
	image->physical_size = DIRECT_ALIGN;
	if (fstat(image->fd, &st) == 0 && st.st_blksize >= BLOCK_SECTOR &&
	    st.st_blksize <= 64 * (blksize_t)KIB &&
	    is_power_of_two((uint64_t)st.st_blksize))
		image->physical_size = (uint32_t)st.st_blksize;
	if (image->device && ioctl(image->fd, BLKSSZGET, &logical) == 0)
		image->block_size = (uint32_t)logical;
	if (image->device && ioctl(image->fd, BLKPBSZGET, &physical) == 0)
		image->physical_size = physical;
	if (block_size != 0)
		image->block_size = block_size;
	image->in_memory =
		fstatfs(image->fd, &fs) == 0 && !image->device &&
		(fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* A hole beyond the end changes nothing, but says whether there can be any. */
static bool probe_discard(const struct block_image *image)
{
	off_t beyond = (off_t)align_up(read_size(image), DIRECT_ALIGN);

	if (image->read_only)
		return false;
	return image->device ||
	       fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 beyond, DIRECT_ALIGN) == 0;
}

/*
 * Can one logical block be read at an address aligned to no more than that? File
 * systems on disks with larger blocks say no; a guest that was given 512-byte
 * sectors could not use them.
 */
static bool probe_direct(const struct block_image *image)
{
	void *buf;
	bool ok;

	if (posix_memalign(&buf, DIRECT_ALIGN, 2 * DIRECT_ALIGN) != 0)
		return false;
	ok = pread(image->fd, (char *)buf + image->block_size,
		   image->block_size, 0) >= 0;
	free(buf);
	return ok;
}

static void set_direct(struct block_image *image, bool wanted)
{
	int flags = fcntl(image->fd, F_GETFL);

	if (!wanted && !(flags & O_DIRECT))
		return;
	if (fcntl(image->fd, F_SETFL, flags | O_DIRECT) == 0 &&
	    probe_direct(image)) {
		image->direct = true;
		return;
	}
	fcntl(image->fd, F_SETFL, flags & ~O_DIRECT);
	log_write(LOG_WARN, "block", image->id,
		  "image %s: no direct access in units "
		  "of %u bytes here, using the page cache",
		  image->name, image->block_size);
}

/* Whole blocks: only a next image can have a part of one. */
static uint64_t count_sectors(const struct block_image *image, uint64_t size)
{
	return align_down(size, image->block_size) / BLOCK_SECTOR;
}

/* image->fd is open: see what it is, and make it ours. Closes it on failure. */
static int examine(struct block_image *image, uint32_t block_size, bool direct,
		   struct err *err)
{
	uint64_t size, seen;
	int ret = check_kind(image, err);

	if (ret == 0)
		ret = lock(image, err);
	if (ret < 0) {
		block_image_close(image);
		return ret;
	}
	find_geometry(image, block_size);
	image->can_discard = probe_discard(image);
	set_direct(image, direct);
	size = read_size(image);
	image->sectors = count_sectors(image, size);
	seen = image->sectors * BLOCK_SECTOR;
	if (size != seen)
		log_write(LOG_WARN, "block", image->id,
			  "image %s: its last %" PRIu64
			  " bytes are no whole sector, the guest does not see "
			  "them",
			  image->name, size - seen);
	return 0;
}

int block_image_open(struct block_image *image, const char *id,
		     const char *path, int fd, bool read_only, bool direct,
		     struct err *err)
{
	int ret = 0;

	*image = (struct block_image){
		.fd = fd,
		.id = id,
		.name = path != NULL ? path : "(inherited)",
		.read_only = read_only,
	};
	if (path != NULL)
		ret = open_fd(image, path, err);
	return ret < 0 ? ret : examine(image, 0, direct, err);
}

int block_image_open_next(struct block_image *image,
			  const struct block_image *old, int fd, bool direct,
			  struct err *err)
{
	*image = (struct block_image){
		.fd = fd,
		.id = old->id,
		.name = "(handed over)",
		.read_only = old->read_only,
	};
	return examine(image, old->block_size, direct, err);
}

bool block_image_is_same(const struct block_image *image, int fd)
{
	struct stat ours, theirs;

	if (fstat(image->fd, &ours) < 0 || fstat(fd, &theirs) < 0 ||
	    (ours.st_mode & S_IFMT) != (theirs.st_mode & S_IFMT))
		return false;
	if (S_ISBLK(ours.st_mode))
		return ours.st_rdev == theirs.st_rdev;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

void block_image_close(struct block_image *image)
{
	fd_close(&image->fd);
}

void block_image_release(struct block_image *image)
{
	if (image->fd >= 0)
		fd_unlock(image->fd);
	block_image_close(image);
}

bool block_image_resized(struct block_image *image)
{
	uint64_t sectors = count_sectors(image, read_size(image));

	if (sectors == image->sectors)
		return false;
	image->sectors = sectors;
	return true;
}
