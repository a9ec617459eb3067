// SPDX-License-Identifier: Apache-2.0
/*
 * test_base.c - numbers, sizes, ids, texts, error lines, main-thread calls
 */
#include "unit.h"
#include "err.h"
#include "main_call.h"
#include "parse.h"
#include "unix_socket.h"
#include "utf8.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *text;
	int ret;
	uint64_t bytes;
} sizes[] = {
	{ "512", 0, 512 * MIB }, /* no suffix: the caller's unit */
	{ "64K", 0, 64 * KIB },
	{ "1GiB", 0, GIB },
	{ "2g", 0, 2 * GIB },
	{ "0", 0, 0 },
	{ "", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1.5G", -EINVAL, 0 },
	{ "1GB", -EINVAL, 0 },
	{ "18446744073709551615", -EINVAL, 0 }, /* overflows in MiB */
	{ "99999999999999999999", -EINVAL, 0 },
	{ "16777216T", -EINVAL, 0 },
};

START_TEST(sizes_are_read_as_users_write_them)
{
	uint64_t bytes = 0;

	ck_assert_int_eq(parse_size(sizes[_i].text, MIB, &bytes, NULL),
			 sizes[_i].ret);
	ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

static const struct {
	const char *text;
	int ret;
} uints[] = {
	{ "1", 0 },	   { "64", 0 },
	{ "0", -EINVAL },  { "65", -EINVAL },
	{ "+1", -EINVAL }, { "1x", -EINVAL },
	{ "", -EINVAL },   { "18446744073709551617", -EINVAL },
};

START_TEST(numbers_stay_within_their_limits)
{
	struct err err = { "" };
	uint64_t value;

	ck_assert_int_eq(parse_uint(uints[_i].text, 1, 64, &value, &err),
			 uints[_i].ret);
	ck_assert_int_eq(err.text[0] != '\0', uints[_i].ret != 0);
}
END_TEST

static const struct {
	const char *text;
	int ret;
} ids[] = {
	{ "vm-1_A", 0 },
	{ "", -EINVAL },
	{ "a/b", -EINVAL },
	{ "..", -EINVAL },
	{ "0123456789012345678901234567890123456789012345678901234567890123",
	  0 },
	{ "01234567890123456789012345678901234567890123456789012345678901234",
	  -EINVAL },
};

START_TEST(ids_are_safe_in_paths_and_log_lines)
{
	char id[ID_MAX + 1] = "";

	ck_assert_int_eq(parse_id(ids[_i].text, id, NULL), ids[_i].ret);
	ck_assert_str_eq(id, ids[_i].ret == 0 ? ids[_i].text : "");
}
END_TEST

START_TEST(a_range_never_wraps)
{
	ck_assert(range_within(0, 10, 10));
	ck_assert(range_within(10, 0, 10));
	ck_assert(!range_within(1, 10, 10));
	ck_assert(!range_within(UINT64_MAX, 2, 10));
	ck_assert(!range_within(2, UINT64_MAX, 10));
}
END_TEST

START_TEST(an_error_line_keeps_its_cause)
{
	struct err err;

	errno = ENOENT;
	ck_assert_int_eq(err_errno(&err, "open '%s'", "x"), -ENOENT);
	ck_assert_int_eq(err_prefix(&err, -ENOENT, "disk%d", 0), -ENOENT);
	ck_assert_str_eq(err.text,
			 "disk0: open 'x': No such file or directory");
}
END_TEST

struct fixture {
	struct event_base *base;
	struct main_call *calls;
	pthread_t main_thread;
	int ran, first, second;
};

static int on_main(void *arg)
{
	struct fixture *f = arg;

	ck_assert(pthread_equal(pthread_self(), f->main_thread));
	f->ran++;
	return 7;
}

static int on_main_and_close(void *arg)
{
	struct fixture *f = arg;

	main_call_close(f->calls);
	event_base_loopbreak(f->base);
	return on_main(arg);
}

static void *calling_thread(void *arg)
{
	struct fixture *f = arg;

	f->first = main_call_run(f->calls, on_main, f);
	main_call_run(f->calls, on_main_and_close, f);
	f->second = main_call_run(f->calls, on_main, f);
	return NULL;
}

START_TEST(calls_run_on_the_main_thread_until_it_closes)
{
	struct fixture f = { .main_thread = pthread_self() };
	pthread_t thread;

	f.base = event_base_new();
	ck_assert_int_eq(main_call_create(f.base, &f.calls, NULL), 0);
	pthread_create(&thread, NULL, calling_thread, &f);
	event_base_dispatch(f.base);
	pthread_join(thread, NULL);
	ck_assert_int_eq(f.ran, 2);
	ck_assert_int_eq(f.first, 7);
	ck_assert_int_eq(f.second, -ECANCELED);
	main_call_destroy(f.calls);
	event_base_free(f.base);
}
END_TEST

struct crowd {
	struct main_call *calls;
	struct event_base *base;
};

static int slow_on_main(void *arg)
{
	(void)arg;
	usleep(1000);
	return 0;
}

static void *calling_without_end(void *arg)
{
	struct crowd *crowd = arg;

	while (main_call_run(crowd->calls, slow_on_main, NULL) == 0)
		;
	return NULL;
}

static void time_is_up(evutil_socket_t fd, short what, void *arg)
{
	struct crowd *crowd = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(crowd->base);
}

/* So many that there is always one that waits when another is done. */
START_TEST(threads_that_call_all_the_time_do_not_starve_other_events)
{
	const struct timeval soon = { .tv_usec = 50000 };
	struct crowd crowd;
	pthread_t threads[16];

	crowd.base = event_base_new();
	ck_assert_int_eq(main_call_create(crowd.base, &crowd.calls, NULL), 0);
	event_base_once(crowd.base, -1, EV_TIMEOUT, time_is_up, &crowd, &soon);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, calling_without_end, &crowd);
	event_base_dispatch(crowd.base); /* or the test times out */
	main_call_close(crowd.calls);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	main_call_destroy(crowd.calls);
	event_base_free(crowd.base);
}
END_TEST

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

START_TEST(accepting_takes_its_time_when_there_are_no_descriptors)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	socklen_t len = sizeof(addr);
	struct rlimit limit, none;
	struct timespec start;

	bind(server, (struct sockaddr *)&addr, sizeof(sa_family_t));
	ck_assert_int_eq(listen(server, 1), 0);
	ck_assert_int_eq(unix_socket_accept(server, 0), -EAGAIN);
	getsockname(server, (struct sockaddr *)&addr, &len);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&addr, len), 0);

	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = (rlim_t)client + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	clock_gettime(CLOCK_MONOTONIC, &start);
	ck_assert_int_eq(unix_socket_accept(server, 0), -EMFILE);
	ck_assert(seconds_since(&start) >= 0.1);
	setrlimit(RLIMIT_NOFILE, &limit);
	fd = unix_socket_accept(server, SOCK_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	close(client);
	close(server);
}
END_TEST

static void *call_twice(void *arg)
{
	struct fixture *f = arg;

	main_call_run(f->calls, on_main, f);
	main_call_run(f->calls, on_main, f);
	return NULL;
}

START_TEST(calls_can_be_run_without_the_event_loop)
{
	struct fixture f = { .main_thread = pthread_self() };
	struct pollfd call = { .events = POLLIN };
	pthread_t thread;

	f.base = event_base_new();
	ck_assert_int_eq(main_call_create(f.base, &f.calls, NULL), 0);
	main_call_run_next(f.calls); /* none */
	call.fd = main_call_fd(f.calls);
	pthread_create(&thread, NULL, call_twice, &f);
	for (int i = 1; i <= 2; i++) {
		ck_assert_int_eq(poll(&call, 1, 10000), 1);
		main_call_run_next(f.calls);
		ck_assert_int_eq(f.ran, i);
	}
	pthread_join(thread, NULL);
	ck_assert_int_eq(poll(&call, 1, 0), 0);
	main_call_destroy(f.calls);
	event_base_free(f.base);
}
END_TEST

/* RFC 3629, sections 3 and 10: what is cut, too long, too large, a surrogate. */
static const struct {
	const char *text, *repaired;
} texts[] = {
	{ "", "" },
	{ "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
	  "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "a\xc3", "a?" },
	{ "\xe2\x82", "??" },
	{ "\xf0\x9f\x98", "???" },
	{ "\xa9z", "?z" },
	{ "\xc0\xaf", "??" },
	{ "\xed\xa0\x80", "???" },
	{ "\xf4\x90\x80\x80", "????" },
	{ "\xff\xc3\xa9", "?\xc3\xa9" },
};

START_TEST(texts_become_utf8)
{
	char text[32];

	snprintf(text, sizeof(text), "%s", texts[_i].text);
	ck_assert_int_eq(utf8_is_valid(text),
			 strcmp(text, texts[_i].repaired) == 0);
	utf8_repair(text);
	ck_assert_str_eq(text, texts[_i].repaired);
	ck_assert(utf8_is_valid(text));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_loop_test(tc, sizes_are_read_as_users_write_them, 0,
			    ARRAY_LEN(sizes));
	tcase_add_loop_test(tc, numbers_stay_within_their_limits, 0,
			    ARRAY_LEN(uints));
	tcase_add_loop_test(tc, ids_are_safe_in_paths_and_log_lines, 0,
			    ARRAY_LEN(ids));
	tcase_add_loop_test(tc, texts_become_utf8, 0, ARRAY_LEN(texts));
	tcase_add_test(tc, a_range_never_wraps);
	tcase_add_test(tc, an_error_line_keeps_its_cause);
	tcase_add_test(tc, calls_run_on_the_main_thread_until_it_closes);
	tcase_add_test(tc, calls_can_be_run_without_the_event_loop);
	tcase_add_test(
		tc, threads_that_call_all_the_time_do_not_starve_other_events);
	tcase_add_test(tc,
		       accepting_takes_its_time_when_there_are_no_descriptors);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
