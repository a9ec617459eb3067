// SPDX-License-Identifier: Apache-2.0
/*
 * test_vhost_user_channel.c - what a backend asks of us, politely and otherwise
 */
#include "fake_backend_user.h"
#include "fd.h"
#include "log.h"
#include "unit.h"
#include "user_backend_channel.h"

#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* A reply on the channel: its failure code, or -1 when none comes. */
static int64_t reply_of(const struct fake_user *u)
{
	struct pollfd pollfd = { u->server.channel_fd, POLLIN, 0 };
	struct {
		struct user_header header;
		uint64_t failed;
	} __attribute__((packed)) reply;

	if (poll(&pollfd, 1, 0) != 1 ||
	    fd_read_all(pollfd.fd, &reply, sizeof(reply)) < 0)
		return -1;
	ck_assert_uint_eq(reply.header.flags, 5);
	return (int64_t)reply.failed;
}

enum { NEED = 8 };
static const struct {
	uint32_t request, flags, size;
	unsigned changes, losses;
	int64_t reply;
} requests[] = {
	{ USER_BACKEND_CONFIG_CHANGE_MSG, 1, 0, 1, 0, -1 },
	{ USER_BACKEND_CONFIG_CHANGE_MSG, 1 | NEED, 0, 1, 0, 0 },
	{ 1, 1 | NEED, 40, 0, 0, 1 }, /* IOTLB_MSG */
	{ 3, 1, 24, 0, 0, -1 },	      /* HOST_NOTIFIER */
	{ 4711, 1 | NEED, 0, 0, 0, 1 },
	{ 0, 0, 0, 0, 1, -1 }, /* no version */
	{ 2, 2, 0, 0, 1, -1 },
	{ 2, 1 | 4, 0, 0, 1, -1 }, /* an answer, to what? */
	{ 2, 1, USER_PAYLOAD_MAX + 1, 0, 1, -1 },
	{ 2, 1, UINT32_MAX, 0, 1, -1 },
};

START_TEST(a_backend_request_is_answered_by_its_kind)
{
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	ck_assert(fake_server_ask(&u.server, requests[_i].request,
				  requests[_i].flags, requests[_i].size));
	fake_user_run_loop(&u, USER_CHANNEL_REST_MS / 2);
	ck_assert_uint_eq(u.changes, requests[_i].changes);
	ck_assert_uint_eq(u.losses, requests[_i].losses);
	ck_assert_int_eq(reply_of(&u), requests[_i].reply);
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_request_that_comes_in_pieces_is_put_together)
{
	static const struct user_header header = {
		USER_BACKEND_CONFIG_CHANGE_MSG, USER_FLAG_VERSION, 0
	};
	const char *bytes = (const char *)&header;
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	ck_assert_int_eq(send(u.server.channel_fd, bytes, 5, 0), 5);
	fake_user_run_loop(&u, 10);
	ck_assert_uint_eq(u.changes, 0);
	ck_assert_int_eq(send(u.server.channel_fd, bytes + 5, 7, 0), 7);
	fake_user_run_loop(&u, 3 * USER_CHANNEL_REST_MS);
	ck_assert_uint_eq(u.changes, 1);
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_flood_of_requests_is_slowed_down)
{
	struct fake_user u;
	unsigned sent = 0;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	while (fake_server_ask(&u.server, USER_BACKEND_CONFIG_CHANGE_MSG,
			       USER_FLAG_VERSION, 0))
		sent++;
	ck_assert_uint_gt(sent, 100);
	fake_user_run_loop(&u, 500);
	ck_assert_uint_gt(u.changes, 0);
	ck_assert_uint_le(u.changes, 7); /* 10 a second, and the first */
	ck_assert_uint_eq(u.losses, 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0); /* and is still served */
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_backend_that_never_reads_our_answers_is_lost)
{
	struct fake_user u;
	unsigned looks = 0;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	/* Each look answers 16, so some looks until the socket is full. */
	for (; looks < 60 && u.losses == 0; looks++) {
		while (fake_server_ask(&u.server, 4711,
				       USER_FLAG_VERSION | NEED, 0))
			;
		fake_user_run_loop(&u, USER_CHANNEL_REST_MS + 10);
	}
	ck_assert_uint_eq(u.losses, 1);
	ck_assert_ptr_nonnull(strstr(u.why, "does not take the answers"));
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_backend_may_ask_back_before_it_answers)
{
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	u.server.fault = FAULT_ASK_BACK;
	u.server.fault_request = USER_GET_VRING_BASE;
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	vhost_stop(u.vhost);
	ck_assert_uint_eq(u.changes, 0); /* not from inside the call */
	fake_user_run_loop(&u, 1);
	ck_assert_uint_eq(u.changes, 1);
	ck_assert_uint_eq(u.losses, 0);
	fake_user_tear_down(&u);
	ck_assert_uint_eq(u.server.channel_reply, 0);
}
END_TEST

START_TEST(a_closed_channel_alone_is_no_loss)
{
	struct fake_user u;

	fake_user_set_up(&u, FAKE_USER_FEATURES, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	shutdown(u.server.channel_fd, SHUT_RDWR);
	fake_user_run_loop(&u, USER_CHANNEL_REST_MS);
	ck_assert_uint_eq(u.losses, 0);
	vhost_stop(u.vhost);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	fake_user_tear_down(&u);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost-user channel");
	TCase *tc = tcase_create("channel");

	log_set_fd(-1);
	tcase_set_timeout(tc, 20);
	tcase_add_loop_test(tc, a_backend_request_is_answered_by_its_kind, 0,
			    ARRAY_LEN(requests));
	tcase_add_test(tc, a_request_that_comes_in_pieces_is_put_together);
	tcase_add_test(tc, a_flood_of_requests_is_slowed_down);
	tcase_add_test(tc, a_backend_that_never_reads_our_answers_is_lost);
	tcase_add_test(tc, a_backend_may_ask_back_before_it_answers);
	tcase_add_test(tc, a_closed_channel_alone_is_no_loss);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
