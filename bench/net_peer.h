/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_peer.h - what both ends of bench/net agree on
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#define NET_GUEST "198.18.0.2"

/* NET_CHUNK: bytes per read and write of a stream. */
enum { NET_PORT = 5001, NET_CHUNK = 256 << 10 };

#endif
