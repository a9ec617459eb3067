// SPDX-License-Identifier: Apache-2.0
/*
 * vsock.c - a static program for guests: one connection between guest and host
 *
 *   vsock echo PORT         accept one connection, send back what comes
 *   vsock connect CID PORT  standard input there, what comes back to standard
 *                           output
 */
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static bool write_all(int fd, const char *data, ssize_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, (size_t)len);

		if (n <= 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

static int serve(unsigned port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = VMADDR_CID_ANY,
	};
	int listener = socket(AF_VSOCK, SOCK_STREAM, 0), fd;
	static char data[65536];
	ssize_t n;

	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listener, 1) < 0)
		return fail("listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return fail("accept");
	while ((n = read(fd, data, sizeof(data))) > 0) {
		if (!write_all(fd, data, n))
			return fail("write");
	}
	return n < 0 ? fail("read") : 0;
}

/* Both ways at once: the other side may answer before it has read all. */
static int exchange(int fd)
{
	struct pollfd fds[2] = { { STDIN_FILENO, POLLIN, 0 },
				 { fd, POLLIN, 0 } };
	static char data[65536];
	ssize_t n;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			return fail("poll");
		if (fds[1].revents) {
			n = read(fd, data, sizeof(data));
			if (n <= 0)
				return n < 0 ? fail("read") : 0;
			if (!write_all(STDOUT_FILENO, data, n))
				return fail("standard output");
			continue;
		}
		n = read(STDIN_FILENO, data, 4096);
		if (n <= 0) {
			shutdown(fd, SHUT_WR);
			fds[0].fd = -1;
		} else if (!write_all(fd, data, n)) {
			return fail("write");
		}
	}
}

static int connect_to(unsigned cid, unsigned port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = cid,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fail("connect");
	return exchange(fd);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return serve((unsigned)strtoul(argv[2], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "connect") == 0)
		return connect_to((unsigned)strtoul(argv[2], NULL, 10),
				  (unsigned)strtoul(argv[3], NULL, 10));
	fprintf(stderr, "usage: vsock echo PORT | vsock connect CID PORT\n");
	return 2;
}
