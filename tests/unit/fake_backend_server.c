// SPDX-License-Identifier: Apache-2.0
/*
 * fake_backend_server.c - a vhost-user server on a thread of the test
 */
#include "fake_backend_server.h"
#include "fd.h"
#include "unit.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	struct user_header header;
	uint8_t payload[USER_PAYLOAD_MAX];
	int fds[USER_MEM_TABLE_MAX];
	unsigned fd_count;
};

/* A header with its descriptors, then the payload; false at the end. */
static bool receive(int fd, struct message *msg)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(msg->fds))];
	struct iovec iov = { &msg->header, sizeof(msg->header) };
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(fd, &hdr, MSG_WAITALL) != sizeof(msg->header))
		return false;
	msg->fd_count = 0;
	cmsg = CMSG_FIRSTHDR(&hdr);
	if (cmsg != NULL) {
		size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);

		memcpy(msg->fds, CMSG_DATA(cmsg), bytes);
		msg->fd_count = (unsigned)(bytes / sizeof(int));
	}
	return msg->header.size <= sizeof(msg->payload) &&
	       fd_read_all(fd, msg->payload, msg->header.size) == 0;
}

static void remember(struct fake_server *s, struct message *msg)
{
	struct vhost_vring_state state;

	memcpy(&state, msg->payload, sizeof(state));
	if (s->seen_count < FAKE_SEEN_MAX)
		s->seen[s->seen_count++] = msg->header.request;
	s->need_replies += (msg->header.flags & USER_FLAG_NEED_REPLY) != 0;
	if (msg->header.request == USER_SET_FEATURES)
		memcpy(&s->set_features, msg->payload, 8);
	if (msg->header.request == USER_SET_PROTOCOL_FEATURES)
		memcpy(&s->set_protocol, msg->payload, 8);
	if (msg->header.request == USER_SET_STATUS)
		memcpy(&s->status, msg->payload, 8);
	if (msg->header.request == USER_NET_SET_MTU)
		memcpy(&s->mtu, msg->payload, 8);
	if (msg->header.request == USER_SET_MEM_TABLE)
		memcpy(&s->table, msg->payload, msg->header.size);
	if (msg->header.request == USER_SET_VRING_ADDR)
		memcpy(&s->addr, msg->payload, sizeof(s->addr));
	if (msg->header.request == USER_SET_VRING_BASE)
		s->base = state.num;
	if (msg->header.request == USER_SET_VRING_NUM)
		s->size = state.num;
	if (msg->header.request == USER_SET_CONFIG)
		memcpy(s->config + state.index, msg->payload + USER_CONFIG_HEAD,
		       msg->header.size - USER_CONFIG_HEAD);
	if (msg->header.request == USER_SET_BACKEND_REQ_FD &&
	    msg->fd_count == 1)
		s->channel_fd = fd_take(&msg->fds[0]);
}

/* Turns a request into its answer; false when it has none. */
static bool make_answer(const struct fake_server *s, struct message *msg)
{
	uint64_t value = 0;

	msg->header.flags |= USER_FLAG_REPLY;
	switch (msg->header.request) {
	case USER_GET_FEATURES:
		value = s->features;
		break;
	case USER_GET_PROTOCOL_FEATURES:
		value = s->protocol;
		break;
	case USER_GET_QUEUE_NUM:
		value = s->queue_num;
		break;
	case USER_GET_MAX_MEM_SLOTS:
		value = s->slots;
		break;
	case USER_GET_VRING_BASE:
		return true;
	case USER_GET_CONFIG:
		memcpy(msg->payload + USER_CONFIG_HEAD, s->config,
		       msg->header.size - USER_CONFIG_HEAD);
		return true;
	default:
		if (!(msg->header.flags & USER_FLAG_NEED_REPLY))
			return false;
	}
	msg->header.size = sizeof(value);
	memcpy(msg->payload, &value, sizeof(value));
	return true;
}

static void send_with_descriptor(int fd, const struct message *msg)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg,
			     sizeof(msg->header) + msg->header.size };
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&hdr);
	int passed = eventfd(0, 0);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(passed));
	memcpy(CMSG_DATA(cmsg), &passed, sizeof(passed));
	sendmsg(fd, &hdr, MSG_NOSIGNAL);
	close(passed);
}

bool fake_server_ask(const struct fake_server *s, uint32_t request,
		     uint32_t flags, uint32_t size)
{
	struct {
		struct user_header header;
		uint8_t payload[USER_PAYLOAD_MAX];
	} msg = { .header = { request, flags, size } };
	size_t len = sizeof(msg.header) + MIN(size, sizeof(msg.payload));

	return send(s->channel_fd, &msg, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)len;
}

static void ask_back(struct fake_server *s)
{
	struct user_header header;

	fake_server_ask(s, USER_BACKEND_CONFIG_CHANGE_MSG,
			USER_FLAG_VERSION | USER_FLAG_NEED_REPLY, 0);
	s->channel_reply = UINT64_MAX;
	if (fd_read_all(s->channel_fd, &header, sizeof(header)) == 0)
		fd_read_all(s->channel_fd, &s->channel_reply,
			    sizeof(s->channel_reply));
}

/* Spoil a good answer. Returns how many of its bytes are to be sent. */
static size_t spoil(struct fake_server *s, struct message *msg)
{
	size_t len = sizeof(msg->header) + msg->header.size;

	switch (s->fault) {
	case FAULT_HANG_UP:
	case FAULT_SILENCE:
		return 0;
	case FAULT_SHORT:
	case FAULT_SHORT_HANG_UP:
		return len / 2;
	case FAULT_GARBAGE:
		memset(msg, 0xff, len);
		return len;
	case FAULT_VERSION:
		msg->header.flags += 1;
		return len;
	case FAULT_NO_REPLY_FLAG:
		msg->header.flags &= ~USER_FLAG_REPLY;
		return len;
	case FAULT_OTHER_REQUEST:
		msg->header.request++;
		return len;
	case FAULT_TOO_SMALL:
		msg->header.size -= 4;
		return len - 4;
	case FAULT_TOO_LARGE:
		msg->header.size += 4;
		return len + 4;
	case FAULT_HUGE:
		msg->header.size = UINT32_MAX;
		return len;
	case FAULT_REFUSE:
		if (msg->header.request == USER_GET_CONFIG) {
			msg->header.size = 0;
			return sizeof(msg->header);
		}
		memset(msg->payload, 1, msg->header.size);
		return len;
	case FAULT_DESCRIPTOR:
		send_with_descriptor(s->fd, msg);
		return 0;
	case FAULT_ASK_BACK:
		ask_back(s);
		return len;
	case FAULT_NONE:
	case FAULT_COUNT:
		break;
	}
	return len;
}

static bool is_end(const struct fake_server *s)
{
	return s->fault == FAULT_HANG_UP || s->fault == FAULT_SHORT_HANG_UP;
}

/* One request; false when the server is to end. */
static bool serve(struct fake_server *s, struct message *msg, bool *silent)
{
	bool faulty = s->fault != FAULT_NONE &&
		      msg->header.request == s->fault_request &&
		      s->fault_after-- == 0;
	bool answers = make_answer(s, msg);
	size_t len = sizeof(msg->header) + msg->header.size;

	if (*silent)
		return true;
	if (faulty && answers)
		len = spoil(s, msg);
	if (answers)
		send(s->fd, msg, len, MSG_NOSIGNAL);
	if (faulty && (s->fault == FAULT_SILENCE || s->fault == FAULT_SHORT))
		*silent = true;
	return !(faulty && is_end(s));
}

static void *server_thread(void *arg)
{
	struct fake_server *s = arg;
	struct message msg;
	bool silent = false, more = true;

	while (more && receive(s->fd, &msg)) {
		remember(s, &msg);
		for (unsigned i = 0; i < msg.fd_count; i++)
			fd_close(&msg.fds[i]);
		more = serve(s, &msg, &silent);
	}
	shutdown(s->fd, SHUT_RDWR);
	return NULL;
}

void fake_server_serve(struct fake_server *server, int fd)
{
	server->fd = fd;
	server->channel_fd = -1;
	pthread_create(&server->thread, NULL, server_thread, server);
}

int fake_server_start(struct fake_server *server)
{
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fake_server_serve(server, pair[0]);
	return pair[1];
}

void fake_server_end(struct fake_server *server)
{
	pthread_join(server->thread, NULL);
	fd_close(&server->fd);
	fd_close(&server->channel_fd);
}
