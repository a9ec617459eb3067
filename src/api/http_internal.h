// SPDX-License-Identifier: Apache-2.0
/*
 * http_internal.h - what http_server.c and http_connection.c share
 */
#ifndef MOTE_HTTP_INTERNAL_H
#define MOTE_HTTP_INTERNAL_H

#include "http_parser.h"
#include "http_server.h"

#include <event2/event_struct.h>

/* How long, in ms. Tests have less patience and change them in the server. */
enum {
	HTTP_REQUEST_MS = 60000, /* from a request's first byte to its last */
	HTTP_LINGER_MS = 5000,	 /* for a client to close after our last byte */
	HTTP_PROBE_MS = 5000,	 /* between looks at a half-closed stream */
	HTTP_ACCEPT_RETRY_MS = 500, /* after running out of descriptors */
	HTTP_FLUSH_MS = 500,
};

struct http_connection;

struct http_server {
	struct event_base *base;
	int listen_fd;
	size_t payload_max;
	http_handler *handler;
	void *ctx;
	unsigned request_ms, linger_ms, probe_ms;

	struct event acceptable, accept_again;
	bool starved; /* no descriptor for the last connection; logged once */
	struct http_connection *connections;
	unsigned served, refused; /* how many of each kind there are */
};

enum http_phase {
	HTTP_SERVING,	/* read, answer, read */
	HTTP_STREAMING, /* until the client goes; what it sends is dropped */
	HTTP_CLOSING,	/* what is queued is the last we send */
	HTTP_LINGERING, /* all sent and said so; until the client closes, too */
};

struct http_connection {
	struct http_server *server;
	struct http_connection *next;
	int fd;
	enum http_phase phase;
	bool refused; /* one too many: gets its 503 and nothing else */
	bool eof;     /* the client will not send any more */

	/* again: there is work left that the turn of the loop had no time for */
	struct event readable, writable, again, deadline;

	struct http_parser parser;
	char *in; /* read and not yet parsed: [in_at, in_len), or NULL */
	size_t in_at, in_len;
	char *out; /* to be sent: [out_at, out_len), or NULL */
	size_t out_at, out_len;

	int fds[HTTP_FDS_MAX];
	unsigned fd_count;
	unsigned fds_before; /* of these came before what is in `in` */

	struct http_stream stream;
	bool stream_more; /* next() may have more than it had room for */
	bool unframed;	  /* HTTP/1.0: a stream ends with the connection */
};

/*
 * Takes fd over. refusal: all that this client gets, or NULL. Without memory
 * the client finds its connection closed.
 */
void http_connection_create(struct http_server *server, int fd,
			    const char *refusal);
void http_connection_destroy(struct http_connection *conn);

/* As http_server_wake() and http_server_flush(), which call it again and again
 * until it returns true: nothing is left to send, or nobody is there. */
void http_connection_wake(struct http_connection *conn);
bool http_connection_flush(struct http_connection *conn);

/* --- http_connection_io.c: bytes and descriptors in and out */

/* Read into the empty `in`. -errno: the client is gone; 0 may be nothing. */
int http_connection_receive(struct http_connection *conn);
void http_connection_drop_input(struct http_connection *conn);
/* The descriptors of a request that has just been parsed out of `in`. */
unsigned http_connection_request_fds(const struct http_connection *conn);
void http_connection_close_fds(struct http_connection *conn, unsigned count);

/* Send what there is; the rest stays for later. -errno: the client is gone. */
int http_connection_send(struct http_connection *conn);

/* --- http_response.c: queue on a connection with nothing to send; -ENOMEM */

int http_queue_continue(struct http_connection *conn);
int http_queue_response(struct http_connection *conn,
			const struct http_response *resp);
int http_queue_error(struct http_connection *conn, unsigned status,
		     const char *text);
int http_queue_text(struct http_connection *conn, const char *text);
/* The next records of the stream, if there are any; queues nothing otherwise. */
int http_queue_records(struct http_connection *conn);
int http_queue_stream_end(struct http_connection *conn);

#endif
