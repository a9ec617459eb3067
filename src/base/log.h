// SPDX-License-Identifier: Apache-2.0
/*
 * log.h - one event, one line, greppable by device
 *
 *   TIME LEVEL MODULE/INSTANCE THREAD  what: values, consequence
 *
 * Every function may be called from any thread, and errno survives. Lines go to
 * stderr until log_set_fd(); a sink that would block loses lines, never time.
 * No guest data and no secrets in a line.
 */
#ifndef MOTE_LOG_H
#define MOTE_LOG_H

#include "err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* "error", "warn", "info", "debug" -> *level; -EINVAL with *err set. */
int log_level_parse(const char *name, enum log_level *level, struct err *err);
const char *log_level_name(enum log_level level);

/* Main thread, before other threads exist: what is printed, and where to. */
void log_set_level(enum log_level level);
void log_set_fd(int fd); /* borrowed; must stay open */
enum log_level log_get_level(void);
int log_get_fd(void);

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
