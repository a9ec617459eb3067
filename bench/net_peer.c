// SPDX-License-Identifier: Apache-2.0
/*
 * net_peer.c - the host's end of bench/net, with the clock
 *
 *   net_peer ping COUNT     ICMP echo, the next when the last is answered
 *   net_peer to MIB         TCP to the guest
 *   net_peer from MIB       TCP from the guest
 *
 * Prints "median BEGIN END": the median of nanoseconds per round trip, or per
 * MiB, and the times on the monotonic clock between which they lie. What warms
 * up is before BEGIN.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net_peer.h"

enum { MIB = 1 << 20, WARM_UP_PINGS = 200, WARM_UP_MIB = 16, PAYLOAD = 56 };

static unsigned char chunk[NET_CHUNK];

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "net_peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/* stamps[0 .. count] are the moments between which there is one each. */
static int report(long long *stamps, int count)
{
	long long begin = stamps[0], end = stamps[count];

	for (int i = 0; i < count; i++)
		stamps[i] = stamps[i + 1] - stamps[i];
	qsort(stamps, (size_t)count, sizeof(*stamps), by_size);
	printf("%lld %lld %lld\n", stamps[count / 2], begin, end);
	return 0;
}

static struct sockaddr_in guest(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, NET_GUEST, &to.sin_addr);
	return to;
}

static uint16_t checksum(const void *data, size_t size)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size / 2; i++)
		sum += word[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* One echo request, and the reply to it. */
static void ping_once(int fd, uint16_t n)
{
	struct {
		struct icmphdr head;
		unsigned char payload[PAYLOAD];
	} request = { .head = { .type = ICMP_ECHO } };
	struct {
		struct iphdr ip;
		struct icmphdr head;
		unsigned char payload[PAYLOAD];
	} reply;

	request.head.un.echo.sequence = n;
	request.head.checksum = checksum(&request, sizeof(request));
	check(send(fd, &request, sizeof(request), 0) == sizeof(request),
	      "send");
	do {
		check(recv(fd, &reply, sizeof(reply), 0) > 0,
		      "no answer to a ping");
	} while (reply.head.type != ICMP_ECHOREPLY ||
		 reply.head.un.echo.sequence != n);
}

static int ping(long long *stamps, int count)
{
	struct sockaddr_in to = guest(0);
	struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	check(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	      "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (int i = -WARM_UP_PINGS; i < count; i++) {
		if (i == 0)
			stamps[0] = now();
		ping_once(fd, (uint16_t)i);
		if (i >= 0)
			stamps[i + 1] = now();
	}
	return report(stamps, count);
}

static int stream(char kind)
{
	struct sockaddr_in to = guest(NET_PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	      "connect");
	check(write(fd, &kind, 1) == 1, "write");
	return fd;
}

/* The last MiB includes the wait until the guest has read it all. */
static int to_guest(long long *stamps, int count)
{
	int fd = stream('r');
	char done;

	for (int i = -WARM_UP_MIB; i < count; i++) {
		if (i >= 0)
			stamps[i] = now();
		for (int left = MIB; left > 0;) {
			ssize_t put = write(fd, chunk,
					    left < NET_CHUNK ? (size_t)left
							     : NET_CHUNK);

			check(put > 0, "write");
			left -= (int)put;
		}
	}
	check(shutdown(fd, SHUT_WR) == 0 && read(fd, &done, 1) == 1, "end");
	stamps[count] = now();
	return report(stamps, count);
}

static int from_guest(long long *stamps, int count)
{
	int fd = stream('w');

	for (int i = -WARM_UP_MIB; i < count; i++) {
		if (i == 0)
			stamps[0] = now();
		for (int left = MIB; left > 0;) {
			ssize_t got = read(fd, chunk,
					   left < NET_CHUNK ? (size_t)left
							    : NET_CHUNK);

			check(got > 0, "read");
			left -= (int)got;
		}
		if (i >= 0)
			stamps[i + 1] = now();
	}
	return report(stamps, count);
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;
	long long *stamps = calloc((size_t)count + 1, sizeof(*stamps));

	if (count <= 0 || stamps == NULL) {
		fprintf(stderr,
			"usage: net_peer ping COUNT | to MIB | from MIB\n");
		return 2;
	}
	if (strcmp(argv[1], "ping") == 0)
		return ping(stamps, count);
	if (strcmp(argv[1], "to") == 0)
		return to_guest(stamps, count);
	return from_guest(stamps, count);
}
