// SPDX-License-Identifier: Apache-2.0
/*
 * journal.c - the last entries, in two rings
 *
 * What a guest causes has a ring of its own, so that it cannot push out what
 * happened to the VM.
 */
#include "journal.h"
#include "clock.h"

#include <stdarg.h>
#include <stdio.h>

struct ring {
	struct journal_entry entries[JOURNAL_SIZE];
	size_t next; /* to be written */
};

static struct ring hosts, guests;
static uint64_t last;
static void (*watcher)(void *ctx);
static void *watcher_ctx;

static void __attribute__((format(printf, 4, 0)))
post(struct ring *ring, const char *type, const char *id, const char *fmt,
     va_list ap)
{
	struct journal_entry *entry = &ring->entries[ring->next];

	ring->next = (ring->next + 1) % JOURNAL_SIZE;
	entry->seq = ++last;
	entry->time_ns = clock_now_ns();
	entry->type = type;
	snprintf(entry->id, sizeof(entry->id), "%s", id != NULL ? id : "");
	vsnprintf(entry->detail, sizeof(entry->detail), fmt, ap);
	if (watcher != NULL)
		watcher(watcher_ctx);
}

void journal_post(const char *type, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	post(&hosts, type, id, fmt, ap);
	va_end(ap);
}

void journal_post_guest(const char *type, const char *id, const char *fmt, ...)
{
	static uint64_t second;
	static unsigned posted;
	uint64_t now = clock_now_ms() / 1000;
	va_list ap;

	if (now != second) {
		if (posted > JOURNAL_GUEST_MAX)
			journal_post("suppressed", NULL, "%u entries",
				     posted - JOURNAL_GUEST_MAX);
		second = now;
		posted = 0;
	}
	if (++posted > JOURNAL_GUEST_MAX)
		return;
	va_start(ap, fmt);
	post(&guests, type, id, fmt, ap);
	va_end(ap);
}

uint64_t journal_last(void)
{
	return last;
}

/* The lowest number above seq, in this ring or of other, which may be NULL. */
static const struct journal_entry *first_after(
	const struct ring *ring, uint64_t seq,
	const struct journal_entry *other)
{
	for (size_t i = 0; i < JOURNAL_SIZE; i++) {
		const struct journal_entry *entry = &ring->entries[i];

		if (entry->seq > seq &&
		    (other == NULL || entry->seq < other->seq))
			other = entry;
	}
	return other;
}

const struct journal_entry *journal_after(uint64_t seq)
{
	if (seq >= last)
		return NULL;
	return first_after(&guests, seq, first_after(&hosts, seq, NULL));
}

void journal_watch(void (*posted)(void *ctx), void *ctx)
{
	watcher = posted;
	watcher_ctx = ctx;
}
