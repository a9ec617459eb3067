// SPDX-License-Identifier: Apache-2.0
/*
 * console.h - a virtio-console device: its state, shared by the files of this
 * folder
 */
#ifndef MOTE_CONSOLE_H
#define MOTE_CONSOLE_H

#include "vu_buffer.h"
#include "console_escape.h"
#include "console_stream.h"
#include "vu_server.h"

/* virtio 1.3, 5.3.2 */
enum { CONSOLE_RX, CONSOLE_TX, CONSOLE_QUEUES };

struct console_config {
	const char *id;	   /* log lines, or NULL */
	int in_fd, out_fd; /* borrowed; -1: none */
	int listen_fd;	   /* borrowed; -1: none; else in, out are -1 */
	bool escape;	   /* look for Ctrl-A keys */
	bool drop;	   /* output nobody takes is lost, not waited for */
};

struct console {
	struct console_config cfg;
	struct vu_server *server;
	struct console_terminal terminal;

	struct console_stream in, out;
	struct vu_watch in_watch, out_watch, listen_watch;
	bool in_ready; /* a read may give something */
	struct console_escape escape;
	struct vu_buffer input; /* read, not yet given to the guest */

	struct vu_buffer output; /* the guest's, not yet written */
	unsigned outputs;	 /* since the driver came; see hint_size() */
	bool tx_busy;		 /* tx holds a chain not yet consumed */
	struct vu_chain tx;
	struct vu_iov tx_left; /* of it */

	int stall_fd; /* timer: output has waited too long */
	struct vu_watch stall_watch;
	bool stall_armed;
	bool stalled;	  /* it has: drop until it moves again */
	uint64_t dropped; /* bytes, not yet logged */
};

/* console.c: the device as the server sees it. */
extern const struct vu_device_ops console_ops;
uint64_t console_features(const struct console *c);
int console_create(const struct console_config *cfg, struct console **out,
		   struct err *err);
int console_attach(struct console *c, struct vu_server *server,
		   struct err *err);
void console_destroy(struct console *c); /* NULL is allowed */

/* console_input.c: stream to guest. */
void console_input_ready(struct vu_watch *watch, uint32_t events);
enum vu_served console_input_serve(struct console *c, struct vu_queue *queue);

/* console_output.c: guest to stream. */
int console_output_init(struct console *c, struct vu_loop *loop,
			struct err *err);
void console_output_ready(struct vu_watch *watch, uint32_t events);
enum vu_served console_output_serve(struct console *c, struct vu_queue *queue);
/* Finish the chain that is half written; what has no room is lost. */
void console_output_drain(struct console *c, struct vu_queue *queue);
/* Text of our own, among the guest's. */
void console_output_say(struct console *c, const char *text);
/* Write what the stream takes. */
void console_output_flush(struct console *c);

/* Before the end: wait for a reader that still takes something. */
void console_output_linger(struct console *c);

/* console_client.c: the stream is whoever connects to a socket. */
int console_client_listen(struct console *c, struct err *err);
/* It takes no more output; input it has sent is still to be read. */
void console_client_gone(struct console *c);
/* When both directions have ended: let the next one in. */
void console_client_next(struct console *c);

#endif
