// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_fields.h - the figures of struct vm_metrics by name, for all formats
 *
 * One row per figure: its key in JSON, its name for Prometheus, what it is.
 * docs/metrics.md says the same with the sources.
 */
#ifndef MOTE_METRICS_FIELDS_H
#define MOTE_METRICS_FIELDS_H

#include "metrics.h"

enum metrics_kind {
	METRICS_COUNTER,      /* only grows */
	METRICS_GAUGE,	      /* comes and goes */
	METRICS_NANO_COUNTER, /* nanoseconds; Prometheus is given seconds */
	METRICS_FLAG,	      /* a bool; the others are uint64_t */
};

struct metrics_field {
	const char *key;
	const char *name;
	const char *help;
	enum metrics_kind kind;
	size_t offset; /* in the struct that the table is for */
};

/* A part of struct vm_metrics that there is once. */
struct metrics_section {
	const char *key;
	const struct metrics_field *fields; /* offsets in struct vm_metrics */
	size_t count;
};

enum { METRICS_SECTIONS = 4 };
extern const struct metrics_section metrics_sections[METRICS_SECTIONS];

enum { METRICS_DEVICE_FIELDS = 11 };
extern const struct metrics_field metrics_device_fields[METRICS_DEVICE_FIELDS];

/* False: not known, to be left out. */
bool metrics_field_value(const struct metrics_field *field, const void *base,
			 uint64_t *value);

/* "net", "block", ...; "other" for a type without a name here. */
const char *metrics_device_type(uint32_t type);

#endif
