// SPDX-License-Identifier: Apache-2.0
/*
 * vu_proto.h - what passes over a vhost-user socket, as the back end sees it
 *
 * Numbers and layouts from QEMU's docs/interop/vhost-user.rst. Everything is in
 * host byte order, which on both our CPUs is also that of the rings.
 */
#ifndef MOTE_VU_PROTO_H
#define MOTE_VU_PROTO_H

#include "util.h"

#include <linux/vhost_types.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "rings and messages are read without swapping bytes");

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SET_BACKEND_REQ_FD = 21,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
	VU_RESET_DEVICE = 34,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_REQUESTS /* one above the last */
};

/* Requests of the back end, on the channel of SET_BACKEND_REQ_FD. */
enum { VU_BACKEND_CONFIG_CHANGE = 2 };

/* Bits of the header's flags. */
#define VU_VERSION_MASK 0x3u
#define VU_VERSION	0x1u
#define VU_REPLY	(1u << 2)
#define VU_NEED_REPLY	(1u << 3)

/* A virtio feature bit that never reaches the guest. */
#define VU_F_PROTOCOL_FEATURES 30

/* Bit numbers of GET_ and SET_PROTOCOL_FEATURES. */
#define VU_PROTOCOL_F_MQ	   0
#define VU_PROTOCOL_F_REPLY_ACK	   3
#define VU_PROTOCOL_F_BACKEND_REQ  5
#define VU_PROTOCOL_F_CONFIG	   9
#define VU_PROTOCOL_F_RESET_DEVICE 13
#define VU_PROTOCOL_F_MEM_SLOTS	   15

/* SET_VRING_KICK, CALL, ERR: the queue's index and "no descriptor comes". */
#define VU_VRING_INDEX_MASK 0xffull
#define VU_VRING_NOFD	    (1ull << 8)

enum {
	VU_CONFIG_MAX = 256,  /* bytes of configuration space */
	VU_MEM_TABLE_MAX = 8, /* regions in one SET_MEM_TABLE */
	VU_MEM_SLOTS = 32,    /* regions in all, ADD_MEM_REG */
};

struct vu_header {
	uint32_t request; /* enum vu_request */
	uint32_t flags;
	uint32_t size; /* bytes of payload that follow */
};

struct vu_region {
	uint64_t gpa;	      /* guest-physical address */
	uint64_t size;	      /* bytes */
	uint64_t user_addr;   /* in the front end's address space */
	uint64_t mmap_offset; /* of gpa inside the descriptor */
};

struct vu_mem_table {
	uint32_t count;
	uint32_t padding;
	struct vu_region regions[VU_MEM_TABLE_MAX];
};

struct vu_mem_slot {
	uint64_t padding;
	struct vu_region region;
};

struct vu_config {
	uint32_t offset; /* bytes */
	uint32_t size;	 /* bytes of data */
	uint32_t flags;
	uint8_t data[VU_CONFIG_MAX];
};

union vu_payload {
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct vu_mem_table table;
	struct vu_mem_slot slot;
	struct vu_config config;
};

/* On the wire the payload follows at byte 12; here it is aligned. */
struct vu_wire {
	struct vu_header header;
	union vu_payload payload;
};

static_assert(sizeof(struct vu_header) == 12, "the header has no padding");

#endif
