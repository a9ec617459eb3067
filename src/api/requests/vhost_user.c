// SPDX-License-Identifier: Apache-2.0
/*
 * vhost_user.c - PUT /vhost-user/{id}: any device that a vhost-user server has
 */
#include "api_internal.h"
#include "fd.h"
#include "suboptions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct vhost_user {
	const char *id, *type, *socket, *tag, *mac;
	bool listen;
	uint64_t queues, queue_size;
};

#define FIELD(member) INTO(vhost_user, member)
static const struct body_field table[] = {
	{ "id", BODY_TEXT, BODY_REQUIRED, FIELD(id), 0, 0, NULL },
	{ "type", BODY_TEXT, BODY_REQUIRED, FIELD(type), 0, 0, NULL },
	{ "socket", BODY_TEXT, BODY_REQUIRED, FIELD(socket), 0, 0, NULL },
	{ "listen", BODY_BOOL, 0, FIELD(listen), 0, 0, NULL },
	{ "queues", BODY_UINT, BODY_NULLABLE, FIELD(queues), 1, 256, NULL },
	{ "queue_size", BODY_UINT, BODY_NULLABLE, FIELD(queue_size), 2, 32768,
	  NULL },
	{ "tag", BODY_TEXT, BODY_NULLABLE, FIELD(tag), 0, 0, NULL },
	{ "mac", BODY_TEXT, BODY_NULLABLE, FIELD(mac), 0, 0, NULL },
};

static int fill(struct vm_config *config, const struct vhost_user *user, int fd,
		struct err *err)
{
	struct config_vhost_user *slot;
	unsigned i = 0;
	int ret = 0;

	while (i < config->vhost_user_count &&
	       strcmp(config->vhost_user[i].id, user->id) != 0)
		i++;
	if (i == CONFIG_VHOST_USER_MAX)
		return err_set(err, ENOSPC, "at most %d vhost-user devices",
			       CONFIG_VHOST_USER_MAX);
	if ((user->queue_size & (user->queue_size - 1)) != 0)
		return err_set(err, EINVAL,
			       "queue_size must be a power of two");
	config->vhost_user_count = MAX(config->vhost_user_count, i + 1);
	slot = &config->vhost_user[i];
	*slot = (struct config_vhost_user){
		.type = user->type,
		.socket = user->socket,
		.fd = fd,
		.fd_given = fd >= 0,
		.listen = user->listen,
		.queues = (unsigned)user->queues,
		.queue_size = user->queue_size > 0
				      ? (uint16_t)user->queue_size
				      : (uint16_t)CONFIG_QUEUE_SIZE,
		.tag = user->tag,
	};
	snprintf(slot->id, sizeof(slot->id), "%s", user->id);
	if (user->mac != NULL)
		ret = suboption_mac(user->mac, &slot->mac, err);
	return ret < 0 ? ret : vm_config_check_vhost_user(slot, err);
}

int api_put_vhost_user(struct api *api, struct api_call *call, struct err *err)
{
	struct vhost_user user = { 0 };
	struct api_state next;
	int fd = -1,
	    ret = api_decode(call, table, ARRAY_LEN(table), &user, err);

	if (ret == 0)
		ret = api_check_id(call, user.id, err);
	if (ret == 0 &&
	    api_document_find(api, "drives", "drive_id", user.id) != NULL)
		ret = err_set(err, EINVAL, "The ID is that of a drive: %s",
			      user.id);
	if (ret == 0)
		ret = api_take_fd(call, user.socket, &fd, err);
	if (ret < 0)
		return ret;
	api_state_copy(api, &next);
	ret = fill(&next.config, &user, fd, err);
	if (ret == 0)
		ret = api_apply(api, &next, err);
	if (ret < 0)
		fd_close(&fd);
	else
		api_document_put(api, "vhost-user", "id",
				 json_incref(call->body));
	return ret;
}
