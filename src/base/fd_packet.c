// SPDX-License-Identifier: Apache-2.0
/*
 * fd_packet.c - one fixed-size message with one descriptor, over SOCK_SEQPACKET
 */
#include "fd_packet.h"
#include "fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { FDS_MAX = 4 }; /* more than one: to see that there were too many */

union control {
	char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	struct cmsghdr align;
};

int fd_packet_send(int sock, const void *buf, size_t len, int fd)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	while (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* All descriptors that came, however they were wrapped. */
static size_t take_fds(struct msghdr *msg, int *fds)
{
	struct cmsghdr *cmsg;
	size_t n = 0, more;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		more = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + n, CMSG_DATA(cmsg), more * sizeof(int));
		n += more;
	}
	return n;
}

int fd_packet_receive(int sock, void *buf, size_t len, int *fd)
{
	union control control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control),
	};
	int fds[sizeof(control) / sizeof(int)];
	size_t n;
	ssize_t got;

	do {
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	n = take_fds(&msg, fds);
	if (got == (ssize_t)len && n == 1 &&
	    !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		*fd = fds[0];
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		fd_close(&fds[i]);
	return got == 0 && n == 0 ? -ENOTCONN : -EPROTO;
}
