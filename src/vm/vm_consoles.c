// SPDX-License-Identifier: Apache-2.0
/*
 * vm_consoles.c - what a console is attached to -> descriptors for its backend
 *
 * The bytes themselves never pass here. The terminal's settings do: src/main.c
 * keeps a copy and puts it back should the backend have been killed.
 */
#include "vm_internal.h"
#include "fd.h"
#include "spawner.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct streams {
	int in, out; /* out is -1 when in listens */
};

static int open_stdio(struct streams *streams, struct err *err)
{
	streams->in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	streams->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (streams->in < 0 || streams->out < 0)
		return err_errno(err, "stdin or stdout is closed");
	return 0;
}

static int open_pty(struct vm *vm, const struct config_console *console,
		    struct streams *streams, struct err *err)
{
	char slave[64];

	streams->in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (streams->in < 0 || grantpt(streams->in) < 0 ||
	    unlockpt(streams->in) < 0 ||
	    ptsname_r(streams->in, slave, sizeof(slave)) != 0)
		return err_errno(err, "pty");
	streams->out = fcntl(streams->in, F_DUPFD_CLOEXEC, 3);
	if (streams->out < 0)
		return err_errno(err, "pty");
	/* Not a log line: whoever asked for a pty needs its name. */
	dprintf(STDERR_FILENO, "%s: console %s is %s\n", vm->cfg->id,
		console->id, slave);
	return 0;
}

static int open_log_file(const struct config_console *console,
			 struct streams *streams, struct err *err)
{
	streams->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	streams->out = open(console->path,
			    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
				    O_NOCTTY | O_NONBLOCK,
			    0600);
	if (streams->out < 0)
		return err_errno(err, "'%s'", console->path);
	return streams->in < 0 ? err_errno(err, "/dev/null") : 0;
}

static int open_socket(struct vm *vm, const struct config_console *console,
		       struct streams *streams, struct err *err)
{
	int ret = unix_socket_listen(console->path, &streams->in, err);

	if (ret < 0)
		return ret;
	ret = spawner_unlink_at_end(vm->spawner, console->path, err);
	if (ret < 0)
		unlink(console->path);
	return ret;
}

static int open_streams(struct vm *vm, const struct config_console *console,
			struct streams *streams, struct err *err)
{
	switch (console->kind) {
	case CONSOLE_STDIO:
		return open_stdio(streams, err);
	case CONSOLE_PTY:
		return open_pty(vm, console, streams, err);
	case CONSOLE_FILE:
		return open_log_file(console, streams, err);
	case CONSOLE_SOCKET:
		return open_socket(vm, console, streams, err);
	}
	return -EINVAL;
}

int vm_start_console(struct vm *vm, const struct config_console *console,
		     int backend_fd, struct err *err)
{
	struct streams streams = { -1, -1 };
	struct spawn_request req = {
		.role = SPAWN_CONSOLE,
		.listen = console->kind == CONSOLE_SOCKET,
		.drop = console->drop || console->kind == CONSOLE_PTY,
		.escape = console->kind == CONSOLE_STDIO && isatty(0),
		.log_level = (uint8_t)vm->cfg->log_level,
	};
	int ret;

	memcpy(req.id, console->id, sizeof(req.id));
	ret = open_streams(vm, console, &streams, err);
	if (ret == 0) {
		int fds[] = { backend_fd, streams.in, streams.out };

		ret = spawner_start(vm->spawner, &req, fds, req.listen ? 2 : 3,
				    err);
	}
	fd_close(&streams.in);
	fd_close(&streams.out);
	return ret < 0 ? err_prefix(err, ret, "console %s", console->id) : 0;
}
