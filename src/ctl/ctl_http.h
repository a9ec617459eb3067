// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_http.h - an HTTP/1.1 client on a Unix socket, as much as the API needs
 *
 * Waits, but never without the time limit that was set last. Functions return 0
 * or -errno with *err set: -ETIMEDOUT at the limit, -EPROTO when what came is no
 * HTTP, -ECONNRESET when the server has closed the connection too early, -EPIPE
 * when nobody reads the output any more. After an error the connection can only
 * be closed.
 */
#ifndef MOTE_CTL_HTTP_H
#define MOTE_CTL_HTTP_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CTL_LINE_MAX = 4096,	     /* bytes of a header line */
	CTL_HEAD_MAX = 16 * 1024,    /* of all lines of an answer */
	CTL_BODY_MAX = 64 * 1048576, /* of a body that is read whole */
};

struct ctl_connection {
	int fd;
	int output_fd;	   /* given up with it: its reader has gone; or -1 */
	const char *path;  /* of the socket; borrowed */
	uint64_t limit_ms; /* clock_now_ms() when to give up; 0: never */
	char in[4096];	   /* read and not yet looked at: [at, len) */
	size_t at, len;
	size_t head_len; /* bytes of this answer's lines so far */

	/* How the body of the answer that is being read ends. */
	bool chunked, until_close, done;
	bool in_chunks; /* the first has begun */
	uint64_t left;	/* bytes of the body, or of its chunk, to come */
};

/* One that was read whole. */
struct ctl_answer {
	unsigned status;
	char *body; /* malloc'ed, with a zero behind its len bytes */
	size_t len;
};

/* The limit is for connecting, and for what comes until another one is set. */
int ctl_connect(const char *path, unsigned limit_ms,
		struct ctl_connection *conn, struct err *err);
void ctl_close(struct ctl_connection *conn);

/* From now on; 0: wait for ever. */
void ctl_set_limit(struct ctl_connection *conn, unsigned limit_ms);

/*
 * Send a request. target: without spaces and control characters; body: NULL for
 * none.
 */
int ctl_send(struct ctl_connection *conn, const char *method,
	     const char *target, const char *body, struct err *err);

/* Read an answer up to its body. */
int ctl_read_head(struct ctl_connection *conn, unsigned *status,
		  struct err *err);
/* The next of its body: as much as there is, at most room bytes; 0: its end. */
ssize_t ctl_read_body(struct ctl_connection *conn, char *buf, size_t room,
		      struct err *err);
/* All of it, after the head. */
int ctl_read_all(struct ctl_connection *conn, struct ctl_answer *answer,
		 struct err *err);

/*
 * All in one: 0 for an answer of 200 or 204; for another -EREMOTEIO with what the
 * server says as *err. *answer is to be freed after success only.
 */
int ctl_request(struct ctl_connection *conn, const char *method,
		const char *target, const char *body, struct ctl_answer *answer,
		struct err *err);
void ctl_answer_free(struct ctl_answer *answer);

/* What such an answer says, as one line; returns -EREMOTEIO. */
int ctl_set_fault(const struct ctl_answer *answer, struct err *err);

/* GET; a reference to the answer's JSON. */
int ctl_get_json(struct ctl_connection *conn, const char *target, json_t **out,
		 struct err *err);

#endif
