// SPDX-License-Identifier: Apache-2.0
/*
 * journal.h - what happened to the VM, numbered: the events of the API
 *
 * A log line is for people; an entry here is for programs that manage the VM.
 * The last JOURNAL_SIZE entries are kept, and as many that a guest caused, so
 * that a reader who was away can go on where it was, or sees from the numbers what it missed.
 *
 * Main thread only.
 */
#ifndef MOTE_JOURNAL_H
#define MOTE_JOURNAL_H

#include "util.h"

enum { JOURNAL_SIZE = 256, JOURNAL_GUEST_MAX = 128 };

struct journal_entry {
	uint64_t seq;	     /* from 1; a gap: entries are gone */
	uint64_t time_ns;    /* CLOCK_MONOTONIC */
	const char *type;    /* "device-ready": a word for programs */
	char id[ID_MAX + 1]; /* the device or VM it is about, or "" */
	char detail[128];    /* a few words for people, or "" */
};

/* type is borrowed for good; id may be NULL. */
void journal_post(const char *type, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * For anything a guest can cause: at most JOURNAL_GUEST_MAX a second, the rest is
 * counted, and the count is an entry of its own ("suppressed").
 */
void journal_post_guest(const char *type, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The number of the latest entry; 0: there was none. */
uint64_t journal_last(void);

/*
 * The first entry after the one numbered seq, or NULL. The oldest that is kept
 * where the ones after seq are gone. Valid until the next post.
 */
const struct journal_entry *journal_after(uint64_t seq);

/* Called after every post; NULL: nobody. */
void journal_watch(void (*posted)(void *ctx), void *ctx);

#endif
