// SPDX-License-Identifier: Apache-2.0
/*
 * log_format.h - the shapes of a log line
 *
 * LOG_SHAPE_MOTE is the one of log.h. LOG_SHAPE_FIRECRACKER is Firecracker's
 * (src/vmm/src/logger/logging.rs there), the parts in parentheses by request:
 *
 *   YYYY-MM-DDThh:mm:ss.nnnnnnnnn [ID:THREAD(:LEVEL)(:MODULE:?)] INSTANCE: text
 *
 * in local time. Where Firecracker names the file and line of its source, the
 * module stands here, and "?" for the line, as Firecracker itself prints one that
 * it does not know. The instance is left out when it is the VM.
 */
#ifndef MOTE_LOG_FORMAT_H
#define MOTE_LOG_FORMAT_H

#include "log.h"
#include "util.h"

enum log_shape { LOG_SHAPE_MOTE, LOG_SHAPE_FIRECRACKER };

enum { LOG_MODULE_MAX = 64 };

struct log_format {
	enum log_shape shape;
	/* Only modules whose name starts like this; "": all. Either shape. */
	char module[LOG_MODULE_MAX + 1];
	/* The rest is for LOG_SHAPE_FIRECRACKER. */
	char id[ID_MAX + 1]; /* of the VM */
	bool show_level;
	bool show_origin;
	/* Filled in by log_set_format(), unless it is known. */
	bool utc_offset_known;
	long utc_offset; /* seconds */
};

/* Are lines of this module wanted? */
bool log_format_wants(const struct log_format *format, const char *module);

/*
 * Everything of a line before its text, into line of size bytes (256 or more).
 * Returns its length. Any thread.
 */
size_t log_format_head(const struct log_format *format, char *line, size_t size,
		       enum log_level level, const char *module,
		       const char *instance);

#endif
