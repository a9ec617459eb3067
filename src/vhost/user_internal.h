// SPDX-License-Identifier: Apache-2.0
/*
 * user_internal.h - what the user_*.c files share; seen by nobody else
 *
 * Errors: a function that talks to the backend returns 0 or -errno with *err
 * set. Whatever makes further talk pointless (silence, a closed socket, a wrong
 * answer) ends in user_lose(); a backend that merely says no does not.
 */
#ifndef MOTE_USER_INTERNAL_H
#define MOTE_USER_INTERNAL_H

#include "user_protocol.h"
#include "vhost_internal.h"

#include <sys/un.h>

struct event;

enum { USER_QUEUES_MAX = 256 }; /* the index in SET_VRING_KICK has 8 bits */

/* The backend's requests to us: user_backend_channel.c */
struct user_channel {
	int fd; /* our end; -1: none */
	struct event *readable;
	struct event *rested; /* timer: read it again */
	size_t have;	      /* bytes of the next message */
	uint8_t in[sizeof(struct user_header) + USER_PAYLOAD_MAX];
};

struct user {
	struct vhost vhost;
	char id[ID_MAX + 1];
	const struct user_type *type; /* NULL: not in our table */
	const struct guest_memory *mem;
	struct event_base *base;

	int fd;			  /* -1: lost, or not yet connected */
	int listen_fd;		  /* -1: none */
	struct sockaddr_un bound; /* file to remove; sun_path "" is none */
	unsigned timeout_ms;
	uint64_t deadline_ms;	/* CLOCK_MONOTONIC; for all I/O under way */
	struct event *readable; /* idle, but something comes: lost */
	struct user_channel channel;

	/* Told from the event loop, never from inside a call. */
	struct event *deferred;
	bool config_changed; /* events.config_changed is due */
	bool lost;	     /* events.lost is due or was called */
	bool lost_told;
	struct err why; /* of lost */

	uint64_t backend_features;
	uint64_t protocol;   /* negotiated protocol features */
	unsigned slots_sent; /* regions the backend has by ADD_MEM_REG */

	bool config_own;   /* config is ours: the backend has none */
	bool config_stale; /* read it again before use */
	uint8_t config[VHOST_USER_CONFIG_MAX];

	bool started;
	uint64_t features; /* of the driver, while started */
	int call_fd;	   /* borrowed, while started */
	bool queue_started[USER_QUEUES_MAX];
};

static inline struct user *to_user(struct vhost *vhost)
{
	return container_of(vhost, struct user, vhost);
}

static inline bool user_has(const struct user *user,
			    enum user_protocol_feature feature)
{
	return (user->protocol & BIT(feature)) != 0;
}

/* user_types.c: rows of the type table that only this folder sees. */
struct user_type {
	struct vhost_user_type type;
	bool config_optional; /* drivers can do without a config space */
	uint8_t queues_size;  /* of the "how many queues" field; 0: none */
	uint8_t queues_fixed; /* queues that this field does not count */
	size_t queues_offset;
	uint64_t hidden;       /* features that are never offered */
	uint64_t backend_only; /* offered only with the backend's config */
};
const struct user_type *user_type_find(uint32_t device_id);

/* user_socket.c */
int user_connect(struct user *user, const struct vhost_user_config *cfg,
		 struct err *err);
void user_unbind(struct user *user);

#endif
