// SPDX-License-Identifier: Apache-2.0
/*
 * log.c - one event, one line
 *
 * A line is formatted on the stack and leaves in a single write(), so lines of
 * several threads and of the backends, which share the sink, never mix.
 *
 * Writers hold the lock for reading from the look at the format to the end of the
 * write(), which does not wait; the main thread holds it for writing to change
 * sink or format. So nobody writes to a descriptor that has been closed, or to
 * what was opened in its place.
 */
#include "log.h"
#include "fd.h"
#include "log_format.h"
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
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, GUEST_LINES_PER_SECOND = 10 };
static_assert(LINE_MAX_BYTES <= PIPE_BUF, "a pipe takes all of a line or none");

static const char *const level_names[] = {
	[LOG_OFF] = "off",   [LOG_ERROR] = "error", [LOG_WARN] = "warn",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

static atomic_int max_level = LOG_WARN;
/* Or threads that log all the time keep the main thread waiting for ever. */
static pthread_rwlock_t lock =
	PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static int sink_fd = STDERR_FILENO; /* guarded by lock */
static struct log_format format;    /* guarded by lock */
static atomic_uint_least64_t lost, suppressed;

int log_level_parse(const char *name, enum log_level *level, struct err *err)
{
	for (size_t i = LOG_ERROR; i < ARRAY_LEN(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return err_set(err, EINVAL,
		       "log level '%s': use error, warn, info or debug", name);
}

int log_level_parse_any(const char *name, enum log_level *level,
			struct err *err)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "off", LOG_OFF },	{ "error", LOG_ERROR },
		{ "warn", LOG_WARN },	{ "warning", LOG_WARN },
		{ "info", LOG_INFO },	{ "debug", LOG_DEBUG },
		{ "trace", LOG_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcasecmp(name, levels[i].name) == 0) {
			*level = levels[i].level;
			return 0;
		}
	}
	return err_set(err, EINVAL,
		       "log level '%s': use Off, Error, Warning, Info, Debug "
		       "or Trace",
		       name);
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&max_level,
						    memory_order_relaxed);
}

/* Once, here: it reads /etc/localtime, which no vCPU thread is to do. */
static long local_utc_offset(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) != NULL ? tm.tm_gmtoff : 0;
}

void log_set_format(const struct log_format *wanted)
{
	struct log_format next = { .shape = LOG_SHAPE_MOTE };

	if (wanted != NULL)
		next = *wanted;
	if (next.shape == LOG_SHAPE_FIRECRACKER && !next.utc_offset_known) {
		next.utc_offset = local_utc_offset();
		next.utc_offset_known = true;
	}
	pthread_rwlock_wrlock(&lock);
	format = next;
	pthread_rwlock_unlock(&lock);
}

/* Only the main thread changes it. */
void log_get_format(struct log_format *out)
{
	*out = format;
}

void log_set_fd(int fd)
{
	int before;

	pthread_rwlock_wrlock(&lock);
	before = sink_fd;
	sink_fd = fd;
	pthread_rwlock_unlock(&lock);
	if (before > STDERR_FILENO && before != fd)
		fd_close(&before);
}

int log_get_fd(void)
{
	return sink_fd;
}

uint64_t log_lines_lost(void)
{
	return atomic_load_explicit(&lost, memory_order_relaxed);
}

uint64_t log_lines_suppressed(void)
{
	return atomic_load_explicit(&suppressed, memory_order_relaxed);
}

static void __attribute__((format(printf, 4, 0)))
emit(enum log_level level, const char *module, const char *instance,
     const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	size_t len;
	int n;

	pthread_rwlock_rdlock(&lock);
	if (log_format_wants(&format, module)) {
		len = log_format_head(&format, line, sizeof(line), level,
				      module, instance);
		n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
		if (n > 0)
			len += MIN((size_t)n, sizeof(line) - len - 2);
		line[len++] = '\n';
		if (!fd_write_or_lose(sink_fd, line, len))
			atomic_fetch_add_explicit(&lost, 1,
						  memory_order_relaxed);
	}
	pthread_rwlock_unlock(&lock);
	errno = saved;
}

static bool is_wanted(enum log_level level)
{
	return level <= log_get_level();
}

void log_write(enum log_level level, const char *module, const char *instance,
	       const char *fmt, ...)
{
	va_list ap;

	if (!is_wanted(level))
		return;
	va_start(ap, fmt);
	emit(level, module, instance, fmt, ap);
	va_end(ap);
}

/*
 * How many lines this second has had. Two threads that meet at the turn of a
 * second may let a line more through; that is all the precision needed.
 */
static bool guest_line_allowed(unsigned *held_back)
{
	static atomic_long second;
	static atomic_uint lines;
	struct timespec now;
	long last = atomic_load(&second);

	*held_back = 0;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (last != now.tv_sec &&
	    atomic_compare_exchange_strong(&second, &last, now.tv_sec)) {
		unsigned n = atomic_exchange(&lines, 0);

		if (n > GUEST_LINES_PER_SECOND)
			*held_back = n - GUEST_LINES_PER_SECOND;
	}
	return atomic_fetch_add(&lines, 1) < GUEST_LINES_PER_SECOND;
}

static void __attribute__((format(printf, 4, 0)))
emit_limited(enum log_level level, const char *module, const char *instance,
	     const char *fmt, va_list ap)
{
	unsigned held_back;
	bool allowed;

	if (!is_wanted(level))
		return;
	allowed = guest_line_allowed(&held_back);
	if (held_back > 0)
		log_write(level, module, instance,
			  "(%u guest lines suppressed before this one)",
			  held_back);
	if (allowed)
		emit(level, module, instance, fmt, ap);
	else
		atomic_fetch_add_explicit(&suppressed, 1, memory_order_relaxed);
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
