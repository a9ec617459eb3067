// SPDX-License-Identifier: Apache-2.0
/*
 * console_stream.c - the host's end of a console: descriptors and terminals
 */
#include "console_stream.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_pty_master(int fd)
{
	int number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
}

/*
 * Another open file description of a terminal or a pipe. Not of a file, whose
 * offset is shared for a reason, and not of a pty master, which would be a new
 * pty.
 */
static int reopen(int fd, bool output)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	struct stat st;

	if (fstat(fd, &st) < 0 ||
	    (!S_ISCHR(st.st_mode) && !S_ISFIFO(st.st_mode)) ||
	    is_pty_master(fd))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (output ? O_WRONLY : O_RDONLY) | O_NONBLOCK |
				  O_NOCTTY | O_CLOEXEC);
}

int console_stream_open(struct console_stream *stream, int fd, bool output,
			struct err *err)
{
	int flags;

	stream->inherited = -1;
	stream->fd = reopen(fd, output);
	if (stream->fd >= 0)
		return 0;
	flags = fcntl(fd, F_GETFL);
	stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (flags < 0 || stream->fd < 0)
		return err_errno(err, "descriptor %d", fd);
	if ((flags & O_NONBLOCK) == 0) {
		stream->inherited = fd;
		stream->old_flags = flags;
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
	return 0;
}

void console_stream_close(struct console_stream *stream)
{
	if (stream->inherited >= 0)
		fcntl(stream->inherited, F_SETFL, stream->old_flags);
	stream->inherited = -1;
	fd_close(&stream->fd);
}

/* The terminal to restore when we die of a fault; one per process. */
static const struct console_terminal *active;

static void restore(const struct console_terminal *term)
{
	/* TCSANOW: draining would wait for a terminal that is stopped. */
	tcsetattr(term->fd, TCSANOW, &term->saved);
}

static void on_fault(int signo)
{
	if (active != NULL)
		restore(active);
	raise(signo); /* SA_RESETHAND: this time it kills */
}

static void catch_faults(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS,	SIGILL,
				      SIGFPE,  SIGABRT, SIGSYS };
	struct sigaction action = { .sa_handler = on_fault,
				    .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigaction(faults[i], &action, NULL);
}

int console_terminal_open(struct console_terminal *term, int fd,
			  struct err *err)
{
	term->fd = -1;
	term->peer_fd = -1;
	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &term->saved) < 0)
		return err_errno(err, "terminal");
	/*
	 * From a background job, restoring must not stop us (SIGTTOU); reading
	 * fails then, and works again after the next key (SIGTTIN).
	 */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	/*
	 * Without a slave open, a master reports a hang-up for ever and refuses
	 * what is written. With one of our own it is a quiet line.
	 */
	if (is_pty_master(fd))
		term->peer_fd =
			ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	term->fd = fd;
	active = term;
	catch_faults();
	console_terminal_resume(term);
	return 0;
}

void console_terminal_close(struct console_terminal *term)
{
	if (term->fd < 0)
		return;
	restore(term);
	active = NULL;
	term->fd = -1;
	fd_close(&term->peer_fd);
}

/* Fully raw: how lines end is the business of the guest's own terminal. */
void console_terminal_resume(const struct console_terminal *term)
{
	struct termios raw = term->saved;

	if (term->fd < 0)
		return;
	cfmakeraw(&raw);
	tcsetattr(term->fd, TCSANOW, &raw);
}

bool console_terminal_size(const struct console_terminal *term, uint16_t *cols,
			   uint16_t *rows)
{
	struct winsize size;

	if (term->fd < 0 || ioctl(term->fd, TIOCGWINSZ, &size) < 0)
		return false;
	*cols = size.ws_col;
	*rows = size.ws_row;
	return true;
}

bool console_terminal_is_pty(const struct console_terminal *term)
{
	return term->fd >= 0 && is_pty_master(term->fd);
}
