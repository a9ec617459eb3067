// SPDX-License-Identifier: Apache-2.0
/*
 * user_backend_channel.h - the channel on which the backend makes requests to us
 */
#ifndef MOTE_USER_BACKEND_CHANNEL_H
#define MOTE_USER_BACKEND_CHANNEL_H

#include "user_internal.h"

/* Make the channel and hand its other end to the backend. */
int user_channel_open(struct user *user, struct err *err);
void user_channel_close(struct user *user); /* also when there is none */

/* Answer what has come, without waiting; may lose the backend. */
void user_channel_serve(struct user *user);

/* Leave it, and untold changes, alone for a while. */
enum { USER_CHANNEL_REST_MS = 100 };
void user_channel_rest(struct user *user, uint64_t ms);

#endif
