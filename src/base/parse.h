// SPDX-License-Identifier: Apache-2.0
/*
 * parse.h - numbers, sizes and names as users write them
 *
 * Every function returns 0, or -EINVAL with *err naming the text and what is
 * expected, and leaves *out alone on failure.
 */
#ifndef MOTE_PARSE_H
#define MOTE_PARSE_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

/* A whole decimal number from min to max. */
int parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out,
	       struct err *err);

/*
 * A size in bytes: digits and an optional K, M, G or T (powers of 1024, also
 * written KiB, MiB, ...). Without a suffix the number counts in unit bytes.
 */
int parse_size(const char *text, uint64_t unit, uint64_t *out, struct err *err);

/* "on", "off", and what people try instead: true/false, yes/no, 1/0. */
int parse_bool(const char *text, bool *out, struct err *err);

/* 1 to ID_MAX letters, digits, '_' or '-'; copied into id[ID_MAX + 1]. */
int parse_id(const char *text, char *id, struct err *err);

#endif
