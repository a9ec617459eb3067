// SPDX-License-Identifier: Apache-2.0
/*
 * log.c - one event, one line
 *
 * A line is formatted on the stack and leaves in a single write(), so lines of
 * several threads and of the backends, which share the sink, never mix.
 */
#include "log.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, GUEST_LINES_PER_SECOND = 10 };
static_assert(LINE_MAX_BYTES <= PIPE_BUF, "a pipe takes all of a line or none");

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static enum log_level max_level = LOG_WARN;
static int sink_fd = STDERR_FILENO;

int log_level_parse(const char *name, enum log_level *level, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return err_set(err, EINVAL,
		       "log level '%s': use error, warn, info or debug", name);
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

enum log_level log_get_level(void)
{
	return max_level;
}

void log_set_fd(int fd)
{
	sink_fd = fd;
}

int log_get_fd(void)
{
	return sink_fd;
}

static size_t format_head(char *line, size_t size, enum log_level level,
			  const char *module, const char *instance)
{
	struct timespec now;
	struct tm tm;
	char thread[16] = "?";
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	pthread_getname_np(pthread_self(), thread, sizeof(thread));
	len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(line + len, size - len,
				      ".%06ldZ %-5s %s%s%s %s  ",
				      now.tv_nsec / 1000, level_names[level],
				      module, instance ? "/" : "",
				      instance ? instance : "", thread);
}

static void __attribute__((format(printf, 4, 0)))
emit(enum log_level level, const char *module, const char *instance,
     const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	size_t len;
	int n;

	len = format_head(line, sizeof(line), level, module, instance);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	if (n > 0)
		len += MIN((size_t)n, sizeof(line) - len - 2);
	line[len++] = '\n';
	fd_write_or_lose(sink_fd, line, len);
	errno = saved;
}

void log_write(enum log_level level, const char *module, const char *instance,
	       const char *fmt, ...)
{
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	emit(level, module, instance, fmt, ap);
	va_end(ap);
}

/*
 * How many lines this second has had. Two threads that meet at the turn of a
 * second may let a line more through; that is all the precision needed.
 */
static bool guest_line_allowed(unsigned *suppressed)
{
	static atomic_long second;
	static atomic_uint lines;
	struct timespec now;
	long last = atomic_load(&second);

	*suppressed = 0;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (last != now.tv_sec &&
	    atomic_compare_exchange_strong(&second, &last, now.tv_sec)) {
		unsigned n = atomic_exchange(&lines, 0);

		if (n > GUEST_LINES_PER_SECOND)
			*suppressed = n - GUEST_LINES_PER_SECOND;
	}
	return atomic_fetch_add(&lines, 1) < GUEST_LINES_PER_SECOND;
}

static void __attribute__((format(printf, 4, 0)))
emit_limited(enum log_level level, const char *module, const char *instance,
	     const char *fmt, va_list ap)
{
	unsigned suppressed;
	bool allowed;

	if (level > max_level)
		return;
	allowed = guest_line_allowed(&suppressed);
	if (suppressed > 0)
		log_write(level, module, instance,
			  "(%u guest lines suppressed before this one)",
			  suppressed);
	if (allowed)
		emit(level, module, instance, fmt, ap);
}

void log_guest(const char *module, const char *instance, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit_limited(LOG_WARN, module, instance, fmt, ap);
	va_end(ap);
}

void log_guest_debug(const char *module, const char *instance, const char *fmt,
		     ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit_limited(LOG_DEBUG, module, instance, fmt, ap);
	va_end(ap);
}
