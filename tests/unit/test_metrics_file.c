// SPDX-License-Identifier: Apache-2.0
/*
 * test_metrics_file.c - the sink of PUT /metrics: files, FIFOs, readers that sleep
 */
#include "metrics_fixture.h"
#include "metrics_file.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A text of many lines; a FIFO holds 64 KiB. */
enum { TEXT_MAX = 1 << 20 };

struct fixture {
	char dir[32], path[64];
	struct event_base *base;
	struct vm_metrics *sample;
	struct api_metrics api;
	struct metrics_file_config cfg;
	struct metrics_file *file;
	bool has_vm;
};

static struct fixture f;
static char text[TEXT_MAX];

static bool get(void *ctx, struct vm_metrics *out)
{
	(void)ctx;
	if (f.has_vm)
		*out = *f.sample;
	return f.has_vm;
}

static void set_up(void)
{
	f = (struct fixture){ .dir = "/tmp/mote-test-XXXXXX", .has_vm = true };
	ck_assert_ptr_nonnull(mkdtemp(f.dir));
	snprintf(f.path, sizeof(f.path), "%s/metrics", f.dir);
	f.base = event_base_new();
	f.sample = metrics_sample();
	f.cfg = (struct metrics_file_config){ .path = f.path,
					      .id = "vm-1",
					      .api = &f.api,
					      .get = get,
					      .base = f.base };
}

static void tear_down(void)
{
	metrics_file_close(f.file);
	json_decref(f.cfg.properties);
	unlink(f.path);
	rmdir(f.dir);
	free(f.sample);
	event_base_free(f.base);
}

static void open_file(void)
{
	ck_assert_int_eq(metrics_file_open(&f.cfg, &f.file, NULL), 0);
}

static void close_file(void)
{
	metrics_file_close(f.file);
	f.file = NULL;
}

/* What is there now, in `text`. */
static size_t read_now(int fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return len;
}

static void read_path(void)
{
	int fd = open(f.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	read_now(fd);
	close(fd);
}

/* Every line of `text` is one object; the last is given to the caller. */
static size_t count_lines(json_t **last)
{
	char *rest = text, *line;
	json_t *object = NULL;
	size_t lines = 0;

	ck_assert(*text == '\0' || text[strlen(text) - 1] == '\n');
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		json_decref(object);
		object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		ck_assert_msg(object != NULL, "'%.60s'", line);
		ck_assert_ptr_nonnull(
			json_object_get(object, "utc_timestamp_ms"));
		lines++;
	}
	if (last != NULL)
		*last = object;
	else
		json_decref(object);
	return lines;
}

START_TEST(a_line_has_the_time_the_groups_and_mote)
{
	json_t *line, *mote;

	f.cfg.emit_id = true;
	f.cfg.properties = json_pack("{s:s}", "owner", "me");
	open_file();
	read_path();
	ck_assert_uint_eq(count_lines(NULL), 0); /* not before the start */
	metrics_file_start(f.file);
	read_path();
	ck_assert_int_eq(strncmp(text, "{\"utc_timestamp_ms\":", 20), 0);
	ck_assert_uint_eq(count_lines(&line), 1);
	ck_assert_str_eq(json_string_value(json_object_get(line, "id")),
			 "vm-1");
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_object_get(line, "properties"), "owner")),
			 "me");
	ck_assert_ptr_nonnull(json_object_get(line, "api_server"));
	mote = json_object_get(line, "mote");
	ck_assert_ptr_nonnull(json_object_get(mote, "memory"));
	json_decref(line);
	close_file();
	read_path();
	ck_assert_uint_eq(count_lines(NULL), 2); /* the last one */
}
END_TEST

START_TEST(id_and_properties_are_there_only_when_asked_for)
{
	json_t *line;

	f.has_vm = false;
	open_file();
	ck_assert(metrics_file_write(f.file));
	read_path();
	ck_assert_uint_eq(count_lines(&line), 1);
	ck_assert_ptr_null(json_object_get(line, "id"));
	ck_assert_ptr_null(json_object_get(line, "properties"));
	ck_assert_ptr_null(json_object_get(line, "mote"));
	ck_assert_ptr_nonnull(json_object_get(line, "vcpu"));
	json_decref(line);
	close_file(); /* never started: no last line */
	read_path();
	ck_assert_uint_eq(count_lines(NULL), 1);
}
END_TEST

START_TEST(a_file_that_is_there_is_added_to)
{
	FILE *file = fopen(f.path, "w");

	fputs("{\"utc_timestamp_ms\":0}\n", file);
	fclose(file);
	open_file();
	ck_assert(metrics_file_write(f.file));
	read_path();
	ck_assert_uint_eq(count_lines(NULL), 2);
}
END_TEST

static void stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void run_for(long ms)
{
	const struct timeval time = { .tv_usec = ms * 1000 };

	event_base_once(f.base, -1, EV_TIMEOUT, stop, f.base, &time);
	event_base_dispatch(f.base);
}

START_TEST(lines_come_periodically_once_started)
{
	size_t lines;

	f.cfg.period_ms = 20;
	open_file();
	run_for(60);
	read_path();
	ck_assert_uint_eq(count_lines(NULL), 0);
	metrics_file_start(f.file);
	run_for(210);
	read_path();
	lines = count_lines(NULL);
	ck_assert_uint_ge(lines, 4); /* a busy machine may be late */
	ck_assert_uint_le(lines, 12);
}
END_TEST

START_TEST(a_fifo_without_reader_takes_lines_until_it_is_full)
{
	size_t wrote = 0, lines;
	json_t *last;
	int fd;

	ck_assert_int_eq(mkfifo(f.path, 0600), 0);
	open_file();
	while (metrics_file_write(f.file)) /* or it times out */
		ck_assert_uint_lt(++wrote, 1000);
	ck_assert_uint_gt(wrote, 1);
	f.api.put[API_DRIVE].count = 6;
	ck_assert(!metrics_file_write(f.file));
	ck_assert_uint_eq(metrics_file_lost(f.file), 2);

	/* A reader comes: what is kept goes out by itself. */
	fd = open(f.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lines = read_now(fd);
	run_for(50);
	read_now(fd);
	ck_assert_uint_gt(lines, 0);
	ck_assert(metrics_file_write(f.file));
	read_now(fd);
	ck_assert_uint_eq(count_lines(&last), 1);
	/* Counts of the lost lines are in the next one. */
	ck_assert_int_eq(json_integer_value(json_object_get(
				 json_object_get(last, "put_api_requests"),
				 "drive_count")),
			 6);
	ck_assert_int_eq(json_integer_value(json_object_get(
				 json_object_get(last, "logger"),
				 "missed_metrics_count")),
			 2);
	json_decref(last);
	close(fd);
}
END_TEST

/* One page of room, lines longer than that: each comes in pieces. */
START_TEST(a_slow_reader_gets_whole_lines_or_none)
{
	size_t len = 0, whole = 0;
	int fd;

	ck_assert_int_eq(mkfifo(f.path, 0600), 0);
	fd = open(f.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fcntl(fd, F_SETPIPE_SZ, 4096), 4096);
	f.sample->device_count = METRICS_DEVICES_MAX; /* 15 KiB */
	for (size_t i = 0; i < METRICS_DEVICES_MAX; i++)
		f.sample->devices[i] = f.sample->devices[0];
	open_file();
	for (size_t i = 0; i < 40; i++) {
		ssize_t n;

		whole += metrics_file_write(f.file);
		if (i % 3 == 0)
			run_for(1);
		n = read(fd, text + len, 3000);
		len += n > 0 ? (size_t)n : 0;
	}
	ck_assert_uint_gt(metrics_file_lost(f.file), 0);
	for (size_t i = 0; i < 20; i++) {
		ssize_t n;

		run_for(2);
		n = read(fd, text + len, 4096);
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	ck_assert_uint_gt(whole, 1);
	ck_assert_uint_eq(count_lines(NULL), whole);
	ck_assert_uint_eq(whole + metrics_file_lost(f.file), 40);
	close(fd);
}
END_TEST

START_TEST(a_reader_that_leaves_is_no_signal_and_no_end)
{
	int fd;

	ck_assert_int_eq(mkfifo(f.path, 0600), 0);
	open_file();
	fd = open(f.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert(metrics_file_write(f.file));
	close(fd);
	ck_assert(metrics_file_write(f.file));
	fd = open(f.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	read_now(fd);
	ck_assert_uint_eq(count_lines(NULL), 2);
	close(fd);
}
END_TEST

START_TEST(a_full_disk_loses_lines_and_is_counted)
{
	f.cfg.path = "/dev/full";
	open_file();
	metrics_file_start(f.file);
	ck_assert(!metrics_file_write(f.file));
	ck_assert_uint_eq(metrics_file_lost(f.file), 2);
}
END_TEST

START_TEST(a_path_that_cannot_be_opened_is_named)
{
	struct err err;

	f.cfg.path = "/nowhere/metrics";
	ck_assert_int_eq(metrics_file_open(&f.cfg, &f.file, &err), -ENOENT);
	ck_assert_str_eq(err.text, "metrics_path '/nowhere/metrics': No such "
				   "file or directory");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics_file");
	TCase *tc = tcase_create("metrics_file");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_line_has_the_time_the_groups_and_mote);
	tcase_add_test(tc, id_and_properties_are_there_only_when_asked_for);
	tcase_add_test(tc, a_file_that_is_there_is_added_to);
	tcase_add_test(tc, lines_come_periodically_once_started);
	tcase_add_test(tc, a_fifo_without_reader_takes_lines_until_it_is_full);
	tcase_add_test(tc, a_slow_reader_gets_whole_lines_or_none);
	tcase_add_test(tc, a_reader_that_leaves_is_no_signal_and_no_end);
	tcase_add_test(tc, a_full_disk_loses_lines_and_is_counted);
	tcase_add_test(tc, a_path_that_cannot_be_opened_is_named);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
