// SPDX-License-Identifier: Apache-2.0
/*
 * test_log.c - shapes of log lines, levels, sinks that change or are full
 */
#include "unit.h"
#include "fd.h"
#include "log_format.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4, CHANGES = 300 };

/* What is logged between the two, as text. */
static int reader = -1;

static void record(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	reader = ends[0];
	log_set_fd(ends[1]);
}

static void recorded(char *text, size_t size)
{
	ssize_t n = read(reader, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	log_set_fd(STDERR_FILENO);
	fd_close(&reader);
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0,
		      "'%s' is not like '%s'", text, pattern);
	regfree(&regex);
}

#define DAY    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"
#define SECOND DAY "[0-9]{2}:[0-9]{2}:[0-9]{2}"

static const struct {
	struct log_format format;
	const char *instance;
	const char *line;
} shapes[] = {
	{ { .shape = LOG_SHAPE_MOTE },
	  "net0",
	  SECOND "\\.[0-9]{6}Z warn  virtio/net0 [^ ]+  slow\n$" },
	{ { .shape = LOG_SHAPE_MOTE },
	  NULL,
	  SECOND "\\.[0-9]{6}Z warn  virtio [^ ]+  slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .id = "vm-1" },
	  NULL,
	  SECOND "\\.[0-9]{9} \\[vm-1:[^: ]+\\] slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .id = "vm-1" },
	  "net0",
	  SECOND "\\.[0-9]{9} \\[vm-1:[^: ]+\\] net0: slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .id = "vm-1" },
	  "vm-1",
	  SECOND "\\.[0-9]{9} \\[vm-1:[^: ]+\\] slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .id = "a", .show_level = true },
	  NULL,
	  SECOND "\\.[0-9]{9} \\[a:[^: ]+:WARN\\] slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .id = "a", .show_origin = true },
	  NULL,
	  SECOND "\\.[0-9]{9} \\[a:[^: ]+:virtio:\\?\\] slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .id = "a", .show_level = true,
	    .show_origin = true },
	  NULL,
	  SECOND "\\.[0-9]{9} \\[a:[^: ]+:WARN:virtio:\\?\\] slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .module = "virt" }, NULL, "slow\n$" },
	{ { LOG_SHAPE_FIRECRACKER, .module = "vm" }, NULL, "^$" },
	{ { LOG_SHAPE_MOTE, .module = "virtio-" }, NULL, "^$" },
};

START_TEST(a_line_has_the_shape_that_was_asked_for)
{
	char text[512];

	record();
	log_set_format(&shapes[_i].format);
	log_write(LOG_WARN, "virtio", shapes[_i].instance, "slow");
	log_set_format(NULL);
	recorded(text, sizeof(text));
	assert_matches(text, shapes[_i].line);
}
END_TEST

START_TEST(firecrackers_time_is_local)
{
	static const struct log_format format = {
		.shape = LOG_SHAPE_FIRECRACKER
	};
	char text[512], day[32];
	time_t there;
	struct tm tm;

	setenv("TZ", "TST-13:30", 1);
	tzset();
	there = time(NULL) + 13 * 3600 + 30 * 60;
	strftime(day, sizeof(day), "%Y-%m-%dT%H:", gmtime_r(&there, &tm));
	record();
	log_set_format(&format);
	log_write(LOG_WARN, "test", NULL, "now");
	recorded(text, sizeof(text));
	ck_assert_msg(strncmp(text, day, strlen(day)) == 0, "%s", text);
}
END_TEST

static const struct {
	const char *name;
	int ret, ret_any;
	enum log_level level;
} names[] = {
	{ "error", 0, 0, LOG_ERROR },
	{ "debug", 0, 0, LOG_DEBUG },
	{ "Error", -EINVAL, 0, LOG_ERROR },
	{ "WARN", -EINVAL, 0, LOG_WARN },
	{ "Warning", -EINVAL, 0, LOG_WARN },
	{ "Info", -EINVAL, 0, LOG_INFO },
	{ "Trace", -EINVAL, 0, LOG_DEBUG },
	{ "off", -EINVAL, 0, LOG_OFF },
	{ "warnings", -EINVAL, -EINVAL, LOG_INFO },
	{ "", -EINVAL, -EINVAL, LOG_INFO },
};

START_TEST(levels_have_the_names_of_either_world)
{
	enum log_level level = LOG_INFO;

	ck_assert_int_eq(log_level_parse_any(names[_i].name, &level, NULL),
			 names[_i].ret_any);
	ck_assert_int_eq(level, names[_i].level);
	ck_assert_int_eq(log_level_parse(names[_i].name, &level, NULL),
			 names[_i].ret);
}
END_TEST

START_TEST(off_silences_everything)
{
	char text[512];

	record();
	log_set_level(LOG_OFF);
	log_write(LOG_ERROR, "test", NULL, "no");
	log_guest("test", NULL, "no");
	log_set_level(LOG_ERROR);
	log_guest("test", NULL, "no");
	log_write(LOG_WARN, "test", NULL, "no");
	log_write(LOG_ERROR, "test", NULL, "yes");
	recorded(text, sizeof(text));
	assert_matches(text, "error test [^ ]+  yes\n$");
	ck_assert_ptr_null(strstr(text, "no"));
}
END_TEST

START_TEST(a_full_sink_loses_lines_but_no_time_and_counts_them)
{
	uint64_t before = log_lines_lost();
	char last[] = "x";
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], last, 1) > 0)
		;
	fcntl(ends[1], F_SETFL, O_WRONLY); /* as stderr usually is */
	log_set_fd(ends[1]);
	log_write(LOG_ERROR, "test", NULL, "lost"); /* or it times out */
	log_guest("test", NULL, "lost");
	log_set_fd(STDERR_FILENO);
	ck_assert_uint_eq(log_lines_lost() - before, 2);
	close(ends[0]);
}
END_TEST

START_TEST(guest_lines_beyond_ten_a_second_are_counted)
{
	record();
	log_set_level(LOG_DEBUG);
	for (unsigned i = 0; i < 50; i++) {
		log_guest("test", NULL, "again");
		log_guest_debug("test", NULL, "and again");
	}
	log_set_level(LOG_WARN);
	log_set_fd(STDERR_FILENO);
	fd_close(&reader);
	/* Or 80, should a second have ended meanwhile. */
	ck_assert_uint_ge(log_lines_suppressed(), 80);
	ck_assert_uint_le(log_lines_suppressed(), 90);
}
END_TEST

START_TEST(a_fifo_needs_no_reader)
{
	char path[] = "/tmp/mote-test-XXXXXX", fifo[64], text[512] = "";
	int fd, other;

	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(fifo, sizeof(fifo), "%s/log", path);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	fd = fd_open_sink(fifo);
	ck_assert_int_ge(fd, 0);
	log_set_fd(fd);
	log_write(LOG_ERROR, "test", NULL, "before there is a reader");
	other = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_gt(read(other, text, sizeof(text) - 1), 0);
	assert_matches(text, "before there is a reader\n$");
	fd_close(&other);
	log_write(LOG_ERROR, "test", NULL, "after it left"); /* no SIGPIPE */
	log_set_fd(STDERR_FILENO);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0); /* closed */
	ck_assert_int_eq(fd_open_sink("/nowhere/log"), -ENOENT);
	unlink(fifo);
	rmdir(path);
}
END_TEST

static atomic_bool done;

static void *logging_thread(void *arg)
{
	(void)arg;
	while (!atomic_load(&done))
		log_write(LOG_ERROR, "test", "net0", "a line of some length");
	return NULL;
}

static const char *const line_ends[] = { "  a line of some length",
					 "] net0: a line of some length" };

/* Every line in the file is whole and of one of the two shapes. */
static void assert_lines_whole(int fd)
{
	FILE *file = fdopen(fd, "r");
	char line[512];

	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		ck_assert_msg(strstr(line, line_ends[0]) != NULL ||
				      strstr(line, line_ends[1]) != NULL,
			      "'%s'", line);
		ck_assert_msg(line[0] == '2' && strlen(line) < 110, "'%s'",
			      line);
	}
	fclose(file);
}

START_TEST(format_and_sink_change_while_threads_log)
{
	static const struct log_format other = { LOG_SHAPE_FIRECRACKER,
						 .id = "vm",
						 .show_level = true };
	pthread_t threads[THREADS];
	FILE *files[2] = { tmpfile(), tmpfile() };

	/* The test's own descriptors stay; the log's copies come and go. */
	log_set_fd(fcntl(fileno(files[0]), F_DUPFD_CLOEXEC, 3));
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, logging_thread, NULL);
	for (size_t i = 0; i < CHANGES; i++) {
		log_set_format(i % 2 == 0 ? &other : NULL);
		log_set_fd(fcntl(fileno(files[i % 2]), F_DUPFD_CLOEXEC, 3));
		log_set_level(i % 3 == 0 ? LOG_OFF : LOG_ERROR);
		usleep(100);
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_set_fd(STDERR_FILENO);
	ck_assert_uint_eq(log_lines_lost(), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		assert_lines_whole(dup(fileno(files[i])));
		fclose(files[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_loop_test(tc, a_line_has_the_shape_that_was_asked_for, 0,
			    ARRAY_LEN(shapes));
	tcase_add_test(tc, firecrackers_time_is_local);
	tcase_add_loop_test(tc, levels_have_the_names_of_either_world, 0,
			    ARRAY_LEN(names));
	tcase_add_test(tc, off_silences_everything);
	tcase_add_test(tc, a_full_sink_loses_lines_but_no_time_and_counts_them);
	tcase_add_test(tc, guest_lines_beyond_ten_a_second_are_counted);
	tcase_add_test(tc, a_fifo_needs_no_reader);
	tcase_add_test(tc, format_and_sink_change_while_threads_log);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
