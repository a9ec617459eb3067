// SPDX-License-Identifier: Apache-2.0
/*
 * link_watch.c - be told when one interface of the host changes or goes
 *
 * The announcements themselves are thrown away: some may have been lost for want
 * of room, so the only reliable answer is the interface's state when asked.
 */
#include "link_watch.h"
#include "fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

struct link_watch {
	int fd;
	struct event *readable;
	void (*changed)(void *ctx);
	void *ctx;
};

/*
 * Loads of 16 and 32 bits take the bytes for big-endian, netlink's are the
 * host's. A port that leaves a bridge is announced as RTM_DELLINK, too, of family
 * AF_BRIDGE; the interface is still there.
 */
void link_filter_make(unsigned index,
		      struct sock_filter program[LINK_FILTER_LEN])
{
	enum { IFINFO = NLMSG_HDRLEN, PASS = 7, DROP = 8 };
	const struct sock_filter filter[LINK_FILTER_LEN] = {
		/* 0 */
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
			 offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWLINK), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0,
			 DROP - 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 IFINFO + offsetof(struct ifinfomsg, ifi_family)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNSPEC, 0, DROP - 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 IFINFO + offsetof(struct ifinfomsg, ifi_index)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(index), 0, DROP - 7),
		/* 7 */
		[PASS] = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		[DROP] = BPF_STMT(BPF_RET | BPF_K, 0),
	};

	for (size_t i = 0; i < LINK_FILTER_LEN; i++)
		program[i] = filter[i];
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct link_watch *watch = arg;
	char unread;

	(void)what;
	/* ENOBUFS: some were lost, which is as good as one that came. */
	while (recv(fd, &unread, sizeof(unread), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS || errno == EINTR)
		;
	watch->changed(watch->ctx);
}

static int open_socket(unsigned index, struct err *err)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1u << (RTNLGRP_LINK - 1),
	};
	struct sock_filter program[LINK_FILTER_LEN];
	struct sock_fprog filter = { LINK_FILTER_LEN, program };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int ret;

	link_filter_make(index, program);
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
		       sizeof(filter)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	ret = err_errno(err, "netlink socket");
	fd_close(&fd);
	return ret;
}

int link_watch_create(unsigned index, struct event_base *base,
		      void (*changed)(void *ctx), void *ctx,
		      struct link_watch **out, struct err *err)
{
	struct link_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return err_set(err, ENOMEM, "link watch: out of memory");
	watch->changed = changed;
	watch->ctx = ctx;
	watch->fd = open_socket(index, err);
	if (watch->fd < 0) {
		int ret = watch->fd;

		link_watch_destroy(watch);
		return ret;
	}
	watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST,
				    readable, watch);
	if (watch->readable == NULL || event_add(watch->readable, NULL) < 0) {
		link_watch_destroy(watch);
		return err_set(err, ENOMEM, "link watch: out of memory");
	}
	*out = watch;
	return 0;
}

void link_watch_destroy(struct link_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->readable != NULL)
		event_free(watch->readable);
	fd_close(&watch->fd);
	free(watch);
}
