// SPDX-License-Identifier: Apache-2.0
/*
 * console_escape.h - keys for the monitor in what a user types
 *
 *   Ctrl-A x        end the virtual machine
 *   Ctrl-A ?        list these keys
 *   Ctrl-A Ctrl-A   one Ctrl-A for the guest
 *
 * Ctrl-A and any other key both go to the guest: a shell's "start of line" works
 * as ever, one key late.
 */
#ifndef MOTE_CONSOLE_ESCAPE_H
#define MOTE_CONSOLE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum console_key { CONSOLE_KEY_NONE, CONSOLE_KEY_EXIT, CONSOLE_KEY_HELP };

struct console_escape {
	bool pending; /* a Ctrl-A waits for its second key */
};

/* What Ctrl-A ? shows. */
extern const char console_escape_help[];

/*
 * Look for the keys in in[0, *len) and write what is for the guest to out, which
 * takes 2 * *len bytes; returns how many. Stops after a key for the monitor: *len
 * is then what was looked at, *key what it asks for.
 */
size_t console_escape_filter(struct console_escape *esc, const char *in,
			     size_t *len, char *out, enum console_key *key);

#endif
