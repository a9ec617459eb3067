// SPDX-License-Identifier: Apache-2.0
/*
 * net_features.c - what a network device on a tap offers, and who it is
 */
#include "net_features.h"
#include "tap.h"
#include "util.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stddef.h>

/*
 * Each row: once the tap knows `offload`, the host takes such packets from the
 * guest (`host`) and gives them to a driver that takes them (`guest`). virtio
 * 1.3, 5.1.3.
 */
static const struct {
	unsigned offload;
	uint64_t host, guest;
} rows[] = {
	{ TUN_F_CSUM, BIT(VIRTIO_NET_F_CSUM), BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ TUN_F_TSO4, BIT(VIRTIO_NET_F_HOST_TSO4),
	  BIT(VIRTIO_NET_F_GUEST_TSO4) },
	{ TUN_F_TSO6, BIT(VIRTIO_NET_F_HOST_TSO6),
	  BIT(VIRTIO_NET_F_GUEST_TSO6) },
	{ TUN_F_TSO_ECN, BIT(VIRTIO_NET_F_HOST_ECN),
	  BIT(VIRTIO_NET_F_GUEST_ECN) },
	{ TUN_F_UFO, BIT(VIRTIO_NET_F_HOST_UFO), BIT(VIRTIO_NET_F_GUEST_UFO) },
	{ TUN_F_USO4, BIT(VIRTIO_NET_F_HOST_USO),
	  BIT(VIRTIO_NET_F_GUEST_USO4) },
	{ TUN_F_USO6, BIT(VIRTIO_NET_F_HOST_USO),
	  BIT(VIRTIO_NET_F_GUEST_USO6) },
};

uint64_t net_features_of_tap(unsigned offloads)
{
	uint64_t features = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (offloads & rows[i].offload)
			features |= rows[i].host | rows[i].guest;
	}
	return features;
}

/*
 * 5.1.3.1: segmentation needs checksums, ECN needs TSO. The tap takes USO for
 * both versions of IP or for none.
 */
unsigned net_offloads_of_driver(uint64_t features)
{
	unsigned offloads = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (features & rows[i].guest)
			offloads |= rows[i].offload;
	}
	if (!(offloads & TUN_F_CSUM))
		return 0;
	if (!(offloads & (TUN_F_TSO4 | TUN_F_TSO6)))
		offloads &= ~(unsigned)TUN_F_TSO_ECN;
	if ((offloads & (TUN_F_USO4 | TUN_F_USO6)) != (TUN_F_USO4 | TUN_F_USO6))
		offloads &= ~(unsigned)(TUN_F_USO4 | TUN_F_USO6);
	return offloads;
}

/* FNV-1a, 64 bits; the terminating zero keeps "a","bc" from "ab","c". */
static uint64_t hash(uint64_t state, const char *text)
{
	do {
		state ^= (uint8_t)*text;
		state *= UINT64_C(0x100000001b3);
	} while (*text++ != '\0');
	return state;
}

void net_default_mac(const char *vm_id, const char *device_id, const char *tap,
		     uint8_t mac[6])
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	value = hash(hash(hash(value, vm_id), device_id), tap);
	value ^= value >> 40;
	mac[0] = 0x02; /* locally administered, one receiver */
	for (size_t i = 1; i < 6; i++)
		mac[i] = (uint8_t)(value >> (8 * (i - 1)));
}
