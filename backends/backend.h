// SPDX-License-Identifier: Apache-2.0
/*
 * backend.h - the entry points of the backend roles, called by src/main.c
 *
 * argv[0] is the role's name. Each returns the exit status of the process
 * (exit_status.h).
 */
#ifndef MOTE_BACKEND_H
#define MOTE_BACKEND_H

int backend_block_main(int argc, char **argv);
int backend_console_main(int argc, char **argv);
int backend_vsock_main(int argc, char **argv);

#endif
