// SPDX-License-Identifier: Apache-2.0
/*
 * test_vu_hostile.c - descriptors of a front end that are not what they seem
 *
 * As in test_vu_server.c the server runs inside `mote block`.
 */
#include "vu_peer.h"
#include "backend.h"
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static char image[] = "/tmp/mote-hostile-XXXXXX";

static void create_image(void)
{
	int fd = mkstemp(image);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 65536), 0);
	close(fd);
}

static void remove_image(void)
{
	unlink(image);
}

static void start(struct peer *p)
{
	char file[96];
	const char *args[] = { "block", file, "--num-queues=2",
			       "--log-level=warn", NULL };

	snprintf(file, sizeof(file), "--blk-file=%s", image);
	peer_start(p, backend_block_main, args);
}

/* A ring at no address: logged, and signalled on the err descriptor. */
static void break_queue(struct peer *p)
{
	struct vhost_vring_state num = { 0, 16 };
	uint64_t which = 0;
	int kick = eventfd(0, EFD_CLOEXEC);

	peer_ack(p, VU_SET_VRING_NUM, &num, sizeof(num), NULL, 0);
	ck_assert_uint_eq(peer_ack(p, VU_SET_VRING_KICK, &which, 8, &kick, 1),
			  1);
	close(kick);
}

START_TEST(an_err_descriptor_without_a_reader_does_not_end_the_backend)
{
	uint64_t which = 0;
	struct peer p;
	int ends[2];

	start(&p);
	peer_negotiate(&p, ~0ull);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	peer_ack(&p, VU_SET_VRING_ERR, &which, 8, &ends[1], 1);
	break_queue(&p);
	ck_assert_int_eq(peer_stop(&p), 0);
	close(ends[1]);
}
END_TEST

START_TEST(an_err_descriptor_that_is_full_does_not_stop_the_backend)
{
	uint64_t which = 0;
	struct peer p;
	int ends[2];

	start(&p);
	peer_negotiate(&p, ~0ull);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], &which, sizeof(which)) > 0)
		;
	fcntl(ends[1], F_SETFL, O_WRONLY); /* from now on it blocks */
	peer_ack(&p, VU_SET_VRING_ERR, &which, 8, &ends[1], 1);
	break_queue(&p); /* or the test times out */
	ck_assert_int_eq(peer_stop(&p), 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_log_line_that_nobody_reads_does_not_end_the_backend)
{
	struct peer p;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	start(&p);
	peer_negotiate(&p, ~0ull);
	break_queue(&p);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

static void add_flush(struct peer *p, unsigned queue)
{
	uint32_t head = peer_alloc(p, sizeof(struct virtio_blk_outhdr), 16);
	uint32_t status = peer_alloc(p, 1, 1);
	struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_FLUSH };
	const struct buffer bufs[] = { { head, sizeof(header), false },
				       { status, 1, true } };

	memcpy(p->mem + head, &header, sizeof(header));
	driver_add(&p->queues[queue], bufs, 2, 0);
	peer_kick(p, queue);
}

/* Draining one queue also completes what the other one waits for. */
START_TEST(a_queue_that_stops_takes_no_interrupt_from_another)
{
	struct vhost_vring_state state = { .index = 0 };
	struct pollfd called = { .events = POLLIN };
	/* Neither event_idx nor packed rings: an interrupt for each. */
	const uint64_t features = 1ull << VIRTIO_F_VERSION_1 |
				  1ull << VIRTIO_BLK_F_FLUSH |
				  1ull << VU_F_PROTOCOL_FEATURES;
	struct vu_wire wire;
	struct peer p;
	uint16_t id;

	start(&p);
	peer_negotiate(&p, features);
	peer_share_memory(&p);
	peer_start_queue(&p, 1, 16);
	called.fd = p.call[1];
	for (int i = 0; i < 50; i++) {
		peer_start_queue(&p, 0, 16);
		kill(p.pid, SIGSTOP);
		add_flush(&p, 1);
		add_flush(&p, 0);
		peer_send(&p, VU_GET_VRING_BASE, VU_VERSION, &state,
			  sizeof(state), NULL, 0);
		kill(p.pid, SIGCONT);
		ck_assert(peer_receive(&p, &wire));
		ck_assert_int_eq(poll(&called, 1, 2000), 1);
		eventfd_drain(p.call[1]);
		peer_wait_used(&p, 1, &id);
		close(p.kick[0]);
		close(p.call[0]);
	}
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vu_hostile");
	TCase *tc = tcase_create("vu_hostile");

	tcase_set_timeout(tc, 10);
	tcase_add_unchecked_fixture(tc, create_image, remove_image);
	tcase_add_test(
		tc,
		an_err_descriptor_without_a_reader_does_not_end_the_backend);
	tcase_add_test(
		tc, an_err_descriptor_that_is_full_does_not_stop_the_backend);
	tcase_add_test(tc,
		       a_log_line_that_nobody_reads_does_not_end_the_backend);
	tcase_add_test(tc, a_queue_that_stops_takes_no_interrupt_from_another);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
