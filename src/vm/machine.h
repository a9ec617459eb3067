// SPDX-License-Identifier: Apache-2.0
/*
 * machine.h - the life of one VM: configured by commands, run to its end
 *
 * Main thread.
 */
#ifndef MOTE_MACHINE_H
#define MOTE_MACHINE_H

#include "command.h"
#include "vm.h"

struct machine;

/*
 * Borrows base and spawner. The configuration starts as vm_config_init() makes
 * it, with this id. SIGTERM, SIGINT and SIGHUP end the machine from now on,
 * unless they are ignored; SIGUSR1 is its power button.
 */
int machine_create(struct event_base *base, struct spawner *spawner,
		   const char *id, struct machine **out, struct err *err);

/* What commands are sent to; valid until machine_destroy(). */
struct command_target machine_target(struct machine *machine);

/*
 * Run base's loop until the machine ends, and bring the VM to a stop. *signal
 * is the one that ended it, or 0.
 */
enum vm_end machine_run(struct machine *machine, int *signal);

void machine_destroy(struct machine *machine); /* NULL is allowed */

#endif
