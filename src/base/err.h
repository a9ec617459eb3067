// SPDX-License-Identifier: Apache-2.0
/*
 * err.h - one-line error messages, filled in where the failure happens
 *
 * A function that a user's input can make fail takes a struct err last and
 * returns -errno. Whoever handles the failure prints the line, once. A NULL err
 * is allowed where nobody wants the text.
 */
#ifndef MOTE_ERR_H
#define MOTE_ERR_H

struct err {
	char text[512]; /* one line without a newline; "" is none */
};

/*
 * Set the text (an older one is replaced). Returns -code, so that
 * "return err_set(err, EINVAL, ...)" is the whole error path.
 */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set() for the current errno, whose description is appended. */
int err_errno(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Put "what: " before the text: the caller says for which device or option.
 * Returns ret unchanged.
 */
int err_prefix(struct err *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
