// SPDX-License-Identifier: Apache-2.0
/*
 * body.c - a JSON object of a request -> fields of a struct, by table
 */
#include "body.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "`a`, `b`, `c`", as much of it as fits. */
static void append_name(char *text, size_t size, const char *name)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s`%s`", len > 0 ? ", " : "", name);
}

static int unknown_field(const char *name, const struct body_field *table,
			 size_t n, struct err *err)
{
	char known[300] = "";

	for (size_t i = 0; i < n; i++)
		append_name(known, sizeof(known), table[i].name);
	return err_set(err, EINVAL, "unknown field `%.40s`, expected %s%s",
		       name, n > 1 ? "one of " : "", n > 0 ? known : "none");
}

static const char *describe(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "map",		[JSON_ARRAY] = "sequence",
		[JSON_STRING] = "string",	[JSON_INTEGER] = "integer",
		[JSON_REAL] = "floating point", [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean",	[JSON_NULL] = "null",
	};

	return names[json_typeof(value)];
}

static int wrong_type(const struct body_field *field, const json_t *value,
		      const char *expected, struct err *err)
{
	return err_set(err, EINVAL,
		       "invalid type: %s, expected %s (field `%s`)",
		       describe(value), expected, field->name);
}

static int decode_text(const struct body_field *field, const json_t *value,
		       void *into, struct err *err)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return wrong_type(field, value, "a string", err);
	if (strlen(text) != json_string_length(value))
		return err_set(err, EINVAL,
			       "invalid value: a NUL character (field `%s`)",
			       field->name);
	memcpy(into, &text, sizeof(text));
	return 0;
}

static int decode_bool(const struct body_field *field, const json_t *value,
		       void *into, struct err *err)
{
	bool set = json_is_true(value);

	if (!json_is_boolean(value))
		return wrong_type(field, value, "a boolean", err);
	memcpy(into, &set, sizeof(set));
	return 0;
}

static int decode_uint(const struct body_field *field, const json_t *value,
		       void *into, struct err *err)
{
	json_int_t number = json_integer_value(value);
	uint64_t result = (uint64_t)number;

	if (!json_is_integer(value))
		return wrong_type(field, value, "an integer", err);
	if (number < 0 || result < field->min || result > field->max)
		return err_set(err, EINVAL,
			       "invalid value: integer `%" JSON_INTEGER_FORMAT
			       "`, expected %" PRIu64 " to %" PRIu64
			       " (field `%s`)",
			       number, field->min, field->max, field->name);
	memcpy(into, &result, sizeof(result));
	return 0;
}

static int decode_choice(const struct body_field *field, const json_t *value,
			 void *into, struct err *err)
{
	const char *text = json_string_value(value);
	char known[200] = "";

	if (text == NULL)
		return wrong_type(field, value, "a string", err);
	for (unsigned i = 0; field->choices[i] != NULL; i++) {
		if (strcmp(text, field->choices[i]) == 0) {
			memcpy(into, &i, sizeof(i));
			return 0;
		}
		append_name(known, sizeof(known), field->choices[i]);
	}
	return err_set(err, EINVAL,
		       "unknown variant `%.40s`, expected one of %s (field "
		       "`%s`)",
		       text, known, field->name);
}

static int decode_object(const struct body_field *field, const json_t *value,
			 void *into, struct err *err)
{
	if (!json_is_object(value))
		return wrong_type(field, value, "a map", err);
	memcpy(into, &value, sizeof(value));
	return 0;
}

static int decode_array(const struct body_field *field, const json_t *value,
			void *into, struct err *err)
{
	if (!json_is_array(value))
		return wrong_type(field, value, "a sequence", err);
	memcpy(into, &value, sizeof(value));
	return 0;
}

static int decode_field(const struct body_field *field, const json_t *value,
			void *into, struct err *err)
{
	static int (*const decoders[])(const struct body_field *field,
				       const json_t *value, void *into,
				       struct err *err) = {
		[BODY_TEXT] = decode_text,     [BODY_BOOL] = decode_bool,
		[BODY_UINT] = decode_uint,     [BODY_CHOICE] = decode_choice,
		[BODY_OBJECT] = decode_object, [BODY_ARRAY] = decode_array,
	};

	if (json_is_null(value) && (field->flags & BODY_NULLABLE))
		return 0;
	return decoders[field->type](field, value, (char *)into + field->offset,
				     err);
}

int body_decode(const json_t *body, const struct body_field *table, size_t n,
		void *into, struct err *err)
{
	const char *name;
	json_t *value;
	int ret = 0;

	if (!json_is_object(body))
		return err_set(err, EINVAL, "invalid type: %s, expected a map",
			       describe(body));
	/* jansson's macro iterates over what it takes for changeable. */
	json_object_foreach((json_t *)body, name, value)
	{
		size_t i = 0;

		while (i < n && strcmp(name, table[i].name) != 0)
			i++;
		if (i == n)
			return unknown_field(name, table, n, err);
	}
	for (size_t i = 0; i < n && ret == 0; i++) {
		value = json_object_get(body, table[i].name);
		if (value != NULL)
			ret = decode_field(&table[i], value, into, err);
		else if (table[i].flags & BODY_REQUIRED)
			ret = err_set(err, EINVAL, "missing field `%s`",
				      table[i].name);
	}
	return ret;
}

struct token_bucket {
	uint64_t size, refill_time, one_time_burst;
};

/* Firecracker lets other fields in a bucket pass. */
static int check_bucket(const char *limiter, const json_t *bucket, bool *limits,
			struct err *err)
{
	static const struct body_field table[] = {
		{ "size", BODY_UINT, BODY_REQUIRED, INTO(token_bucket, size), 0,
		  INT64_MAX, NULL },
		{ "refill_time", BODY_UINT, BODY_REQUIRED,
		  INTO(token_bucket, refill_time), 0, INT64_MAX, NULL },
		{ "one_time_burst", BODY_UINT, BODY_NULLABLE,
		  INTO(token_bucket, one_time_burst), 0, INT64_MAX, NULL },
	};
	struct token_bucket bytes = { 0 };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(table) && ret == 0; i++) {
		const json_t *value = json_object_get(bucket, table[i].name);

		if (value != NULL)
			ret = decode_field(&table[i], value, &bytes, err);
		else if (table[i].flags & BODY_REQUIRED)
			ret = err_set(err, EINVAL, "missing field `%s`",
				      table[i].name);
	}
	*limits |= bytes.size > 0 && bytes.refill_time > 0;
	return ret < 0 ? err_prefix(err, ret, "%s", limiter) : 0;
}

static int refuse_limits(const char *name, bool limits, struct err *err)
{
	return limits ? err_set(err, ENOTSUP,
				"%s: rate limits are not supported yet", name)
		      : 0;
}

struct limiter {
	json_t *bandwidth, *ops;
};

int body_check_limiter(const char *name, const json_t *limiter, struct err *err)
{
	static const struct body_field table[] = {
		{ "bandwidth", BODY_OBJECT, BODY_NULLABLE,
		  INTO(limiter, bandwidth), 0, 0, NULL },
		{ "ops", BODY_OBJECT, BODY_NULLABLE, INTO(limiter, ops), 0, 0,
		  NULL },
	};
	struct limiter buckets = { NULL, NULL };
	bool limits = false;
	int ret;

	if (limiter == NULL)
		return 0;
	ret = body_decode(limiter, table, ARRAY_LEN(table), &buckets, err);
	if (ret == 0 && buckets.bandwidth != NULL)
		ret = check_bucket(name, buckets.bandwidth, &limits, err);
	if (ret == 0 && buckets.ops != NULL)
		ret = check_bucket(name, buckets.ops, &limits, err);
	return ret == 0 ? refuse_limits(name, limits, err) : ret;
}

int body_check_bucket(const char *name, const json_t *bucket, struct err *err)
{
	bool limits = false;
	int ret = 0;

	if (bucket != NULL)
		ret = check_bucket(name, bucket, &limits, err);
	return ret == 0 ? refuse_limits(name, limits, err) : ret;
}
