// SPDX-License-Identifier: Apache-2.0
/*
 * vu_options.h - command lines of backend programs, by table
 *
 * The names follow QEMU's "Backend program conventions" (vhost-user.rst). Every
 * backend's options are a struct that starts with struct vu_options; its table
 * starts with VU_COMMON_OPTIONS.
 */
#ifndef MOTE_VU_OPTIONS_H
#define MOTE_VU_OPTIONS_H

#include "vu_server.h"

struct vu_options {
	const char *socket_path; /* listen here; or NULL ... */
	int fd;			 /* ... and this socket; or -1 */
	const char *id;		 /* device, for log lines; or NULL */
	bool print_capabilities;
	bool help;
};

struct vu_option {
	const char *name;  /* without the dashes */
	const char *value; /* what to call it in --help; NULL: none */
	int (*parse)(const char *text, void *into, struct err *err);
	size_t into; /* offset in the backend's struct */
	const char *help;
};

/* Parsers: bool (no value), const char *, int descriptor, unsigned. */
int vu_option_set(const char *text, void *into, struct err *err);
int vu_option_text(const char *text, void *into, struct err *err);
int vu_option_fd(const char *text, void *into, struct err *err);
int vu_option_queues(const char *text, void *into, struct err *err);
/* Applied at once. */
int vu_option_log_level(const char *text, void *into, struct err *err);

/* clang-format off */
#define VU_COMMON(member) offsetof(struct vu_options, member)
#define VU_COMMON_OPTIONS \
	{ "socket-path", "PATH", vu_option_text, VU_COMMON(socket_path), \
	  "listen for the front end on this socket" }, \
	{ "fd", "N", vu_option_fd, VU_COMMON(fd), \
	  "inherited socket, listening or connected" }, \
	{ "id", "NAME", vu_option_text, VU_COMMON(id), \
	  "name of the device in log lines" }, \
	{ "log-level", "LEVEL", vu_option_log_level, 0, \
	  "error, warn (default), info or debug" }, \
	{ "print-capabilities", NULL, vu_option_set, VU_COMMON(print_capabilities), \
	  "print what this program can do, as JSON" }, \
	{ "help", NULL, vu_option_set, VU_COMMON(help), \
	  "print this" }
/* clang-format on */

/*
 * "--name=value", "--name value" or "--name" for each row. -EINVAL with *err set
 * for anything else.
 */
int vu_options_parse(int argc, char **argv, const struct vu_option *table,
		     size_t rows, void *into, struct err *err);
/* The table on stdout. */
void vu_options_help(const char *role, const struct vu_option *table,
		     size_t rows);

/* -EINVAL unless there is one way, and one only, to the front end. */
int vu_options_check(const struct vu_options *opts, struct err *err);

/* Wait for the front end as the options, which are checked, say. */
int vu_options_open(const struct vu_options *opts, struct vu_server *server,
		    struct err *err);

#endif
