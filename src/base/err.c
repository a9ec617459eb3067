// SPDX-License-Identifier: Apache-2.0
/*
 * err.c - one-line error messages
 */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -code;
}

int err_errno(struct err *err, const char *fmt, ...)
{
	int code = errno;
	va_list ap;
	size_t len;

	if (err == NULL)
		return -code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s",
		 strerror(code));
	return -code;
}

int err_prefix(struct err *err, int ret, const char *fmt, ...)
{
	struct err old;
	va_list ap;
	size_t len;

	if (err == NULL)
		return ret;
	old = *err;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", old.text);
	return ret;
}
