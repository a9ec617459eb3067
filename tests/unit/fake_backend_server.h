// SPDX-License-Identifier: Apache-2.0
/*
 * fake_backend_server.h - a vhost-user server on a thread of the test, which
 * answers as the protocol says but for one fault
 */
#ifndef MOTE_TESTS_FAKE_BACKEND_SERVER_H
#define MOTE_TESTS_FAKE_BACKEND_SERVER_H

#include "user_protocol.h"

#include <pthread.h>

enum fake_fault {
	FAULT_NONE,
	FAULT_HANG_UP,
	FAULT_SILENCE,	     /* from here on */
	FAULT_SHORT,	     /* half an answer, then silence */
	FAULT_SHORT_HANG_UP, /* half an answer, then the end */
	FAULT_GARBAGE,
	FAULT_VERSION,
	FAULT_NO_REPLY_FLAG,
	FAULT_OTHER_REQUEST,
	FAULT_TOO_SMALL,
	FAULT_TOO_LARGE,
	FAULT_HUGE,	  /* a size of 4 GiB */
	FAULT_DESCRIPTOR, /* along with a good answer */
	FAULT_REFUSE,	  /* a well-formed no */
	FAULT_ASK_BACK,	  /* first wants an answer on the channel */
	FAULT_COUNT
};

enum { FAKE_SEEN_MAX = 128 };

struct fake_server {
	pthread_t thread;
	int fd; /* the server's end */

	/* what it offers */
	uint64_t features, protocol, queue_num, slots;
	uint8_t config[VHOST_USER_CONFIG_MAX];

	/* what it does wrong, at which request, after how many good ones */
	enum fake_fault fault;
	uint32_t fault_request;
	unsigned fault_after;

	/* what it was asked; to be read after fake_server_end() */
	unsigned seen_count;
	uint32_t seen[FAKE_SEEN_MAX];
	unsigned need_replies;
	uint64_t set_features, set_protocol, status, mtu;
	struct user_memory_table table;
	struct vhost_vring_addr addr;
	uint32_t base, size;
	uint64_t channel_reply; /* to FAULT_ASK_BACK */
	int channel_fd;		/* -1: none; may be used by the test */
};

/* Fill in server (but not the fields after "asked"), then start it. Returns the
 * front end's end of the socket. */
int fake_server_start(struct fake_server *server);
/* The same on a connected socket, which is taken over. */
void fake_server_serve(struct fake_server *server, int fd);
/* After the front end has closed its end. */
void fake_server_end(struct fake_server *server);

/* A message on the backend channel; returns false when it could not be sent. */
bool fake_server_ask(const struct fake_server *server, uint32_t request,
		     uint32_t flags, uint32_t size);

#endif
