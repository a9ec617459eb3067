// SPDX-License-Identifier: Apache-2.0
/*
 * streams.c - one end of a TCP or vsock connection, as a filter
 */
#include "traffic.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, CONNECT_TRIES = 100, CONNECT_PAUSE_US = 100000 };

static unsigned char chunk[CHUNK];

/* The address of WHERE, and whether to listen on it. */
static bool parse_where(char *where, struct sockaddr_storage *at)
{
	const char *kind = strtok(where, ":");
	char *colon = where + strlen(where) + 1, *port = strrchr(colon, ':');
	struct sockaddr_vm *vm = (struct sockaddr_vm *)at;
	bool listening;

	errno = EINVAL;
	check(kind != NULL && port != NULL, where);
	*port++ = '\0';
	listening = strstr(kind, "-listen") != NULL;
	if (strncmp(kind, "tcp", 3) == 0) {
		internet_address(at, listening ? "0.0.0.0" : colon, port);
	} else {
		check(strncmp(kind, "vsock", 5) == 0, kind);
		memset(at, 0, sizeof(*at));
		vm->svm_family = AF_VSOCK;
		vm->svm_cid =
			listening ? VMADDR_CID_ANY : (unsigned)number(colon);
		vm->svm_port = (unsigned)number(port);
	}
	return listening;
}

/* The stream to or from WHERE. A peer that does not listen yet is waited for. */
static int open_stream(char *where)
{
	struct sockaddr_storage at;
	struct sockaddr *address = (struct sockaddr *)&at;
	bool listening = parse_where(where, &at);
	socklen_t size = at.ss_family == AF_INET ? sizeof(struct sockaddr_in)
						 : sizeof(struct sockaddr_vm);
	int fd, one = 1, tries = 0, stream, saved;

	do {
		if (tries > 0)
			usleep(CONNECT_PAUSE_US);
		fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		check(fd >= 0, "socket");
		if (listening)
			break;
		if (connect(fd, address, size) == 0)
			return fd;
		saved = errno;
		close(fd);
		errno = saved;
	} while (++tries < CONNECT_TRIES);
	check(listening, "connect");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(fd, address, size) == 0, "bind");
	check(listen(fd, 1) == 0, "listen");
	stream = accept(fd, NULL, NULL);
	check(stream >= 0, "accept");
	close(fd);
	return stream;
}

/* From one to the other until the end; how many bytes. */
static unsigned long long copy(int from, int to)
{
	unsigned long long total = 0;
	ssize_t got, put;

	while ((got = read(from, chunk, CHUNK)) != 0) {
		check(got > 0, "read");
		for (ssize_t at = 0; at < got; at += put) {
			put = write(to, chunk + at, (size_t)(got - at));
			check(put > 0, "write");
		}
		total += (unsigned long long)got;
	}
	return total;
}

/* Close our direction and wait until the peer has read all and closed its own. */
static int finish(int stream, unsigned long long total)
{
	check(shutdown(stream, SHUT_WR) == 0, "shutdown");
	while (read(stream, chunk, CHUNK) > 0)
		;
	fprintf(stderr, "bytes %llu\n", total);
	return 0;
}

int traffic_send(int argc, char **argv)
{
	int stream = open_stream(argv[1]);

	(void)argc;
	return finish(stream, copy(STDIN_FILENO, stream));
}

int traffic_receive(int argc, char **argv)
{
	int stream = open_stream(argv[1]);

	(void)argc;
	return finish(stream, copy(stream, STDOUT_FILENO));
}

int traffic_echo(int argc, char **argv)
{
	int stream = open_stream(argv[1]);

	(void)argc;
	return finish(stream, copy(stream, stream));
}

/*
 * Two processes, so that neither direction waits for the other; each closes its
 * own only, as a stream that has ended both ways cannot be shut down (ENOTCONN).
 */
int traffic_exchange(int argc, char **argv)
{
	int stream = open_stream(argv[1]);
	pid_t sender = fork();

	(void)argc;
	check(sender >= 0, "fork");
	if (sender > 0) {
		fprintf(stderr, "bytes %llu\n", copy(stream, STDOUT_FILENO));
		return 0;
	}
	copy(STDIN_FILENO, stream);
	check(shutdown(stream, SHUT_WR) == 0, "shutdown");
	return 0;
}
