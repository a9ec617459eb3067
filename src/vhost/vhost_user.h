// SPDX-License-Identifier: Apache-2.0
/*
 * vhost_user.h - a backend in another process, spoken to over a Unix socket
 *
 * Protocol: QEMU's docs/interop/vhost-user.rst; we are the front end.
 */
#ifndef MOTE_VHOST_USER_H
#define MOTE_VHOST_USER_H

#include "vhost.h"

struct event_base;

enum { VHOST_USER_CONFIG_MAX = 256 }; /* of the protocol */

struct vhost_user_config {
	const char *id;	     /* device id, for log lines; copied */
	uint32_t device_id;  /* virtio device type, 5 */
	int fd;		     /* connected socket, taken over; or -1 ... */
	const char *path;    /* ... and a path to connect to or listen on */
	bool listen;	     /* bind path and wait for the backend to come */
	unsigned timeout_ms; /* per answer, and for listen; 0: 5,000 */
	unsigned queues;     /* wanted; 0: as many as the type's default */
	uint16_t queue_size; /* QueueSizeMax; a power of two up to 32768 */
	size_t config_size;  /* of the device's configuration space */
	/* Bytes for backends that lack VHOST_USER_PROTOCOL_F_CONFIG. */
	uint8_t config[VHOST_USER_CONFIG_MAX];
	bool config_given; /* use config even if the backend has its own */
};

/*
 * Connect to the server at path, for vhost_user_config.fd, waiting at most
 * timeout_ms for one that serves somebody else. *fd is -1 on failure.
 */
int vhost_user_connect(const char *path, unsigned timeout_ms, int *fd,
		       struct err *err);

/*
 * Connect, negotiate, read the configuration space. mem must be shared and
 * outlive the backend. On failure *err says which step and, where the backend
 * lacks something, what. A listening socket file is removed on destroy.
 */
int vhost_user_create(const struct vhost_user_config *cfg,
		      const struct guest_memory *mem, struct event_base *base,
		      struct vhost **out, struct err *err);

/*
 * The table behind --vhost-user TYPE: name, virtio device id, usual number of
 * queues, size of the configuration space. NULL when there is no such type.
 */
struct vhost_user_type {
	const char *name;   /* "blk", "fs", "net", ... */
	uint32_t device_id; /* virtio 1.3, 5 */
	unsigned queues;    /* without VIRTIO_*_F_MQ or a queues= option */
	size_t config_size; /* bytes */
};
const struct vhost_user_type *vhost_user_type_find(const char *name);
/* "blk, fs, net, ..." for messages. */
const char *vhost_user_type_names(void);

#endif
