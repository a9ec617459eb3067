// SPDX-License-Identifier: Apache-2.0
/*
 * vu_message.c - whole vhost-user messages, received, checked and answered
 *
 * The socket is never waited for: half a message stays in struct vu_message
 * until the rest arrives, so a front end that stops in the middle stalls only
 * itself, and a signal still ends us.
 */
#include "vu_message.h"
#include "fd.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

/*
 * The requests we know: bytes of payload, number of descriptors, and the
 * protocol feature that allows them. Anything that is not
 * here ends the connection: we could not even say whether it wants a reply.
 */
struct rule {
	const char *name;
	uint16_t size_min, size_max;
	uint8_t fds_min, fds_max;
	int feature;
};
#define SIZE(member) sizeof(((union vu_payload *)0)->member)

enum {
	ALWAYS = -1,
	U64 = SIZE(u64),
	STATE = SIZE(state),
	ADDR = SIZE(addr),
	TABLE_HEAD = offsetof(struct vu_mem_table, regions),
	TABLE = SIZE(table),
	SLOT = SIZE(slot),
	CONFIG_HEAD = offsetof(struct vu_config, data),
	CONFIG = SIZE(config),
	FDS = VU_MEM_TABLE_MAX,
};

/* clang-format off */
#define R(request, size_min, size_max, fds_min, fds_max, feature) \
	[VU_##request] = { #request, size_min, size_max, fds_min, fds_max, feature }

static const struct rule rules[VU_REQUESTS] = {
	R(GET_FEATURES,          0,           0,      0, 0,   ALWAYS),
	R(SET_FEATURES,          U64,         U64,    0, 0,   ALWAYS),
	R(SET_OWNER,             0,           U64,    0, 0,   ALWAYS),
	R(RESET_OWNER,           0,           U64,    0, 0,   ALWAYS),
	R(SET_MEM_TABLE,         TABLE_HEAD,  TABLE,  0, FDS, ALWAYS),
	R(SET_VRING_NUM,         STATE,       STATE,  0, 0,   ALWAYS),
	R(SET_VRING_ADDR,        ADDR,        ADDR,   0, 0,   ALWAYS),
	R(SET_VRING_BASE,        STATE,       STATE,  0, 0,   ALWAYS),
	R(GET_VRING_BASE,        STATE,       STATE,  0, 0,   ALWAYS),
	R(SET_VRING_KICK,        U64,         U64,    0, 1,   ALWAYS),
	R(SET_VRING_CALL,        U64,         U64,    0, 1,   ALWAYS),
	R(SET_VRING_ERR,         U64,         U64,    0, 1,   ALWAYS),
	R(GET_PROTOCOL_FEATURES, 0,           0,      0, 0,   ALWAYS),
	R(SET_PROTOCOL_FEATURES, U64,         U64,    0, 0,   ALWAYS),
	R(GET_QUEUE_NUM,         0,           0,      0, 0,   VU_PROTOCOL_F_MQ),
	R(SET_VRING_ENABLE,      STATE,       STATE,  0, 0,   ALWAYS),
	R(SET_BACKEND_REQ_FD,    0,           U64,    1, 1,   VU_PROTOCOL_F_BACKEND_REQ),
	R(GET_CONFIG,            CONFIG_HEAD, CONFIG, 0, 0,   VU_PROTOCOL_F_CONFIG),
	R(SET_CONFIG,            CONFIG_HEAD, CONFIG, 0, 0,   VU_PROTOCOL_F_CONFIG),
	R(RESET_DEVICE,          0,           0,      0, 0,   VU_PROTOCOL_F_RESET_DEVICE),
	R(GET_MAX_MEM_SLOTS,     0,           0,      0, 0,   VU_PROTOCOL_F_MEM_SLOTS),
	R(ADD_MEM_REG,           SLOT,        SLOT,   1, 1,   VU_PROTOCOL_F_MEM_SLOTS),
	R(REM_MEM_REG,           SLOT,        SLOT,   0, 1,   VU_PROTOCOL_F_MEM_SLOTS),
};
/* clang-format on */

const char *vu_request_name(uint32_t request)
{
	if (request >= VU_REQUESTS || rules[request].name == NULL)
		return "unknown request";
	return rules[request].name;
}

static int check_head(const struct vu_message *msg, const struct rule *rule,
		      const struct vu_limits *limits, struct err *err)
{
	const struct vu_header *h = &msg->wire.header;

	if ((h->flags & VU_VERSION_MASK) != VU_VERSION || h->flags & VU_REPLY)
		return err_set(err, EPROTO, "flags %#" PRIx32, h->flags);
	if (rule->feature >= 0 &&
	    !(limits->protocol_features >> rule->feature & 1))
		return err_set(err, EPROTO,
			       "protocol feature %d was not negotiated",
			       rule->feature);
	if (h->size < rule->size_min || h->size > rule->size_max)
		return err_set(err, EPROTO, "%" PRIu32 " bytes of payload",
			       h->size);
	if (msg->nfds < rule->fds_min || msg->nfds > rule->fds_max)
		return err_set(err, EPROTO, "%u descriptors", msg->nfds);
	return 0;
}

/* SET_VRING_KICK, CALL and ERR: a descriptor, or the bit that says it lacks. */
static int check_vring_fd(const struct vu_message *msg,
			  const struct vu_limits *limits, struct err *err)
{
	uint64_t value = msg->wire.payload.u64;
	unsigned fds = value & VU_VRING_NOFD ? 0 : 1;

	if (value & ~(VU_VRING_INDEX_MASK | VU_VRING_NOFD) ||
	    (value & VU_VRING_INDEX_MASK) >= limits->queues)
		return err_set(err, EPROTO, "queue %#" PRIx64, value);
	if (msg->nfds != fds)
		return err_set(err, EPROTO, "%u descriptors instead of %u",
			       msg->nfds, fds);
	return 0;
}

static int check_config(const struct vu_message *msg, struct err *err)
{
	const struct vu_config *config = &msg->wire.payload.config;
	size_t size = msg->wire.header.size;

	if (!range_within(config->offset, config->size, VU_CONFIG_MAX))
		return err_set(err, EPROTO, "%" PRIu32 " bytes at %" PRIu32,
			       config->size, config->offset);
	/* The bytes themselves need not be there when they are asked for. */
	if (msg->wire.header.request == VU_SET_CONFIG &&
	    size != CONFIG_HEAD + config->size)
		return err_set(err, EPROTO,
			       "%zu bytes of payload for %" PRIu32
			       " of configuration",
			       size, config->size);
	return 0;
}

static int check_table(const struct vu_message *msg, struct err *err)
{
	const struct vu_mem_table *table = &msg->wire.payload.table;

	if (table->count != msg->nfds ||
	    msg->wire.header.size !=
		    TABLE_HEAD + table->count * sizeof(table->regions[0]))
		return err_set(err, EPROTO,
			       "%" PRIu32 " regions, %u "
			       "descriptors, %" PRIu32 " bytes",
			       table->count, msg->nfds, msg->wire.header.size);
	return 0;
}

static int check_payload(const struct vu_message *msg,
			 const struct vu_limits *limits, struct err *err)
{
	uint32_t index = msg->wire.payload.state.index; /* addr has it too */

	switch (msg->wire.header.request) {
	case VU_SET_VRING_NUM:
	case VU_SET_VRING_ADDR:
	case VU_SET_VRING_BASE:
	case VU_GET_VRING_BASE:
	case VU_SET_VRING_ENABLE:
		if (index >= limits->queues)
			return err_set(err, EPROTO, "queue %" PRIu32, index);
		return 0;
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		return check_vring_fd(msg, limits, err);
	case VU_GET_CONFIG:
	case VU_SET_CONFIG:
		return check_config(msg, err);
	case VU_SET_MEM_TABLE:
		return check_table(msg, err);
	default:
		return 0;
	}
}

int vu_message_check(const struct vu_message *msg,
		     const struct vu_limits *limits, struct err *err)
{
	uint32_t request = msg->wire.header.request;
	const struct rule *rule;
	int ret;

	if (request >= VU_REQUESTS || rules[request].name == NULL)
		return err_set(err, EPROTO, "request %" PRIu32 " is unknown",
			       request);
	rule = &rules[request];
	ret = check_head(msg, rule, limits, err);
	if (ret == 0)
		ret = check_payload(msg, limits, err);
	return ret < 0 ? err_prefix(err, ret, "%s", rule->name) : 0;
}

/* Descriptors beyond our array are closed; the message will fail its check. */
static void keep_fds(struct vu_message *msg, const struct cmsghdr *cmsg)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
		if (msg->nfds < VU_MEM_TABLE_MAX)
			msg->fds[msg->nfds++] = fd;
		else
			fd_close(&fd);
	}
}

/* Read up to len bytes; the descriptors come with the first of a message. */
static int receive_part(int sock, struct vu_message *msg, void *into,
			size_t len, struct err *err)
{
	char control[CMSG_SPACE(VU_MEM_TABLE_MAX * sizeof(int))]
		__attribute__((aligned(sizeof(size_t))));
	struct iovec iov = { into, len };
	struct msghdr head = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	n = recvmsg(sock, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return -ENOTCONN;
	if (n < 0)
		return err_errno(err, "vhost-user socket");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c != NULL;
	     c = CMSG_NXTHDR(&head, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			keep_fds(msg, c);
	}
	if (head.msg_flags & MSG_CTRUNC)
		return err_set(err, EPROTO,
			       "more than %d descriptors in a message",
			       VU_MEM_TABLE_MAX);
	msg->have += (size_t)n;
	return 0;
}

int vu_message_receive(int sock, struct vu_message *msg, struct err *err)
{
	const size_t head = sizeof(msg->wire.header);
	size_t part;
	int ret;

	if (msg->have < head) {
		ret = receive_part(sock, msg,
				   (char *)&msg->wire.header + msg->have,
				   head - msg->have, err);
		if (ret < 0 || msg->have < head)
			return ret;
	}
	if (msg->wire.header.size > sizeof(msg->wire.payload))
		return err_set(err, EPROTO, "%s: %" PRIu32 " bytes of payload",
			       vu_request_name(msg->wire.header.request),
			       msg->wire.header.size);
	part = msg->have - head;
	if (part < msg->wire.header.size) {
		ret = receive_part(sock, msg, (char *)&msg->wire.payload + part,
				   msg->wire.header.size - part, err);
		if (ret < 0)
			return ret;
	}
	return msg->have == head + msg->wire.header.size;
}

void vu_message_clear(struct vu_message *msg)
{
	for (unsigned i = 0; i < msg->nfds; i++)
		fd_close(&msg->fds[i]);
	memset(msg, 0, sizeof(*msg));
}

int vu_message_take_fd(struct vu_message *msg)
{
	return msg->nfds > 0 ? fd_take(&msg->fds[0]) : -1;
}

int vu_message_send(int sock, const struct vu_wire *wire)
{
	struct iovec iov[] = {
		{ (void *)&wire->header, sizeof(wire->header) },
		{ (void *)&wire->payload, wire->header.size },
	};
	struct msghdr head = { .msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov) };
	size_t len = sizeof(wire->header) + wire->header.size;
	ssize_t n;

	do {
		n = sendmsg(sock, &head, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EAGAIN;
}
