// SPDX-License-Identifier: Apache-2.0
/*
 * vu_state.h - the server's own state: vu_server.c, vu_queue.c, vu_requests.c
 */
#ifndef MOTE_VU_STATE_H
#define MOTE_VU_STATE_H

#include "vu_message.h"
#include "vu_server.h"

struct vu_server {
	struct vu_server_config cfg;
	struct vu_loop loop;
	int listen_fd, sock_fd, signal_fd;
	int backend_fd;	  /* SET_BACKEND_REQ_FD, or -1 */
	const char *path; /* bound by us: to be removed */
	struct vu_watch listening, connection, signals;
	struct vu_message msg;
	struct vu_memory memory;
	uint64_t features; /* accepted by the driver */
	uint64_t protocol_features;
	bool again;	 /* some queue has again set */
	unsigned polled; /* started queues without a kick_fd */
	bool running;
	int status;
	struct vu_queue queues[];
};

/* vu_queue.c: the life of a queue. */
void vu_queue_init(struct vu_queue *queue, struct vu_server *server,
		   unsigned index);
/* SET_VRING_KICK: take kick_fd (-1: poll) and start, or change descriptors. */
int vu_queue_start(struct vu_queue *queue, int kick_fd, struct err *err);
/* GET_VRING_BASE: finish what is in flight, stop; returns the base. */
uint32_t vu_queue_stop(struct vu_queue *queue);
void vu_queue_set_call(struct vu_queue *queue, int call_fd);
void vu_queue_enable(struct vu_queue *queue, bool enabled);
/* Around a change of the memory table. */
void vu_queue_drain(struct vu_queue *queue);
void vu_queue_relocate(struct vu_queue *queue);

/* vu_requests.c: act on a checked message; < 0 ends the connection. */
int vu_request_handle(struct vu_server *server, struct vu_message *msg,
		      struct err *err);
/* Everything a front end has set up, undone. */
void vu_server_reset(struct vu_server *server);

#endif
