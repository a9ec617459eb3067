// SPDX-License-Identifier: Apache-2.0
/*
 * body.h - a JSON object of a request -> fields of a struct, by table
 *
 * As strict as Firecracker's server: unknown, repeated and missing fields, other
 * types and numbers out of range are errors, worded as its parser words them.
 * Texts are borrowed from the JSON value. Main thread.
 */
#ifndef MOTE_BODY_H
#define MOTE_BODY_H

#include "err.h"
#include "util.h"

#include <jansson.h>

enum body_type {
	BODY_TEXT,   /* const char * */
	BODY_BOOL,   /* bool */
	BODY_UINT,   /* uint64_t, min to max */
	BODY_CHOICE, /* unsigned: index into choices */
	BODY_OBJECT, /* json_t *, borrowed */
	BODY_ARRAY,  /* json_t *, borrowed */
};

enum {
	BODY_REQUIRED = 1 << 0,
	BODY_NULLABLE = 1 << 1, /* null is as if it were not there */
};

struct body_field {
	const char *name;
	enum body_type type;
	unsigned flags;
	size_t offset; /* into the struct; untouched when not there */
	uint64_t min, max;
	const char *const *choices; /* ends with NULL */
};

#define INTO(type, member) offsetof(struct type, member)

/* Fields table[0..n-1] of body, which may be any JSON value. */
int body_decode(const json_t *body, const struct body_field *table, size_t n,
		void *into, struct err *err);

/*
 * Is any of these rate limiters (Firecracker's RateLimiter, or NULL) more than
 * empty? They are checked field by field; one that limits is -ENOTSUP.
 */
int body_check_limiter(const char *name, const json_t *limiter,
		       struct err *err);
/* The same for one token bucket. */
int body_check_bucket(const char *name, const json_t *bucket, struct err *err);

#endif
