// SPDX-License-Identifier: Apache-2.0
/*
 * console_output.c - from the guest to the stream
 *
 * Theory of operation
 *
 * Linux's console driver writes with a lock held and spins until its buffer
 * comes back. So output is taken from the guest at once, into a bounded buffer,
 * and written from there. What happens when that is full depends on the stream:
 *
 *   waits   a terminal, pipe or file: somebody meant to have all of it. The tx
 *           queue is left alone until the reader takes something; the guest's
 *           writer spins, the rest of it runs. After STALL_S seconds without any
 *           progress the reader is given up: "stalled", and as below.
 *   drops   a pty or socket, where nobody may ever read: the oldest bytes make
 *           room for the newest; their number is logged. So is a stalled stream
 *           treated, until it takes something again.
 *
 * A buffer of the guest may be as long as 4 GiB, so a chain is consumed in parts
 * (tx_left) with the other queues in between.
 */
#include "console.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

enum {
	STALL_S = 10,
	LINGER_MS = 1000, /* without progress, at the end */
	BUDGET = 256,	  /* chains in one go */
	BUDGET_BYTES = 4 * 1024 * 1024,
};

static bool drops(const struct console *c)
{
	return c->cfg.drop || c->stalled || c->out.fd < 0;
}

static void arm_stall_timer(struct console *c, bool on)
{
	struct itimerspec when = { .it_value.tv_sec = on ? STALL_S : 0 };

	if (c->stall_fd < 0 || c->stall_armed == on)
		return;
	timerfd_settime(c->stall_fd, 0, &when, NULL);
	c->stall_armed = on;
}

static void moved(struct console *c)
{
	arm_stall_timer(c, false);
	c->stalled = false;
	if (c->dropped == 0)
		return;
	log_guest("console", c->cfg.id,
		  "%" PRIu64 " bytes of output nobody "
		  "read were dropped",
		  c->dropped);
	c->dropped = 0;
}

/* The stream does not take this, and never will: go on without. */
static void discard(struct console *c, int error)
{
	log_guest("console", c->cfg.id,
		  "%zu bytes of output cannot be written and are lost: %s",
		  c->output.len, strerror(error));
	vu_buffer_drop(&c->output, c->output.len);
}

void console_output_flush(struct console *c)
{
	struct iovec pieces[2];
	unsigned count;
	ssize_t n;

	while (c->out.fd >= 0 &&
	       (count = vu_buffer_peek(&c->output, pieces)) > 0) {
		n = writev(c->out.fd, pieces, (int)count);
		if (n > 0) {
			vu_buffer_drop(&c->output, (size_t)n);
			moved(c);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno == EAGAIN)
			return; /* EPOLLOUT will tell */
		if (c->cfg.listen_fd >= 0)
			console_client_gone(c); /* kept for the next one */
		else
			discard(c, errno);
	}
}

void console_output_ready(struct vu_watch *watch, uint32_t events)
{
	struct console *c = container_of(watch, struct console, out_watch);

	if (c->cfg.listen_fd >= 0 && (events & EPOLLHUP))
		console_client_gone(c);
	console_output_flush(c);
	vu_queue_serve(vu_server_queue(c->server, CONSOLE_TX));
}

/* The rest of the chain, at the expense of what is oldest. */
static void keep_newest(struct console *c)
{
	uint64_t len = vu_iov_len(&c->tx_left);
	size_t room = vu_buffer_room(&c->output), excess;

	if (len > c->output.size) {
		vu_iov_skip(&c->tx_left, len - c->output.size);
		c->dropped += len - c->output.size;
		len = c->output.size;
	}
	excess = len > room ? (size_t)len - room : 0;
	vu_buffer_drop(&c->output, excess);
	c->dropped += excess;
	vu_buffer_put_iov(&c->output, &c->tx_left);
}

static bool next_chain(struct console *c, struct vu_queue *queue)
{
	if (!vu_queue_pop(queue, &c->tx))
		return false;
	c->tx_left = (struct vu_iov){ c->tx.iov, c->tx.readable };
	c->tx_busy = true;
	return true;
}

static void finish_chain(struct console *c, struct vu_queue *queue)
{
	c->tx_busy = false;
	vu_queue_push(queue, &c->tx, 0);
}

/*
 * Chains are gathered in the buffer and leave it in one write, unless they do
 * not fit.
 */
enum vu_served console_output_serve(struct console *c, struct vu_queue *queue)
{
	uint64_t bytes = 0;

	for (int i = 0; i < BUDGET && bytes < BUDGET_BYTES; i++) {
		if (!c->tx_busy && !next_chain(c, queue)) {
			console_output_flush(c);
			return VU_SERVED_ALL;
		}
		bytes += vu_buffer_put_iov(&c->output, &c->tx_left);
		if (c->tx_left.count > 0) {
			console_output_flush(c);
			if (vu_buffer_room(&c->output) > 0)
				continue; /* with the same chain */
			if (!drops(c)) {
				arm_stall_timer(c, true);
				return VU_SERVED_BLOCKED;
			}
			keep_newest(c);
		}
		finish_chain(c, queue);
	}
	console_output_flush(c);
	return VU_SERVED_PART;
}

void console_output_drain(struct console *c, struct vu_queue *queue)
{
	if (!c->tx_busy)
		return;
	keep_newest(c);
	finish_chain(c, queue);
	console_output_flush(c);
}

/* A reader that is merely slow gets the end of what a guest had to say. */
void console_output_linger(struct console *c)
{
	struct pollfd out = { .fd = c->out.fd, .events = POLLOUT };
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	end = now.tv_sec + STALL_S;
	while (c->output.len > 0 && !drops(c) && now.tv_sec < end &&
	       poll(&out, 1, LINGER_MS) > 0 && (out.revents & POLLOUT)) {
		console_output_flush(c);
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	}
}

void console_output_say(struct console *c, const char *text)
{
	vu_buffer_put(&c->output, text, strlen(text));
	console_output_flush(c);
}

static void stall_ready(struct vu_watch *watch, uint32_t events)
{
	struct console *c = container_of(watch, struct console, stall_watch);

	(void)events;
	eventfd_drain(c->stall_fd);
	c->stall_armed = false;
	c->stalled = true;
	log_write(LOG_WARN, "console", c->cfg.id,
		  "output has not moved for %d "
		  "seconds: dropping the oldest until it does",
		  STALL_S);
	vu_queue_serve(vu_server_queue(c->server, CONSOLE_TX));
}

int console_output_init(struct console *c, struct vu_loop *loop,
			struct err *err)
{
	int ret;

	c->stall_watch = VU_WATCH_NONE(stall_ready);
	if (c->cfg.drop)
		return 0;
	c->stall_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->stall_fd < 0)
		return err_errno(err, "timerfd");
	ret = vu_loop_add(loop, &c->stall_watch, c->stall_fd, EPOLLIN);
	return ret < 0 ? err_set(err, -ret, "timerfd cannot be polled") : 0;
}
