// SPDX-License-Identifier: Apache-2.0
/*
 * console_peer.c - a `mote console` in a child process, and its driver
 */
#include "console_peer.h"
#include "backend.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

char pattern_at(size_t i)
{
	return (char)((i % 65521) * 7 >> 3);
}

bool pattern_is(const char *bytes, size_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != pattern_at(offset + i))
			return false;
	}
	return true;
}

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

void pattern_read(int fd, size_t offset, size_t len)
{
	char bytes[CHUNK];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (size_t end = offset + len; offset < end; offset += (size_t)n) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		n = read(fd, bytes, MIN(sizeof(bytes), end - offset));
		ck_assert_int_gt(n, 0);
		ck_assert(pattern_is(bytes, offset, (size_t)n));
	}
}
