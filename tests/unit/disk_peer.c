// SPDX-License-Identifier: Apache-2.0
/*
 * disk_peer.c - a `mote block` in a child process, its image and its driver
 */
#include "disk_peer.h"
#include "backend.h"
#include "fd.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
const struct format formats[FORMATS] = {
	{ "packed", 0 },
	{ "packed, no event index", BIT(VIRTIO_RING_F_EVENT_IDX) },
	{ "split", BIT(VIRTIO_F_RING_PACKED) },
	{ "split, no event index",
	  BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_RING_F_EVENT_IDX) },
};
/* clang-format on */

void disk_create(struct disk *f, const char *dir)
{
	char *bytes = malloc(IMAGE_BYTES);

	snprintf(f->image, sizeof(f->image), "%s/mote-block-XXXXXX", dir);
	f->fd = mkstemp(f->image);
	ck_assert_int_ge(f->fd, 0);
	for (size_t i = 0; i < IMAGE_BYTES; i++)
		bytes[i] = (char)(i / SECTOR * 7 + i);
	ck_assert_int_eq(fd_write_all(f->fd, bytes, IMAGE_BYTES), 0);
	free(bytes);
}

void disk_start_with(struct disk *f, uint64_t features,
		     const char *const *extra, unsigned queues)
{
	char file[96], num[32];
	const char *args[8] = { "block", file, num, "--serial=SN0123" };

	for (size_t i = 0; extra[i] != NULL; i++) {
		ck_assert_uint_lt(4 + i, ARRAY_LEN(args) - 1);
		args[4 + i] = extra[i];
	}
	snprintf(file, sizeof(file), "--blk-file=%s", f->image);
	snprintf(num, sizeof(num), "--num-queues=%u", queues);
	peer_start(&f->peer, backend_block_main, args);
	peer_negotiate(&f->peer, features);
	peer_share_memory(&f->peer);
	for (unsigned i = 0; i < queues; i++)
		peer_start_queue(&f->peer, i, QUEUE);
}

void disk_start(struct disk *f, uint64_t features, const char *extra,
		unsigned queues)
{
	const char *const options[] = { extra, NULL };

	disk_start_with(f, features, options, queues);
}

void disk_finish(struct disk *f)
{
	ck_assert_int_eq(peer_stop(&f->peer), 0);
	unlink(f->image);
	close(f->fd);
}

void disk_begin(struct disk *f, uint64_t without)
{
	disk_create(f, "/tmp");
	disk_start(f, ALL_FEATURES & ~without, NULL, 1);
}

uint32_t disk_submit(struct peer *p, unsigned queue,
		     const struct disk_request *r)
{
	uint32_t head = peer_alloc(p, sizeof(struct virtio_blk_outhdr), 16);
	uint32_t status = peer_alloc(p, 1, 1);
	struct virtio_blk_outhdr header = { r->type, 0, r->sector };
	struct buffer bufs[12];
	unsigned n = 0;

	memcpy(p->mem + head, &header, sizeof(header));
	p->mem[status] = (char)0xee;
	if (r->header_cut > 0)
		bufs[n++] = (struct buffer){ head, r->header_cut, false };
	bufs[n++] = (struct buffer){ head + r->header_cut,
				     sizeof(header) - r->header_cut, false };
	for (unsigned i = 0; i < r->buffers; i++)
		bufs[n++] = r->data[i];
	bufs[n++] = (struct buffer){ status, 1, true };
	driver_add(&p->queues[queue], bufs, n, r->table);
	peer_kick(p, queue);
	return status;
}

uint8_t disk_run(struct peer *p, const struct disk_request *r, uint32_t *len)
{
	uint32_t status = disk_submit(p, 0, r), written;
	uint16_t id;

	written = peer_wait_used(p, 0, &id);
	if (len != NULL)
		*len = written;
	return (uint8_t)p->mem[status];
}

uint8_t disk_simple(struct peer *p, uint32_t type, uint64_t sector, uint32_t at,
		    uint32_t len)
{
	struct disk_request r = { .type = type, .sector = sector };

	if (len > 0) {
		r.data[0] = (struct buffer){ at, len, type == VIRTIO_BLK_T_IN };
		r.buffers = 1;
	}
	return disk_run(p, &r, NULL);
}

bool disk_same(struct disk *f, uint64_t sector, uint32_t at, uint32_t len)
{
	char bytes[65536];

	ck_assert_uint_le(len, sizeof(bytes));
	ck_assert_int_eq(pread(f->fd, bytes, len, (off_t)(sector * SECTOR)),
			 len);
	return memcmp(bytes, f->peer.mem + at, len) == 0;
}

uint8_t disk_range(struct peer *p, uint32_t type, uint64_t sector,
		   uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = { sector, sectors,
							 flags };
	uint32_t at = peer_alloc(p, sizeof(range), 8);

	memcpy(p->mem + at, &range, sizeof(range));
	return disk_simple(p, type, 0, at, sizeof(range));
}
