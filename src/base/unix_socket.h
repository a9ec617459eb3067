// SPDX-License-Identifier: Apache-2.0
/*
 * unix_socket.h - stream sockets that have a path
 */
#ifndef MOTE_UNIX_SOCKET_H
#define MOTE_UNIX_SOCKET_H

#include "err.h"

#include <stdbool.h>
#include <sys/un.h>

/* -ENAMETOOLONG for a path that is empty or does not fit (sun_path). */
int unix_socket_address(const char *path, struct sockaddr_un *addr,
			struct err *err);

/*
 * Bind path and listen for one client; only our user can connect. A socket file
 * whose server is dead is replaced; -EADDRINUSE where one listens, -EEXIST for
 * any other kind of file. Returns 0 and a descriptor in *fd; whoever closes it
 * removes the file.
 */
int unix_socket_listen(const char *path, int *fd, struct err *err);

/*
 * Is this errno of accept() a shortage of descriptors or memory? The connection
 * then stays where it is, and so does the event that announces it: whoever just
 * returns to an event loop spins there until the shortage is over.
 */
bool unix_socket_is_starved(int code);

/*
 * accept4() with SOCK_CLOEXEC and flags, for processes that may stand still for
 * a moment: after a shortage it takes a tenth of a second. Returns a descriptor
 * or -errno.
 */
int unix_socket_accept(int listen_fd, int flags);

#endif
