// SPDX-License-Identifier: Apache-2.0
/*
 * signals.h - what whoever started this process has decided about its signals
 */
#ifndef MOTE_SIGNALS_H
#define MOTE_SIGNALS_H

#include <stdbool.h>

/*
 * Ignored: by nohup, by a shell for its background jobs, by the spawner for the
 * backends, which end with the monitor. Any thread.
 */
bool signal_is_ignored(int signal);

#endif
