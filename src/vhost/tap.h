// SPDX-License-Identifier: Apache-2.0
/*
 * tap.h - tap and macvtap interfaces of the host: open, create, ask
 *
 * Linux, Documentation/networking/tuntap.rst and include/uapi/linux/if_tun.h.
 * Frames never pass here. Main thread only. Errors name the interface and what
 * to do about it.
 */
#ifndef MOTE_TAP_H
#define MOTE_TAP_H

#include "err.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* Linux 6.1's if_tun.h does not have them yet. */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40

struct tap {
	int fd;		     /* -1: none */
	char name[IFNAMSIZ]; /* as the interface was called when opened */
	bool macvtap;
	bool created; /* by us: ends with the descriptor */
};

/* What the network stack knows of an interface. */
struct tap_link {
	unsigned index; /* 0: not in our network namespace; only mac is known */
	bool up;	/* administratively */
	unsigned mtu;	/* bytes */
	uint8_t mac[6]; /* the host's side of a tap, both sides of a macvtap */
};

/* 1 to 15 bytes that the kernel takes for a name, and for nothing else. */
bool tap_name_is_possible(const char *name);

/*
 * Attach to the tap of this name, or create it. *tap is "none" before and, here
 * and below, after a failure: fd -1, all else zero.
 */
int tap_open(const char *name, struct tap *tap, struct err *err);
int tap_open_macvtap(const char *name, struct tap *tap, struct err *err);
/* An open tap or macvtap that somebody passed us; taken over on success. */
int tap_adopt(int fd, struct tap *tap, struct err *err);
void tap_close(struct tap *tap);

/* Frames with the header of virtio 1.3, 5.1.6, all 12 bytes of it. */
int tap_use_virtio_header(const struct tap *tap, struct err *err);

/* Which TUN_F_* the kernel knows; afterwards none is in effect. */
unsigned tap_probe_offloads(const struct tap *tap);
/* Which TUN_F_* whoever reads from the tap can take. */
int tap_set_offloads(const struct tap *tap, unsigned offloads, struct err *err);

/* Is the interface still there? Renamed or moved, it is. */
bool tap_is_attached(const struct tap *tap);
void tap_get_link(const struct tap *tap, struct tap_link *link);
/* For one that we created. */
int tap_set_mtu(const struct tap *tap, unsigned mtu, struct err *err);
int tap_set_up(const struct tap *tap, struct err *err);

#endif
