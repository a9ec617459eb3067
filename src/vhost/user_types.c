// SPDX-License-Identifier: Apache-2.0
/*
 * user_types.c - the device types behind --vhost-user TYPE
 *
 * Any virtio device can be served over vhost-user; what differs is in these
 * rows. Missing on purpose: iommu (23) and mem (24), which change the memory of
 * the other devices, and pmem (27), whose memory is not the guest's RAM.
 */
#include "user_internal.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_bt.h>
#include <linux/virtio_console.h>
#include <linux/virtio_crypto.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_gpio.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_input.h>
#include <linux/virtio_net.h>
#include <linux/virtio_scsi.h>
#include <linux/virtio_snd.h>
#include <linux/virtio_vsock.h>
#include <stdio.h>
#include <string.h>

/*
 * No vhost-user net backend serves the control queue: front ends that have it
 * read it themselves, and we read no queue. So it, and what needs it
 * (virtio 1.3, 5.1.3.1), is not offered.
 */
#define NET_CONTROL_QUEUE                                                      \
	(BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) |   \
	 BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |             \
	 BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |  \
	 BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) |              \
	 BIT(VIRTIO_NET_F_NOTF_COAL) | BIT(VIRTIO_NET_F_HASH_REPORT) |         \
	 BIT(VIRTIO_NET_F_RSS))

/* Features that promise fields of the configuration space. */
#define NET_CONFIG                                                             \
	(BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_MTU) |                       \
	 BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_SPEED_DUPLEX))
#define CONSOLE_CONFIG                                                         \
	(BIT(VIRTIO_CONSOLE_F_SIZE) | BIT(VIRTIO_CONSOLE_F_MULTIPORT))

/*
 * Servers refuse to give more than they know, and those in use (QEMU 7.2) know
 * the fields up to write-zeroes; so neither the later ones nor the features that
 * promise them are offered.
 */
#define BLK_CONFIG_SIZE                                                        \
	offsetof(struct virtio_blk_config, max_secure_erase_sectors)
#define BLK_F_ZONED 17 /* Linux 6.1's header does not have it yet */
#define BLK_LATER   (BIT(VIRTIO_BLK_F_SECURE_ERASE) | BIT(BLK_F_ZONED))

/* virtio 1.3, 5.x.2 "Virtqueues" and 5.x.4 "Device configuration layout" */
#define TYPE(text, id, n, size)                                                \
	.type = { .name = text,                                                \
		  .device_id = id,                                             \
		  .queues = n,                                                 \
		  .config_size = size }
/* The device says in this field how many queues it has besides `fixed`. */
#define QUEUES_FIELD(config, field, fixed)                                     \
	.queues_offset = offsetof(struct config, field),                       \
	.queues_size = sizeof(((struct config *)0)->field),                    \
	.queues_fixed = fixed

/* clang-format off */
static const struct user_type types[] = {
	{ TYPE("net", VIRTIO_ID_NET, 2, sizeof(struct virtio_net_config)),
	  .config_optional = true, .hidden = NET_CONTROL_QUEUE,
	  .backend_only = NET_CONFIG },
	{ TYPE("blk", VIRTIO_ID_BLOCK, 1, BLK_CONFIG_SIZE),
	  .hidden = BLK_LATER, QUEUES_FIELD(virtio_blk_config, num_queues, 0) },
	{ TYPE("console", VIRTIO_ID_CONSOLE, 2, sizeof(struct virtio_console_config)),
	  .config_optional = true, .backend_only = CONSOLE_CONFIG },
	{ TYPE("rng", VIRTIO_ID_RNG, 1, 0) },
	{ TYPE("balloon", VIRTIO_ID_BALLOON, 5, sizeof(struct virtio_balloon_config)) },
	{ TYPE("scsi", VIRTIO_ID_SCSI, 3, sizeof(struct virtio_scsi_config)),
	  QUEUES_FIELD(virtio_scsi_config, num_queues, 2) },
	{ TYPE("9p", VIRTIO_ID_9P, 1, 34) },	/* le16 tag_len, tag[32] */
	{ TYPE("gpu", VIRTIO_ID_GPU, 2, sizeof(struct virtio_gpu_config)) },
	{ TYPE("input", VIRTIO_ID_INPUT, 2, sizeof(struct virtio_input_config)) },
	{ TYPE("vsock", VIRTIO_ID_VSOCK, 3, sizeof(struct virtio_vsock_config)) },
	{ TYPE("crypto", VIRTIO_ID_CRYPTO, 2, sizeof(struct virtio_crypto_config)),
	  QUEUES_FIELD(virtio_crypto_config, max_dataqueues, 1) },
	{ TYPE("sound", VIRTIO_ID_SOUND, 4, sizeof(struct virtio_snd_config)) },
	{ TYPE("fs", VIRTIO_ID_FS, 2, sizeof(struct virtio_fs_config)),
	  QUEUES_FIELD(virtio_fs_config, num_request_queues, 1) },
	{ TYPE("rpmb", VIRTIO_ID_RPMB, 1, 3) },	/* three u8 */
	{ TYPE("scmi", VIRTIO_ID_SCMI, 2, 0) },
	{ TYPE("i2c", VIRTIO_ID_I2C_ADAPTER, 1, 0) },
	{ TYPE("can", VIRTIO_ID_CAN, 3, 2) },	/* le16 status */
	{ TYPE("bt", VIRTIO_ID_BT, 2, sizeof(struct virtio_bt_config)) },
	{ TYPE("gpio", VIRTIO_ID_GPIO, 2, sizeof(struct virtio_gpio_config)) },
};
/* clang-format on */

const struct user_type *user_type_find(uint32_t device_id)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].type.device_id == device_id)
			return &types[i];
	}
	return NULL;
}

const struct vhost_user_type *vhost_user_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].type.name, name) == 0)
			return &types[i].type;
	}
	return NULL;
}

const char *vhost_user_type_names(void)
{
	static char names[16 * ARRAY_LEN(types)];
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
					"%s%s", i > 0 ? ", " : "",
					types[i].type.name);
	return names;
}
