// SPDX-License-Identifier: Apache-2.0
/*
 * events.c - GET /events: what happened, one JSON object a line, without end
 */
#include "api_internal.h"
#include "journal.h"
#include "parse.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* No character of a type, an id or a detail needs more. */
enum { LINE_MAX_BYTES = 2048 };

static size_t format(const struct journal_entry *entry, char *buf, size_t room)
{
	char detail[sizeof(entry->detail)];
	json_t *event;
	size_t len = 0;

	memcpy(detail, entry->detail, sizeof(detail));
	utf8_repair(detail); /* it may have been cut */
	event = json_pack("{sI sI ss ss ss}", "seq", (json_int_t)entry->seq,
			  "time_ns", (json_int_t)entry->time_ns, "type",
			  entry->type, "id", entry->id, "detail", detail);
	if (event != NULL)
		len = json_dumpb(event, buf, room, JSON_COMPACT);
	json_decref(event);
	if (len == 0 || len + 1 > room)
		return 0;
	buf[len] = '\n';
	return len + 1;
}

static size_t next_events(void *ctx, uint64_t *cursor, char *buf, size_t room)
{
	const struct journal_entry *entry;
	size_t used = 0;

	(void)ctx;
	while (room - used >= LINE_MAX_BYTES &&
	       (entry = journal_after(*cursor)) != NULL) {
		used += format(entry, buf + used, room - used);
		*cursor = entry->seq;
	}
	return used;
}

/* ?since=N: what came after N, as far as it is kept; else all that is. */
int api_get_events(struct api *api, struct api_call *call, struct err *err)
{
	uint64_t since = 0;

	(void)api;
	if (call->query != NULL &&
	    (strncmp(call->query, "since=", 6) != 0 ||
	     parse_uint(call->query + 6, 0, UINT64_MAX, &since, NULL) < 0))
		return err_set(err, EINVAL,
			       "expected ?since=N, the number of the last "
			       "event seen");
	call->streams = true;
	call->stream =
		(struct http_stream){ .next = next_events, .cursor = since };
	return 0;
}
