// SPDX-License-Identifier: Apache-2.0
/*
 * spawner_wire.h - what monitor and spawner say to each other
 *
 * One fixed-size message per packet of a SOCK_SEQPACKET pair; descriptors come
 * with SPAWNER_START only: those of the role, then the sink of the log.
 */
#ifndef MOTE_SPAWNER_WIRE_H
#define MOTE_SPAWNER_WIRE_H

#include "spawner.h"

enum spawner_verb {
	SPAWNER_START,	/* monitor -> spawner: start + descriptors */
	SPAWNER_UNLINK, /* monitor -> spawner: path */
	SPAWNER_EXITED, /* spawner -> monitor: exited */
};

enum { SPAWNER_FDS_MAX = SPAWN_FDS_MAX + 1 };

struct spawner_message {
	enum spawner_verb verb;
	union {
		struct spawn_request start;
		char path[SPAWN_PATH_MAX];
		struct {
			char id[ID_MAX + 1];
			int status; /* as wait(2) has it */
		} exited;
	};
};

/*
 * How the spawner is executed: these words, the last of them as long as the
 * longest command line of a role, and our socket as this descriptor.
 */
enum { SPAWNER_WORDS = 3, SPAWNER_ROOM = 320, SPAWNER_FD = 3 };

#endif
