// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_json.h - a VM's figures as JSON
 *
 * What is not known is left out. The caller owns what it gets; NULL: no memory.
 */
#ifndef MOTE_METRICS_JSON_H
#define MOTE_METRICS_JSON_H

#include "metrics.h"

#include <jansson.h>

/* Everything, the answer to GET /metrics. */
json_t *metrics_to_json(const struct vm_metrics *metrics);

/*
 * The same with one sum over all vCPUs in place of a list, so that the size does
 * not grow with their number: for a sink with little room.
 */
json_t *metrics_to_brief_json(const struct vm_metrics *metrics);

#endif
