// SPDX-License-Identifier: Apache-2.0
/*
 * parse.c - numbers, sizes and names as users write them
 */
#include "parse.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Digits only: strtoull alone would take blanks, signs and an empty text. */
static int parse_digits(const char *text, uint64_t *out, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &stop, 10);
	*end = stop;
	return -errno;
}

int parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out,
	       struct err *err)
{
	const char *end;
	uint64_t value;

	if (parse_digits(text, &value, &end) < 0 || *end != '\0' ||
	    value < min || value > max)
		return err_set(err, EINVAL,
			       "'%s': expected a whole number from %" PRIu64
			       " to %" PRIu64,
			       text, min, max);
	*out = value;
	return 0;
}

/* clang-format off */
static const struct {
	const char *suffix;
	uint64_t factor;
} size_suffixes[] = {
	{ "K", KIB },       { "KiB", KIB },       { "k", KIB },
	{ "M", MIB },       { "MiB", MIB },       { "m", MIB },
	{ "G", GIB },       { "GiB", GIB },       { "g", GIB },
	{ "T", GIB << 10 }, { "TiB", GIB << 10 }, { "t", GIB << 10 },
	{ "B", 1 },
};
/* clang-format on */

int parse_size(const char *text, uint64_t unit, uint64_t *out, struct err *err)
{
	const char *end;
	uint64_t value, factor = 0;

	if (parse_digits(text, &value, &end) < 0)
		goto bad;
	if (*end == '\0')
		factor = unit;
	for (size_t i = 0; i < ARRAY_LEN(size_suffixes); i++) {
		if (strcmp(end, size_suffixes[i].suffix) == 0)
			factor = size_suffixes[i].factor;
	}
	if (factor == 0 || __builtin_mul_overflow(value, factor, &value))
		goto bad;
	*out = value;
	return 0;
bad:
	return err_set(err, EINVAL, "'%s': expected a size such as 512M or 2G",
		       text);
}

int parse_bool(const char *text, bool *out, struct err *err)
{
	static const char *const on[] = { "on", "true", "yes", "1" };
	static const char *const off[] = { "off", "false", "no", "0" };

	for (size_t i = 0; i < ARRAY_LEN(on); i++) {
		if (strcmp(text, on[i]) == 0 || strcmp(text, off[i]) == 0) {
			*out = strcmp(text, on[i]) == 0;
			return 0;
		}
	}
	return err_set(err, EINVAL, "'%s': expected on or off", text);
}

int parse_id(const char *text, char *id, struct err *err)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' &&
		    text[i] != '-')
			len = 0;
	}
	if (len == 0 || len > ID_MAX)
		return err_set(
			err, EINVAL,
			"id '%s': use 1 to %d letters, digits, '_' or '-'",
			text, ID_MAX);
	memcpy(id, text, len + 1);
	return 0;
}
