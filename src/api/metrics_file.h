// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_file.h - the file or FIFO of PUT /metrics: one JSON object per line
 *
 * A line has Firecracker's groups (metrics_firecracker.h) and all else under
 * "mote". What does not fit into a FIFO now is kept, one line of it, and goes out
 * when there is room; until then further lines are lost and counted. Nothing here
 * waits. Main thread.
 */
#ifndef MOTE_METRICS_FILE_H
#define MOTE_METRICS_FILE_H

#include "api_metrics.h"
#include "err.h"
#include "metrics.h"

#include <jansson.h>

struct event_base;
struct metrics_file;

enum { METRICS_FILE_PERIOD_MS = 60000 };

struct metrics_file_config {
	const char *path; /* made when it is not there */
	const char *id;	  /* of the VM; in each line with emit_id; copied */
	bool emit_id;
	json_t *properties; /* object of strings in each line, or NULL; shared */
	const struct api_metrics *api; /* borrowed until the close */
	/* The VM's figures; false: there is no VM yet. */
	bool (*get)(void *ctx, struct vm_metrics *out);
	void *ctx;
	struct event_base *base; /* borrowed until the close */
	unsigned period_ms;	 /* 0: METRICS_FILE_PERIOD_MS */
};

/*
 * Open it; nothing is written yet. -errno with *err set when it cannot be opened:
 * a FIFO needs no reader. At most one at a time is for the caller to see to.
 */
int metrics_file_open(const struct metrics_file_config *cfg,
		      struct metrics_file **out, struct err *err);

/* InstanceStart: the first line now, and from now on one in each period. */
void metrics_file_start(struct metrics_file *file);

/* FlushMetrics: one line now. False: it is lost. */
bool metrics_file_write(struct metrics_file *file);

/* Lines lost so far. */
uint64_t metrics_file_lost(const struct metrics_file *file);

/* The last line, if it was started, and the end. NULL is allowed. */
void metrics_file_close(struct metrics_file *file);

#endif
