// SPDX-License-Identifier: Apache-2.0
/*
 * fake_backend_user.h - a vhost-user block device whose server is a thread of
 * the test: what the tests of the front end share
 */
#ifndef MOTE_TESTS_FAKE_BACKEND_USER_H
#define MOTE_TESTS_FAKE_BACKEND_USER_H

#include "fake_backend_server.h"

struct event_base;

enum {
	FAKE_USER_QUEUES = 2,
	FAKE_USER_QUEUE_SIZE = 128,
	/* where both queues say that their areas are */
	FAKE_USER_DESC = 0x10000,
	FAKE_USER_DRIVER = 0x20000,
	FAKE_USER_DEVICE = 0x30000,
};

struct fake_user {
	struct event_base *base;
	struct guest_memory *mem; /* 16 MiB */
	struct fake_server server;
	struct vhost *vhost;
	struct vhost_queue queues[FAKE_USER_QUEUES];
	int call_fd;
	int fds_before;
	unsigned timeout_ms; /* default 5,000: machines can be slow */
	struct err err;	     /* of create and start */

	unsigned changes, losses; /* events */
	char why[512];		  /* of the loss */
};

#define FAKE_USER_FEATURES                                                     \
	(BIT(VIRTIO_F_VERSION_1) | BIT(USER_F_PROTOCOL_FEATURES))

/* Two queues, as a block device. */
extern const struct vhost_user_config fake_user_blk;

/* Then change u->server as the test wants it. */
void fake_user_set_up(struct fake_user *u, uint64_t features,
		      uint64_t protocol);
/* Start the server and the front end on it; as vhost_user_create(). */
int fake_user_create(struct fake_user *u, const struct vhost_user_config *cfg);
/* As vhost_start(), VERSION_1 added. */
int fake_user_start(struct fake_user *u, uint64_t features);
void fake_user_run_loop(struct fake_user *u, unsigned ms);
/* Ends the server too, and fails the test if a descriptor is left. */
void fake_user_tear_down(struct fake_user *u);

uint64_t fake_user_now_ms(void);

#endif
