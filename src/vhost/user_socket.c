// SPDX-License-Identifier: Apache-2.0
/*
 * user_socket.c - how the connection to a backend comes about
 *
 * Three ways: a socket that is already connected (our own backends), connecting
 * to a path on which the backend listens, or listening on a path until it comes.
 */
#include "user_message.h"
#include "fd.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int new_socket(unsigned timeout_ms, int *fd, struct err *err)
{
	/* Also bounds connect(): unix(7) waits for room in the backlog. */
	struct timeval timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000,
	};

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
				  sizeof(timeout)) < 0)
		return err_errno(err, "socket");
	return 0;
}

static int connect_socket(int fd, const struct sockaddr_un *addr)
{
	int ret;

	do {
		ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

static int connect_error(const char *path, unsigned timeout_ms, int code,
			 struct err *err)
{
	if (code == -ENOENT || code == -ECONNREFUSED)
		return err_set(err, -code,
			       "socket '%s': %s (is the vhost-user server "
			       "running?)",
			       path, strerror(-code));
	if (code == -EAGAIN)
		return err_set(err, ETIMEDOUT,
			       "socket '%s': not accepted within %u ms (does "
			       "the server serve somebody else?)",
			       path, timeout_ms);
	return err_set(err, -code, "socket '%s': %s", path, strerror(-code));
}

int vhost_user_connect(const char *path, unsigned timeout_ms, int *fd,
		       struct err *err)
{
	struct sockaddr_un addr;
	int ret = unix_socket_address(path, &addr, err);

	if (ret == 0)
		ret = new_socket(timeout_ms, fd, err);
	if (ret < 0)
		return ret;
	ret = connect_socket(*fd, &addr);
	if (ret == 0)
		return 0;
	fd_close(fd);
	return connect_error(path, timeout_ms, ret, err);
}

static int accept_one(struct user *user, const char *path, struct err *err)
{
	struct pollfd pollfd = { .fd = user->listen_fd, .events = POLLIN };
	int n;

	do {
		n = poll(&pollfd, 1, (int)user->timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_set(err, ETIMEDOUT,
			       "socket '%s': no backend came within %u ms",
			       path, user->timeout_ms);
	user->fd = accept4(user->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	return user->fd < 0 ? err_errno(err, "socket '%s'", path) : 0;
}

static int listen_on(struct user *user, const char *path, struct err *err)
{
	int ret = unix_socket_listen(path, &user->listen_fd, err);

	if (ret == 0)
		ret = unix_socket_address(path, &user->bound, err);
	return ret < 0 ? ret : accept_one(user, path, err);
}

int user_connect(struct user *user, const struct vhost_user_config *cfg,
		 struct err *err)
{
	int flags, ret = 0;

	if (user->fd < 0 && cfg->path == NULL)
		return err_set(err, EINVAL, "no socket given");
	if (user->fd < 0 && !cfg->listen)
		ret = vhost_user_connect(cfg->path, user->timeout_ms, &user->fd,
					 err);
	if (user->fd < 0 && cfg->listen)
		ret = listen_on(user, cfg->path, err);
	if (ret < 0)
		return ret;
	flags = fcntl(user->fd, F_GETFL);
	if (flags < 0 || fcntl(user->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_errno(err, "backend socket");
	return 0;
}

void user_unbind(struct user *user)
{
	if (user->bound.sun_path[0] != '\0')
		unlink(user->bound.sun_path);
	fd_close(&user->listen_fd);
}
