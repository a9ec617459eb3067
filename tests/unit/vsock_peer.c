// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_peer.c - a `mote vsock` in a child process, its driver and its clients
 */
#include "vsock_peer.h"
#include "backend.h"
#include "fd.h"
#include "unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = sizeof(struct virtio_vsock_hdr), TX_BYTES = 128 * 1024 };

void vsock_post(struct vsock_peer *v, uint32_t at, uint32_t len)
{
	/* Cut where no field ends. */
	const struct buffer bufs[] = { { at, 7, true },
				       { at + 7, len - 7, true } };
	uint16_t id = driver_add(&v->peer.queues[RX], bufs, 2, 0);

	v->buffers[id] = at;
	peer_kick(&v->peer, RX);
}

void vsock_start_queues(struct vsock_peer *v)
{
	peer_start_queue(&v->peer, RX, 4 * QUEUE);
	peer_start_queue(&v->peer, TX, QUEUE);
	peer_start_queue(&v->peer, EVENT, QUEUE);
	for (uint32_t i = 0; i < QUEUE; i++)
		vsock_post(v, v->rx_at + i * BUFFER, BUFFER);
}

void vsock_start(struct vsock_peer *v, uint64_t features)
{
	char path[64], cid[32];
	const char *args[] = { "vsock", path, cid, "--log-level=error", NULL };

	strcpy(v->dir, "/tmp/mote-vsock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(v->dir));
	snprintf(v->uds, sizeof(v->uds), "%s/v", v->dir);
	snprintf(path, sizeof(path), "--uds-path=%s", v->uds);
	snprintf(cid, sizeof(cid), "--guest-cid=%d", GUEST_CID);
	peer_start(&v->peer, backend_vsock_main, args);
	peer_negotiate(&v->peer, features);
	peer_share_memory(&v->peer);
	v->rx_at = peer_alloc(&v->peer, QUEUE * BUFFER, 4096);
	v->tx_at = peer_alloc(&v->peer, HEADER + TX_BYTES, 4096);
	vsock_start_queues(v);
}

void vsock_finish(struct vsock_peer *v)
{
	char command[64];

	ck_assert_int_eq(peer_stop(&v->peer), 0);
	ck_assert_int_ne(access(v->uds, F_OK), 0);
	snprintf(command, sizeof(command), "rm -r %s", v->dir);
	ck_assert_int_eq(system(command), 0);
}

void vsock_send_raw(struct vsock_peer *v, const struct virtio_vsock_hdr *hdr,
		    const void *data, uint32_t len)
{
	const struct buffer bufs[] = { { v->tx_at, 13, false },
				       { v->tx_at + 13, HEADER - 13 + len,
					 false } };
	uint16_t id;

	ck_assert_uint_le(len, TX_BYTES);
	memcpy(v->peer.mem + v->tx_at, hdr, HEADER);
	if (len > 0)
		memcpy(v->peer.mem + v->tx_at + HEADER, data, len);
	driver_add(&v->peer.queues[TX], bufs, 2, 0);
	peer_kick(&v->peer, TX);
	peer_wait_used(&v->peer, TX, &id);
}

void vsock_send(struct vsock_peer *v, struct guest_conn *c, uint16_t op,
		uint32_t flags, const void *data, uint32_t len)
{
	const struct virtio_vsock_hdr hdr = {
		.src_cid = GUEST_CID,
		.dst_cid = 2,
		.src_port = c->guest_port,
		.dst_port = c->host_port,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.flags = flags,
		.buf_alloc = c->buf_alloc,
		.fwd_cnt = c->fwd_cnt,
	};

	c->sent += len;
	vsock_send_raw(v, &hdr, data, len);
}

static void take(struct vsock_peer *v, struct received *r, uint16_t id,
		 uint32_t len)
{
	uint32_t at = v->buffers[id];

	ck_assert_uint_ge(len, HEADER);
	memcpy(&r->hdr, v->peer.mem + at, HEADER);
	ck_assert_uint_eq(r->hdr.len, len - HEADER);
	memcpy(r->data, v->peer.mem + at + HEADER, r->hdr.len);
	vsock_post(v, at, BUFFER);
}

void vsock_receive(struct vsock_peer *v, struct received *r)
{
	uint16_t id;
	uint32_t len = peer_wait_used(&v->peer, RX, &id);

	take(v, r, id, len);
}

void vsock_expect(struct vsock_peer *v, struct guest_conn *c, uint16_t op,
		  struct received *r)
{
	struct received local;

	if (r == NULL)
		r = &local;
	vsock_receive(v, r);
	ck_assert_uint_eq(r->hdr.op, op);
	ck_assert_uint_eq(r->hdr.src_cid, 2);
	ck_assert_uint_eq(r->hdr.dst_cid, GUEST_CID);
	ck_assert_uint_eq(r->hdr.type, VIRTIO_VSOCK_TYPE_STREAM);
	ck_assert_uint_eq(r->hdr.src_port, c->host_port);
	ck_assert_uint_eq(r->hdr.dst_port, c->guest_port);
	c->host_fwd = r->hdr.fwd_cnt;
}

void vsock_expect_nothing(struct vsock_peer *v)
{
	uint32_t len;
	uint16_t id;

	/* Two answers: one loop of the backend at least has passed. */
	peer_get_u64(&v->peer, VU_GET_QUEUE_NUM);
	usleep(50000);
	peer_get_u64(&v->peer, VU_GET_QUEUE_NUM);
	ck_assert(!driver_get(&v->peer.queues[RX], &id, &len));
}

void client_says(int fd, const char *text)
{
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
}

void client_hears(int fd, char *line, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len + 1 < size) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		if (recv(fd, line + len, 1, 0) <= 0 || line[len++] == '\n')
			break;
	}
	line[len] = '\0';
}

bool client_ends(int fd, int seconds)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	while (poll(&pfd, 1, seconds * 1000) == 1) {
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return true;
	}
	return false;
}

int vsock_dial(struct vsock_peer *v, struct guest_conn *c, uint32_t port)
{
	char text[64], expected[64];
	struct received r;
	int fd = peer_connect(v->uds);

	snprintf(text, sizeof(text), "CONNECT %u\n", port);
	client_says(fd, text);
	vsock_receive(v, &r);
	ck_assert_uint_eq(r.hdr.op, VIRTIO_VSOCK_OP_REQUEST);
	ck_assert_uint_eq(r.hdr.src_cid, 2);
	ck_assert_uint_eq(r.hdr.dst_cid, GUEST_CID);
	ck_assert_uint_eq(r.hdr.dst_port, port);
	*c = (struct guest_conn){ port, r.hdr.src_port, ROOM, 0, 0, 0 };
	vsock_send(v, c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0);
	client_hears(fd, text, sizeof(text));
	snprintf(expected, sizeof(expected), "OK %u\n", c->host_port);
	ck_assert_str_eq(text, expected);
	return fd;
}

int vsock_listen_at(struct vsock_peer *v, uint32_t port)
{
	char path[64];
	struct err err;
	int fd;

	snprintf(path, sizeof(path), "%s_%u", v->uds, port);
	ck_assert_int_eq(unix_socket_listen(path, &fd, &err), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

int vsock_dial_out(struct vsock_peer *v, struct guest_conn *c,
		   uint32_t guest_port, int listen_fd, uint32_t port)
{
	int fd;

	*c = (struct guest_conn){ guest_port, port, ROOM, 0, 0, 0 };
	vsock_send(v, c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	vsock_expect(v, c, VIRTIO_VSOCK_OP_RESPONSE, NULL);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}
