// SPDX-License-Identifier: Apache-2.0
/*
 * datagrams.c - UDP where every datagram is counted
 *
 * A datagram starts with its number, as far as it has room. UDP sends nothing
 * twice: with one request under way at a time, an answer that does not come is
 * a packet, or a wake-up, that somebody lost.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIZE_MAX_UDP = 65507, LATE_US = 100000, RECEIVE_BUFFER = 16 << 20 };

static unsigned char datagram[SIZE_MAX_UDP];

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	check(fd >= 0, "socket");
	return fd;
}

static int bound_to(const char *port)
{
	struct sockaddr_storage any;
	int fd = udp_socket(), size = RECEIVE_BUFFER;

	internet_address(&any, "0.0.0.0", port);
	/* For root only; what does not fit is counted by the kernel. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	check(bind(fd, (struct sockaddr *)&any, sizeof(struct sockaddr_in)) ==
		      0,
	      "bind");
	return fd;
}

static int connected_to(const char *address, const char *port)
{
	struct sockaddr_storage to;
	int fd = udp_socket();

	internet_address(&to, address, port);
	check(connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)) ==
		      0,
	      "connect");
	return fd;
}

static size_t size_of(const char *word)
{
	long size = number(word);

	errno = EINVAL;
	check(size <= SIZE_MAX_UDP, word);
	return (size_t)size;
}

/* Every interrupt to CPU number "turn", of as many as there are. */
static void move_interrupts(int irqs, char **irq, unsigned long turn)
{
	static long cpus;
	char path[64];
	int fd;

	if (cpus == 0)
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 0; i < irqs; i++) {
		snprintf(path, sizeof(path), "/proc/irq/%s/smp_affinity",
			 irq[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		check(fd >= 0, path);
		check(dprintf(fd, "%x\n", 1u << (turn % (unsigned long)cpus)) >
			      0,
		      path);
		close(fd);
	}
}

/*
 * An empty datagram is the end. Interrupts move by the number of requests, not
 * by time: when one is lost nothing else happens that could hide it.
 */
int traffic_answer(int argc, char **argv)
{
	unsigned long answered = 0, moves = 0, every;
	int fd = bound_to(argv[1]);
	struct sockaddr_storage from;
	socklen_t size;
	ssize_t got;

	every = argc > 3 ? (unsigned long)number(argv[2]) : 0;
	for (;;) {
		size = sizeof(from);
		got = recvfrom(fd, datagram, sizeof(datagram), 0,
			       (struct sockaddr *)&from, &size);
		check(got >= 0, "recvfrom");
		if (got == 0)
			break;
		check(sendto(fd, datagram, (size_t)got, 0,
			     (struct sockaddr *)&from, size) == got,
		      "sendto");
		answered++;
		if (every > 0 && answered % every == 0)
			move_interrupts(argc - 3, argv + 3, ++moves);
	}
	printf("answered %lu moved %lu\n", answered, moves);
	return 0;
}

/* Wait for the answer to number n. */
static bool answered(int fd, uint64_t n, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	long long end = now_us() + timeout_ms * 1000LL;
	uint64_t got;

	do {
		int left = (int)((end - now_us()) / 1000);

		if (poll(&wait, 1, left > 0 ? left : 0) != 1)
			return false;
		if (recv(fd, datagram, sizeof(datagram), 0) <
		    (ssize_t)sizeof(got))
			return false;
		memcpy(&got, datagram, sizeof(got));
	} while (got != n); /* of one that was given up */
	return true;
}

int traffic_ask(int argc, char **argv)
{
	int fd = connected_to(argv[1], argv[2]),
	    timeout_ms = (int)number(argv[5]);
	uint64_t count = (uint64_t)number(argv[3]), lost = 0, late = 0;
	size_t size = size_of(argv[4]);
	long long begin, took, worst = 0;

	(void)argc;
	errno = EINVAL;
	check(size >= sizeof(uint64_t), argv[4]);
	for (uint64_t n = 1; n <= count; n++) {
		memcpy(datagram, &n, sizeof(n));
		begin = now_us();
		check(send(fd, datagram, size, 0) == (ssize_t)size, "send");
		if (!answered(fd, n, timeout_ms)) {
			lost++;
			fprintf(stderr, "no answer to %llu\n",
				(unsigned long long)n);
		}
		took = now_us() - begin;
		worst = took > worst ? took : worst;
		late += took > LATE_US;
	}
	send(fd, datagram, 0, 0);
	printf("asked %llu lost %llu late %llu worst_us %lld\n",
	       (unsigned long long)count, (unsigned long long)lost,
	       (unsigned long long)late, worst);
	return lost != 0;
}

int traffic_flood(int argc, char **argv)
{
	int fd = connected_to(argv[1], argv[2]);
	size_t size = size_of(argv[4]);
	long count = number(argv[3]), sent = 0, refused = 0;

	(void)argc;
	for (long n = 0; n < count; n++) {
		memcpy(datagram, &n, sizeof(n));
		if (send(fd, datagram, size, 0) == (ssize_t)size)
			sent++;
		else if (errno == ENOBUFS || errno == EAGAIN)
			refused++;
		else
			check(false, "send");
	}
	printf("sent %ld refused %ld\n", sent, refused);
	return 0;
}

int traffic_count(int argc, char **argv)
{
	int fd = bound_to(argv[1]), quiet_ms = (int)number(argv[2]),
	    timeout_ms = -1;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	unsigned long count = 0, bytes = 0;
	ssize_t got;

	(void)argc;
	while (poll(&wait, 1, timeout_ms) == 1) {
		timeout_ms = quiet_ms;
		while ((got = recv(fd, datagram, sizeof(datagram),
				   MSG_DONTWAIT)) >= 0) {
			count++;
			bytes += (unsigned long)got;
		}
	}
	printf("received %lu bytes %lu\n", count, bytes);
	return 0;
}
