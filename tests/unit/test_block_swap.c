// SPDX-License-Identifier: Apache-2.0
/*
 * test_block_swap.c - a disk in use gets another image by its control socket
 *
 * The backend runs as a program in a child process; the test is its front end,
 * its driver and the monitor's end of the control socket.
 */
#include "swap_peer.h"
#include "backend.h"
#include "block_control.h"
#include "clock.h"
#include "fd.h"
#include "fd_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each row goes other ways through block_io.c, before and after. */
/* clang-format off */
static const struct { const char *dir, *other_dir; uint32_t flags; } ways[] = {
	{ "/tmp", "/tmp", 0 },
	{ "/tmp", "/tmp", BLOCK_CONTROL_DIRECT },
	{ "/tmp", "/dev/shm", 0 },
	{ "/dev/shm", "/tmp", 0 },
	{ "/dev/shm", "/tmp", BLOCK_CONTROL_DIRECT },
	{ "/dev/shm", "/dev/shm", 0 },
};
/* clang-format on */

START_TEST(after_a_swap_everything_goes_to_the_new_image)
{
	struct swap_peer f;
	struct peer *p = &f.disk.peer;
	uint32_t at;

	swap_begin(&f, ways[_i].dir, NULL);
	swap_create_other(&f, ways[_i].other_dir, OTHER_BYTES);
	at = peer_alloc(p, 4096, 4096);
	memset(p->mem + at, 'x', 4096);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_OUT, 8, at, 4096), 0);
	ck_assert_int_eq(swap_image(&f, f.other, O_RDWR, ways[_i].flags), 0);
	ck_assert(swap_is_announced(&f));
	ck_assert_uint_eq(swap_config(&f).capacity, OTHER_BYTES / SECTOR);
	ck_assert(!swap_is_locked(f.disk.image));
	ck_assert(swap_is_locked(f.other));
	ck_assert(disk_same(&f.disk, 8, at, 4096)); /* the old one has it */
	ck_assert_int_eq(swap_read_byte(&f, 8), 'B');
	memset(p->mem + at, 'y', 4096);
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_OUT, 16, at, 4096), 0);
	ck_assert(!disk_same(&f.disk, 16, at, 4096));
	ck_assert_int_eq(swap_read_byte(&f, 16), 'y');
	ck_assert_int_eq(swap_read_byte(&f, OTHER_BYTES / SECTOR), -1);

	/* And back, as a client lets go of an image. */
	ck_assert_int_eq(swap_image(&f, f.disk.image, O_RDWR, ways[_i].flags),
			 0);
	ck_assert_int_eq(swap_read_byte(&f, 8), 'x');
	ck_assert(!swap_is_locked(f.other));
	swap_finish(&f);
}
END_TEST

START_TEST(an_empty_file_can_stand_in_for_an_image)
{
	struct swap_peer f;

	swap_begin(&f, "/tmp", NULL);
	swap_create_other(&f, "/tmp", 0);
	ck_assert_int_eq(swap_image(&f, f.other, O_RDWR, 0), 0);
	ck_assert_uint_eq(swap_config(&f).capacity, 0);
	ck_assert_int_eq(swap_read_byte(&f, 0), -1);
	ck_assert_int_eq(ftruncate(f.disk.fd, 5 * SECTOR + 100), 0);
	ck_assert_int_eq(swap_image(&f, f.disk.image, O_RDWR, 0), 0);
	ck_assert_uint_eq(swap_config(&f).capacity, 5);
	swap_finish(&f);
}
END_TEST

START_TEST(the_image_in_use_may_be_named_again_and_its_size_is_read)
{
	struct swap_peer f;

	swap_begin(&f, "/tmp", NULL);
	swap_create_other(&f, "/tmp", 0);
	ck_assert_int_eq(ftruncate(f.disk.fd, IMAGE_BYTES / 2), 0);
	ck_assert_int_eq(swap_image(&f, f.disk.image, O_RDWR, 0), 0);
	ck_assert(swap_is_announced(&f));
	ck_assert_uint_eq(swap_config(&f).capacity, IMAGE_BYTES / 2 / SECTOR);
	ck_assert(swap_is_locked(f.disk.image));
	swap_finish(&f);
}
END_TEST

/* What a row opens is refused; the first image stays. */
/* clang-format off */
static const struct {
	const char *path, *option; int mode; uint32_t flags; int error;
} refusals[] = {
	{ NULL, NULL, O_RDONLY, BLOCK_CONTROL_READ_ONLY, -EROFS },
	{ NULL, NULL, O_RDONLY, 0, -EBADF },
	{ NULL, NULL, O_WRONLY, 0, -EBADF },
	{ NULL, "--read-only", O_WRONLY, 0, -EBADF },
	{ NULL, "--read-only", O_PATH, BLOCK_CONTROL_READ_ONLY, -EBADF },
	{ "/dev/null", NULL, O_RDWR, 0, -EINVAL },
	{ "/", NULL, O_RDONLY, 0, -EINVAL },
	{ "/", "--read-only", O_RDONLY, BLOCK_CONTROL_READ_ONLY, -EINVAL },
};
/* clang-format on */

static void check_unchanged(struct swap_peer *f)
{
	ck_assert_uint_eq(swap_config(f).capacity, IMAGE_BYTES / SECTOR);
	ck_assert_int_eq(swap_read_byte(f, 1), 7);
	ck_assert(swap_is_locked(f->disk.image));
	ck_assert(!swap_is_announced(f));
}

START_TEST(what_cannot_be_used_leaves_the_old_image)
{
	const char *path = refusals[_i].path;
	struct swap_peer f;

	swap_begin(&f, "/tmp", refusals[_i].option);
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	ck_assert_int_eq(swap_image(&f, path != NULL ? path : f.other,
				    refusals[_i].mode, refusals[_i].flags),
			 refusals[_i].error);
	check_unchanged(&f);
	ck_assert(!swap_is_locked(f.other));
	swap_finish(&f);
}
END_TEST

START_TEST(an_image_that_another_process_has_is_refused)
{
	struct swap_peer f;

	swap_begin(&f, "/tmp", NULL);
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	ck_assert_int_eq(fd_lock(f.other_fd, true), 0);
	ck_assert_int_eq(swap_image(&f, f.other, O_RDWR, 0), -EBUSY);
	check_unchanged(&f);
	fd_unlock(f.other_fd);
	ck_assert_int_eq(swap_image(&f, f.other, O_RDWR, 0), 0);
	swap_finish(&f);
}
END_TEST

/* The feature is negotiated: the disk stays read-only with either. */
START_TEST(a_read_only_disk_takes_images_of_both_kinds)
{
	struct swap_peer f;
	struct peer *p = &f.disk.peer;
	uint32_t at;

	swap_begin(&f, "/tmp", "--read-only");
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	at = peer_alloc(p, 512, 512);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(swap_image(&f, f.other, i ? O_RDWR : O_RDONLY,
					    i ? 0 : BLOCK_CONTROL_READ_ONLY),
				 0);
		ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_OUT, 0, at, 512),
				  VIRTIO_BLK_S_IOERR);
		ck_assert_int_eq(swap_read_byte(&f, 0), 'B');
		/* A reader's lock: others may read it, too. */
		ck_assert_int_eq(fd_lock(f.other_fd, false), 0);
		fd_unlock(f.other_fd);
		ck_assert_int_eq(swap_image(&f, f.disk.image, O_RDONLY,
					    BLOCK_CONTROL_READ_ONLY),
				 0);
	}
	swap_finish(&f);
}
END_TEST

START_TEST(a_request_that_comes_too_late_changes_nothing)
{
	struct swap_peer f;

	swap_begin(&f, "/tmp", NULL);
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	peer_get_u64(&f.disk.peer, VU_GET_QUEUE_NUM);
	kill(f.disk.peer.pid, SIGSTOP);
	swap_ask(&f, f.other_fd, 0, 1);
	usleep(20000);
	kill(f.disk.peer.pid, SIGCONT);
	ck_assert_int_eq(swap_answer(&f), -ETIMEDOUT);
	check_unchanged(&f);
	swap_finish(&f);
}
END_TEST

/* A row is one claim about what is no request: change makes it so. */
static const struct {
	size_t len;
	int fds;
	struct block_control_request change;
} garbage[] = {
	{ sizeof(struct block_control_request), 0, { .verb = 0 } },
	{ sizeof(struct block_control_request), 2, { .verb = 0 } },
	{ sizeof(struct block_control_request), 9, { .verb = 0 } },
	{ sizeof(struct block_control_request) - 1, 1, { .verb = 0 } },
	{ sizeof(struct block_control_request) + 1, 1, { .verb = 0 } },
	{ 1, 0, { .verb = 0 } },
	{ sizeof(struct block_control_request), 1, { .verb = 1 } },
	{ sizeof(struct block_control_request), 1, { .flags = 4 } },
	{ sizeof(struct block_control_request), 1, { .zero = 1 } },
	{ sizeof(struct block_control_request), 1, { .deadline_ms = BIT(63) } },
};

static void send_garbage(struct swap_peer *f, int row)
{
	struct {
		struct block_control_request request;
		char more;
	} bytes = { {
			    .verb = BLOCK_CONTROL_SWAP +
				    garbage[row].change.verb,
			    .flags = garbage[row].change.flags,
			    .deadline_ms = clock_now_ms() + 1000 +
					   garbage[row].change.deadline_ms,
			    .zero = garbage[row].change.zero,
		    },
		    0 };
	union {
		char buf[CMSG_SPACE(sizeof(int) * 9)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { &bytes, garbage[row].len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t len = sizeof(int) * (size_t)garbage[row].fds;
	struct cmsghdr *cmsg;

	if (garbage[row].fds > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(len);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(len);
		for (int i = 0; i < garbage[row].fds; i++)
			memcpy(CMSG_DATA(cmsg) + sizeof(int) * (size_t)i,
			       &f->other_fd, sizeof(int));
	}
	ck_assert_int_eq(sendmsg(f->control, &msg, 0),
			 (ssize_t)garbage[row].len);
}

START_TEST(whatever_is_no_request_closes_the_socket_and_nothing_else)
{
	struct swap_peer f;
	char byte;

	swap_begin(&f, "/tmp", NULL);
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	send_garbage(&f, _i);
	ck_assert_int_eq(recv(f.control, &byte, 1, 0), 0);
	check_unchanged(&f);
	swap_finish(&f);
}
END_TEST

START_TEST(a_disk_outlives_its_control_socket)
{
	struct swap_peer f;

	swap_begin(&f, "/tmp", NULL);
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	shutdown(f.control, SHUT_RDWR);
	check_unchanged(&f);
	swap_finish(&f);
}
END_TEST

enum { DEPTH = 12, LEN = 16384, ROUNDS = 60 };

static void submit_writes(struct swap_peer *f, uint32_t at, uint32_t *status)
{
	for (uint32_t i = 0; i < DEPTH; i++) {
		struct disk_request r = {
			.type = VIRTIO_BLK_T_OUT,
			.sector = LEN / SECTOR * i,
			.data = { { at + i * LEN, LEN, false } },
			.buffers = 1,
		};
		status[i] = disk_submit(&f->disk.peer, 0, &r);
	}
}

static bool holds(int fd, off_t at, const char *bytes)
{
	char found[LEN];

	ck_assert_int_eq(pread(fd, found, LEN, at), LEN);
	return memcmp(found, bytes, LEN) == 0;
}

/*
 * Requests, then the swap, and both are there when the backend looks. Whether
 * there was time for the swap or not: each write that was acknowledged lies whole
 * in one of the two, and afterwards the answer is true.
 */
START_TEST(no_write_is_lost_when_the_image_changes_under_it)
{
	struct swap_peer f;
	struct peer *p = &f.disk.peer;
	unsigned swapped = 0, late = 0, seed = 1;
	uint32_t at, status[DEPTH];
	int image[2];
	bool which = false;
	uint16_t id;

	swap_begin(&f, ways[_i].dir,
		   ways[_i].flags & BLOCK_CONTROL_DIRECT ? "--direct" : NULL);
	swap_create_other(&f, ways[_i].other_dir, OTHER_BYTES);
	at = peer_alloc(p, DEPTH * LEN, 4096);
	image[0] = f.disk.fd;
	image[1] = f.other_fd;
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t mark = p->mem_next;
		int fd = open(which ? f.disk.image : f.other,
			      O_RDWR | O_CLOEXEC);
		uint64_t ms =
			round % 2 ? LONG_MS : 1 + (unsigned)rand_r(&seed) % 4;
		int error;

		memset(p->mem + at, round + 1, DEPTH * LEN);
		kill(p->pid, SIGSTOP);
		submit_writes(&f, at, status);
		swap_ask(&f, fd, ways[_i].flags, ms);
		kill(p->pid, SIGCONT);
		close(fd);
		for (int i = 0; i < DEPTH; i++)
			peer_wait_used(p, 0, &id);
		error = swap_answer(&f);
		ck_assert(error == 0 || error == -ETIMEDOUT);
		which ^= error == 0;
		swapped += error == 0;
		late += error != 0;
		for (uint32_t i = 0; i < DEPTH; i++) {
			ck_assert_uint_eq((uint8_t)p->mem[status[i]], 0);
			ck_assert(
				holds(image[0], (off_t)i * LEN, p->mem + at) ||
				holds(image[1], (off_t)i * LEN, p->mem + at));
		}
		memset(p->mem + at, 0xff, 512);
		ck_assert_uint_eq(
			disk_simple(p, VIRTIO_BLK_T_OUT, 800, at, 512), 0);
		memset(p->mem + at, 0, 512);
		ck_assert_int_eq(pread(image[which], p->mem + at, 512,
				       800 * SECTOR),
				 512);
		ck_assert_int_eq(p->mem[at], (char)0xff);
		ck_assert_int_eq(pwrite(image[which], "\0", 1, 800 * SECTOR),
				 1);
		p->mem_next = mark;
	}
	ck_assert_uint_ge(swapped, ROUNDS / 2);
	printf("%s to %s: %u swaps, %u too late\n", ways[_i].dir,
	       ways[_i].other_dir, swapped, late);
	swap_finish(&f);
}
END_TEST

/* With a request pending or just carried out, as it comes. */
START_TEST(garbage_behind_a_request_leaves_one_of_the_two_in_use)
{
	struct swap_peer f;
	struct peer *p = &f.disk.peer;
	struct block_control_answer message;
	uint32_t at, status[DEPTH];
	bool swapped;
	uint16_t id;

	swap_begin(&f, "/tmp", "--direct");
	swap_create_other(&f, "/tmp", OTHER_BYTES);
	at = peer_alloc(p, DEPTH * LEN, 4096);
	memset(p->mem + at, 'w', DEPTH * LEN);
	kill(p->pid, SIGSTOP);
	submit_writes(&f, at, status);
	swap_ask(&f, f.other_fd, 0, LONG_MS);
	send_garbage(&f, 0);
	kill(p->pid, SIGCONT);
	swapped = recv(f.control, &message, sizeof(message), 0) > 0;
	for (int i = 0; i < DEPTH; i++)
		peer_wait_used(p, 0, &id);
	for (int i = 0; i < DEPTH; i++)
		ck_assert_uint_eq((uint8_t)p->mem[status[i]], 0);
	ck_assert_uint_eq(swap_config(&f).capacity,
			  (swapped ? OTHER_BYTES : IMAGE_BYTES) / SECTOR);
	ck_assert(swap_is_locked(swapped ? f.other : f.disk.image));
	ck_assert(!swap_is_locked(swapped ? f.disk.image : f.other));
	ck_assert_int_ge(swap_read_byte(&f, 1000), 0);
	printf("garbage behind a request: %sswapped\n", swapped ? "" : "not ");
	swap_finish(&f);
}
END_TEST

/* clang-format off */
static const char *const bad_sockets[] = { "--control-fd=1", "--control-fd=999",
					   "--control-fd=x" };
/* clang-format on */

START_TEST(anything_but_such_a_socket_is_refused)
{
	const char *args[] = { "block", NULL, bad_sockets[_i], NULL };
	char file[96];
	struct disk f;

	disk_create(&f, "/tmp");
	snprintf(file, sizeof(file), "--blk-file=%s", f.image);
	args[1] = file;
	peer_start(&f.peer, backend_block_main, args);
	ck_assert_int_gt(peer_wait(&f.peer), 0);
	unlink(f.image);
	close(f.fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block_swap");
	TCase *tc = tcase_create("block_swap");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, after_a_swap_everything_goes_to_the_new_image,
			    0, ARRAY_LEN(ways));
	tcase_add_test(tc, an_empty_file_can_stand_in_for_an_image);
	tcase_add_test(
		tc, the_image_in_use_may_be_named_again_and_its_size_is_read);
	tcase_add_loop_test(tc, what_cannot_be_used_leaves_the_old_image, 0,
			    ARRAY_LEN(refusals));
	tcase_add_test(tc, an_image_that_another_process_has_is_refused);
	tcase_add_test(tc, a_read_only_disk_takes_images_of_both_kinds);
	tcase_add_test(tc, a_request_that_comes_too_late_changes_nothing);
	tcase_add_loop_test(
		tc, whatever_is_no_request_closes_the_socket_and_nothing_else,
		0, ARRAY_LEN(garbage));
	tcase_add_test(tc, a_disk_outlives_its_control_socket);
	tcase_add_loop_test(tc,
			    no_write_is_lost_when_the_image_changes_under_it, 0,
			    ARRAY_LEN(ways));
	tcase_add_loop_test(
		tc, garbage_behind_a_request_leaves_one_of_the_two_in_use, 0,
		5);
	tcase_add_loop_test(tc, anything_but_such_a_socket_is_refused, 0,
			    ARRAY_LEN(bad_sockets));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
