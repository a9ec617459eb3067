// SPDX-License-Identifier: Apache-2.0
/*
 * user_vrings.c - rings: start and stop
 *
 * Theory of operation: everything a driver can get wrong is checked before the
 * first message, so a failure of ours leaves the backend as it was. A start then
 * sends features, memory and rings without waiting, ends with a question that
 * any backend answers, and only then collects the answers: one pause for the
 * lot. From the first ring on the backend may touch guest memory; it no longer
 * does once it has answered GET_VRING_BASE for every ring, or is cut off.
 *
 * Rings always start at index 0: there is nothing to resume.
 */
#include "user_vrings.h"
#include "user_message.h"
#include "ring_area.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>

/*
 * "Vring descriptor indices for packed virtqueues": both wrap counters (bits 15
 * and 31) start at 1 (virtio 1.3, 2.8.1), both indices at 0.
 */
#define PACKED_BASE_START ((UINT32_C(1) << 31) | (UINT32_C(1) << 15))

static bool is_packed(uint64_t features)
{
	return (features & BIT(VIRTIO_F_RING_PACKED)) != 0;
}

static int send_state(struct user *user, enum user_request request,
		      unsigned index, uint32_t num, struct err *err)
{
	struct vhost_vring_state state = { .index = index, .num = num };
	struct user_message msg = {
		.request = request,
		.payload = &state,
		.size = sizeof(state),
	};

	return user_send(user, &msg, err);
}

static int send_fd(struct user *user, enum user_request request, unsigned index,
		   int fd, struct err *err)
{
	uint64_t value = index;
	struct user_message msg = {
		.request = request,
		.payload = &value,
		.size = sizeof(value),
		.fds = &fd,
		.fd_count = 1,
	};

	return user_send(user, &msg, err);
}

static int send_ring(struct user *user, unsigned index,
		     const struct vhost_queue *queue, struct err *err)
{
	struct vhost_vring_addr addr;
	int ret = ring_area_locate(user->mem, user->features, index, queue,
				   &addr, err);

	if (ret < 0)
		return ret;
	user->queue_started[index] = true;
	ret = send_state(user, USER_SET_VRING_NUM, index, queue->size, err);
	if (ret == 0)
		ret = send_state(
			user, USER_SET_VRING_BASE, index,
			is_packed(user->features) ? PACKED_BASE_START : 0, err);
	if (ret == 0)
		ret = user_send(user,
				&(struct user_message){
					.request = USER_SET_VRING_ADDR,
					.payload = &addr,
					.size = sizeof(addr),
				},
				err);
	if (ret == 0)
		ret = send_fd(user, USER_SET_VRING_CALL, index, user->call_fd,
			      err);
	if (ret == 0)
		ret = send_fd(user, USER_SET_VRING_KICK, index, queue->kick_fd,
			      err);
	return ret;
}

/*
 * SET_VRING_ENABLE exists only with protocol features; without them a ring is
 * enabled from the start.
 */
static int send_enable(struct user *user, unsigned index, bool enable,
		       struct err *err)
{
	if (!(user->backend_features & BIT(USER_F_PROTOCOL_FEATURES)))
		return 0;
	return send_state(user, USER_SET_VRING_ENABLE, index, enable, err);
}

static int send_features(struct user *user, uint64_t features, struct err *err)
{
	/* Some are offered by us, not by the backend (net with our config). */
	uint64_t known = features & user->backend_features;

	known |= user->backend_features & BIT(USER_F_PROTOCOL_FEATURES);
	return user_send_u64(user, USER_SET_FEATURES, known, err);
}

/* Only when the MTU is ours to tell. */
static int send_mtu(struct user *user, struct err *err)
{
	struct virtio_net_config net;

	if (!user_has(user, USER_PROTOCOL_F_NET_MTU) || !user->config_own ||
	    !(user->features & BIT(VIRTIO_NET_F_MTU)))
		return 0;
	memcpy(&net, user->config, sizeof(net));
	return user_send_u64(user, USER_NET_SET_MTU, net.mtu, err);
}

static int send_status(struct user *user, uint64_t status, struct err *err)
{
	if (!user_has(user, USER_PROTOCOL_F_STATUS))
		return 0;
	return user_send_u64(user, USER_SET_STATUS, status, err);
}

static int send_start(struct user *user, const struct vhost_queue *queues,
		      unsigned n, unsigned *memory_sent, struct err *err)
{
	static const uint64_t running =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;
	int ret = send_features(user, user->features, err);

	if (ret == 0)
		ret = send_mtu(user, err);
	if (ret == 0)
		ret = user_memory_send(user, memory_sent, err);
	for (unsigned i = 0; i < n && ret == 0; i++) {
		if (queues[i].enabled)
			ret = send_ring(user, i, &queues[i], err);
	}
	if (ret == 0)
		ret = send_status(user, running, err);
	for (unsigned i = 0; i < n && ret == 0; i++) {
		if (queues[i].enabled)
			ret = send_enable(user, i, true, err);
	}
	return ret;
}

/*
 * Messages are handled in order, so an answer to this one means that those
 * before it are done; and GET_FEATURES is answered without REPLY_ACK too.
 */
static int send_barrier(struct user *user, struct err *err)
{
	return user_send(user,
			 &(struct user_message){ .request = USER_GET_FEATURES },
			 err);
}

static int receive_barrier(struct user *user, struct err *err)
{
	uint64_t features;

	return user_receive(user, USER_GET_FEATURES, &features,
			    sizeof(features), NULL, err);
}

int user_start(struct vhost *vhost, uint64_t features,
	       const struct vhost_queue *queues, unsigned n, int call_fd,
	       struct err *err)
{
	struct user *user = to_user(vhost);
	unsigned memory_sent = 0;
	struct err why;
	int ret = ring_area_check_all(user->mem, features, queues, n, err);

	if (ret < 0)
		return ret;
	user_set_deadline(user);
	user->started = true;
	user->features = features;
	user->call_fd = call_fd;
	ret = send_start(user, queues, n, &memory_sent, &why);
	if (ret == 0)
		ret = send_barrier(user, &why);
	if (ret == 0)
		ret = user_memory_confirm(user, memory_sent, &why);
	if (ret == 0)
		ret = receive_barrier(user, &why);
	if (ret == 0)
		return 0;
	/* Answers that nobody collects would be taken for others later. */
	user_lose(user, NULL, "start failed: %s", why.text);
	user_stop(vhost);
	return err_set(err, -ret, "%s", why.text);
}

static int receive_base(struct user *user, unsigned index, struct err *err)
{
	struct vhost_vring_state state;
	int ret = user_receive(user, USER_GET_VRING_BASE, &state, sizeof(state),
			       NULL, err);

	if (ret == 0 && state.index != index)
		ret = user_lose(user, err,
				"GET_VRING_BASE: answer for queue "
				"%u instead of %u",
				state.index, index);
	return ret;
}

static int stop_rings(struct user *user, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < USER_QUEUES_MAX && ret == 0; i++) {
		if (user->queue_started[i])
			ret = send_enable(user, i, false, err);
	}
	for (unsigned i = 0; i < USER_QUEUES_MAX && ret == 0; i++) {
		if (user->queue_started[i])
			ret = send_state(user, USER_GET_VRING_BASE, i, 0, err);
	}
	for (unsigned i = 0; i < USER_QUEUES_MAX && ret == 0; i++) {
		if (user->queue_started[i])
			ret = receive_base(user, i, err);
	}
	return ret;
}

static int reset_device(struct user *user, struct err *err)
{
	int ret = send_status(user, 0, err);

	if (ret == 0 && user_has(user, USER_PROTOCOL_F_RESET_DEVICE))
		ret = user_send(user,
				&(struct user_message){
					.request = USER_RESET_DEVICE,
				},
				err);
	return ret;
}

void user_stop(struct vhost *vhost)
{
	struct user *user = to_user(vhost);

	/* A failure here has lost the backend, which stops it as well. */
	user_set_deadline(user);
	if (user->started && stop_rings(user, NULL) == 0)
		reset_device(user, NULL);
	user->started = false;
	memset(user->queue_started, 0, sizeof(user->queue_started));
}

int user_stop_queue(struct vhost *vhost, unsigned index, struct err *err)
{
	struct user *user = to_user(vhost);
	int ret;

	if (!user->queue_started[index])
		return 0;
	user->queue_started[index] = false;
	user_set_deadline(user);
	ret = send_enable(user, index, false, err);
	if (ret == 0)
		ret = send_state(user, USER_GET_VRING_BASE, index, 0, err);
	return ret < 0 ? ret : receive_base(user, index, err);
}

int user_start_queue(struct vhost *vhost, unsigned index,
		     const struct vhost_queue *queue, struct err *err)
{
	struct user *user = to_user(vhost);
	int ret;

	if (!user->started || user->queue_started[index])
		return err_set(err, EINVAL,
			       "queue %u: device stopped, or queue running",
			       index);
	user_set_deadline(user);
	ret = send_ring(user, index, queue, err);
	if (ret == 0)
		ret = send_enable(user, index, true, err);
	if (ret == 0)
		ret = send_barrier(user, err);
	return ret < 0 ? ret : receive_barrier(user, err);
}
