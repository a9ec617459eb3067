// SPDX-License-Identifier: Apache-2.0
/*
 * console.c - the device as the server sees it, and its life
 *
 * The terminal is raw from console_create() to console_destroy(), whatever ends
 * the run in between: a signal, the front end, the user's keys.
 */
#include "console.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <linux/virtio_console.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	INPUT_BYTES = 64 * 1024,
	/* So much that a reader must be very slow before the guest waits. */
	OUTPUT_WAIT_BYTES = 1024 * 1024,
	/* What the next client or reader of a pty gets to see. */
	OUTPUT_DROP_BYTES = 64 * 1024,
	SIZE_HINTS_MAX = 1024,
};

/* A size of 0 by 0 would tell the guest nothing: offer it where it is known. */
uint64_t console_features(const struct console *c)
{
	uint16_t cols, rows;

	if (!console_terminal_size(&c->terminal, &cols, &rows))
		return 0;
	return BIT(VIRTIO_CONSOLE_F_SIZE);
}

/*
 * Linux reads the size only when it is told of a change, and only once its port
 * exists (drivers/char/virtio_console.c, config_work_handler()), which no message
 * shows. Output does: say so with the first one, and, as the kernel's own may come
 * before the port, with the second, fourth, eighth, ...
 */
static void hint_size(struct console *c)
{
	if (console_features(c) == 0 || c->outputs >= SIZE_HINTS_MAX)
		return;
	if (is_power_of_two(++c->outputs))
		vu_server_config_changed(c->server);
}

static enum vu_served serve(void *device, struct vu_queue *queue)
{
	if (queue->index == CONSOLE_RX)
		return console_input_serve(device, queue);
	hint_size(device);
	return console_output_serve(device, queue);
}

/* Of input, no chain is ever held. A driver that comes next knows no size. */
static void drain(void *device, struct vu_queue *queue)
{
	struct console *c = device;

	console_output_drain(c, queue);
	c->outputs = 0;
}

/* virtio 1.3, 5.3.4 */
static void read_config(void *device, void *buf)
{
	const struct console *c = device;
	struct virtio_console_config config = { .max_nr_ports = 1 };
	uint16_t cols = 0, rows = 0;

	console_terminal_size(&c->terminal, &cols, &rows);
	config.cols = cols;
	config.rows = rows;
	memcpy(buf, &config, sizeof(config));
}

/* The only writable field belongs to EMERG_WRITE, which is not offered. */
static int write_config(void *device, size_t offset, const void *data,
			size_t len)
{
	(void)device;
	(void)offset;
	(void)data;
	(void)len;
	return -EINVAL;
}

static bool on_signal(void *device, int signo)
{
	struct console *c = device;

	if (signo == SIGCONT)
		console_terminal_resume(&c->terminal);
	if (signo != SIGWINCH && signo != SIGCONT)
		return false;
	vu_server_config_changed(c->server);
	return true;
}

const struct vu_device_ops console_ops = {
	.serve = serve,
	.drain = drain,
	.read_config = read_config,
	.write_config = write_config,
	.signal = on_signal,
};

static int open_streams(struct console *c, struct err *err)
{
	int ret = 0;

	if (c->cfg.in_fd >= 0) {
		ret = console_terminal_open(&c->terminal, c->cfg.in_fd, err);
		if (ret == 0)
			ret = console_stream_open(&c->in, c->cfg.in_fd, false,
						  err);
	}
	if (ret == 0 && c->cfg.out_fd >= 0)
		ret = console_stream_open(&c->out, c->cfg.out_fd, true, err);
	return ret;
}

int console_create(const struct console_config *cfg, struct console **out,
		   struct err *err)
{
	struct console *c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return err_set(err, ENOMEM, "out of memory");
	c->cfg = *cfg;
	c->terminal.fd = c->terminal.peer_fd = c->stall_fd = -1;
	c->in.fd = c->in.inherited = -1;
	c->out.fd = c->out.inherited = -1;
	c->in_watch = VU_WATCH_NONE(console_input_ready);
	c->out_watch = VU_WATCH_NONE(console_output_ready);
	signal(SIGPIPE, SIG_IGN); /* a reader that left is EPIPE */
	ret = open_streams(c, err);
	c->cfg.drop |=
		c->cfg.listen_fd >= 0 || console_terminal_is_pty(&c->terminal);
	if (ret == 0)
		ret = vu_buffer_create(&c->input, INPUT_BYTES);
	if (ret == 0)
		ret = vu_buffer_create(&c->output, c->cfg.drop
							   ? OUTPUT_DROP_BYTES
							   : OUTPUT_WAIT_BYTES);
	if (ret < 0) {
		console_destroy(c);
		return ret;
	}
	*out = c;
	return 0;
}

/* Files cannot be waited for, and need not: they are always ready. */
static int watch_stream(struct console *c, struct vu_watch *watch, int fd,
			uint32_t events, struct err *err)
{
	int ret;

	if (fd < 0)
		return 0;
	ret = vu_loop_add(vu_server_loop(c->server), watch, fd,
			  events | EPOLLET);
	if (ret < 0 && ret != -EPERM)
		return err_set(err, -ret, "descriptor cannot be polled");
	return 0;
}

int console_attach(struct console *c, struct vu_server *server, struct err *err)
{
	int ret;

	c->server = server;
	ret = console_output_init(c, vu_server_loop(server), err);
	if (ret == 0)
		ret = watch_stream(c, &c->in_watch, c->in.fd, EPOLLIN, err);
	if (ret == 0)
		ret = watch_stream(c, &c->out_watch, c->out.fd, EPOLLOUT, err);
	if (ret == 0 && c->cfg.listen_fd >= 0)
		ret = console_client_listen(c, err);
	/* A file gives no edge, and one given before we listened is lost. */
	c->in_ready = c->in.fd >= 0;
	return ret;
}

void console_destroy(struct console *c)
{
	if (c == NULL)
		return;
	console_output_linger(c);
	console_terminal_close(&c->terminal);
	console_stream_close(&c->in);
	console_stream_close(&c->out);
	fd_close(&c->stall_fd);
	vu_buffer_destroy(&c->input);
	vu_buffer_destroy(&c->output);
	free(c);
}
