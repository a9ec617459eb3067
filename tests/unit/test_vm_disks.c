// SPDX-License-Identifier: Apache-2.0
/*
 * test_vm_disks.c - the monitor's part of giving a disk another image
 *
 * A VM of one disk, or of anything else, without KVM; the backend is a `mote block`
 * in a child process, or the test itself where it has to be a bad one.
 */
#include "swap_peer.h"
#include "block_control.h"
#include "clock.h"
#include "fd.h"
#include "fd_packet.h"
#include "vm_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	struct vm vm;
	struct config_disk disk;
	struct swap_peer peer;
	struct err err;
};

/* As vm_start_disk() leaves it; and a device that is no disk of ours. */
static void make_vm(struct fixture *f, int control_fd)
{
	f->disk = (struct config_disk){ .id = "disk0", .fd = -1 };
	f->vm = (struct vm){ .device_count = 2 };
	f->vm.devices[0] = (struct vm_device){
		.id = f->disk.id,
		.device_id = VIRTIO_ID_BLOCK,
		.config = &f->disk,
		.control_fd = control_fd,
	};
	f->vm.devices[1] = (struct vm_device){ .id = "net0", .control_fd = -1 };
}

static void begin(struct fixture *f, const char *option)
{
	swap_begin(&f->peer, "/tmp", option);
	swap_create_other(&f->peer, "/tmp", OTHER_BYTES);
	make_vm(f, f->peer.control);
}

static int swap(struct fixture *f, const char *id)
{
	return vm_swap_disk(&f->vm, id, f->peer.other_fd, f->peer.other,
			    &f->err);
}

START_TEST(a_disk_gets_another_image_and_the_first_one_back)
{
	struct fixture f;
	struct config_disk first = { .id = "disk0", .fd = -1 };
	int fd;

	begin(&f, NULL);
	ck_assert_int_eq(swap(&f, "disk0"), 0);
	ck_assert_int_eq(swap_read_byte(&f.peer, 1), 'B');
	ck_assert_uint_eq(swap_config(&f.peer).capacity, OTHER_BYTES / SECTOR);
	first.path = f.peer.disk.image;
	ck_assert_int_eq(vm_open_disk(&first, &fd, &f.err), 0);
	ck_assert_int_eq(vm_swap_disk(&f.vm, "disk0", fd, first.path, &f.err),
			 0);
	/* Ours is still open, and yet it is the backend that has it. */
	ck_assert_int_eq(swap_read_byte(&f.peer, 1), 7);
	ck_assert(swap_is_locked(first.path));
	ck_assert_int_eq(swap(&f, "disk0"), 0);
	ck_assert(!swap_is_locked(first.path));
	fd_close(&fd);
	swap_finish(&f.peer);
}
END_TEST

START_TEST(a_device_that_is_no_disk_of_ours_is_named)
{
	struct fixture f;

	begin(&f, NULL);
	ck_assert_int_eq(swap(&f, "disk1"), -ENOENT);
	ck_assert_str_eq(f.err.text,
			 "device disk1: there is none of this name");
	ck_assert_int_eq(swap(&f, "net0"), -EINVAL);
	ck_assert_str_eq(f.err.text,
			 "device net0: not a disk with an image of ours");
	ck_assert_int_eq(vm_refresh_config(&f.vm, "disk1", &f.err), -ENOENT);
	swap_finish(&f.peer);
}
END_TEST

START_TEST(a_refusal_says_why_and_the_old_image_stays)
{
	struct fixture f;
	int fd;

	begin(&f, NULL);
	fd = open(f.peer.other, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(vm_swap_disk(&f.vm, "disk0", fd, "/image", &f.err),
			 -EROFS);
	ck_assert_str_eq(f.err.text, "disk disk0: '/image': it is read-only, "
				     "and the disk is not");
	ck_assert_int_eq(fd_lock(fd, false), 0);
	ck_assert_int_eq(swap(&f, "disk0"), -EBUSY);
	ck_assert_ptr_nonnull(strstr(f.err.text, "in use by another process"));
	ck_assert_int_eq(swap_read_byte(&f.peer, 1), 7);
	fd_close(&fd);
	ck_assert_int_eq(swap(&f, "disk0"), 0);
	swap_finish(&f.peer);
}
END_TEST

START_TEST(a_backend_that_has_gone_is_an_error)
{
	struct fixture f;

	begin(&f, NULL);
	ck_assert_int_eq(peer_stop(&f.peer.disk.peer), 0);
	ck_assert_int_lt(swap(&f, "disk0"), 0);
	ck_assert_ptr_nonnull(strstr(f.err.text, "has gone"));
	unlink(f.peer.disk.image);
	unlink(f.peer.other);
}
END_TEST

static void reply(int sock, uint32_t sequence, int32_t error)
{
	struct block_control_answer message = { sequence, error };

	ck_assert_int_eq(send(sock, &message, sizeof(message), 0),
			 sizeof(message));
}

START_TEST(a_silent_backend_costs_two_seconds_and_its_late_answer_nothing)
{
	struct block_control_request request;
	uint64_t start = clock_now_ms(), took;
	struct fixture f;
	int pair[2], fd;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	make_vm(&f, pair[0]);
	f.peer.other_fd = 0;
	strcpy(f.peer.other, "image");
	ck_assert_int_eq(swap(&f, "disk0"), -ETIMEDOUT);
	took = clock_now_ms() - start;
	ck_assert_uint_ge(took, 1900);
	ck_assert_uint_lt(took, 4000);
	ck_assert_int_eq(
		fd_packet_receive(pair[1], &request, sizeof(request), &fd), 0);
	ck_assert_uint_lt(request.deadline_ms, clock_now_ms());
	fd_close(&fd);

	/* To the first request, to none, nonsense, and to the second. */
	reply(pair[1], request.sequence, 0);
	reply(pair[1], request.sequence + 7, 0);
	ck_assert_int_eq(send(pair[1], "?", 1, 0), 1);
	reply(pair[1], request.sequence + 1, -EIO);
	ck_assert_int_eq(swap(&f, "disk0"), -EIO);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}
END_TEST

/* clang-format off */
static const struct { const char *path; bool ro, direct; int ret, flags; } opens[] = {
	{ "image", false, false, 0, O_RDWR },
	{ "image", true, false, 0, O_RDONLY },
	{ "image", true, true, 0, O_RDONLY | O_DIRECT },
	{ "fifo", false, false, -EINVAL, 0 },
	{ "fifo", true, false, -EINVAL, 0 },
	{ ".", true, false, -EINVAL, 0 },
	{ ".", false, false, -EISDIR, 0 },
	{ "nothing", false, false, -ENOENT, 0 },
};
/* clang-format on */

START_TEST(an_image_is_opened_as_its_disk_asks_for_and_not_locked)
{
	char dir[] = "/tmp/mote-disks-XXXXXX", path[64];
	struct config_disk disk = {
		.id = "disk0",
		.path = path,
		.fd = -1,
		.read_only = opens[_i].ro,
		.direct = opens[_i].direct,
	};
	int fd = -1, at;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(openat(at, "image", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	ck_assert_int_eq(mkfifoat(at, "fifo", 0600), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, opens[_i].path);
	ck_assert_int_eq(vm_open_disk(&disk, &fd, NULL), opens[_i].ret);
	if (opens[_i].ret < 0) {
		ck_assert_int_eq(fd, -1);
	} else {
		ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_DIRECT),
				 opens[_i].flags);
		ck_assert(!swap_is_locked(path));
	}
	fd_close(&fd);
	unlinkat(at, "image", 0);
	unlinkat(at, "fifo", 0);
	close(at);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vm_disks");
	TCase *tc = tcase_create("vm_disks");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_disk_gets_another_image_and_the_first_one_back);
	tcase_add_test(tc, a_device_that_is_no_disk_of_ours_is_named);
	tcase_add_test(tc, a_refusal_says_why_and_the_old_image_stays);
	tcase_add_test(tc, a_backend_that_has_gone_is_an_error);
	tcase_add_test(
		tc,
		a_silent_backend_costs_two_seconds_and_its_late_answer_nothing);
	tcase_add_loop_test(
		tc, an_image_is_opened_as_its_disk_asks_for_and_not_locked, 0,
		ARRAY_LEN(opens));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
