// SPDX-License-Identifier: Apache-2.0
/*
 * process_metrics.h - figures of this process, from the kernel's /proc
 *
 * Where /proc or a line of it is missing the figure is METRICS_UNKNOWN.
 */
#ifndef MOTE_PROCESS_METRICS_H
#define MOTE_PROCESS_METRICS_H

#include "metrics.h"

/* Main thread: its CPU time is one of the figures. */
void process_metrics_get(struct metrics_process *process,
			 struct metrics_ksm *ksm);

/*
 * The number behind NAME at the start of a line of text ("Name: 12 kB",
 * "name 12"), in bytes where the line says kB; false: no such line.
 */
bool process_metrics_find(const char *text, const char *name, int64_t *value);

#endif
