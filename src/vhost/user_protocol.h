// SPDX-License-Identifier: Apache-2.0
/*
 * user_protocol.h - numbers and layouts of the vhost-user protocol
 *
 * From QEMU's docs/interop/vhost-user.rst, under the names used there; only
 * what we send or may receive. Numbers are in host byte order.
 */
#ifndef MOTE_USER_PROTOCOL_H
#define MOTE_USER_PROTOCOL_H

#include "util.h"
#include "vhost_user.h"

#include <linux/vhost_types.h>

/* "Front-end message types" */
enum user_request {
	USER_GET_FEATURES = 1,
	USER_SET_FEATURES = 2,
	USER_SET_OWNER = 3,
	USER_SET_MEM_TABLE = 5,
	USER_SET_VRING_NUM = 8,
	USER_SET_VRING_ADDR = 9,
	USER_SET_VRING_BASE = 10,
	USER_GET_VRING_BASE = 11,
	USER_SET_VRING_KICK = 12,
	USER_SET_VRING_CALL = 13,
	USER_GET_PROTOCOL_FEATURES = 15,
	USER_SET_PROTOCOL_FEATURES = 16,
	USER_GET_QUEUE_NUM = 17,
	USER_SET_VRING_ENABLE = 18,
	USER_NET_SET_MTU = 20,
	USER_SET_BACKEND_REQ_FD = 21,
	USER_GET_CONFIG = 24,
	USER_SET_CONFIG = 25,
	USER_RESET_DEVICE = 34,
	USER_GET_MAX_MEM_SLOTS = 36,
	USER_ADD_MEM_REG = 37,
	USER_SET_STATUS = 39,
};

/* "Back-end message types" */
enum { USER_BACKEND_CONFIG_CHANGE_MSG = 2 };

/* "Protocol features": bit numbers */
enum user_protocol_feature {
	USER_PROTOCOL_F_MQ = 0,
	USER_PROTOCOL_F_REPLY_ACK = 3,
	USER_PROTOCOL_F_NET_MTU = 4,
	USER_PROTOCOL_F_BACKEND_REQ = 5,
	USER_PROTOCOL_F_CONFIG = 9,
	USER_PROTOCOL_F_RESET_DEVICE = 13,
	USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
	USER_PROTOCOL_F_STATUS = 16,
};

/* A virtio feature bit that means "protocol features"; never the driver's. */
enum { USER_F_PROTOCOL_FEATURES = 30 };

struct user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* bytes of payload */
};

#define USER_FLAG_VERSION_MASK UINT32_C(0x3)
#define USER_FLAG_VERSION      UINT32_C(0x1)
#define USER_FLAG_REPLY	       (UINT32_C(1) << 2)
#define USER_FLAG_NEED_REPLY   (UINT32_C(1) << 3)

/* "Memory region description" */
struct user_memory_region {
	uint64_t guest_addr;
	uint64_t size;	      /* bytes */
	uint64_t user_addr;   /* in our address space */
	uint64_t mmap_offset; /* of the region inside its descriptor */
};

enum { USER_MEM_TABLE_MAX = 8 };

struct user_memory_table {
	uint32_t count;
	uint32_t padding;
	struct user_memory_region regions[USER_MEM_TABLE_MAX];
};

struct user_single_region {
	uint64_t padding;
	struct user_memory_region region;
};

/* "Virtio device config space" */
struct user_config_space {
	uint32_t offset;
	uint32_t size;	/* bytes of payload that count */
	uint32_t flags; /* 0: a change of writable fields */
	uint8_t payload[VHOST_USER_CONFIG_MAX];
};

#define USER_CONFIG_HEAD offsetof(struct user_config_space, payload)

/* The largest payload in either direction. */
enum { USER_PAYLOAD_MAX = sizeof(struct user_config_space) };
static_assert(sizeof(struct user_memory_table) <= USER_PAYLOAD_MAX,
	      "the memory table is no larger than a configuration space");

#endif
