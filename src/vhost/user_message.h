// SPDX-License-Identifier: Apache-2.0
/*
 * user_message.h - messages to the backend and its answers
 *
 * All of one deadline's messages share it: user_set_deadline() at the start of
 * every operation bounds how long the main thread can be held.
 */
#ifndef MOTE_USER_MESSAGE_H
#define MOTE_USER_MESSAGE_H

#include "user_internal.h"

struct user_message {
	enum user_request request;
	const void *payload;
	size_t size;	   /* bytes of payload */
	const int *fds;	   /* borrowed */
	unsigned fd_count; /* at most USER_MEM_TABLE_MAX */
	bool need_reply;   /* ask for REPLY_ACK; negotiated by caller */
};

void user_set_deadline(struct user *user);

/*
 * Cut the backend off and have events.lost called later, with this text.
 * Returns -ENOTCONN with *err set. Only the first call has an effect.
 */
int user_lose(struct user *user, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int user_send(struct user *user, const struct user_message *msg,
	      struct err *err);
int user_send_u64(struct user *user, enum user_request request, uint64_t value,
		  struct err *err);

/*
 * The answer to request: exactly size bytes of payload. Where empty is not
 * NULL, an answer without payload is one too, and sets *empty.
 */
int user_receive(struct user *user, enum user_request request, void *payload,
		 size_t size, bool *empty, struct err *err);
int user_get_u64(struct user *user, enum user_request request, uint64_t *value,
		 struct err *err);

/*
 * Send msg, and ask whether the backend does it; user_confirm() has the answer:
 * -EIO when it refused. Without REPLY_ACK nobody can tell, and it is 0.
 */
int user_send_confirmed(struct user *user, const struct user_message *msg,
			struct err *err);
int user_confirm(struct user *user, enum user_request request, struct err *err);

/*
 * Read what is there without waiting; descriptors that come along are closed,
 * and *fds tells. Returns bytes, 0 at the end of the stream, or -errno.
 */
ssize_t user_read_some(int fd, void *buf, size_t len, bool *fds);

#endif
