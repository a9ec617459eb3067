// SPDX-License-Identifier: Apache-2.0
/*
 * cmdline.h - the kernel command line, one parameter at a time
 */
#ifndef MOTE_CMDLINE_H
#define MOTE_CMDLINE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct cmdline {
	char *text;	  /* borrowed buffer, always terminated */
	size_t len;	  /* characters, without the terminating zero */
	size_t max;	  /* what the kernel takes, likewise */
	size_t insert_at; /* parameters go in front of " -- " */
};

/*
 * Begin with the user's line. buf holds max + 1 bytes. -EINVAL with *err naming
 * the limit when the line is longer than max.
 */
int cmdline_init(struct cmdline *line, char *buf, size_t max, const char *user,
		 struct err *err);

/* Add a parameter after the others, before those meant for init. */
int cmdline_add(struct cmdline *line, const char *parameter, struct err *err);

/*
 * Is this word among the kernel's own parameters? What follows it up to a comma
 * does not count: "console=ttyS0" is found in "console=ttyS0,115200".
 */
bool cmdline_has(const struct cmdline *line, const char *word);

/* Take every such word out. */
void cmdline_remove(struct cmdline *line, const char *word);

#endif
