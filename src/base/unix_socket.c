// SPDX-License-Identifier: Apache-2.0
/*
 * unix_socket.c - stream sockets that have a path
 */
#include "unix_socket.h"
#include "fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int unix_socket_address(const char *path, struct sockaddr_un *addr,
			struct err *err)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(addr->sun_path))
		return err_set(err, ENAMETOOLONG,
			       "socket '%s': a path has 1 to %zu bytes", path,
			       sizeof(addr->sun_path) - 1);
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path, path, len + 1);
	return 0;
}

static int bind_to(int fd, const struct sockaddr_un *addr)
{
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

/* Without waiting: a server whose backlog is full is a live one (EAGAIN). */
static bool is_dead(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused =
		fd >= 0 &&
		connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
		errno == ECONNREFUSED;

	fd_close(&fd);
	return refused;
}

/*
 * Something is at the path. Only a socket that nobody listens on any more may
 * go; connecting to a plain file is refused too, so look before asking.
 */
static int remove_stale(const struct sockaddr_un *addr, struct err *err)
{
	const char *path = addr->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_errno(err, "socket '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EEXIST,
			       "socket '%s': there is a file of another kind, "
			       "remove it or use another path",
			       path);
	if (!is_dead(addr))
		return err_set(err, EADDRINUSE,
			       "socket '%s': another process listens there, "
			       "use another path",
			       path);
	return unlink(path) < 0 ? err_errno(err, "socket '%s'", path) : 0;
}

static int bind_path(int fd, const struct sockaddr_un *addr, struct err *err)
{
	int ret;

	/* The file gets the mode that the socket has before bind(). */
	if (fchmod(fd, 0600) < 0)
		return err_errno(err, "socket '%s'", addr->sun_path);
	ret = bind_to(fd, addr);
	if (ret < 0 && errno == EADDRINUSE) {
		ret = remove_stale(addr, err);
		if (ret < 0)
			return ret;
		ret = bind_to(fd, addr);
	}
	return ret < 0 ? err_errno(err, "socket '%s'", addr->sun_path) : 0;
}

int unix_socket_listen(const char *path, int *fd, struct err *err)
{
	struct sockaddr_un addr;
	int ret = unix_socket_address(path, &addr, err);

	if (ret < 0)
		return ret;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_errno(err, "socket '%s'", path);
	ret = bind_path(*fd, &addr, err);
	if (ret == 0 && listen(*fd, 1) < 0) {
		ret = err_errno(err, "socket '%s'", path);
		unlink(path);
	}
	if (ret < 0)
		fd_close(fd);
	return ret;
}

bool unix_socket_is_starved(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOBUFS ||
	       code == ENOMEM;
}

int unix_socket_accept(int listen_fd, int flags)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | flags), code;

	if (fd >= 0)
		return fd;
	code = errno;
	if (unix_socket_is_starved(code))
		nanosleep(&pause, NULL);
	return -code;
}
