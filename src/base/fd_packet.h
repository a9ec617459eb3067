// SPDX-License-Identifier: Apache-2.0
/*
 * fd_packet.h - one fixed-size message with one descriptor, over SOCK_SEQPACKET
 *
 * Neither side waits. Any thread.
 */
#ifndef MOTE_FD_PACKET_H
#define MOTE_FD_PACKET_H

#include <stddef.h>

/* fd goes along, and stays the caller's. 0, or -errno: nothing was sent. */
int fd_packet_send(int sock, const void *buf, size_t len, int fd);

/*
 * Returns 0 with len bytes in buf and a descriptor in *fd, the caller's from now
 * on; -EAGAIN: nothing has come; -ENOTCONN: the other side has closed; -EPROTO:
 * any other number of bytes or descriptors, all of which are dropped.
 */
int fd_packet_receive(int sock, void *buf, size_t len, int *fd);

#endif
