// SPDX-License-Identifier: Apache-2.0
/*
 * log_format.c - the shapes of a log line
 */
#include "log_format.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { THREAD_NAME_MAX = 15 }; /* pthread_setname_np(3) */

struct moment {
	struct timespec time;
	char text[32]; /* up to the seconds */
	char thread[THREAD_NAME_MAX + 1];
};

static void now(struct moment *at, long utc_offset)
{
	time_t seconds;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &at->time);
	seconds = at->time.tv_sec + utc_offset;
	gmtime_r(&seconds, &tm);
	strftime(at->text, sizeof(at->text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (pthread_getname_np(pthread_self(), at->thread,
			       sizeof(at->thread)) != 0)
		strcpy(at->thread, "?");
}

static int mote_head(char *line, size_t size, enum log_level level,
		     const char *module, const char *instance)
{
	struct moment at;

	now(&at, 0);
	return snprintf(line, size, "%s.%06ldZ %-5s %s%s%s %s  ", at.text,
			at.time.tv_nsec / 1000, log_level_name(level), module,
			instance != NULL ? "/" : "",
			instance != NULL ? instance : "", at.thread);
}

static int firecracker_head(const struct log_format *format, char *line,
			    size_t size, enum log_level level,
			    const char *module, const char *instance)
{
	static const char *const levels[] = {
		[LOG_ERROR] = ":ERROR",
		[LOG_WARN] = ":WARN",
		[LOG_INFO] = ":INFO",
		[LOG_DEBUG] = ":DEBUG",
	};
	bool named = instance != NULL && strcmp(instance, format->id) != 0;
	bool origin = format->show_origin;
	struct moment at;

	now(&at, format->utc_offset);
	return snprintf(line, size, "%s.%09ld [%s:%s%s%s%s%s] %s%s", at.text,
			at.time.tv_nsec, format->id, at.thread,
			format->show_level ? levels[level] : "",
			origin ? ":" : "", origin ? module : "",
			origin ? ":?" : "", named ? instance : "",
			named ? ": " : "");
}

bool log_format_wants(const struct log_format *format, const char *module)
{
	return strncmp(module, format->module, strlen(format->module)) == 0;
}

size_t log_format_head(const struct log_format *format, char *line, size_t size,
		       enum log_level level, const char *module,
		       const char *instance)
{
	int n = format->shape == LOG_SHAPE_FIRECRACKER
			? firecracker_head(format, line, size, level, module,
					   instance)
			: mote_head(line, size, level, module, instance);

	return n < 0 ? 0 : MIN((size_t)n, size - 1);
}
