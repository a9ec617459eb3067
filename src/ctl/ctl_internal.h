// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_internal.h - the command line of `mote ctl` and what its verbs share
 */
#ifndef MOTE_CTL_INTERNAL_H
#define MOTE_CTL_INTERNAL_H

#include "ctl_http.h"

enum {
	CTL_ANSWER_MS = 60000, /* an answer may take: guest RAM is allocated */
	CTL_STOP_DEFAULT_S = 30,  /* for a guest to shut down */
	CTL_STOP_MAX_S = 1000000, /* fits into an int of milliseconds */
	CTL_QUIET_MS = 200,	  /* then there are no more events for now */
	CTL_WORDS_MAX = 2,	  /* of a verb */
};

struct ctl_verb;

struct ctl {
	const char *socket; /* the words of the command line, borrowed */
	const struct ctl_verb *verb;
	char *words[CTL_WORDS_MAX];
	struct ctl_connection conn; /* open while the verb runs */

	bool json, force, prometheus, follow;
	uint64_t since, timeout_s;
};

/*
 * ctl_verbs.c: one line per verb; those that are one request without words have
 * no function of their own.
 */
struct ctl_verb {
	const char *name;
	const char *words;   /* as --help names them; "" for none */
	unsigned word_count; /* no more and no fewer */
	int (*run)(struct ctl *ctl, struct err *err);
	const char *method, *target, *body;
	const char *help;
};

extern const struct ctl_verb ctl_verbs[];
extern const size_t ctl_verb_count;

/* The others: 0 or -errno; -EPIPE ends the process quietly. */
int ctl_status(struct ctl *ctl, struct err *err);
int ctl_stop(struct ctl *ctl, struct err *err);

/* To standard output. */
int ctl_print(const char *text, size_t len, struct err *err);
int ctl_print_json(const json_t *json, struct err *err);

#endif
