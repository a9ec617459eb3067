// SPDX-License-Identifier: Apache-2.0
/*
 * console_input.c - from the stream to the guest
 *
 * The stream is read ahead by at most one buffer, whether the guest has asked
 * for input or not: the keys for the monitor must work when the guest hangs.
 * When the buffer is full, nothing is read, and whoever writes has to wait;
 * nothing is lost. The end of the input is not the end of the machine.
 */
#include "exit_status.h"
#include "console.h"
#include "fd.h"

#include <errno.h>
#include <unistd.h>

enum {
	READ_BYTES = 4096, /* half of it, as an escape may double a byte */
	BUDGET = 256,	   /* chains before others get their turn */
};

static void key_pressed(struct console *c, enum console_key key)
{
	if (key == CONSOLE_KEY_EXIT)
		vu_server_stop(c->server, STATUS_CONSOLE_ESCAPE);
	else if (key == CONSOLE_KEY_HELP)
		console_output_say(c, console_escape_help);
}

static void take(struct console *c, const char *data, size_t len)
{
	char out[READ_BYTES];
	enum console_key key;
	size_t n, part;

	if (!c->cfg.escape) {
		vu_buffer_put(&c->input, data, len);
		return;
	}
	for (; len > 0; data += part, len -= part) {
		part = len;
		n = console_escape_filter(&c->escape, data, &part, out, &key);
		vu_buffer_put(&c->input, out, n);
		key_pressed(c, key);
	}
}

/* The stream has no more input and never will. */
static void end(struct console *c)
{
	vu_loop_remove(vu_server_loop(c->server), &c->in_watch);
	console_stream_close(&c->in);
	c->in_ready = false;
	console_client_next(c);
}

/* Read until the stream has no more or the buffer no room. */
static void fill(struct console *c)
{
	char data[READ_BYTES / 2];
	size_t room;
	ssize_t n;

	while (c->in_ready) {
		room = vu_buffer_room(&c->input) / 2;
		if (room == 0)
			return;
		n = read(c->in.fd, data, MIN(room, sizeof(data)));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* EIO: a background job; a key will be the next edge. */
			c->in_ready = false;
			if (n == 0)
				end(c);
			return;
		}
		take(c, data, (size_t)n);
	}
}

void console_input_ready(struct vu_watch *watch, uint32_t events)
{
	struct console *c = container_of(watch, struct console, in_watch);

	(void)events;
	c->in_ready = true;
	fill(c);
	vu_queue_serve(vu_server_queue(c->server, CONSOLE_RX));
}

static void deliver(struct console *c, struct vu_queue *queue,
		    const struct vu_chain *chain)
{
	struct iovec guest[VU_IOV_MAX], pieces[2];
	struct vu_iov to = { guest, chain->writable };
	unsigned n = vu_buffer_peek(&c->input, pieces);
	size_t written = 0;

	for (unsigned i = 0; i < chain->writable; i++)
		guest[i] = chain->iov[chain->readable + i];
	for (unsigned i = 0; i < n; i++)
		written += vu_iov_write(&to, pieces[i].iov_base,
					pieces[i].iov_len);
	vu_buffer_drop(&c->input, written);
	vu_queue_push(queue, chain, (uint32_t)written);
}

enum vu_served console_input_serve(struct console *c, struct vu_queue *queue)
{
	struct vu_chain chain;

	for (int i = 0; i < BUDGET; i++) {
		if (c->input.len == 0)
			fill(c);
		if (c->input.len == 0)
			return VU_SERVED_BLOCKED; /* until there is input */
		if (!vu_queue_pop(queue, &chain)) {
			fill(c);
			return VU_SERVED_ALL;
		}
		deliver(c, queue, &chain);
	}
	return VU_SERVED_PART;
}
