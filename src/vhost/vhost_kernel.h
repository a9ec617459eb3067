// SPDX-License-Identifier: Apache-2.0
/*
 * vhost_kernel.h - backends in the host kernel: network, sockets, SCSI targets
 *
 * The kernel's worker thread moves the data: nothing of it, and no notification
 * or interrupt, passes through this process (Linux, include/uapi/linux/vhost.h).
 * Guest memory may be private or shared; it must outlive the backend.
 */
#ifndef MOTE_VHOST_KERNEL_H
#define MOTE_VHOST_KERNEL_H

#include "vhost.h"

struct event_base;

/* Where a network device's frames go. */
enum vhost_net_port {
	VHOST_NET_TAP,	   /* by name; created if there is none */
	VHOST_NET_MACVTAP, /* by name */
	VHOST_NET_TAP_FD,  /* an open tap or macvtap */
};

struct vhost_net_config {
	const char *id;	   /* device id, for log lines; copied */
	const char *vm_id; /* part of what the default address is made from */
	enum vhost_net_port port;
	const char *name; /* of the interface */
	int tap_fd;	  /* VHOST_NET_TAP_FD: taken over */
	int vhost_fd;	  /* an open /dev/vhost-net, taken over; -1: open it */
	bool mac_given;
	uint8_t mac[6];
	unsigned mtu;	     /* bytes; 0: the interface's own */
	uint16_t queue_size; /* a power of two */
};

/*
 * One pair of queues on /dev/vhost-net. On failure *err names the interface or
 * the device and the remedy; descriptors are taken over even then.
 */
int vhost_net_create(const struct vhost_net_config *cfg,
		     const struct guest_memory *mem, struct event_base *base,
		     struct vhost **out, struct err *err);

struct vhost_vsock_config {
	const char *id;
	uint32_t cid; /* the guest's; 3 or more */
	uint16_t queue_size;
};

int vhost_vsock_create(const struct vhost_vsock_config *cfg,
		       const struct guest_memory *mem, struct event_base *base,
		       struct vhost **out, struct err *err);

struct vhost_scsi_config {
	const char *id;
	const char *wwpn; /* "naa.…", as LIO's configfs names it */
	uint16_t tpgt;	  /* target portal group */
	unsigned queues;  /* for requests, 1 to VHOST_SCSI_QUEUES_MAX */
	uint16_t queue_size;
};

enum { VHOST_SCSI_QUEUES_MAX = 128 }; /* of drivers/vhost/scsi.c */

int vhost_scsi_create(const struct vhost_scsi_config *cfg,
		      const struct guest_memory *mem, struct event_base *base,
		      struct vhost **out, struct err *err);

#endif
