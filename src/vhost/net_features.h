// SPDX-License-Identifier: Apache-2.0
/*
 * net_features.h - what a network device on a tap offers, and who it is
 *
 * No state, no system calls.
 */
#ifndef MOTE_NET_FEATURES_H
#define MOTE_NET_FEATURES_H

#include <stdint.h>

/* virtio 1.3, 5.1.3; newer than the uapi header of some distributions. */
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO	56

/* Features that follow from what the tap can do (TUN_F_*). */
uint64_t net_features_of_tap(unsigned offloads);

/* What the tap may hand to a driver that took these features (TUN_F_*). */
unsigned net_offloads_of_driver(uint64_t features);

/*
 * An address nobody gave: locally administered, the same for the same three
 * names.
 */
void net_default_mac(const char *vm_id, const char *device_id, const char *tap,
		     uint8_t mac[6]);

#endif
