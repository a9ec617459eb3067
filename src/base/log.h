// SPDX-License-Identifier: Apache-2.0
/*
 * log.h - one event, one line, greppable by device
 *
 *   TIME LEVEL MODULE/INSTANCE THREAD  what: values, consequence
 *
 * or, for whoever reads Firecracker's log (log_format.h), its shape. Lines go to
 * stderr until log_set_fd(); a sink that would block loses lines, never time.
 * Lines may be written by any thread, and errno survives. What they look like and
 * where they go is set by the main thread, while others write or not. No guest
 * data and no secrets in a line.
 */
#ifndef MOTE_LOG_H
#define MOTE_LOG_H

#include "err.h"

#include <stdint.h>

struct log_format;

/* LOG_OFF is a level to be set, not one of a line. */
enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* "error", "warn", "info", "debug" -> *level; -EINVAL with *err set. */
int log_level_parse(const char *name, enum log_level *level, struct err *err);
/*
 * The same for Firecracker's names in any mixture of cases: besides those four
 * "off", "warning", and "trace", which is "debug" here.
 */
int log_level_parse_any(const char *name, enum log_level *level,
			struct err *err);
const char *log_level_name(enum log_level level); /* "off", "error", ... */

/* Main thread: what is printed. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Main thread: how. Copied; NULL is the shape at the top of this file. */
void log_set_format(const struct log_format *format);
void log_get_format(struct log_format *out);

/*
 * Main thread: where to. fd is taken over, and closed when another one is set and
 * no thread writes to it any more; standard input, output and error are not. -1:
 * nowhere.
 */
void log_set_fd(int fd);
int log_get_fd(void); /* borrowed; main thread */

/* Lines so far that the sink did not take, and that log_guest() held back. */
uint64_t log_lines_lost(void);
uint64_t log_lines_suppressed(void);

/* instance is the device or VM id, or NULL for none. */
void log_write(enum log_level level, const char *module, const char *instance,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * For anything a guest or a backend can trigger: level warn or debug, at most 10
 * lines a second in all; the rest is counted and the count logged.
 */
void log_guest(const char *module, const char *instance, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void log_guest_debug(const char *module, const char *instance, const char *fmt,
		     ...) __attribute__((format(printf, 3, 4)));

#endif
