// SPDX-License-Identifier: Apache-2.0
/*
 * signals.c - what whoever started this process has decided about its signals
 */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

bool signal_is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}
