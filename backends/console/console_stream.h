// SPDX-License-Identifier: Apache-2.0
/*
 * console_stream.h - the host's end of a console: descriptors and terminals
 */
#ifndef MOTE_CONSOLE_STREAM_H
#define MOTE_CONSOLE_STREAM_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

/* One direction, never blocking. */
struct console_stream {
	int fd;	       /* ours; -1: none */
	int inherited; /* whose flags were changed, or -1 */
	int old_flags;
};

/*
 * Open fd (borrowed) a second time without blocking, so that the programs we
 * share it with do not notice; where that cannot be, change fd itself until
 * console_stream_close().
 */
int console_stream_open(struct console_stream *stream, int fd, bool output,
			struct err *err);
void console_stream_close(struct console_stream *stream);

/*
 * A terminal in raw mode, from open to close. A process that dies of a fault
 * restores it too.
 */
struct console_terminal {
	int fd;	     /* borrowed; -1: no terminal */
	int peer_fd; /* pty master: its slave, held open; or -1 */
	struct termios saved;
};

/* Does nothing unless fd is a terminal. */
int console_terminal_open(struct console_terminal *term, int fd,
			  struct err *err);
void console_terminal_close(struct console_terminal *term);

/* Raw mode again, after a shell had the terminal (SIGCONT). */
void console_terminal_resume(const struct console_terminal *term);
bool console_terminal_size(const struct console_terminal *term, uint16_t *cols,
			   uint16_t *rows);
/* The near end of a pty, whose far end may have no reader for ever? */
bool console_terminal_is_pty(const struct console_terminal *term);

#endif
