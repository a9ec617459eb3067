// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_prometheus.h - a VM's figures in Prometheus' text format
 *
 * "Exposition formats", text format 0.0.4; its content type is below. Names begin
 * with mote_. What is not known is left out.
 */
#ifndef MOTE_METRICS_PROMETHEUS_H
#define MOTE_METRICS_PROMETHEUS_H

#include "metrics.h"

#define METRICS_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The caller frees what it gets, which ends with a zero; NULL: no memory. */
char *metrics_to_prometheus(const struct vm_metrics *metrics, size_t *len);

#endif
