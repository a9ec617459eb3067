// SPDX-License-Identifier: Apache-2.0
/*
 * http_connection_io.c - bytes and descriptors of a connection, in and out
 *
 * The buffers exist only while something is in them.
 *
 * Whose are descriptors, when requests are pipelined? One recvmsg() returns them
 * with the bytes of the sendmsg() they came with, which are its last; earlier
 * ones may stand in front. So they belong to the last request that a read has
 * brought, and those that were there before belong to the first.
 */
#include "http_internal.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { READ_SIZE = 4096 };

void http_connection_drop_input(struct http_connection *conn)
{
	free(conn->in);
	conn->in = NULL;
	conn->in_at = conn->in_len = 0;
}

void http_connection_close_fds(struct http_connection *conn, unsigned count)
{
	unsigned left = conn->fd_count - count;

	for (unsigned i = 0; i < count; i++)
		fd_close(&conn->fds[i]);
	memmove(conn->fds, conn->fds + count, left * sizeof(conn->fds[0]));
	conn->fd_count = left;
	conn->fds_before -= MIN(count, conn->fds_before);
}

unsigned http_connection_request_fds(const struct http_connection *conn)
{
	return conn->in_at < conn->in_len ? conn->fds_before : conn->fd_count;
}

/* What does not fit is closed; what had no room in the message, the kernel has. */
static void keep_fds(struct http_connection *conn, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	size_t count;
	int fd;

	conn->fds_before = conn->fd_count;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (size_t i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd),
			       sizeof(fd));
			if (conn->fd_count < HTTP_FDS_MAX)
				conn->fds[conn->fd_count++] = fd_take(&fd);
			fd_close(&fd);
		}
	}
}

int http_connection_receive(struct http_connection *conn)
{
	alignas(struct cmsghdr) char
		control[CMSG_SPACE(HTTP_FDS_MAX * sizeof(int))];
	struct iovec iov = { .iov_len = READ_SIZE };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	conn->in = iov.iov_base = malloc(READ_SIZE);
	if (conn->in == NULL)
		return -ENOMEM;
	n = recvmsg(conn->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n > 0) {
		conn->in_len = (size_t)n;
		keep_fds(conn, &msg);
		return 0;
	}
	http_connection_drop_input(conn);
	conn->eof = n == 0;
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

int http_connection_send(struct http_connection *conn)
{
	ssize_t n;

	if (conn->out == NULL)
		return 0;
	n = send(conn->fd, conn->out + conn->out_at,
		 conn->out_len - conn->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	conn->out_at += (size_t)n;
	if (conn->out_at == conn->out_len) {
		free(conn->out);
		conn->out = NULL;
		conn->out_at = conn->out_len = 0;
	}
	return 0;
}
