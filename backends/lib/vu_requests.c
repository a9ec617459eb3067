// SPDX-License-Identifier: Apache-2.0
/*
 * vu_requests.c - what each message of the front end does
 *
 * A handler gets a message that vu_message_check() has passed. It returns 0 or
 * -errno with *err set; one with an answer of its own writes it over the
 * payload and sets header.size. A refusal is reported through REPLY_ACK if the
 * front end asked for that. Otherwise the front end believes in a state we are
 * not in, and the connection ends, except for what a guest can provoke by
 * itself: there the queue is broken already, or the write dropped.
 */
#include "vu_state.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

static const uint64_t ring_features =
	BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
	BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_PACKED) |
	BIT(VIRTIO_F_RING_RESET) | BIT(VU_F_PROTOCOL_FEATURES);

static const uint64_t protocol_features =
	BIT(VU_PROTOCOL_F_MQ) | BIT(VU_PROTOCOL_F_REPLY_ACK) |
	BIT(VU_PROTOCOL_F_BACKEND_REQ) | BIT(VU_PROTOCOL_F_CONFIG) |
	BIT(VU_PROTOCOL_F_RESET_DEVICE) | BIT(VU_PROTOCOL_F_MEM_SLOTS);

static int reply_u64(struct vu_message *msg, uint64_t value)
{
	msg->wire.payload.u64 = value;
	msg->wire.header.size = sizeof(value);
	return 0;
}

static struct vu_queue *queue_of(struct vu_server *s,
				 const struct vu_message *msg)
{
	return &s->queues[msg->wire.payload.state.index];
}

static struct vu_queue *fd_queue_of(struct vu_server *s,
				    const struct vu_message *msg)
{
	return &s->queues[msg->wire.payload.u64 & VU_VRING_INDEX_MASK];
}

static int get_features(struct vu_server *s, struct vu_message *msg,
			struct err *err)
{
	(void)err;
	return reply_u64(msg, s->cfg.features | ring_features);
}

/* A subset of what is offered, and no change under a running queue. */
static int set_features(struct vu_server *s, struct vu_message *msg,
			struct err *err)
{
	uint64_t wanted = msg->wire.payload.u64;
	uint64_t unknown = wanted & ~(s->cfg.features | ring_features);

	if (unknown != 0)
		return err_set(err, EINVAL,
			       "features %#" PRIx64 " were not offered",
			       unknown);
	for (unsigned i = 0; i < s->cfg.queues; i++) {
		if (s->queues[i].started && wanted != s->features)
			return err_set(err, EBUSY, "queue %u is started", i);
	}
	s->features = wanted;
	return 0;
}

static int get_protocol_features(struct vu_server *s, struct vu_message *msg,
				 struct err *err)
{
	(void)s;
	(void)err;
	return reply_u64(msg, protocol_features);
}

static int set_protocol_features(struct vu_server *s, struct vu_message *msg,
				 struct err *err)
{
	uint64_t unknown = msg->wire.payload.u64 & ~protocol_features;

	if (unknown != 0)
		return err_set(err, EINVAL,
			       "protocol features %#" PRIx64
			       " were not offered",
			       unknown);
	s->protocol_features = msg->wire.payload.u64;
	return 0;
}

static int set_owner(struct vu_server *s, struct vu_message *msg,
		     struct err *err)
{
	(void)s;
	(void)msg;
	(void)err;
	return 0;
}

/* The device as it was, but still this front end's, with its memory. */
static int reset_device(struct vu_server *s, struct vu_message *msg,
			struct err *err)
{
	(void)msg;
	(void)err;
	for (unsigned i = 0; i < s->cfg.queues; i++) {
		vu_queue_stop(&s->queues[i]);
		s->queues[i].enabled = false;
		s->queues[i].config = (struct vu_ring_config){ .size = 0 };
	}
	s->features = 0;
	return 0;
}

static void drain_all(struct vu_server *s)
{
	for (unsigned i = 0; i < s->cfg.queues; i++)
		vu_queue_drain(&s->queues[i]);
}

static void relocate_all(struct vu_server *s)
{
	for (unsigned i = 0; i < s->cfg.queues; i++)
		vu_queue_relocate(&s->queues[i]);
}

static int set_mem_table(struct vu_server *s, struct vu_message *msg,
			 struct err *err)
{
	const struct vu_mem_table *table = &msg->wire.payload.table;
	int ret = 0;

	drain_all(s);
	vu_memory_clear(&s->memory);
	for (uint32_t i = 0; i < table->count && ret == 0; i++)
		ret = vu_memory_add(&s->memory, &table->regions[i], msg->fds[i],
				    err);
	if (ret < 0)
		vu_memory_clear(&s->memory);
	relocate_all(s);
	return ret;
}

static int add_mem_reg(struct vu_server *s, struct vu_message *msg,
		       struct err *err)
{
	return vu_memory_add(&s->memory, &msg->wire.payload.slot.region,
			     msg->fds[0], err);
}

static int rem_mem_reg(struct vu_server *s, struct vu_message *msg,
		       struct err *err)
{
	int ret;

	drain_all(s);
	ret = vu_memory_remove(&s->memory, &msg->wire.payload.slot.region, err);
	relocate_all(s);
	return ret;
}

static int get_max_mem_slots(struct vu_server *s, struct vu_message *msg,
			     struct err *err)
{
	(void)s;
	(void)err;
	return reply_u64(msg, VU_MEM_SLOTS);
}

static int get_queue_num(struct vu_server *s, struct vu_message *msg,
			 struct err *err)
{
	(void)err;
	return reply_u64(msg, s->cfg.queues);
}

/* Where a ring lies must not change under it. */
static int check_stopped(const struct vu_queue *q, struct err *err)
{
	if (q->started)
		return err_set(err, EBUSY, "queue %u is started", q->index);
	return 0;
}

static int set_vring_num(struct vu_server *s, struct vu_message *msg,
			 struct err *err)
{
	struct vu_queue *q = queue_of(s, msg);
	int ret = check_stopped(q, err);

	if (ret == 0)
		q->config.size = msg->wire.payload.state.num;
	return ret;
}

static int set_vring_base(struct vu_server *s, struct vu_message *msg,
			  struct err *err)
{
	struct vu_queue *q = queue_of(s, msg);
	int ret = check_stopped(q, err);

	if (ret == 0)
		q->config.base = msg->wire.payload.state.num;
	return ret;
}

static int set_vring_addr(struct vu_server *s, struct vu_message *msg,
			  struct err *err)
{
	const struct vhost_vring_addr *addr = &msg->wire.payload.addr;
	struct vu_queue *q = queue_of(s, msg);
	int ret = check_stopped(q, err);

	if (ret < 0)
		return ret;
	if (addr->flags != 0) /* VHOST_VRING_F_LOG: was not offered */
		return err_set(err, EINVAL, "queue %u: flags %#x", q->index,
			       addr->flags);
	q->config.desc = addr->desc_user_addr;
	q->config.driver = addr->avail_user_addr;
	q->config.device = addr->used_user_addr;
	return 0;
}

static int get_vring_base(struct vu_server *s, struct vu_message *msg,
			  struct err *err)
{
	(void)err;
	msg->wire.payload.state.num = vu_queue_stop(queue_of(s, msg));
	return 0;
}

static int set_vring_kick(struct vu_server *s, struct vu_message *msg,
			  struct err *err)
{
	return vu_queue_start(fd_queue_of(s, msg), vu_message_take_fd(msg),
			      err);
}

static int set_vring_call(struct vu_server *s, struct vu_message *msg,
			  struct err *err)
{
	(void)err;
	vu_queue_set_call(fd_queue_of(s, msg), vu_message_take_fd(msg));
	return 0;
}

static int set_vring_err(struct vu_server *s, struct vu_message *msg,
			 struct err *err)
{
	struct vu_queue *q = fd_queue_of(s, msg);

	(void)err;
	fd_close(&q->err_fd);
	q->err_fd = vu_message_take_fd(msg);
	/* As for call_fd: full, it must not stop us. */
	if (q->err_fd >= 0)
		fcntl(q->err_fd, F_SETFL,
		      fcntl(q->err_fd, F_GETFL) | O_NONBLOCK);
	return 0;
}

static int set_vring_enable(struct vu_server *s, struct vu_message *msg,
			    struct err *err)
{
	uint32_t num = msg->wire.payload.state.num;

	if (num > 1)
		return err_set(err, EINVAL, "neither 0 nor 1: %" PRIu32, num);
	vu_queue_enable(queue_of(s, msg), num == 1);
	return 0;
}

static int set_backend_req_fd(struct vu_server *s, struct vu_message *msg,
			      struct err *err)
{
	(void)err;
	fd_close(&s->backend_fd);
	s->backend_fd = vu_message_take_fd(msg);
	return 0;
}

static int get_config(struct vu_server *s, struct vu_message *msg,
		      struct err *err)
{
	struct vu_config *config = &msg->wire.payload.config;
	uint8_t space[VU_CONFIG_MAX] = { 0 };

	(void)err;
	s->cfg.ops->read_config(s->cfg.device, space);
	memcpy(config->data, space + config->offset, config->size);
	msg->wire.header.size = offsetof(struct vu_config, data) + config->size;
	return 0;
}

static int set_config(struct vu_server *s, struct vu_message *msg,
		      struct err *err)
{
	const struct vu_config *config = &msg->wire.payload.config;
	int ret;

	ret = s->cfg.ops->write_config(s->cfg.device, config->offset,
				       config->data, config->size);
	if (ret < 0)
		return err_set(err, -ret,
			       "%" PRIu32 " bytes at %" PRIu32
			       " cannot be written",
			       config->size, config->offset);
	return 0;
}

enum answer {
	ACK,   /* none of its own: REPLY_ACK when asked for */
	VALUE, /* the payload the handler left */
	GUEST, /* as ACK; but a guest can cause a refusal */
};

static const struct {
	int (*handle)(struct vu_server *s, struct vu_message *msg,
		      struct err *err);
	enum answer answer;
} handlers[VU_REQUESTS] = {
	[VU_GET_FEATURES] = { get_features, VALUE },
	[VU_SET_FEATURES] = { set_features, ACK },
	[VU_SET_OWNER] = { set_owner, ACK },
	[VU_RESET_OWNER] = { reset_device, ACK },
	[VU_SET_MEM_TABLE] = { set_mem_table, ACK },
	[VU_SET_VRING_NUM] = { set_vring_num, ACK },
	[VU_SET_VRING_ADDR] = { set_vring_addr, ACK },
	[VU_SET_VRING_BASE] = { set_vring_base, ACK },
	[VU_GET_VRING_BASE] = { get_vring_base, VALUE },
	[VU_SET_VRING_KICK] = { set_vring_kick, GUEST },
	[VU_SET_VRING_CALL] = { set_vring_call, ACK },
	[VU_SET_VRING_ERR] = { set_vring_err, ACK },
	[VU_GET_PROTOCOL_FEATURES] = { get_protocol_features, VALUE },
	[VU_SET_PROTOCOL_FEATURES] = { set_protocol_features, ACK },
	[VU_GET_QUEUE_NUM] = { get_queue_num, VALUE },
	[VU_SET_VRING_ENABLE] = { set_vring_enable, ACK },
	[VU_SET_BACKEND_REQ_FD] = { set_backend_req_fd, ACK },
	[VU_GET_CONFIG] = { get_config, VALUE },
	[VU_SET_CONFIG] = { set_config, GUEST },
	[VU_RESET_DEVICE] = { reset_device, ACK },
	[VU_GET_MAX_MEM_SLOTS] = { get_max_mem_slots, VALUE },
	[VU_ADD_MEM_REG] = { add_mem_reg, ACK },
	[VU_REM_MEM_REG] = { rem_mem_reg, ACK },
};

int vu_request_handle(struct vu_server *s, struct vu_message *msg,
		      struct err *err)
{
	struct vu_header *head = &msg->wire.header;
	enum answer answer = handlers[head->request].answer;
	bool ack = head->flags & VU_NEED_REPLY &&
		   s->protocol_features & BIT(VU_PROTOCOL_F_REPLY_ACK);
	int ret;

	ret = handlers[head->request].handle(s, msg, err);
	if (ret < 0) {
		err_prefix(err, ret, "%s", vu_request_name(head->request));
		if (!ack && answer == ACK)
			return ret;
		log_guest(s->cfg.type, s->cfg.id, "%s, refused", err->text);
	}
	if (answer != VALUE && !ack)
		return 0;
	if (answer != VALUE)
		reply_u64(msg, ret < 0);
	head->flags = VU_VERSION | VU_REPLY;
	ret = vu_message_send(s->sock_fd, &msg->wire);
	if (ret < 0)
		return err_set(err, -ret, "reply to %s could not be sent",
			       vu_request_name(head->request));
	return 0;
}

void vu_server_reset(struct vu_server *s)
{
	for (unsigned i = 0; i < s->cfg.queues; i++) {
		vu_queue_stop(&s->queues[i]);
		fd_close(&s->queues[i].err_fd);
	}
	vu_message_clear(&s->msg);
	vu_memory_clear(&s->memory);
	fd_close(&s->backend_fd);
}
