// SPDX-License-Identifier: Apache-2.0
/*
 * user.c - a vhost-user backend: creation, negotiation, events, end
 *
 * Theory of operation: connected -> (started <-> stopped)* -> destroyed, and
 * from anywhere to lost, for ever. Creation negotiates everything that does not
 * depend on the driver, and reads the configuration space; questions that do not
 * need each other's answers are sent together, because each pause costs a
 * context switch to the backend and back while the user waits for a VM. What
 * depends on the driver is in user_vrings.c.
 *
 * While nothing is under way the socket must be silent: if it becomes readable
 * from the event loop, the backend has gone or speaks out of turn.
 */
#include "user_backend_channel.h"
#include "user_config.h"
#include "user_message.h"
#include "user_vrings.h"
#include "fd.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	TIMEOUT_DEFAULT_MS = 5000,
	QUEUE_SIZE_MAX = 32768, /* virtio 1.3, 2.7 */
	REST_FACTOR = 9,
};

static void destroy(struct vhost *vhost)
{
	struct user *user = to_user(vhost);

	user_stop(vhost);
	user_channel_close(user);
	if (user->readable != NULL)
		event_free(user->readable);
	if (user->deferred != NULL)
		event_free(user->deferred);
	fd_close(&user->fd);
	user_unbind(user);
	free(user);
}

static const struct vhost_ops user_ops = {
	.destroy = destroy,
	.read_config = user_read_config,
	.write_config = user_write_config,
	.forget_config = user_forget_config,
	.start = user_start,
	.stop = user_stop,
	.stop_queue = user_stop_queue,
	.start_queue = user_start_queue,
};

static uint64_t elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - since->tv_sec) * 1000 +
			  (now.tv_nsec - since->tv_nsec) / 1000000);
}

/*
 * The device reads the new configuration, for which the backend may take its
 * time. So that this cannot hold up the main thread for good, the channel then
 * rests for a multiple of it.
 */
static void tell_config_changed(struct user *user)
{
	const struct vhost_events *events = &user->vhost.events;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	user->config_changed = false;
	user_channel_rest(user, USER_CHANNEL_REST_MS);
	if (events->config_changed != NULL)
		events->config_changed(events->ctx);
	user_channel_rest(user, USER_CHANNEL_REST_MS +
					REST_FACTOR * elapsed_ms(&start));
}

static void tell_lost(struct user *user)
{
	const struct vhost_events *events = &user->vhost.events;

	user->lost_told = true;
	if (events->lost != NULL)
		events->lost(events->ctx, user->why.text);
}

static void tell(evutil_socket_t fd, short what, void *arg)
{
	struct user *user = arg;

	(void)fd;
	(void)what;
	if (user->config_changed && !user->lost)
		tell_config_changed(user);
	if (user->lost && !user->lost_told)
		tell_lost(user);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct user *user = arg;
	char byte;
	ssize_t n = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

	(void)what;
	if (n > 0)
		user_lose(user, NULL, "message without a request");
	else if (n == 0)
		user_lose(user, NULL, "backend closed the connection");
	else if (errno != EAGAIN && errno != EINTR)
		user_lose(user, NULL, "socket: %s", strerror(errno));
}

static int check_config(const struct vhost_user_config *cfg,
			const struct guest_memory *mem, struct err *err)
{
	if (!is_power_of_two(cfg->queue_size) ||
	    cfg->queue_size > QUEUE_SIZE_MAX)
		return err_set(err, EINVAL,
			       "queue size %u: use a power of two up to %d",
			       cfg->queue_size, QUEUE_SIZE_MAX);
	if (cfg->queues > USER_QUEUES_MAX)
		return err_set(err, EINVAL,
			       "%u queues: at most %d are possible",
			       cfg->queues, USER_QUEUES_MAX);
	if (cfg->config_size > VHOST_USER_CONFIG_MAX)
		return err_set(err, EINVAL,
			       "configuration space of %zu bytes: "
			       "at most %d are possible",
			       cfg->config_size, VHOST_USER_CONFIG_MAX);
	if (!guest_memory_is_shared(mem))
		return err_set(err, EINVAL,
			       "a vhost-user backend needs shared "
			       "guest memory");
	return 0;
}

static struct user *allocate(const struct vhost_user_config *cfg,
			     const struct guest_memory *mem,
			     struct event_base *base)
{
	struct user *user = calloc(1, sizeof(*user));

	if (user == NULL)
		return NULL;
	user->vhost = (struct vhost){
		.ops = &user_ops,
		.queue_size_max = cfg->queue_size,
		.config_size = cfg->config_size,
	};
	snprintf(user->id, sizeof(user->id), "%s", cfg->id);
	user->type = user_type_find(cfg->device_id);
	user->mem = mem;
	user->base = base;
	user->fd = cfg->fd;
	user->listen_fd = -1;
	user->channel.fd = -1;
	user->call_fd = -1;
	user->timeout_ms =
		cfg->timeout_ms > 0 ? cfg->timeout_ms : TIMEOUT_DEFAULT_MS;
	return user;
}

/*
 * What we can make use of. A backend channel is only of use for changes of the
 * configuration space, and added memory regions only where they are confirmed.
 */
static uint64_t choose_protocol(const struct user *user, uint64_t offered)
{
	uint64_t wanted =
		BIT(USER_PROTOCOL_F_MQ) | BIT(USER_PROTOCOL_F_REPLY_ACK) |
		BIT(USER_PROTOCOL_F_STATUS) | BIT(USER_PROTOCOL_F_RESET_DEVICE);

	if (user->vhost.config_size > 0 && !user->config_own)
		wanted |= BIT(USER_PROTOCOL_F_CONFIG);
	if (offered & wanted & BIT(USER_PROTOCOL_F_CONFIG))
		wanted |= BIT(USER_PROTOCOL_F_BACKEND_REQ);
	if (offered & BIT(USER_PROTOCOL_F_REPLY_ACK))
		wanted |= BIT(USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS);
	if (user->type != NULL && user->type->type.device_id == VIRTIO_ID_NET)
		wanted |= BIT(USER_PROTOCOL_F_NET_MTU);
	return offered & wanted;
}

static int negotiate_features(struct user *user, struct err *err)
{
	uint64_t offered;
	int ret;

	user_set_deadline(user);
	ret = user_send(
		user, &(struct user_message){ .request = USER_SET_OWNER }, err);
	if (ret == 0)
		ret = user_get_u64(user, USER_GET_FEATURES,
				   &user->backend_features, err);
	if (ret < 0 ||
	    !(user->backend_features & BIT(USER_F_PROTOCOL_FEATURES)))
		return ret;
	user_set_deadline(user);
	ret = user_get_u64(user, USER_GET_PROTOCOL_FEATURES, &offered, err);
	if (ret < 0)
		return ret;
	user->protocol = choose_protocol(user, offered);
	return user_send_u64(user, USER_SET_PROTOCOL_FEATURES, user->protocol,
			     err);
}

/* Features that a configuration space of ours promises. */
static uint64_t own_config_features(const struct user *user)
{
	struct virtio_net_config net;
	uint64_t features = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS);

	if (user->type == NULL || user->type->type.device_id != VIRTIO_ID_NET)
		return 0;
	memcpy(&net, user->config, sizeof(net));
	if (net.mtu != 0)
		features |= user->backend_features & BIT(VIRTIO_NET_F_MTU);
	return features;
}

static int choose_config(struct user *user, const struct vhost_user_config *cfg,
			 struct err *err)
{
	const struct user_type *type = user->type;

	if (cfg->config_size > 0 && !cfg->config_given &&
	    !user_has(user, USER_PROTOCOL_F_CONFIG) &&
	    (type == NULL || !type->config_optional))
		return err_set(err, ENOTSUP,
			       "the backend has no configuration "
			       "space (VHOST_USER_PROTOCOL_F_CONFIG)%s",
			       cfg->device_id == VIRTIO_ID_FS
				       ? ", so give a tag=NAME"
				       : "");
	user->config_own = !user_has(user, USER_PROTOCOL_F_CONFIG);
	user->vhost.features =
		user->backend_features & ~BIT(USER_F_PROTOCOL_FEATURES);
	if (type != NULL)
		user->vhost.features &= ~type->hidden;
	if (type != NULL && user->config_own)
		user->vhost.features &= ~type->backend_only;
	if (cfg->config_given)
		user->vhost.features |= own_config_features(user);
	return 0;
}

static int choose_queues(struct user *user, const struct vhost_user_config *cfg,
			 struct err *err)
{
	unsigned usual = user->type != NULL ? user->type->type.queues : 1;
	uint64_t max = USER_QUEUES_MAX;
	int ret = 0;

	if (user_has(user, USER_PROTOCOL_F_MQ))
		ret = user_receive(user, USER_GET_QUEUE_NUM, &max, sizeof(max),
				   NULL, err);
	if (ret < 0)
		return ret;
	if (cfg->queues > max)
		return err_set(err, EINVAL, "%u queues: the backend has %llu",
			       cfg->queues, (unsigned long long)max);
	user->vhost.queue_count =
		cfg->queues > 0 ? cfg->queues : (unsigned)MIN(usual, max);
	if (user->vhost.queue_count == 0)
		return err_set(err, EINVAL, "the backend has no queues");
	return 0;
}

/* Questions first, answers after: one pause for both. */
static int negotiate_rest(struct user *user,
			  const struct vhost_user_config *cfg, struct err *err)
{
	bool ask_config = user_has(user, USER_PROTOCOL_F_CONFIG);
	int ret = 0;

	user_set_deadline(user);
	if (user_has(user, USER_PROTOCOL_F_MQ))
		ret = user_send(user,
				&(struct user_message){
					.request = USER_GET_QUEUE_NUM,
				},
				err);
	if (ret == 0 && ask_config)
		ret = user_config_request(user, err);
	if (ret == 0 && user_has(user, USER_PROTOCOL_F_BACKEND_REQ))
		ret = user_channel_open(user, err);
	if (ret == 0)
		ret = choose_queues(user, cfg, err);
	if (ret == 0 && ask_config)
		ret = user_config_receive(user, err);
	return ret;
}

static int watch(struct user *user, struct err *err)
{
	user->readable = event_new(user->base, user->fd, EV_READ | EV_PERSIST,
				   readable, user);
	if (user->readable == NULL || event_add(user->readable, NULL) < 0)
		return err_set(err, ENOMEM, "backend socket: out of memory");
	return 0;
}

static int create(struct user *user, const struct vhost_user_config *cfg,
		  struct err *err)
{
	int ret;

	user->deferred = event_new(user->base, -1, 0, tell, user);
	if (user->deferred == NULL)
		return err_set(err, ENOMEM, "backend: out of memory");
	user->config_own = cfg->config_given;
	memcpy(user->config, cfg->config, cfg->config_size);
	ret = user_connect(user, cfg, err);
	if (ret == 0)
		ret = negotiate_features(user, err);
	if (ret == 0)
		ret = choose_config(user, cfg, err);
	if (ret == 0)
		ret = negotiate_rest(user, cfg, err);
	return ret < 0 ? ret : watch(user, err);
}

int vhost_user_create(const struct vhost_user_config *cfg,
		      const struct guest_memory *mem, struct event_base *base,
		      struct vhost **out, struct err *err)
{
	int ret = check_config(cfg, mem, err);
	int given_fd = cfg->fd;
	struct user *user;

	if (ret < 0)
		goto fail;
	user = allocate(cfg, mem, base);
	if (user == NULL) {
		ret = err_set(err, ENOMEM, "backend: out of memory");
		goto fail;
	}
	ret = create(user, cfg, err);
	if (ret < 0) {
		destroy(&user->vhost);
		return ret;
	}
	*out = &user->vhost;
	return 0;
fail:
	fd_close(&given_fd);
	return ret;
}
