// SPDX-License-Identifier: Apache-2.0
/*
 * exit_status.h - the exit statuses of `mote`, as docs/mote.1 lists them
 */
#ifndef MOTE_EXIT_STATUS_H
#define MOTE_EXIT_STATUS_H

enum exit_status {
	STATUS_POWEROFF = 0, /* the guest powered off */
	STATUS_FAILURE = 1,  /* KVM, a file, a device or mote failed */
	STATUS_USAGE = 2,    /* the command line is wrong */
	STATUS_RESET = 3,    /* the guest rebooted */
	STATUS_PANIC = 4,    /* the guest kernel panicked */
	STATUS_TRIPLE_FAULT = 5,
	STATUS_USER = 6, /* ended by a signal or Ctrl-A x */

	/* The API server, as Firecracker. */
	STATUS_API_LEVEL = 152, /* --level is no level */
	STATUS_API_USAGE = 153, /* the command line is wrong */

	/* `mote console` only: the user typed Ctrl-A x. */
	STATUS_CONSOLE_ESCAPE = 42,
};

#endif
