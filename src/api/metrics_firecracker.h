// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_firecracker.h - figures in the layout of Firecracker's metrics
 *
 * Groups and names as in src/vmm/src/logger/metrics.rs of Firecracker. Its counts
 * start again with each line; so do these. Here are the groups that have a meaning
 * in mote, with the figures that are known.
 */
#ifndef MOTE_METRICS_FIRECRACKER_H
#define MOTE_METRICS_FIRECRACKER_H

#include "api_metrics.h"
#include "metrics.h"

#include <jansson.h>

/* Totals, from which the next line is made. */
struct firecracker_totals {
	struct api_metrics api;
	uint64_t io_in, io_out, mmio_read, mmio_write, vcpu_failures;
	uint64_t config_interrupts;
	uint64_t log_lost, log_suppressed, metrics_lost; /* lines */
	struct {
		uint64_t start_fails, config_fails;
	} block, net, vsock, entropy; /* sums over devices of the type */
	uint64_t none;		      /* what cannot have happened */
};

/* vm: NULL before there is one. */
void firecracker_totals_collect(const struct api_metrics *api,
				const struct vm_metrics *vm,
				uint64_t metrics_lost,
				struct firecracker_totals *out);

/* Add one object per group to line: what has changed from last to now. */
void firecracker_groups_add(json_t *line, const struct firecracker_totals *now,
			    const struct firecracker_totals *last);

#endif
