// SPDX-License-Identifier: Apache-2.0
/*
 * test_vhost_user_faults.c - backends that are broken or hostile
 *
 * Every answer is spoiled in every way; every message is met by a hang-up. Each
 * time: an error that names the step, in bounded time, the loss told exactly
 * once, and no descriptor left.
 */
#include "fake_backend_user.h"
#include "log.h"
#include "unit.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/socket.h>

/* Long enough for a busy machine to answer, short enough to wait for. */
enum { TIMEOUT_MS = 1000, PATIENCE_MS = 10 * TIMEOUT_MS };

static void set_up(struct fake_user *u, uint64_t protocol)
{
	fake_user_set_up(u, FAKE_USER_FEATURES, protocol);
	u->timeout_ms = TIMEOUT_MS;
}

static void expect_lost_for_good(struct fake_user *u)
{
	uint8_t byte;

	ck_assert_uint_eq(u->losses, 0); /* not from inside the call */
	fake_user_run_loop(u, 1);
	fake_user_run_loop(u, 1);
	ck_assert_uint_eq(u->losses, 1);
	ck_assert_int_eq(vhost_read_config(u->vhost, 0, &byte, 1, &u->err),
			 -ENOTCONN);
	ck_assert_int_eq(vhost_write_config(u->vhost, 0, &byte, 1, NULL),
			 -ENOTCONN);
	ck_assert_int_eq(fake_user_start(u, 0), -ENOTCONN);
	vhost_stop(u->vhost);
	fake_user_run_loop(u, 1);
	ck_assert_uint_eq(u->losses, 1);
}

/* Answers while the backend is created, started, stopped. */
enum stage { CREATE, START, STOP };
static const struct {
	enum stage stage;
	uint32_t request;
	const char *name;
	unsigned after;
	uint64_t without; /* protocol features */
} answers[] = {
	{ CREATE, USER_GET_FEATURES, "GET_FEATURES", 0, 0 },
	{ CREATE, USER_GET_PROTOCOL_FEATURES, "GET_PROTOCOL_FEATURES", 0, 0 },
	{ CREATE, USER_GET_QUEUE_NUM, "GET_QUEUE_NUM", 0, 0 },
	{ CREATE, USER_GET_CONFIG, "GET_CONFIG", 0, 0 },
	{ START, USER_GET_MAX_MEM_SLOTS, "GET_MAX_MEM_SLOTS", 0, 0 },
	{ START, USER_ADD_MEM_REG, "ADD_MEM_REG", 0, 0 },
	{ START, USER_SET_MEM_TABLE, "SET_MEM_TABLE", 0,
	  BIT(USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) },
	{ START, USER_GET_FEATURES, "GET_FEATURES", 1, 0 },
	{ STOP, USER_GET_VRING_BASE, "GET_VRING_BASE", 0, 0 },
};
static const enum fake_fault fatal[] = {
	FAULT_HANG_UP,	     FAULT_SILENCE,	  FAULT_SHORT,
	FAULT_SHORT_HANG_UP, FAULT_GARBAGE,	  FAULT_VERSION,
	FAULT_NO_REPLY_FLAG, FAULT_OTHER_REQUEST, FAULT_TOO_SMALL,
	FAULT_TOO_LARGE,     FAULT_HUGE,	  FAULT_DESCRIPTOR,
};

static bool is_hang_up(enum fake_fault fault)
{
	return fault == FAULT_HANG_UP || fault == FAULT_SHORT_HANG_UP;
}

START_TEST(a_spoiled_answer_ends_the_connection)
{
	size_t row = (size_t)_i / ARRAY_LEN(fatal);
	enum stage stage = answers[row].stage;
	uint64_t begin = fake_user_now_ms();
	struct fake_user u;
	int ret;

	set_up(&u, UINT64_MAX & ~answers[row].without);
	u.server.fault = fatal[(size_t)_i % ARRAY_LEN(fatal)];
	u.server.fault_request = answers[row].request;
	u.server.fault_after = answers[row].after;
	ret = fake_user_create(&u, &fake_user_blk);
	ck_assert_msg((ret == -ENOTCONN) == (stage == CREATE), "%d: %s", ret,
		      u.err.text);
	if (ret == 0) {
		ret = fake_user_start(&u, 0);
		ck_assert_msg((ret == -ENOTCONN) == (stage == START), "%d: %s",
			      ret, u.err.text);
	}
	if (stage == STOP)
		vhost_stop(u.vhost);
	if (stage != CREATE)
		expect_lost_for_good(&u);
	/* A hang-up may be noticed by the message that follows. */
	ck_assert_msg(strstr(stage == CREATE ? u.err.text : u.why,
			     is_hang_up(u.server.fault) ? "closed"
							: answers[row].name),
		      "'%s', '%s'", u.err.text, u.why);
	ck_assert_uint_lt(fake_user_now_ms() - begin, PATIENCE_MS);
	fake_user_tear_down(&u);
}
END_TEST

static const struct {
	uint32_t request;
	uint64_t without;
	int create, start;
} refusals[] = {
	{ USER_GET_CONFIG, 0, -EIO, 0 },
	{ USER_ADD_MEM_REG, 0, 0, -EIO },
	{ USER_SET_MEM_TABLE, BIT(USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS), 0,
	  -EIO },
};

START_TEST(a_refusal_is_told_as_one)
{
	struct fake_user u;

	set_up(&u, UINT64_MAX & ~refusals[_i].without);
	u.server.fault = FAULT_REFUSE;
	u.server.fault_request = refusals[_i].request;
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk),
			 refusals[_i].create);
	if (refusals[_i].create == 0)
		ck_assert_int_eq(fake_user_start(&u, 0), refusals[_i].start);
	ck_assert_ptr_nonnull(strstr(u.err.text, "refused"));
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_refused_config_write_does_not_lose_the_backend)
{
	uint8_t byte = 1;
	struct fake_user u;

	set_up(&u, UINT64_MAX);
	u.server.fault = FAULT_REFUSE;
	u.server.fault_request = USER_SET_CONFIG;
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(vhost_write_config(u.vhost, 0, &byte, 1, NULL), -EIO);
	ck_assert_int_eq(vhost_read_config(u.vhost, 0, &byte, 1, NULL), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	fake_user_run_loop(&u, 1);
	ck_assert_uint_eq(u.losses, 0);
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(too_few_memory_slots_are_named)
{
	struct fake_user u;

	set_up(&u, UINT64_MAX);
	u.server.slots = 0;
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(u.err.text, "0 memory regions"));
	fake_user_tear_down(&u);
}
END_TEST

/* In the order of a life; a hang-up may be noticed at the next answer only. */
static const uint32_t messages[] = {
	USER_SET_OWNER,		 USER_SET_PROTOCOL_FEATURES,
	USER_SET_BACKEND_REQ_FD, USER_SET_FEATURES,
	USER_SET_VRING_NUM,	 USER_SET_VRING_BASE,
	USER_SET_VRING_ADDR,	 USER_SET_VRING_CALL,
	USER_SET_VRING_KICK,	 USER_SET_STATUS,
	USER_SET_VRING_ENABLE,	 USER_RESET_DEVICE,
};

START_TEST(a_hang_up_at_any_message_is_noticed)
{
	struct fake_user u;

	set_up(&u, UINT64_MAX);
	u.server.fault = FAULT_HANG_UP;
	u.server.fault_request = messages[_i];
	if (fake_user_create(&u, &fake_user_blk) == 0) {
		if (fake_user_start(&u, 0) == 0)
			vhost_stop(u.vhost);
		fake_user_run_loop(&u, TIMEOUT_MS);
		ck_assert_uint_eq(u.losses, 1);
		ck_assert_int_eq(fake_user_start(&u, 0), -ENOTCONN);
	}
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_backend_that_goes_while_idle_is_noticed)
{
	struct fake_user u;

	set_up(&u, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(fake_user_start(&u, 0), 0);
	shutdown(u.server.fd, SHUT_RDWR);
	fake_user_run_loop(&u, TIMEOUT_MS);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert_ptr_nonnull(strstr(u.why, "closed the connection"));
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_message_out_of_turn_is_noticed)
{
	struct fake_user u;

	set_up(&u, UINT64_MAX);
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	ck_assert_int_eq(send(u.server.fd, "x", 1, 0), 1);
	fake_user_run_loop(&u, TIMEOUT_MS);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert_ptr_nonnull(strstr(u.why, "without a request"));
	fake_user_tear_down(&u);
}
END_TEST

START_TEST(a_backend_that_does_not_read_is_lost_in_time)
{
	struct fake_user u;
	uint64_t begin;
	uint8_t byte = 0;
	int ret = 0;

	set_up(&u, UINT64_MAX & ~BIT(USER_PROTOCOL_F_REPLY_ACK));
	u.server.fault = FAULT_SILENCE;
	u.server.fault_request = USER_GET_FEATURES;
	u.server.fault_after = 1;
	ck_assert_int_eq(fake_user_create(&u, &fake_user_blk), 0);
	begin = fake_user_now_ms();
	ret = fake_user_start(&u, 0);
	ck_assert_int_eq(ret, -ENOTCONN);
	ck_assert_uint_ge(fake_user_now_ms() - begin, TIMEOUT_MS);
	ck_assert_uint_lt(fake_user_now_ms() - begin, 5 * TIMEOUT_MS);
	ck_assert_ptr_nonnull(strstr(u.err.text, "no answer within 1000 ms"));
	ck_assert_int_eq(vhost_read_config(u.vhost, 0, &byte, 1, NULL),
			 -ENOTCONN);
	fake_user_tear_down(&u);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost-user faults");
	TCase *tc = tcase_create("faults");

	log_set_fd(-1);
	tcase_set_timeout(tc, 20);
	tcase_add_loop_test(tc, a_spoiled_answer_ends_the_connection, 0,
			    ARRAY_LEN(answers) * ARRAY_LEN(fatal));
	tcase_add_loop_test(tc, a_refusal_is_told_as_one, 0,
			    ARRAY_LEN(refusals));
	tcase_add_test(tc, a_refused_config_write_does_not_lose_the_backend);
	tcase_add_test(tc, too_few_memory_slots_are_named);
	tcase_add_loop_test(tc, a_hang_up_at_any_message_is_noticed, 0,
			    ARRAY_LEN(messages));
	tcase_add_test(tc, a_backend_that_goes_while_idle_is_noticed);
	tcase_add_test(tc, a_message_out_of_turn_is_noticed);
	tcase_add_test(tc, a_backend_that_does_not_read_is_lost_in_time);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
