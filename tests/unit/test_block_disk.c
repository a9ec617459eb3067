// SPDX-License-Identifier: Apache-2.0
/*
 * test_block_disk.c - many requests, many queues, and what befalls the image
 *
 * The backend runs as a program in a child process; the test is its front end
 * and its driver.
 */
#include "disk_peer.h"
#include "backend.h"
#include "fd.h"

#include <linux/virtio_blk.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each goes another way through block_io.c. */
/* clang-format off */
static const struct { const char *dir, *option; uint64_t without; } ways[] = {
	{ "/tmp", NULL, 0 },
	{ "/tmp", "--direct", 0 },
	{ "/tmp", NULL, BIT(VIRTIO_BLK_F_FLUSH) },	/* write-through */
	{ "/dev/shm", NULL, 0 },
	{ "/dev/shm", "--direct", 0 },			/* falls back */
};
/* clang-format on */

START_TEST(many_requests_at_once_all_come_back_right)
{
	enum { DEPTH = 12, LEN = 8192 };
	struct disk f;
	struct peer *p = &f.peer;
	uint32_t out, in, status[DEPTH];
	uint16_t id;

	disk_create(&f, ways[_i].dir);
	disk_start(&f, ALL_FEATURES & ~ways[_i].without, ways[_i].option, 1);
	/* Odd addresses: direct access needs its bounce buffer. */
	out = peer_alloc(p, DEPTH * LEN, 4096) + 100;
	peer_alloc(p, 4096, 1);
	in = peer_alloc(p, DEPTH * LEN, 4096);
	for (uint32_t i = 0; i < DEPTH * LEN; i++)
		p->mem[out + i] = (char)(i * 13 >> 5);
	for (int write = 1; write >= 0; write--) {
		for (uint32_t i = 0; i < DEPTH; i++) {
			struct disk_request r = {
				.type = write ? VIRTIO_BLK_T_OUT
					      : VIRTIO_BLK_T_IN,
				.sector = 1000 + 200 * i,
				.data = { { (write ? out : in) + i * LEN, LEN,
					    !write } },
				.buffers = 1,
			};
			status[i] = disk_submit(p, 0, &r);
		}
		for (int i = 0; i < DEPTH; i++)
			peer_wait_used(p, 0, &id);
		for (int i = 0; i < DEPTH; i++)
			ck_assert_uint_eq((uint8_t)p->mem[status[i]],
					  VIRTIO_BLK_S_OK);
	}
	ck_assert_mem_eq(p->mem + in, p->mem + out, DEPTH * LEN);
	disk_finish(&f);
}
END_TEST

START_TEST(a_big_misaligned_direct_transfer_goes_in_pieces)
{
	struct disk f;
	struct peer *p = &f.peer;
	uint32_t at;

	disk_create(&f, "/tmp");
	disk_start(&f, ALL_FEATURES, "--direct", 1);
	at = peer_alloc(p, 300 * 1024 + 4096, 4096) + 8;
	for (uint32_t i = 0; i < 300 * 1024; i++)
		p->mem[at + i] = (char)(i * 11 >> 4);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_OUT, 24, at, 300 * 1024),
			  VIRTIO_BLK_S_OK);
	for (uint32_t i = 0; i < 300; i += 50)
		ck_assert(disk_same(&f, 24 + 2 * i, at + 1024 * i, 50 << 10));
	disk_finish(&f);
}
END_TEST

START_TEST(queues_work_side_by_side)
{
	struct disk f;
	struct peer *p = &f.peer;
	struct virtio_blk_config config;
	uint32_t at[3];
	uint16_t id;

	disk_create(&f, "/tmp");
	disk_start(&f, ALL_FEATURES, NULL, 3);
	peer_get_config(p, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.num_queues, 3);
	for (unsigned q = 0; q < 3; q++) {
		struct disk_request r = { .type = VIRTIO_BLK_T_IN,
					  .sector = q * 8,
					  .buffers = 1 };

		at[q] = peer_alloc(p, 4096, 4096);
		r.data[0] = (struct buffer){ at[q], 4096, true };
		disk_submit(p, q, &r);
	}
	for (unsigned q = 0; q < 3; q++) {
		peer_wait_used(p, q, &id);
		ck_assert(disk_same(&f, q * 8, at[q], 4096));
	}
	disk_finish(&f);
}
END_TEST

START_TEST(a_stopped_queue_has_nothing_in_flight_and_goes_on_at_its_base)
{
	struct disk f;
	struct peer *p = &f.peer;
	struct vhost_vring_state state = { 0, 0 };
	struct driver *d = &p->queues[0];
	uint64_t which = 0;
	uint32_t at, len;
	uint16_t id;

	disk_begin(&f, formats[_i].without);
	at = peer_alloc(p, 65536, 4096);
	for (unsigned i = 0; i < 10; i++) {
		struct disk_request r = { .type = VIRTIO_BLK_T_OUT,
					  .sector = i * 8,
					  .data = { { at, 4096, false } },
					  .buffers = 1 };
		disk_submit(p, 0, &r);
	}
	/* They need not all be popped, but what is popped is done. */
	state.num = peer_stop_queue(p, 0);
	for (unsigned i = 0; i < 10 && driver_get(d, &id, &len); i++)
		;
	p->kick[0] = eventfd(0, EFD_NONBLOCK);
	p->call[0] = eventfd(0, EFD_NONBLOCK);
	peer_ack(p, VU_SET_VRING_BASE, &state, sizeof(state), NULL, 0);
	peer_ack(p, VU_SET_VRING_KICK, &which, 8, &p->kick[0], 1);
	peer_ack(p, VU_SET_VRING_CALL, &which, 8, &p->call[0], 1);
	/* Those left over need no kick; after them the ring is as before. */
	while (d->packed ? d->last_used != d->next_desc
			 : d->last_used != d->avail_idx)
		peer_wait_used(p, 0, &id);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_IN, 80, at, 4096),
			  VIRTIO_BLK_S_OK);
	ck_assert(disk_same(&f, 80, at, 4096));
	disk_finish(&f);
}
END_TEST

START_TEST(a_request_without_a_status_byte_stops_its_queue_only)
{
	struct disk f;
	struct peer *p = &f.peer;
	struct buffer only_header = { 0, 16, false };
	struct disk_request r = { .type = VIRTIO_BLK_T_IN, .buffers = 1 };
	uint64_t which = 0;
	uint32_t len;
	uint16_t id;
	int err_fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd pfd = { .fd = err_fd, .events = POLLIN };

	disk_create(&f, "/tmp");
	disk_start(&f, ALL_FEATURES & ~formats[_i].without, "--log-level=error",
		   2);
	ck_assert_uint_eq(peer_ack(p, VU_SET_VRING_ERR, &which, 8, &err_fd, 1),
			  0);
	only_header.at = peer_alloc(p, 16, 16);
	driver_add(&p->queues[0], &only_header, 1, 0);
	peer_kick(p, 0);
	ck_assert_int_eq(poll(&pfd, 1, 5000), 1);
	ck_assert(!driver_get(&p->queues[0], &id, &len));

	r.data[0] = (struct buffer){ peer_alloc(p, 512, 512), 512, true };
	disk_submit(p, 1, &r);
	peer_wait_used(p, 1, &id);
	ck_assert(disk_same(&f, 0, r.data[0].at, 512));

	/* Set up again, it works again. */
	peer_stop_queue(p, 0);
	peer_start_queue(p, 0, QUEUE);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_IN, 0, r.data[0].at, 512),
			  VIRTIO_BLK_S_OK);
	close(err_fd);
	disk_finish(&f);
}
END_TEST

/* Rings full of almost right values: addresses in memory, small numbers. */
static void scribble(struct peer *p, uint32_t at, uint32_t len, unsigned *seed)
{
	uint64_t *words = (void *)(p->mem + at);

	for (uint32_t i = 0; i < len / 8; i++) {
		uint64_t low = (unsigned)rand_r(seed);

		switch ((unsigned)rand_r(seed) % 4) {
		case 0:
			words[i] = PEER_GPA + low % PEER_MEMORY;
			break;
		case 1: /* len, flags, next of a descriptor */
			words[i] = low % 4096 | (low >> 8 & 7) << 32 |
				   (low >> 12 & 15) << 48;
			break;
		case 2: /* the same, available in a packed ring */
			words[i] =
				low % 4096 | (low >> 8 & 7) << 48 | 1ull << 55;
			break;
		default:
			words[i] = low << 32 | low;
		}
	}
}

START_TEST(no_ring_however_wrong_ends_or_stalls_the_backend)
{
	unsigned seed = (unsigned)_i + 1;
	struct disk f;
	struct peer *p = &f.peer;
	struct driver *d = &p->queues[0];

	disk_create(&f, _i % 2 ? "/tmp" : "/dev/shm");
	disk_start(&f, ALL_FEATURES & ~formats[_i].without, "--log-level=error",
		   1);
	peer_stop_queue(p, 0);
	for (int round = 0; round < 200; round++) {
		p->mem_next = 4096;
		peer_start_queue(p, 0, 16);
		for (int kick = 0; kick < 3; kick++) {
			scribble(p, d->desc, driver_bytes(16), &seed);
			scribble(p, peer_alloc(p, 4096, 4096), 4096, &seed);
			if (!d->packed)
				driver_avail(d)->idx = driver_used(d)->idx + 3;
			peer_kick(p, 0);
		}
		ck_assert_uint_eq(peer_get_u64(p, VU_GET_QUEUE_NUM), 1);
		peer_stop_queue(p, 0);
	}
	disk_finish(&f);
}
END_TEST

START_TEST(a_change_of_size_reaches_the_guest)
{
	struct disk f;
	struct peer *p = &f.peer;
	struct virtio_blk_config config;
	struct vu_header header;
	int pair[2];
	uint32_t at;

	disk_begin(&f, 0);
	at = peer_alloc(p, 512, 512);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_uint_eq(
		peer_ack(p, VU_SET_BACKEND_REQ_FD, NULL, 0, &pair[1], 1), 0);
	close(pair[1]);
	ck_assert_int_eq(ftruncate(f.fd, IMAGE_BYTES + 4096), 0);
	kill(p->pid, SIGHUP);
	ck_assert_int_eq(fd_read_all(pair[0], &header, sizeof(header)), 0);
	ck_assert_uint_eq(header.request, VU_BACKEND_CONFIG_CHANGE);
	peer_get_config(p, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.capacity, IMAGE_BYTES / SECTOR + 8);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_IN,
				      IMAGE_BYTES / SECTOR + 7, at, 512),
			  VIRTIO_BLK_S_OK);

	/* Shrunk, and not yet noticed: the read fails, nothing else. */
	ck_assert_int_eq(ftruncate(f.fd, 4096), 0);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_IN, 100, at, 512),
			  VIRTIO_BLK_S_IOERR);
	/* The timer notices by itself. */
	ck_assert_int_eq(fd_read_all(pair[0], &header, sizeof(header)), 0);
	peer_get_config(p, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.capacity, 8);
	close(pair[0]);
	disk_finish(&f);
}
END_TEST

/* clang-format off */
static const struct { off_t bytes; uint64_t sectors; } sizes[] = {
	{ 0, 0 }, { 511, 0 }, { 512, 1 }, { 4096 + 100, 8 },
};
/* clang-format on */

START_TEST(sizes_are_rounded_down_to_sectors)
{
	struct disk f;
	struct virtio_blk_config config;

	disk_create(&f, "/tmp");
	ck_assert_int_eq(ftruncate(f.fd, sizes[_i].bytes), 0);
	disk_start(&f, ALL_FEATURES, "--log-level=error", 1);
	peer_get_config(&f.peer, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.capacity, sizes[_i].sectors);
	ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_IN,
				      sizes[_i].sectors,
				      peer_alloc(&f.peer, 512, 512), 512),
			  VIRTIO_BLK_S_IOERR);
	disk_finish(&f);
}
END_TEST

START_TEST(a_writable_image_has_one_user)
{
	char option[96];
	const char *args[] = { "block", option, "--log-level=error",
			       "--read-only", NULL };
	struct disk f;
	struct peer second;

	disk_begin(&f, 0);
	peer_get_u64(&f.peer, VU_GET_QUEUE_NUM); /* it has started */
	snprintf(option, sizeof(option), "--blk-file=%s", f.image);
	peer_start(&second, backend_block_main, args);
	ck_assert_int_eq(peer_wait(&second), 1);
	args[3] = NULL;
	peer_start(&second, backend_block_main, args);
	ck_assert_int_eq(peer_wait(&second), 1);
	disk_finish(&f);
}
END_TEST

/* clang-format off */
static const struct { const char *args[4]; int status; } bad_starts[] = {
	{ { "block", "--blk-file=/nonexistent/image" }, 1 },
	{ { "block", "--blk-file=/" }, 1 },
	{ { "block", "--blk-file=/dev/null" }, 1 },
	{ { "block", "--blk-fd=999" }, 2 },
	{ { "block" }, 2 },
	{ { "block", "--blk-file=" }, 2 },
	{ { "block", "--num-queues=0" }, 2 },
	{ { "block", "--num-queues=65" }, 2 },
	{ { "block", "--read-only=yes" }, 2 },
	{ { "block", "--no-such-option" }, 2 },
	{ { "block", "image" }, 2 },
};
/* clang-format on */

START_TEST(bad_command_lines_end_with_a_status)
{
	struct peer p;

	peer_start(&p, backend_block_main, bad_starts[_i].args);
	ck_assert_int_eq(peer_wait(&p), bad_starts[_i].status);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block_disk");
	TCase *tc = tcase_create("block_disk");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, many_requests_at_once_all_come_back_right, 0,
			    ARRAY_LEN(ways));
	tcase_add_test(tc, a_big_misaligned_direct_transfer_goes_in_pieces);
	tcase_add_test(tc, queues_work_side_by_side);
	tcase_add_loop_test(
		tc,
		a_stopped_queue_has_nothing_in_flight_and_goes_on_at_its_base,
		0, FORMATS);
	tcase_add_loop_test(
		tc, a_request_without_a_status_byte_stops_its_queue_only, 0,
		FORMATS);
	tcase_add_loop_test(tc,
			    no_ring_however_wrong_ends_or_stalls_the_backend, 0,
			    FORMATS);
	tcase_add_test(tc, a_change_of_size_reaches_the_guest);
	tcase_add_loop_test(tc, sizes_are_rounded_down_to_sectors, 0,
			    ARRAY_LEN(sizes));
	tcase_add_test(tc, a_writable_image_has_one_user);
	tcase_add_loop_test(tc, bad_command_lines_end_with_a_status, 0,
			    ARRAY_LEN(bad_starts));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
