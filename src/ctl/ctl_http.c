// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_http.c - requests out, answers in (RFC 9112)
 *
 * Theory of operation: ctl_send(), then ctl_read_head(), then ctl_read_body()
 * until it returns 0; then the connection takes the next request. Bytes come
 * through receive() alone, which keeps the time limit, into one buffer, so that
 * it does not matter how the server has cut them.
 */
#include "ctl_http.h"
#include "clock.h"
#include "fd.h"
#include "parse.h"
#include "unix_socket.h"
#include "util.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int fail(const struct ctl_connection *conn, int code, struct err *err)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ ENOENT, "there is none; give the PATH of mote --api-sock" },
		{ ECONNREFUSED, "nobody listens there, its VM has ended" },
		{ EACCES, "permission denied; only the user who runs the VM, "
			  "and root, may connect" },
		{ EAGAIN, "the server does not take connections" },
		{ ETIMEDOUT, "no answer in time" },
		{ ECONNRESET, "closed before the answer was complete" },
		{ EPROTO, "what answers does not speak HTTP" },
		{ EFBIG, "the answer is too long" },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].code == code)
			return err_set(err, code, "socket '%s': %s", conn->path,
				       texts[i].text);
	}
	return err_set(err, code, "socket '%s': %s", conn->path,
		       strerror(code));
}

void ctl_set_limit(struct ctl_connection *conn, unsigned limit_ms)
{
	conn->limit_ms = limit_ms > 0 ? clock_now_ms() + limit_ms : 0;
}

/* Sending waits for as long as well; AF_UNIX connects within that time, too. */
static int set_send_limit(int fd, unsigned limit_ms)
{
	const struct timeval limit = {
		.tv_sec = limit_ms / 1000,
		.tv_usec = limit_ms % 1000 * 1000,
	};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int ctl_connect(const char *path, unsigned limit_ms,
		struct ctl_connection *conn, struct err *err)
{
	struct sockaddr_un addr;
	int ret = unix_socket_address(path, &addr, err), code;

	*conn = (struct ctl_connection){
		.fd = -1,
		.output_fd = -1,
		.path = path,
	};
	if (ret < 0)
		return ret;
	conn->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || set_send_limit(conn->fd, limit_ms) < 0 ||
	    connect(conn->fd, (const struct sockaddr *)&addr, sizeof(addr)) <
		    0) {
		code = errno;
		fd_close(&conn->fd);
		return fail(conn, code, err);
	}
	ctl_set_limit(conn, limit_ms);
	return 0;
}

void ctl_close(struct ctl_connection *conn)
{
	fd_close(&conn->fd);
}

/*
 * A server that refuses a connection answers and closes without having read: its
 * answer is there to be read all the same.
 */
static int send_all(struct ctl_connection *conn, const char *text, size_t len,
		    struct err *err)
{
	ssize_t n;

	while (len > 0) {
		n = send(conn->fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return fail(conn, errno == EAGAIN ? ETIMEDOUT : errno,
				    err);
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int ctl_send(struct ctl_connection *conn, const char *method,
	     const char *target, const char *body, struct err *err)
{
	char *head;
	int len, ret;

	if (body != NULL)
		len = asprintf(&head,
			       "%s %s HTTP/1.1\r\nHost: localhost\r\n"
			       "Content-Type: application/json\r\n"
			       "Content-Length: %zu\r\n\r\n",
			       method, target, strlen(body));
	else
		len = asprintf(&head,
			       "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
			       method, target);
	if (len < 0)
		return fail(conn, ENOMEM, err);
	ret = send_all(conn, head, (size_t)len, err);
	free(head);
	if (ret == 0 && body != NULL)
		ret = send_all(conn, body, strlen(body), err);
	return ret;
}

static int ms_left(const struct ctl_connection *conn)
{
	uint64_t now = clock_now_ms();

	if (conn->limit_ms == 0)
		return -1;
	return conn->limit_ms > now ? (int)(conn->limit_ms - now) : 0;
}

/* More bytes into the empty buffer; 1, or 0 at the end of the connection. */
static int receive(struct ctl_connection *conn, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = conn->fd, .events = POLLIN },
		{ .fd = conn->output_fd },
	};
	ssize_t n;
	int ret;

	do {
		ret = poll(fds, ARRAY_LEN(fds), ms_left(conn));
	} while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		return fail(conn, ret < 0 ? errno : ETIMEDOUT, err);
	if (fds[0].revents == 0)
		return fail(conn, EPIPE, err);
	n = read(conn->fd, conn->in, sizeof(conn->in));
	if (n < 0 && errno != ECONNRESET)
		return fail(conn, errno, err);
	conn->at = 0;
	conn->len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* A line without its end, which is CR LF or LF alone. */
static int read_line(struct ctl_connection *conn, char *line, struct err *err)
{
	size_t len = 0;
	int ret;
	char c;

	for (;;) {
		if (conn->at == conn->len) {
			ret = receive(conn, err);
			if (ret <= 0)
				return ret < 0 ? ret
					       : fail(conn, ECONNRESET, err);
		}
		c = conn->in[conn->at++];
		if (c == '\n')
			break;
		if (len == CTL_LINE_MAX || c == '\0' ||
		    ++conn->head_len > CTL_HEAD_MAX)
			return fail(conn, EPROTO, err);
		line[len++] = c;
	}
	if (len > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	return 0;
}

/* "HTTP/1.1 200", and a reason or none. */
static int parse_status(struct ctl_connection *conn, char *line,
			unsigned *status, struct err *err)
{
	char *version = strsep(&line, " ");
	char *digits = strsep(&line, " ");
	uint64_t number;

	if ((strcmp(version, "HTTP/1.1") != 0 &&
	     strcmp(version, "HTTP/1.0") != 0) ||
	    digits == NULL || parse_uint(digits, 100, 999, &number, NULL) < 0)
		return fail(conn, EPROTO, err);
	*status = (unsigned)number;
	return 0;
}

static int parse_header(struct ctl_connection *conn, char *line,
			struct err *err)
{
	char *value = strchr(line, ':');

	if (value == NULL)
		return fail(conn, EPROTO, err);
	*value++ = '\0';
	value += strspn(value, " \t");
	value[strcspn(value, " \t")] = '\0';
	if (strcasecmp(line, "Transfer-Encoding") == 0) {
		if (strcasecmp(value, "chunked") != 0)
			return fail(conn, EPROTO, err);
		conn->chunked = true;
	} else if (strcasecmp(line, "Content-Length") == 0) {
		if (parse_uint(value, 0, INT64_MAX, &conn->left, NULL) < 0)
			return fail(conn, EPROTO, err);
		conn->until_close = false;
	}
	return 0;
}

static int read_one_head(struct ctl_connection *conn, unsigned *status,
			 struct err *err)
{
	char line[CTL_LINE_MAX + 1];
	int ret = read_line(conn, line, err);

	conn->chunked = conn->in_chunks = conn->done = false;
	conn->until_close = true;
	conn->left = 0;
	if (ret == 0)
		ret = parse_status(conn, line, status, err);
	while (ret == 0) {
		ret = read_line(conn, line, err);
		if (ret < 0 || line[0] == '\0')
			break;
		ret = parse_header(conn, line, err);
	}
	return ret;
}

int ctl_read_head(struct ctl_connection *conn, unsigned *status,
		  struct err *err)
{
	int ret;

	conn->head_len = 0;
	do {
		ret = read_one_head(conn, status, err);
	} while (ret == 0 && *status < 200); /* "100 Continue" */
	if (ret == 0 && (*status == 204 || *status == 304))
		conn->done = true; /* RFC 9112, 6.3 */
	return ret;
}

/* RFC 9112, 7.1: the line before each chunk; lines follow the last, of size 0. */
static int begin_chunk(struct ctl_connection *conn, struct err *err)
{
	char line[CTL_LINE_MAX + 1], *end;
	int ret = 0;

	conn->head_len = 0;
	if (conn->in_chunks)
		ret = read_line(conn, line, err);
	if (ret == 0 && conn->in_chunks && line[0] != '\0')
		return fail(conn, EPROTO, err);
	if (ret == 0)
		ret = read_line(conn, line, err);
	if (ret < 0)
		return ret;
	conn->in_chunks = true;
	conn->left = strtoull(line, &end, 16);
	if (strspn(line, "0123456789abcdefABCDEF") == 0 ||
	    conn->left > INT64_MAX ||
	    (*end != '\0' && *end != ';' && *end != ' '))
		return fail(conn, EPROTO, err);
	if (conn->left > 0)
		return 0;
	do {
		ret = read_line(conn, line, err);
	} while (ret == 0 && line[0] != '\0');
	conn->done = true;
	return ret;
}

/* The body is at its end, or there are bytes of it in the buffer. */
static int find_body(struct ctl_connection *conn, struct err *err)
{
	int ret = 0;

	if (conn->chunked && conn->left == 0 && !conn->done)
		ret = begin_chunk(conn, err);
	else if (!conn->until_close && conn->left == 0)
		conn->done = true;
	if (ret < 0 || conn->done || conn->at < conn->len)
		return ret;
	ret = receive(conn, err);
	if (ret != 0)
		return MIN(ret, 0);
	if (conn->chunked || !conn->until_close)
		return fail(conn, ECONNRESET, err);
	conn->done = true;
	return 0;
}

ssize_t ctl_read_body(struct ctl_connection *conn, char *buf, size_t room,
		      struct err *err)
{
	int ret = conn->done ? 0 : find_body(conn, err);
	size_t n = MIN(room, conn->len - conn->at);

	if (ret < 0 || conn->done)
		return ret;
	if (conn->chunked || !conn->until_close) {
		n = (size_t)MIN(n, conn->left);
		conn->left -= n;
	}
	memcpy(buf, conn->in + conn->at, n);
	conn->at += n;
	return (ssize_t)n;
}

int ctl_read_all(struct ctl_connection *conn, struct ctl_answer *answer,
		 struct err *err)
{
	size_t room = 0;
	ssize_t n;
	char *bigger;

	answer->body = NULL;
	answer->len = 0;
	do {
		if (room - answer->len < 2) {
			room = MAX(2 * room, (size_t)CTL_LINE_MAX);
			bigger = realloc(answer->body, room);
			if (bigger == NULL || room > CTL_BODY_MAX) {
				n = fail(conn, bigger ? EFBIG : ENOMEM, err);
				answer->body = bigger ? bigger : answer->body;
				break;
			}
			answer->body = bigger;
		}
		n = ctl_read_body(conn, answer->body + answer->len,
				  room - answer->len - 1, err);
		answer->len += (size_t)MAX(n, 0);
	} while (n > 0);
	if (n < 0)
		ctl_answer_free(answer);
	else
		answer->body[answer->len] = '\0';
	return (int)n;
}
