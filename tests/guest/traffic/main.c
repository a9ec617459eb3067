// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - traffic COMMAND ARGUMENT...
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *arguments;
	int arguments_min;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "send", "WHERE: stdin into a stream", 1, traffic_send },
	{ "receive", "WHERE: a stream to stdout", 1, traffic_receive },
	{ "echo", "WHERE: what comes goes back", 1, traffic_echo },
	{ "exchange", "WHERE: stdin into it, what comes to stdout", 1,
	  traffic_exchange },
	{ "answer",
	  "PORT [EVERY IRQ...]: UDP, each datagram back to its sender;\n"
	  "          after every EVERY, move the interrupts to the next CPU",
	  1, traffic_answer },
	{ "ask",
	  "ADDRESS PORT COUNT SIZE MS: UDP, one at a time, each answer within "
	  "MS",
	  5, traffic_ask },
	{ "flood", "ADDRESS PORT COUNT SIZE: UDP, as fast as it goes", 4,
	  traffic_flood },
	{ "count", "PORT MS: UDP, until none came for MS", 2, traffic_count },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

long number(const char *word)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(word, &end, 10);
	if (errno != 0 || *end != '\0' || end == word || n < 0) {
		errno = EINVAL;
		check(false, word);
	}
	return n;
}

void internet_address(struct sockaddr_storage *to, const char *address,
		      const char *port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)number(port));
	errno = EINVAL;
	check(inet_pton(AF_INET, address, &in->sin_addr) == 1, address);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < COMMANDS; i++) {
		if (argc >= 2 + commands[i].arguments_min &&
		    strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "usage: traffic COMMAND\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(stderr, "  %s %s\n", commands[i].name,
			commands[i].arguments);
	fprintf(stderr,
		"WHERE is tcp:ADDRESS:PORT or vsock:CID:PORT to connect,\n"
		"tcp-listen::PORT or vsock-listen::PORT to wait for one that "
		"does.\n");
	return 2;
}
