// SPDX-License-Identifier: Apache-2.0
/*
 * options.h - the command line of `mote run` -> struct vm_config
 */
#ifndef MOTE_OPTIONS_H
#define MOTE_OPTIONS_H

#include "config.h"

#include <stdio.h>

/*
 * argv[0] is "run". Option texts are cut in place and borrowed by *cfg. Returns
 * 0, or -EINVAL with *err naming the option; *help is set when --help came.
 */
int options_parse(int argc, char **argv, struct vm_config *cfg, bool *help,
		  struct err *err);

/* One line per option, from the same table. */
void options_print_help(FILE *out);

#endif
