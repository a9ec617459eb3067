// SPDX-License-Identifier: Apache-2.0
/*
 * vu_message.h - whole vhost-user messages, received, checked and answered
 */
#ifndef MOTE_VU_MESSAGE_H
#define MOTE_VU_MESSAGE_H

#include "err.h"
#include "vu_proto.h"

/* One message as it arrives; zero it, then receive until it is whole. */
struct vu_message {
	struct vu_wire wire;
	size_t have; /* bytes of wire so far */
	unsigned nfds;
	int fds[VU_MEM_TABLE_MAX]; /* owned; -1 once taken */
};

/* What the receiver of a message has agreed to. */
struct vu_limits {
	uint64_t protocol_features; /* negotiated */
	unsigned queues;
};

/*
 * Read on without blocking. 1: the message is whole; 0: more is to come;
 * -ENOTCONN: the front end has closed the socket; -EPROTO or another -errno with
 * *err set: no message can be expected any more.
 */
int vu_message_receive(int sock, struct vu_message *msg, struct err *err);

/*
 * The one check of a whole message: known, in a feature that was negotiated, of
 * the right size, with the descriptors it needs and no others, its queue and its
 * ranges within bounds. -EPROTO with *err set otherwise.
 */
int vu_message_check(const struct vu_message *msg,
		     const struct vu_limits *limits, struct err *err);

/* Close what no handler took, and forget the message. */
void vu_message_clear(struct vu_message *msg);

/* The first descriptor, handed over; -1 when none came. */
int vu_message_take_fd(struct vu_message *msg);

const char *vu_request_name(uint32_t request);

/* Send header and payload (header.size bytes) without blocking; 0 or -errno. */
int vu_message_send(int sock, const struct vu_wire *wire);

#endif
