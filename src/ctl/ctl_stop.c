// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_stop.c - mote ctl stop: ask the guest, or the monitor, and see it end
 *
 * The server holds its end of a connection until the VM has ended. Its process
 * has still to remove the socket's file then, which must not hit a new server's:
 * so we wait for the process, too, where it can be seen from here.
 */
#include "ctl_internal.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

enum { PROCESS_MS = 10000 };

/* Who listens, or -1: one of another PID namespace cannot be waited for. */
static int open_process(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    peer.pid <= 0)
		return -1;
	return pidfd_open(peer.pid, 0);
}

static int wait_for_close(struct ctl *ctl, struct err *err)
{
	struct ctl_connection *conn = &ctl->conn;
	ssize_t n;
	char c;

	ctl_set_limit(conn, (unsigned)ctl->timeout_s * 1000);
	conn->done = false;
	conn->until_close = true;
	do {
		n = ctl_read_body(conn, &c, 1, err);
	} while (n > 0);
	if (n == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT,
			       "the VM has not ended within %u s%s",
			       (unsigned)ctl->timeout_s,
			       ctl->force ? ""
					  : "; its guest may have no power "
					    "button: --force ends it at once");
	return (int)n;
}

int ctl_stop(struct ctl *ctl, struct err *err)
{
	const char *body = ctl->force ? "{\"action_type\":\"InstanceStop\"}"
				      : "{\"action_type\":\"SendCtrlAltDel\"}";
	struct pollfd process = {
		.fd = open_process(ctl->conn.fd),
		.events = POLLIN,
	};
	struct ctl_answer answer;
	int ret =
		ctl_request(&ctl->conn, "PUT", "/actions", body, &answer, err);

	if (ret == 0) {
		ctl_answer_free(&answer);
		ret = wait_for_close(ctl, err);
	}
	if (ret == 0 && process.fd >= 0)
		poll(&process, 1, PROCESS_MS);
	fd_close(&process.fd);
	return ret;
}
