// SPDX-License-Identifier: Apache-2.0
/*
 * http_rig.c - an API server with a simple handler, and its clients
 */
#include "http_rig.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A while in which nothing comes: so long, and so many turns of the loop. */
enum { QUIET_MS = 20, QUIET_TURNS = 20, PATIENCE_MS = 5000 };

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the handler */

static size_t next_records(void *ctx, uint64_t *cursor, char *buf, size_t room)
{
	struct http_rig *rig = ctx;
	char record[16];
	size_t n = 0;

	ck_assert_uint_ge(room, HTTP_STREAM_ROOM);
	for (; *cursor < rig->said && room - n >= 8; n += 8) {
		snprintf(record, sizeof(record), "%07u\n", (unsigned)++*cursor);
		memcpy(buf + n, record, 8);
	}
	return n;
}

static void set_body(struct http_response *resp, const char *text)
{
	resp->body = strdup(text);
	ck_assert_ptr_nonnull(resp->body);
	resp->body_len = strlen(text);
}

static void answer_none(struct http_rig *rig, struct http_request *req,
			struct http_response *resp)
{
	(void)rig;
	(void)req;
	resp->status = 204;
}

static void answer_deprecated(struct http_rig *rig, struct http_request *req,
			      struct http_response *resp)
{
	(void)rig;
	(void)req;
	resp->deprecated = true;
	set_body(resp, "{}");
}

static void answer_text(struct http_rig *rig, struct http_request *req,
			struct http_response *resp)
{
	(void)rig;
	(void)req;
	resp->content_type = "text/plain";
	set_body(resp, "text");
}

static void answer_big(struct http_rig *rig, struct http_request *req,
		       struct http_response *resp)
{
	(void)rig;
	(void)req;
	resp->body = malloc(BIG);
	ck_assert_ptr_nonnull(resp->body);
	memset(resp->body, 'x', BIG);
	resp->body_len = BIG;
}

static void answer_take(struct http_rig *rig, struct http_request *req,
			struct http_response *resp)
{
	ck_assert_uint_gt(req->fd_count, 0);
	rig->taken = fd_take(&req->fds[0]);
	set_body(resp, "taken");
}

static void answer_stream(struct http_rig *rig, struct http_request *req,
			  struct http_response *resp)
{
	(void)req;
	resp->content_type = "application/x-ndjson";
	resp->streams = true;
	resp->stream = (struct http_stream){ next_records, rig, 0 };
}

static const struct {
	const char *target;
	void (*answer)(struct http_rig *rig, struct http_request *req,
		       struct http_response *resp);
} answers[] = {
	{ "/none", answer_none }, { "/deprecated", answer_deprecated },
	{ "/text", answer_text }, { "/big", answer_big },
	{ "/take", answer_take }, { "/stream", answer_stream },
};

static void handle(void *ctx, struct http_request *req,
		   struct http_response *resp)
{
	struct http_rig *rig = ctx;
	char text[2048];

	rig->requests++;
	resp->status = 200;
	ck_assert_int_eq(req->body == NULL, req->body_len == 0);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		if (strcmp(req->target, answers[i].target) == 0) {
			answers[i].answer(rig, req, resp);
			return;
		}
	}
	snprintf(text, sizeof(text), "%s %s %zu,%u", req->method, req->target,
		 req->body_len, req->fd_count);
	set_body(resp, text);
}

/* --- the server */

void rig_create(struct http_rig *rig)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err err;

	*rig = (struct http_rig){ .addr = { .sun_family = AF_UNIX },
				  .addr_len = sizeof(rig->addr),
				  .taken = -1 };
	/* An abstract name of the kernel's choice: no file to remove. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&rig->addr,
			      sizeof(sa_family_t)),
			 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&rig->addr,
				     &rig->addr_len),
			 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	rig->base = event_base_new();
	ck_assert_ptr_nonnull(rig->base);
	ck_assert_int_eq(http_server_create(rig->base, fd, RIG_PAYLOAD_MAX,
					    handle, rig, &rig->server, &err),
			 0);
}

void rig_destroy(struct http_rig *rig)
{
	http_server_destroy(rig->server);
	event_base_free(rig->base);
	fd_close(&rig->taken);
}

void rig_turn(struct http_rig *rig, unsigned turns)
{
	while (turns-- > 0)
		event_base_loop(rig->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void rig_turn_ms(struct http_rig *rig, unsigned ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end) {
		rig_turn(rig, 1);
		usleep(500);
	}
}

/* --- clients */

int rig_connect(struct http_rig *rig)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		connect(fd, (struct sockaddr *)&rig->addr, rig->addr_len), 0);
	return fd;
}

size_t rig_send(struct http_rig *rig, int fd, const char *bytes, size_t len)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	size_t sent = 0;
	ssize_t n;

	for (unsigned idle = 0; sent < len && idle < 100; idle++) {
		n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EPIPE)
			break;
		ck_assert(n >= 0 || errno == EAGAIN);
		ck_assert_uint_lt(now_ms(), end);
		if (n > 0)
			idle = 0;
		sent += n > 0 ? (size_t)n : 0;
		rig_turn(rig, 1);
	}
	return sent;
}

void rig_send_text(struct http_rig *rig, int fd, const char *text)
{
	ck_assert_uint_eq(rig_send(rig, fd, text, strlen(text)), strlen(text));
}

void rig_send_fds(int fd, const char *text, const int *fds, unsigned count)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {
		0
	};
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	ck_assert_uint_le(count, 64);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	ck_assert_int_eq(sendmsg(fd, &msg, 0), (int)iov.iov_len);
}

size_t rig_receive(struct http_rig *rig, int fd, char *buf, size_t room,
		   bool *eof)
{
	uint64_t heard = now_ms();
	unsigned turns = 0;
	size_t got = 0;
	ssize_t n;

	*eof = false;
	while (got < room &&
	       (now_ms() - heard < QUIET_MS || turns < QUIET_TURNS)) {
		rig_turn(rig, 1);
		turns++;
		n = recv(fd, buf + got, room - got, 0);
		*eof = n == 0;
		if (n == 0)
			break;
		ck_assert_msg(n > 0 || errno == EAGAIN, "recv: %s",
			      strerror(errno));
		if (n > 0) {
			heard = now_ms();
			turns = 0;
			got += (size_t)n;
		}
	}
	return got;
}

void rig_expect(struct http_rig *rig, int fd, const char *bytes, bool closes)
{
	static char buf[3 << 20];
	size_t want = strlen(bytes), got = 0;
	uint64_t end = now_ms() + PATIENCE_MS;
	bool eof = false;

	ck_assert_uint_lt(want, sizeof(buf));
	while (got < want && !eof && now_ms() < end)
		got += rig_receive(rig, fd, buf + got, want - got, &eof);
	buf[got] = '\0';
	ck_assert_msg(got == want && memcmp(buf, bytes, want) == 0,
		      "got '%.2000s' instead of '%.2000s'", buf, bytes);
	while (closes && !eof && now_ms() < end)
		ck_assert_uint_eq(rig_receive(rig, fd, buf, 1, &eof), 0);
	ck_assert_int_eq(eof, closes);
	if (!closes) {
		rig_turn(rig, 5);
		ck_assert_int_eq(recv(fd, buf, 1, 0), -1);
		ck_assert_int_eq(errno, EAGAIN);
	}
}

void rig_say(struct http_rig *rig, unsigned records)
{
	rig->said += records;
	http_server_wake(rig->server);
}
