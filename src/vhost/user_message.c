// SPDX-License-Identifier: Apache-2.0
/*
 * user_message.c - framing: one message out, with descriptors; one answer in
 *
 * Theory of operation: a request is sent, and where the protocol has an answer
 * it is received before anything else is read, in the order of the requests, so
 * several may be under way. The socket does not block; whoever has to wait does
 * so in wait_for(), until the deadline, and meanwhile serves the backend's own
 * requests: a backend that waits for our answer there must not make us wait for
 * its answer here. Any answer but the expected one means that the two sides no
 * longer agree on where they are, and the backend is lost.
 */
#include "user_message.h"
#include "user_backend_channel.h"
#include "clock.h"
#include "fd.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static const char *const request_names[] = {
	[USER_GET_FEATURES] = "GET_FEATURES",
	[USER_SET_FEATURES] = "SET_FEATURES",
	[USER_SET_OWNER] = "SET_OWNER",
	[USER_SET_MEM_TABLE] = "SET_MEM_TABLE",
	[USER_SET_VRING_NUM] = "SET_VRING_NUM",
	[USER_SET_VRING_ADDR] = "SET_VRING_ADDR",
	[USER_SET_VRING_BASE] = "SET_VRING_BASE",
	[USER_GET_VRING_BASE] = "GET_VRING_BASE",
	[USER_SET_VRING_KICK] = "SET_VRING_KICK",
	[USER_SET_VRING_CALL] = "SET_VRING_CALL",
	[USER_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
	[USER_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
	[USER_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
	[USER_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
	[USER_NET_SET_MTU] = "NET_SET_MTU",
	[USER_SET_BACKEND_REQ_FD] = "SET_BACKEND_REQ_FD",
	[USER_GET_CONFIG] = "GET_CONFIG",
	[USER_SET_CONFIG] = "SET_CONFIG",
	[USER_RESET_DEVICE] = "RESET_DEVICE",
	[USER_GET_MAX_MEM_SLOTS] = "GET_MAX_MEM_SLOTS",
	[USER_ADD_MEM_REG] = "ADD_MEM_REG",
	[USER_SET_STATUS] = "SET_STATUS",
};

static const char *name_of(enum user_request request)
{
	return request_names[request];
}

void user_set_deadline(struct user *user)
{
	user->deadline_ms = clock_now_ms() + user->timeout_ms;
}

int user_lose(struct user *user, struct err *err, const char *fmt, ...)
{
	struct err why;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why.text, sizeof(why.text), fmt, ap);
	va_end(ap);
	if (err != NULL)
		*err = why;
	if (user->lost)
		return -ENOTCONN;
	user->lost = true;
	user->config_stale = true;
	user->why = why;
	user_channel_close(user);
	if (user->readable != NULL)
		event_del(user->readable);
	fd_close(&user->fd);
	if (user->deferred != NULL)
		event_active(user->deferred, EV_TIMEOUT, 0);
	return -ENOTCONN;
}

static int lost_error(const struct user *user, struct err *err)
{
	return err_set(err, ENOTCONN, "backend lost before: %s",
		       user->why.text);
}

/* Until the socket is ready for events (POLLIN or POLLOUT), or lost. */
static int wait_for(struct user *user, short events, const char *what,
		    struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = user->fd, .events = events },
			{ .fd = user->channel.fd, .events = POLLIN },
		};
		uint64_t now = clock_now_ms();
		int n;

		if (now >= user->deadline_ms)
			return user_lose(user, err,
					 "%s: no answer within %u ms", what,
					 user->timeout_ms);
		n = poll(fds, ARRAY_LEN(fds), (int)(user->deadline_ms - now));
		if (n < 0 && errno != EINTR)
			return user_lose(user, err, "%s: poll: %s", what,
					 strerror(errno));
		if (n <= 0)
			continue;
		if (fds[0].revents != 0)
			return 0;
		user_channel_serve(user);
		if (user->lost)
			return lost_error(user, err);
	}
}

static void attach_fds(struct msghdr *hdr, const int *fds, unsigned count)
{
	struct cmsghdr *cmsg;

	hdr->msg_controllen = CMSG_SPACE(count * sizeof(*fds));
	cmsg = CMSG_FIRSTHDR(hdr);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(*fds));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(*fds));
}

/* Take n sent bytes off the front of the two pieces. */
static void advance(struct iovec *iov, size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t part = MIN(n, iov[i].iov_len);

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		n -= part;
	}
}

int user_send(struct user *user, const struct user_message *msg,
	      struct err *err)
{
	const char *name = name_of(msg->request);
	alignas(struct cmsghdr) char
		control[CMSG_SPACE(USER_MEM_TABLE_MAX * sizeof(int))] = { 0 };
	struct user_header header = {
		.request = msg->request,
		.flags = USER_FLAG_VERSION |
			 (msg->need_reply ? USER_FLAG_NEED_REPLY : 0),
		.size = (uint32_t)msg->size,
	};
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ (void *)(uintptr_t)msg->payload, msg->size },
	};
	struct msghdr hdr = {
		.msg_iov = iov,
		.msg_iovlen = ARRAY_LEN(iov),
		.msg_control = msg->fd_count > 0 ? control : NULL,
	};

	if (user->lost)
		return lost_error(user, err);
	if (msg->fd_count > 0)
		attach_fds(&hdr, msg->fds, msg->fd_count);
	while (iov[0].iov_len + iov[1].iov_len > 0) {
		ssize_t n = sendmsg(user->fd, &hdr, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			int ret = wait_for(user, POLLOUT, name, err);

			if (ret < 0)
				return ret;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return user_lose(user, err,
					 "%s: backend closed the connection",
					 name);
		if (n < 0)
			return user_lose(user, err, "%s: %s", name,
					 strerror(errno));
		advance(iov, (size_t)n);
		hdr.msg_control = NULL; /* went with the first byte */
		hdr.msg_controllen = 0;
	}
	return 0;
}

int user_send_u64(struct user *user, enum user_request request, uint64_t value,
		  struct err *err)
{
	struct user_message msg = {
		.request = request,
		.payload = &value,
		.size = sizeof(value),
	};

	return user_send(user, &msg, err);
}

static bool close_received_fds(struct msghdr *hdr)
{
	struct cmsghdr *cmsg;
	bool any = (hdr->msg_flags & MSG_CTRUNC) != 0;

	for (cmsg = CMSG_FIRSTHDR(hdr); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(hdr, cmsg)) {
		size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		any = true;
		for (size_t at = 0; at < bytes; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + at, sizeof(fd));
			fd_close(&fd);
		}
	}
	return any;
}

ssize_t user_read_some(int fd, void *buf, size_t len, bool *fds)
{
	/* Room for one: the kernel itself drops those beyond. */
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { buf, len };
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &hdr, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*fds = close_received_fds(&hdr);
	return n;
}

/* Read until there are want bytes in buf, at most max. */
static int read_until(struct user *user, void *buf, size_t *have, size_t want,
		      size_t max, const char *name, struct err *err)
{
	while (*have < want) {
		bool fds = false;
		ssize_t n;
		int ret = wait_for(user, POLLIN, name, err);

		if (ret < 0)
			return ret;
		n = user_read_some(user->fd, (char *)buf + *have, max - *have,
				   &fds);
		if (n == -EAGAIN)
			continue;
		if (n == 0)
			return user_lose(user, err,
					 "%s: backend closed the connection",
					 name);
		if (n < 0)
			return user_lose(user, err, "%s: %s", name,
					 strerror((int)-n));
		if (fds)
			return user_lose(user, err,
					 "%s: answer with descriptors", name);
		*have += (size_t)n;
	}
	return 0;
}

static int check_header(struct user *user, const struct user_header *header,
			enum user_request request, size_t size,
			bool may_be_empty, struct err *err)
{
	const char *name = name_of(request);

	if ((header->flags & USER_FLAG_VERSION_MASK) != USER_FLAG_VERSION ||
	    !(header->flags & USER_FLAG_REPLY))
		return user_lose(user, err, "%s: not an answer (flags %#x)",
				 name, header->flags);
	if (header->request != request)
		return user_lose(user, err, "%s: answer to request %u instead",
				 name, header->request);
	if (header->size != size && !(may_be_empty && header->size == 0))
		return user_lose(user, err,
				 "%s: answer of %u bytes instead of %zu", name,
				 header->size, size);
	return 0;
}

int user_receive(struct user *user, enum user_request request, void *payload,
		 size_t size, bool *empty, struct err *err)
{
	struct {
		struct user_header header;
		uint8_t payload[USER_PAYLOAD_MAX];
	} in;
	size_t have = 0, max = sizeof(in.header) + size;
	const char *name = name_of(request);
	int ret;

	if (user->lost)
		return lost_error(user, err);
	ret = read_until(user, &in, &have, sizeof(in.header), max, name, err);
	if (ret < 0)
		return ret;
	ret = check_header(user, &in.header, request, size, empty != NULL, err);
	if (ret < 0)
		return ret;
	if (empty != NULL)
		*empty = in.header.size == 0;
	ret = read_until(user, &in, &have, sizeof(in.header) + in.header.size,
			 max, name, err);
	if (ret < 0)
		return ret;
	if (have > sizeof(in.header) + in.header.size)
		return user_lose(user, err, "%s: more than one answer", name);
	memcpy(payload, in.payload, in.header.size);
	return 0;
}

int user_get_u64(struct user *user, enum user_request request, uint64_t *value,
		 struct err *err)
{
	int ret = user_send(user, &(struct user_message){ .request = request },
			    err);

	return ret < 0 ? ret
		       : user_receive(user, request, value, sizeof(*value),
				      NULL, err);
}

int user_send_confirmed(struct user *user, const struct user_message *msg,
			struct err *err)
{
	struct user_message copy = *msg;

	copy.need_reply = user_has(user, USER_PROTOCOL_F_REPLY_ACK);
	return user_send(user, &copy, err);
}

int user_confirm(struct user *user, enum user_request request, struct err *err)
{
	uint64_t refused = 0;
	int ret;

	if (!user_has(user, USER_PROTOCOL_F_REPLY_ACK))
		return 0;
	ret = user_receive(user, request, &refused, sizeof(refused), NULL, err);
	if (ret == 0 && refused != 0)
		ret = err_set(err, EIO, "%s: refused by the backend",
			      name_of(request));
	return ret;
}
