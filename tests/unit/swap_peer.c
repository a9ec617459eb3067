// SPDX-License-Identifier: Apache-2.0
/*
 * swap_peer.c - a `mote block` with a control socket, and two images for it
 */
#include "swap_peer.h"
#include "block_control.h"
#include "clock.h"
#include "fd.h"
#include "fd_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void swap_create_other(struct swap_peer *f, const char *dir, off_t bytes)
{
	char fill[4096];

	snprintf(f->other, sizeof(f->other), "%s/mote-other-XXXXXX", dir);
	f->other_fd = mkstemp(f->other);
	ck_assert_int_ge(f->other_fd, 0);
	memset(fill, 'B', sizeof(fill));
	for (off_t at = 0; at < bytes; at += (off_t)sizeof(fill))
		ck_assert_int_eq(fd_write_all(f->other_fd, fill, sizeof(fill)),
				 0);
	ck_assert_int_eq(ftruncate(f->other_fd, bytes), 0);
}

static void open_channel(struct swap_peer *f)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_uint_eq(peer_ack(&f->disk.peer, VU_SET_BACKEND_REQ_FD, NULL,
				   0, &pair[1], 1),
			  0);
	close(pair[1]);
	f->channel = pair[0];
}

void swap_begin(struct swap_peer *f, const char *dir, const char *option)
{
	char control[32];
	const char *const options[] = { control, "--log-level=error", option,
					NULL };
	int pair[2];

	f->sequence = 0;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	snprintf(control, sizeof(control), "--control-fd=%d", pair[1]);
	disk_create(&f->disk, dir);
	disk_start_with(&f->disk, ALL_FEATURES, options, 1);
	close(pair[1]);
	f->control = pair[0];
	open_channel(f);
}

void swap_finish(struct swap_peer *f)
{
	disk_finish(&f->disk);
	unlink(f->other);
	close(f->other_fd);
	close(f->control);
	close(f->channel);
}

void swap_ask(struct swap_peer *f, int image_fd, uint32_t flags, uint64_t ms)
{
	struct block_control_request request = {
		.verb = BLOCK_CONTROL_SWAP,
		.flags = flags,
		.deadline_ms = clock_now_ms() + ms,
		.sequence = ++f->sequence,
	};

	ck_assert_int_eq(fd_packet_send(f->control, &request, sizeof(request),
					image_fd),
			 0);
}

int swap_answer(struct swap_peer *f)
{
	struct block_control_answer message;

	ck_assert_int_eq(recv(f->control, &message, sizeof(message), 0),
			 sizeof(message));
	ck_assert_uint_eq(message.sequence, f->sequence);
	return message.error;
}

int swap_image(struct swap_peer *f, const char *path, int mode, uint32_t flags)
{
	int fd = open(path, mode | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	swap_ask(f, fd, flags, LONG_MS);
	close(fd);
	return swap_answer(f);
}

bool swap_is_announced(struct swap_peer *f)
{
	struct pollfd channel = { .fd = f->channel, .events = POLLIN };
	struct vu_header header;

	if (poll(&channel, 1, 0) != 1)
		return false;
	ck_assert_int_eq(fd_read_all(f->channel, &header, sizeof(header)), 0);
	ck_assert_uint_eq(header.request, VU_BACKEND_CONFIG_CHANGE);
	return true;
}

struct virtio_blk_config swap_config(struct swap_peer *f)
{
	struct virtio_blk_config config;

	peer_get_config(&f->disk.peer, 0, &config, sizeof(config));
	return config;
}

int swap_read_byte(struct swap_peer *f, uint64_t sector)
{
	struct peer *p = &f->disk.peer;
	uint32_t at = peer_alloc(p, 512, 512);

	if (disk_simple(p, VIRTIO_BLK_T_IN, sector, at, 512) != VIRTIO_BLK_S_OK)
		return -1;
	return (unsigned char)p->mem[at];
}

bool swap_is_locked(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool locked = fd_lock(fd, true) == -EBUSY;

	close(fd);
	return locked;
}
