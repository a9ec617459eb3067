// SPDX-License-Identifier: Apache-2.0
/*
 * command.h - what can be asked of a machine, as plain data
 *
 * src/api makes commands of requests, `mote run` of its command line; the machine
 * (machine.h) carries them out. Whoever sends commands knows no more of it than
 * this.
 *
 * Main thread.
 */
#ifndef MOTE_COMMAND_H
#define MOTE_COMMAND_H

#include "config.h"
#include "err.h"

struct vm_metrics;

enum machine_state {
	MACHINE_NOT_STARTED,
	MACHINE_RUNNING,
	MACHINE_PAUSED,
};

enum command_verb {
	/*
	 * Before the start: this is the configuration from now on, whole. Files
	 * and interfaces without a descriptor in it are opened. It fails whole
	 * too: then the old configuration stands. Strings are borrowed until
	 * the next one succeeds, or the machine ends.
	 */
	COMMAND_CONFIGURE,
	COMMAND_START, /* on failure: not started, and may be configured */
	/* After the start. */
	COMMAND_PAUSE,	/* does nothing when paused */
	COMMAND_RESUME, /* does nothing when running */
	COMMAND_POWER_BUTTON,
	COMMAND_STOP,		/* end the VM now */
	COMMAND_SWAP_DISK,	/* another image for a disk of ours */
	COMMAND_REFRESH_CONFIG, /* ask a vhost-user server for its space */
};

struct command {
	enum command_verb verb;
	const struct vm_config *config; /* CONFIGURE */
	const char *id;			/* device; SWAP_DISK, REFRESH_CONFIG */
	const char *path;		/* SWAP_DISK; borrowed until the end */
	int fd; /* SWAP_DISK: open image, borrowed for the call; -1: by path */
};

/* The machine as those see it who send commands. */
struct command_target {
	/* 0, or -errno with *err set and nothing changed. */
	int (*run)(void *ctx, const struct command *command, struct err *err);
	enum machine_state (*state)(void *ctx);
	/* As configured: what was left open is still open. */
	const struct vm_config *(*config)(void *ctx);
	/* False before the start. */
	bool (*metrics)(void *ctx, struct vm_metrics *out);
	void *ctx;
};

#endif
