// SPDX-License-Identifier: Apache-2.0
/*
 * console_escape.c - keys for the monitor in what a user types
 */
#include "console_escape.h"

enum { CTRL_A = 1 };

const char console_escape_help[] =
	"\r\nCtrl-A x       end the virtual machine\r\n"
	"Ctrl-A ?       this help\r\n"
	"Ctrl-A Ctrl-A  send Ctrl-A\r\n";

size_t console_escape_filter(struct console_escape *esc, const char *in,
			     size_t *len, char *out, enum console_key *key)
{
	size_t n = 0;

	*key = CONSOLE_KEY_NONE;
	for (size_t i = 0; i < *len; i++) {
		if (!esc->pending) {
			if (in[i] == CTRL_A)
				esc->pending = true;
			else
				out[n++] = in[i];
			continue;
		}
		esc->pending = false;
		if (in[i] == 'x' || in[i] == '?') {
			*key = in[i] == 'x' ? CONSOLE_KEY_EXIT
					    : CONSOLE_KEY_HELP;
			*len = i + 1;
			return n;
		}
		out[n++] = CTRL_A;
		if (in[i] != CTRL_A)
			out[n++] = in[i];
	}
	return n;
}
