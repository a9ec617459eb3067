// SPDX-License-Identifier: Apache-2.0
/*
 * user_config.h - the configuration space of a vhost-user device
 */
#ifndef MOTE_USER_CONFIG_H
#define MOTE_USER_CONFIG_H

#include "user_internal.h"

/* GET_CONFIG in two halves, so that other answers can be awaited together. */
int user_config_request(struct user *user, struct err *err);
int user_config_receive(struct user *user, struct err *err);

/* The ops of struct vhost. */
int user_read_config(struct vhost *vhost, size_t offset, void *buf, size_t len,
		     struct err *err);
int user_write_config(struct vhost *vhost, size_t offset, const void *buf,
		      size_t len, struct err *err);
int user_forget_config(struct vhost *vhost, struct err *err);

#endif
