// SPDX-License-Identifier: Apache-2.0
/*
 * user_config.c - the configuration space of a vhost-user device
 *
 * The backend's bytes are kept (the protocol allows for it) and read again after
 * it has announced a change or taken a write. One field is ours: where the
 * device says how many queues it has, a backend that could serve more than we
 * connect would make the driver look for queues that are not there.
 */
#include "user_config.h"
#include "user_message.h"

#include <errno.h>
#include <string.h>

static void limit_queues(struct user *user)
{
	const struct user_type *type = user->type;
	uint32_t ours, field = 0;

	if (type == NULL || type->queues_size == 0 ||
	    !range_within(type->queues_offset, type->queues_size,
			  user->vhost.config_size))
		return;
	ours = user->vhost.queue_count -
	       MIN(user->vhost.queue_count, type->queues_fixed);
	/* Little-endian, as are the hosts that we run on. */
	memcpy(&field, user->config + type->queues_offset, type->queues_size);
	field = MIN(field, ours);
	memcpy(user->config + type->queues_offset, &field, type->queues_size);
}

int user_config_request(struct user *user, struct err *err)
{
	struct user_config_space space = {
		.size = (uint32_t)user->vhost.config_size,
	};

	return user_send(user,
			 &(struct user_message){
				 .request = USER_GET_CONFIG,
				 .payload = &space,
				 .size = USER_CONFIG_HEAD + space.size,
			 },
			 err);
}

int user_config_receive(struct user *user, struct err *err)
{
	size_t size = user->vhost.config_size;
	struct user_config_space space;
	bool refused;
	int ret;

	ret = user_receive(user, USER_GET_CONFIG, &space,
			   USER_CONFIG_HEAD + size, &refused, err);
	if (ret < 0)
		return ret;
	if (refused)
		return err_set(err, EIO,
			       "GET_CONFIG: the backend refused to "
			       "give %zu bytes",
			       size);
	if (space.offset != 0 || space.size != size)
		return user_lose(user, err,
				 "GET_CONFIG: answer for %u bytes at %u",
				 space.size, space.offset);
	memcpy(user->config, space.payload, size);
	limit_queues(user);
	user->config_stale = false;
	return 0;
}

int user_read_config(struct vhost *vhost, size_t offset, void *buf, size_t len,
		     struct err *err)
{
	struct user *user = to_user(vhost);
	int ret = 0;

	if (user->config_stale) {
		user_set_deadline(user);
		ret = user_config_request(user, err);
		if (ret == 0)
			ret = user_config_receive(user, err);
	}
	if (ret == 0)
		memcpy(buf, user->config + offset, len);
	return ret;
}

int user_write_config(struct vhost *vhost, size_t offset, const void *buf,
		      size_t len, struct err *err)
{
	struct user *user = to_user(vhost);
	struct user_config_space space = {
		.offset = (uint32_t)offset,
		.size = (uint32_t)len,
	};
	int ret;

	if (user->config_own)
		return err_set(err, ENOTSUP,
			       "the backend has no configuration space");
	memcpy(space.payload, buf, len);
	user->config_stale = true;
	user_set_deadline(user);
	ret = user_send_confirmed(user,
				  &(struct user_message){
					  .request = USER_SET_CONFIG,
					  .payload = &space,
					  .size = USER_CONFIG_HEAD + len,
				  },
				  err);
	return ret < 0 ? ret : user_confirm(user, USER_SET_CONFIG, err);
}

int user_forget_config(struct vhost *vhost, struct err *err)
{
	struct user *user = to_user(vhost);

	if (user->config_own)
		return err_set(err, ENOTSUP,
			       "the backend has no configuration space");
	user->config_stale = true;
	return 0;
}
