// SPDX-License-Identifier: Apache-2.0
/*
 * ctl.h - `mote ctl`: a client of the API, for people and scripts
 *
 * argv[0] is the role's name. Returns the exit status of the process
 * (exit_status.h): 0, 1 with one line on stderr, or 2 for wrong usage.
 */
#ifndef MOTE_CTL_H
#define MOTE_CTL_H

int ctl_main(int argc, char **argv);

#endif
