// SPDX-License-Identifier: Apache-2.0
/*
 * main_roles.h - the ways to run a VM, and what they share
 *
 * Each returns the exit
 * status, and prints its own errors.
 */
#ifndef MOTE_MAIN_ROLES_H
#define MOTE_MAIN_ROLES_H

#include "err.h"
#include "exit_status.h"

#include <stdbool.h>
#include <termios.h>

/* Commands from the command line; argv[0] is "run". */
int run_main(int argc, char **argv);

/* Commands by API; the options are those from argv[1] on. */
int api_main(int argc, char **argv);

/* Print the error; returns status. */
int fail(enum exit_status status, const struct err *err);

/* Our terminal as it is now, to be put back when all who use it have ended. */
struct terminal {
	bool is_terminal;
	struct termios settings;
};

void terminal_keep(struct terminal *terminal);
void terminal_restore(const struct terminal *terminal);

#endif
