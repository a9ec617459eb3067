// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_host.c - the Unix socket of a connection
 *
 * Sockets are watched edge-triggered: for input always, for room only while the
 * buffer holds something, as each read of the other side would wake us.
 */
#include "vsock.h"
#include "fd.h"
#include "unix_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = EPOLLIN | EPOLLRDHUP };

int vsock_host_connect(const char *uds_path, uint32_t port)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 12];
	struct sockaddr_un addr;
	int fd, ret;

	snprintf(path, sizeof(path), "%s_%" PRIu32, uds_path, port);
	ret = unix_socket_address(path, &addr, NULL);
	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Without waiting: a server whose backlog is full refuses (EAGAIN). */
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	return fd;
}

static struct vu_loop *loop_of(const struct vsock_conn *c)
{
	return vu_server_loop(c->v->server);
}

static void forget_buffer(struct vsock_conn *c)
{
	vu_buffer_destroy(&c->buffer);
	c->buffer.len = 0;
}

void vsock_host_close(struct vsock_conn *c)
{
	vu_loop_remove(loop_of(c), &c->watch);
	fd_close(&c->fd);
	forget_buffer(c);
	c->readable = false;
}

/* As the guest could believe it has this little room, tell it of more. */
static void count_taken(struct vsock_conn *c, size_t bytes)
{
	c->taken += (uint32_t)bytes;
	if (c->state == VSOCK_OPEN && c->taken != c->told &&
	    c->received - c->told > VSOCK_BUFFER / 2)
		c->owed |= BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

static void host_shuts(struct vsock_conn *c, uint32_t directions)
{
	if (c->state != VSOCK_OPEN || !(directions & ~c->host_shut))
		return;
	c->host_shut |= directions;
	c->owed |= BIT(VIRTIO_VSOCK_OP_SHUTDOWN);
}

/* Nobody reads any more; what comes from now on is lost. */
static void reader_left(struct vsock_conn *c)
{
	size_t lost = c->buffer.len;

	forget_buffer(c);
	host_shuts(c, VIRTIO_VSOCK_SHUTDOWN_RCV);
	count_taken(c, lost);
}

static void hung_up(struct vsock_conn *c)
{
	if (c->state == VSOCK_CLIENT || c->state == VSOCK_REQUESTED) {
		vsock_conn_abort(c, true);
		return;
	}
	reader_left(c);
	if (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)
		host_shuts(c, VIRTIO_VSOCK_SHUTDOWN_SEND);
	if (c->state == VSOCK_GONE)
		vsock_host_close(c);
	vsock_conn_settle(c);
}

static void room(struct vsock_conn *c)
{
	if (!vsock_host_flush(c))
		return;
	if (c->state == VSOCK_GONE)
		vsock_host_close(c);
	else
		vsock_host_shut(c);
}

static void ready(struct vu_watch *watch, uint32_t events)
{
	struct vsock_conn *c = container_of(watch, struct vsock_conn, watch);

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = true;
	if (events & (EPOLLHUP | EPOLLERR)) {
		hung_up(c);
		return;
	}
	if (c->state == VSOCK_CLIENT) {
		vsock_client_ready(c);
		return;
	}
	if ((events & EPOLLOUT) && c->buffer.len > 0)
		room(c);
	vsock_conn_settle(c);
}

int vsock_host_watch(struct vsock_conn *c)
{
	c->watch = VU_WATCH_NONE(ready);
	return vu_loop_add(loop_of(c), &c->watch, c->fd, EVENTS | EPOLLET);
}

bool vsock_host_probe(const struct vsock_conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       errno != EAGAIN;
}

ssize_t vsock_host_read(struct vsock_conn *c, const struct vu_iov *into)
{
	ssize_t n = readv(c->fd, into->iov, (int)into->count);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		c->readable = errno == EINTR;
		return -EAGAIN;
	}
	if (n <= 0) {
		host_shuts(c, VIRTIO_VSOCK_SHUTDOWN_SEND);
		return 0;
	}
	/* Less than asked for is mostly all there is, but not for sure. */
	if ((uint64_t)n < vu_iov_len(into))
		c->readable = vsock_host_probe(c);
	return n;
}

static ssize_t send_iov(struct vsock_conn *c, struct iovec *iov, size_t count)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n;

	do {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int keep(struct vsock_conn *c, struct vu_iov *data)
{
	if (c->buffer.data == NULL) {
		if (vu_buffer_create(&c->buffer, VSOCK_BUFFER) < 0)
			return -ENOMEM;
		vu_loop_change(loop_of(c), &c->watch,
			       EVENTS | EPOLLOUT | EPOLLET);
	}
	vu_buffer_put_iov(&c->buffer, data);
	return 0;
}

int vsock_host_write(struct vsock_conn *c, struct vu_iov *data)
{
	uint64_t len = vu_iov_len(data);
	ssize_t n = 0;

	if (c->host_shut & VIRTIO_VSOCK_SHUTDOWN_RCV) {
		count_taken(c, len);
		return 0;
	}
	if (c->buffer.len == 0)
		n = send_iov(c, data->iov, data->count);
	if (n < 0 && errno != EAGAIN) {
		reader_left(c);
		count_taken(c, len);
		return 0;
	}
	n = MAX(n, 0);
	count_taken(c, (size_t)n);
	vu_iov_skip(data, (uint64_t)n);
	return (uint64_t)n < len ? keep(c, data) : 0;
}

bool vsock_host_flush(struct vsock_conn *c)
{
	struct iovec pieces[2];
	unsigned count;
	ssize_t n;

	while ((count = vu_buffer_peek(&c->buffer, pieces)) > 0) {
		n = send_iov(c, pieces, count);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			reader_left(c);
			return true;
		}
		vu_buffer_drop(&c->buffer, (size_t)n);
		count_taken(c, (size_t)n);
	}
	forget_buffer(c);
	vu_loop_change(loop_of(c), &c->watch, EVENTS | EPOLLET);
	return true;
}

void vsock_host_shut(struct vsock_conn *c)
{
	if (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)
		shutdown(c->fd, SHUT_RD);
	if ((c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) && c->buffer.len == 0)
		shutdown(c->fd, SHUT_WR);
}
