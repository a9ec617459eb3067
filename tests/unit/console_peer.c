// SPDX-License-Identifier: Apache-2.0
/*
 * console_peer.c - a `mote console` in a child process, and its driver
 */
#include "console_peer.h"
#include "backend.h"

#include <stdio.h>

void console_start(struct peer *p, const char *option, int in, int out,
		   const char *extra, uint64_t features)
{
	char in_option[32], out_option[32];
	const char *args[] = { "console", in_option, "--log-level=error",
			       NULL,	  NULL,	     NULL };
	int n = 3;

	snprintf(in_option, sizeof(in_option), "%s=%d", option, in);
	snprintf(out_option, sizeof(out_option), "--out-fd=%d", out);
	if (out >= 0)
		args[n++] = out_option;
	if (extra != NULL)
		args[n++] = extra;
	peer_start(p, backend_console_main, args);
	peer_negotiate(p, features);
	peer_share_memory(p);
	peer_start_queue(p, RX, QUEUE);
	peer_start_queue(p, TX, QUEUE);
}

void console_write(struct peer *p, uint32_t at, size_t offset, uint32_t len)
{
	struct buffer buf = { at, len, false };
	uint16_t id;

	for (uint32_t i = 0; i < len; i++)
		p->mem[at + i] = pattern_at(offset + i);
	driver_add(&p->queues[TX], &buf, 1, 0);
	peer_kick(p, TX);
	peer_wait_used(p, TX, &id);
}
