// SPDX-License-Identifier: Apache-2.0
/*
 * block.c - the device as the server sees it: queues, configuration, size
 *
 * Requests come from one pool, because a guest decides how many there are: when
 * it is empty, queues wait (VU_SERVED_BLOCKED) until a request completes.
 *
 * A change of the image's size is noticed every two seconds, and at once on
 * SIGHUP. A timer, because nothing reports it for all images alike: inotify has
 * no events for block devices and needs a path, which an inherited image lacks.
 * Until then requests are checked against the old capacity: reads beyond the
 * end of a file that has shrunk fail, writes would make it longer again.
 */
#include "block.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

enum {
	/* Chains, and bytes, before other queues and the socket get their turn:
	 * on tmpfs a guest could keep us copying for minutes. */
	BUDGET = 128,
	BUDGET_BYTES = 64 * 1024 * 1024,
	SIZE_INTERVAL_S = 2,
	/* 2 GiB in one discard: more would only make it take longer. */
	DISCARD_SECTORS_MAX = 1 << 22,
};

uint64_t block_features(const struct block *b)
{
	uint64_t features = BIT(VIRTIO_BLK_F_SEG_MAX) |
			    BIT(VIRTIO_BLK_F_BLK_SIZE) |
			    BIT(VIRTIO_BLK_F_TOPOLOGY) |
			    BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_MQ);

	if (b->image.read_only)
		features |= BIT(VIRTIO_BLK_F_RO);
	if (b->image.can_discard)
		features |= BIT(VIRTIO_BLK_F_DISCARD) |
			    BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

/* virtio 1.3, 5.2.4 */
static void read_config(void *device, void *buf)
{
	const struct block *b = device;
	uint32_t blocks = MAX(b->image.physical_size / b->image.block_size, 1u);
	struct virtio_blk_config config = {
		.capacity = b->image.sectors,
		.seg_max = BLOCK_SEG_MAX,
		.blk_size = b->image.block_size,
		.physical_block_exp = (uint8_t)__builtin_ctz(blocks),
		.min_io_size = (uint16_t)blocks,
		.num_queues = (uint16_t)b->queues,
		.max_discard_sectors = DISCARD_SECTORS_MAX,
		.max_discard_seg = 1,
		.discard_sector_alignment =
			b->image.physical_size / BLOCK_SECTOR,
		.max_write_zeroes_sectors = DISCARD_SECTORS_MAX,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};

	memcpy(buf, &config, sizeof(config));
}

/* The only writable field belongs to CONFIG_WCE, which is not offered. */
static int write_config(void *device, size_t offset, const void *data,
			size_t len)
{
	(void)device;
	(void)offset;
	(void)data;
	(void)len;
	return -EINVAL;
}

/* The one used last, whose cache lines are warm; a new one costs a page. */
static struct block_request *take_request(struct block *b)
{
	struct block_request *r = b->free;

	if (r != NULL)
		b->free = r->next;
	else if (b->fresh < BLOCK_REQUESTS)
		r = &b->requests[b->fresh++];
	return r;
}

static void put_request(struct block *b, struct block_request *r)
{
	r->next = b->free;
	b->free = r;
}

void block_request_finish(struct block *b, struct block_request *r,
			  uint8_t status)
{
	uint64_t written = r->filled;

	/*
	 * 2.7.8.2: as many bytes as are written without a gap from the start.
	 * After a read that failed half-way the status is not among them.
	 */
	if (r->status != NULL) {
		*r->status = status;
		if (r->filled == r->room)
			written++;
	}
	free(r->bounce);
	r->bounce = NULL;
	vu_queue_push(r->queue, &r->chain, (uint32_t)written);
	put_request(b, r);
}

static enum vu_served serve(void *device, struct vu_queue *queue)
{
	enum vu_served served = VU_SERVED_PART;
	struct block *b = device;
	uint64_t bytes = 0;

	if (block_swap_is_pending(b)) {
		b->starved = true;
		return VU_SERVED_BLOCKED;
	}
	for (int n = 0; n < BUDGET && bytes < BUDGET_BYTES; n++) {
		struct block_request *r = take_request(b);

		if (r == NULL) {
			b->starved = true;
			served = VU_SERVED_BLOCKED;
			break;
		}
		if (!vu_queue_pop(queue, &r->chain)) {
			put_request(b, r);
			served = VU_SERVED_ALL;
			break;
		}
		r->queue = queue;
		bytes += r->chain.bytes;
		block_request_start(b, r);
	}
	block_io_submit(b, false);
	return served;
}

static void drain(void *device, struct vu_queue *queue)
{
	struct block *b = device;

	while (queue->in_flight > 0) {
		block_io_submit(b, true);
		b->drained |= block_io_reap(b) > 0;
	}
}

void block_resume(struct block *b)
{
	if (!b->starved)
		return;
	b->starved = false;
	for (unsigned i = 0; i < b->queues; i++)
		vu_queue_serve(vu_server_queue(b->server, i));
}

static void idle(void *device)
{
	struct block *b = device;
	bool any = b->drained;

	if (b->submitted > 0)
		any |= block_io_reap(b) > 0;
	if (any) {
		b->drained = false;
		block_io_submit(b, false); /* further steps of some */
		for (unsigned i = 0; i < b->queues; i++)
			vu_queue_notify(vu_server_queue(b->server, i));
	}
	if (block_swap_is_pending(b))
		block_swap_continue(b);
	else if (any)
		block_resume(b);
}

static void check_size(struct block *b)
{
	if (!block_image_resized(&b->image))
		return;
	log_write(LOG_INFO, "block", b->id,
		  "image %s now has %" PRIu64 " sectors, telling the guest",
		  b->image.name, b->image.sectors);
	vu_server_config_changed(b->server);
}

static void timer_ready(struct vu_watch *watch, uint32_t events)
{
	struct block *b = container_of(watch, struct block, timer);

	(void)events;
	eventfd_drain(b->timer_fd);
	check_size(b);
}

static bool on_signal(void *device, int signo)
{
	if (signo == SIGHUP)
		check_size(device);
	return signo == SIGHUP;
}

const struct vu_device_ops block_ops = {
	.serve = serve,
	.drain = drain,
	.read_config = read_config,
	.write_config = write_config,
	.idle = idle,
	.signal = on_signal,
};

int block_create(const struct block_image *image, const char *serial,
		 unsigned queues, struct block **out, struct err *err)
{
	struct block *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return err_set(err, ENOMEM, "out of memory");
	b->image = *image;
	b->queues = queues;
	b->timer_fd = -1;
	b->timer = VU_WATCH_NONE(timer_ready);
	memcpy(b->serial, serial, MIN(strlen(serial), sizeof(b->serial)));
	block_swap_init(b);
	b->completions.fd = -1;
	block_io_init(b);
	*out = b;
	return 0;
}

int block_attach(struct block *b, struct vu_server *server, struct err *err)
{
	struct itimerspec every = {
		.it_interval.tv_sec = SIZE_INTERVAL_S,
		.it_value.tv_sec = SIZE_INTERVAL_S,
	};
	struct vu_loop *loop = vu_server_loop(server);
	int ret;

	b->server = server;
	ret = block_io_attach(b, loop, err);
	if (ret < 0)
		return ret;
	b->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (b->timer_fd < 0 ||
	    timerfd_settime(b->timer_fd, 0, &every, NULL) < 0)
		return err_errno(err, "timerfd");
	ret = vu_loop_add(loop, &b->timer, b->timer_fd, EPOLLIN);
	return ret < 0 ? err_set(err, -ret, "timerfd cannot be polled") : 0;
}

void block_destroy(struct block *b)
{
	if (b == NULL)
		return;
	block_swap_close(b);
	block_io_close(b);
	fd_close(&b->timer_fd);
	block_image_close(&b->image);
	free(b);
}
