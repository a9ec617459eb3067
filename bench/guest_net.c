// SPDX-License-Identifier: Apache-2.0
/*
 * guest_net.c - the init of the guests of bench/net
 *
 * Configures eth0 and then does nothing but answer: the kernel answers pings,
 * and this program one TCP connection after the other. net_peer.c is on the
 * other side and has the clock.
 *
 * A connection starts with one byte: 'r' reads until the peer shuts down its
 * direction and then sends one byte back; 'w' writes until the peer is gone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "guest_init.h"
#include "net_peer.h"

static unsigned char chunk[NET_CHUNK];

static void set_up_interface(void)
{
	struct ifreq eth = { .ifr_name = "eth0" };
	struct sockaddr_in *in = (struct sockaddr_in *)&eth.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	in->sin_family = AF_INET;
	inet_pton(AF_INET, NET_GUEST, &in->sin_addr);
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &eth) < 0)
		power_off("address of eth0");
	inet_pton(AF_INET, "255.255.255.0", &in->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &eth) < 0 ||
	    ioctl(fd, SIOCGIFFLAGS, &eth) < 0)
		power_off("netmask of eth0");
	eth.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &eth) < 0)
		power_off("eth0 up");
	close(fd);
}

static void serve(int stream)
{
	char kind = 0;

	if (read(stream, &kind, 1) != 1)
		return;
	if (kind == 'w') {
		while (write(stream, chunk, sizeof(chunk)) > 0)
			;
		return;
	}
	while (read(stream, chunk, sizeof(chunk)) > 0)
		;
	if (write(stream, &kind, 1) != 1)
		power_off("answer");
}

int main(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_port = htons(NET_PORT) };
	int listener, stream;

	if (iopl(3) < 0)
		power_off("iopl");
	mount_basics();
	load_modules();
	set_up_interface();
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener, 1) < 0)
		power_off("listen");
	mark(MARK_INIT);
	for (;;) {
		stream = accept(listener, NULL, NULL);
		if (stream < 0)
			power_off("accept");
		serve(stream);
		close(stream);
	}
}
