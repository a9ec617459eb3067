// SPDX-License-Identifier: Apache-2.0
/*
 * user_backend_channel.c - what the backend asks of us
 *
 * Only CONFIG_CHANGE_MSG means anything to us; it is noted here and told to the
 * device from the event loop. Everything else belongs to features that were not
 * negotiated: answered with a failure where an answer was asked for, and
 * otherwise ignored.
 *
 * A backend may send as much as it likes, so after each look the channel rests,
 * and the device hears of changes only in between: once every USER_CHANNEL_REST_MS, however
 * often it is announced. What is not read waits in the socket, which is of fixed
 * size. Only a call that waits for the backend's answer looks at a channel that
 * rests, because the backend may be waiting for ours.
 */
#include "user_backend_channel.h"
#include "user_message.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

enum { MESSAGES_PER_LOOK = 16 };

static void answer(struct user *user, const struct user_header *request,
		   bool done)
{
	struct {
		struct user_header header;
		uint64_t failed;
	} __attribute__((packed)) reply = {
		.header = {
			.request = request->request,
			.flags = USER_FLAG_VERSION | USER_FLAG_REPLY,
			.size = sizeof(reply.failed),
		},
		.failed = !done,
	};

	if (!(request->flags & USER_FLAG_NEED_REPLY) ||
	    !user_has(user, USER_PROTOCOL_F_REPLY_ACK))
		return;
	if (send(user->channel.fd, &reply, sizeof(reply),
		 MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(reply))
		user_lose(user, NULL,
			  "backend does not take the answers to its requests");
}

static void handle(struct user *user, const struct user_header *request)
{
	bool known = request->request == USER_BACKEND_CONFIG_CHANGE_MSG;

	if (known) {
		user->config_stale = true;
		user->config_changed = true;
		if (!evtimer_pending(user->channel.rested, NULL))
			event_active(user->deferred, EV_TIMEOUT, 0);
	} else {
		log_guest("vhost", user->id,
			  "backend request %u: not negotiated, ignored",
			  request->request);
	}
	answer(user, request, known);
}

/* More bytes of the current message; false when there are none, or no more. */
static bool read_more(struct user *user, size_t want)
{
	struct user_channel *channel = &user->channel;
	bool fds = false;
	ssize_t n;

	n = user_read_some(channel->fd, channel->in + channel->have,
			   want - channel->have, &fds);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		/* Whether this is the end is for the main socket to tell. */
		user_channel_close(user);
		if (user->config_changed)
			event_active(user->deferred, EV_TIMEOUT, 0);
		return false;
	}
	channel->have += (size_t)n;
	return true;
}

/* One message, as far as it has come; false when nothing is left to do. */
static bool serve_one(struct user *user)
{
	struct user_channel *channel = &user->channel;
	struct user_header request;

	while (channel->have < sizeof(request)) {
		if (!read_more(user, sizeof(request)))
			return false;
	}
	memcpy(&request, channel->in, sizeof(request));
	if ((request.flags & USER_FLAG_VERSION_MASK) != USER_FLAG_VERSION ||
	    (request.flags & USER_FLAG_REPLY) ||
	    request.size > USER_PAYLOAD_MAX) {
		user_lose(user, NULL,
			  "malformed backend request %u (flags %#x, %u bytes)",
			  request.request, request.flags, request.size);
		return false;
	}
	while (channel->have < sizeof(request) + request.size) {
		if (!read_more(user, sizeof(request) + request.size))
			return false;
	}
	channel->have = 0;
	handle(user, &request);
	return !user->lost;
}

void user_channel_serve(struct user *user)
{
	for (int i = 0; i < MESSAGES_PER_LOOK; i++) {
		if (!serve_one(user))
			break;
	}
}

void user_channel_rest(struct user *user, uint64_t ms)
{
	struct timeval rest = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};

	if (user->channel.fd < 0)
		return;
	event_del(user->channel.readable);
	evtimer_add(user->channel.rested, &rest);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct user *user = arg;

	(void)fd;
	(void)what;
	user_channel_serve(user);
	user_channel_rest(user, USER_CHANNEL_REST_MS);
}

static void rested(evutil_socket_t fd, short what, void *arg)
{
	struct user *user = arg;

	(void)fd;
	(void)what;
	event_add(user->channel.readable, NULL);
	if (user->config_changed)
		event_active(user->deferred, EV_TIMEOUT, 0);
}

static int watch(struct user *user, struct err *err)
{
	struct user_channel *channel = &user->channel;

	channel->readable = event_new(user->base, channel->fd,
				      EV_READ | EV_PERSIST, readable, user);
	channel->rested = evtimer_new(user->base, rested, user);
	if (channel->readable == NULL || channel->rested == NULL ||
	    event_add(channel->readable, NULL) < 0)
		return err_set(err, ENOMEM, "backend channel: out of memory");
	return 0;
}

int user_channel_open(struct user *user, struct err *err)
{
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "backend channel");
	user->channel.fd = pair[0];
	ret = user_send(user,
			&(struct user_message){
				.request = USER_SET_BACKEND_REQ_FD,
				.fds = &pair[1],
				.fd_count = 1,
			},
			err);
	fd_close(&pair[1]);
	return ret < 0 ? ret : watch(user, err);
}

void user_channel_close(struct user *user)
{
	struct user_channel *channel = &user->channel;

	if (channel->readable != NULL)
		event_free(channel->readable);
	if (channel->rested != NULL)
		event_free(channel->rested);
	channel->readable = NULL;
	channel->rested = NULL;
	fd_close(&channel->fd);
	channel->have = 0;
}
