/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic.h - a small program that makes and counts network traffic, the same
 * one in the guest and on the host
 *
 * Static, because the guest has no C library. A command is a function that
 * takes its own arguments (argv[0] is its name) and returns the exit status.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* streams.c: an end of a TCP or vsock stream */
int traffic_send(int argc, char **argv);
int traffic_receive(int argc, char **argv);
int traffic_echo(int argc, char **argv);
int traffic_exchange(int argc, char **argv);

/* datagrams.c: UDP, counted one by one */
int traffic_answer(int argc, char **argv);
int traffic_ask(int argc, char **argv);
int traffic_flood(int argc, char **argv);
int traffic_count(int argc, char **argv);

/* Ends the process with a message unless ok; main.c. */
void check(bool ok, const char *what);
/* A number of a command line, at least 0. */
long number(const char *word);
/* "ADDRESS" and "PORT" as an IPv4 address. */
void internet_address(struct sockaddr_storage *to, const char *address,
		      const char *port);

#endif
