// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_machine.h - what takes the commands of fuzzed requests: no VM, no files
 */
#ifndef MOTE_TESTS_FUZZ_MACHINE_H
#define MOTE_TESTS_FUZZ_MACHINE_H

#include "command.h"

struct fuzz_machine {
	enum machine_state state;
	struct vm_config config; /* owns its descriptors */
	bool refused_start;
};

void fuzz_machine_init(struct fuzz_machine *machine);
struct command_target fuzz_machine_target(struct fuzz_machine *machine);

/* To the end of each, so that the sanitizer sees what is no longer there. */
void fuzz_machine_read_texts(const struct fuzz_machine *machine);

void fuzz_machine_release(struct fuzz_machine *machine);

#endif
