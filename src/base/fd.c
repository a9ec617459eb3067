// SPDX-License-Identifier: Apache-2.0
/*
 * fd.c - descriptors with one visible owner
 */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_copy(int fd, int *copy, struct err *err)
{
	*copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return fd >= 0 && *copy < 0 ? err_errno(err, "descriptor %d", fd) : 0;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int fd_write_all(int fd, const void *buf, size_t len)
{
	const char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, void *buf, size_t len)
{
	char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = read(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_pread_all(int fd, void *buf, size_t len, off_t offset)
{
	char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = pread(fd, at, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		at += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * stderr may be a pipe or terminal that nobody reads. O_NONBLOCK would also be
 * that of the processes we share it with, and RWF_NOWAIT does not exist for
 * terminals: so look first. A pipe with any room has it for PIPE_BUF bytes; on a
 * terminal another writer can take it in between, and then we wait for the
 * reader.
 */
bool fd_write_or_lose(int fd, const void *buf, size_t len)
{
	struct pollfd sink = { .fd = fd, .events = POLLOUT };
	int saved = errno;
	ssize_t n = -1;

	if (poll(&sink, 1, 0) == 1 && (sink.revents & POLLOUT)) {
		do {
			n = write(fd, buf, len);
		} while (n < 0 && errno == EINTR);
	}
	errno = saved;
	return n == (ssize_t)len;
}

int fd_open_sink(const char *path)
{
	int fd = open(path,
		      O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY |
			      O_CLOEXEC,
		      0600);

	return fd < 0 ? -errno : fd;
}

static int set_lock(int fd, short type)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

int fd_lock(int fd, bool write)
{
	return set_lock(fd, write ? F_WRLCK : F_RDLCK);
}

void fd_unlock(int fd)
{
	set_lock(fd, F_UNLCK);
}

void eventfd_signal(int fd)
{
	uint64_t one = 1;
	int saved = errno;

	/* EAGAIN: the counter is full, so the event is pending anyway. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	errno = saved;
}

void eventfd_drain(int fd)
{
	uint64_t count;
	int saved = errno;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	errno = saved;
}
