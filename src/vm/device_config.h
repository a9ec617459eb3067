// SPDX-License-Identifier: Apache-2.0
/*
 * device_config.h - what a user asks for: the devices, as plain data
 *
 * Part of struct vm_config (config.h). Ids left empty are given out by
 * vm_config_check(); strings are borrowed from the caller.
 */
#ifndef MOTE_DEVICE_CONFIG_H
#define MOTE_DEVICE_CONFIG_H

#include "util.h"

enum {
	CONFIG_DISKS_MAX = 32,
	CONFIG_DISK_QUEUES_MAX = 64, /* of `mote block` */
	CONFIG_VHOST_USER_MAX = 32,
	CONFIG_NETS_MAX = 16,
	CONFIG_VSOCKS_MAX = 1, /* a driver takes one */
	CONFIG_VSOCK_CID = 3,  /* default, with uds_path */
	CONFIG_SCSIS_MAX = 8,
	CONFIG_SCSI_QUEUES_MAX = 128, /* for requests; of vhost-scsi */
	CONFIG_WWPN_MAX = 223,	      /* bytes; of vhost-scsi */
	CONFIG_CONSOLES_MAX = 8,
	CONFIG_PMEM_MAX = 8,
	CONFIG_TAG_MAX = 36,	      /* bytes; virtio 1.3, 5.11.4 */
	CONFIG_QUEUE_SIZE = 256,      /* default */
	CONFIG_SCSI_QUEUE_SIZE = 128, /* the kernel allocates per entry */
};

struct config_disk {
	char id[ID_MAX + 1];
	const char *path;
	int fd; /* its image, open; -1: to be opened */
	bool read_only;
	bool direct;	 /* O_DIRECT */
	unsigned queues; /* 0: one per vCPU, at most 8 */
};

struct config_mac {
	uint8_t addr[6];
	bool given; /* else the backend or the monitor chooses */
};

struct config_vhost_user {
	char id[ID_MAX + 1];
	const char *type; /* as in vhost_user_type_find() */
	const char *socket;
	int fd; /* connected to the server; -1: to be connected to socket */
	bool fd_given; /* by the user, and no connection of ours */
	bool listen;
	unsigned queues; /* 0: the type's default */
	uint16_t queue_size;
	const char *tag;       /* fs: mount tag; NULL: backend's */
	struct config_mac mac; /* net */
};

/* One of tap, macvtap, tap_fd says where the frames go. */
struct config_net {
	char id[ID_MAX + 1];
	const char *tap;     /* NULL: not by this name */
	const char *macvtap; /* NULL: not by this name */
	int tap_fd;	     /* open tap or macvtap; -1: none */
	int vhost_fd;	     /* open /dev/vhost-net, with tap_fd; -1: none */
	struct config_mac mac;
	unsigned mtu;	 /* bytes; 0: the interface's own */
	unsigned queues; /* pairs */
	uint16_t queue_size;
};

/* On Unix sockets, served by `mote vsock`, or on the kernel's vhost-vsock. */
struct config_vsock {
	char id[ID_MAX + 1];
	uint32_t cid;	      /* any with uds_path, else one of the host's */
	const char *uds_path; /* NULL: the kernel's */
	int listen_fd;	      /* listens there; -1: to be bound */
};

struct config_scsi {
	char id[ID_MAX + 1];
	const char *wwpn;
	unsigned tpgt;	 /* target portal group, 16 bits */
	unsigned queues; /* for requests; 0: one per vCPU, at most 4 */
};

enum config_console_kind {
	CONSOLE_STDIO,
	CONSOLE_PTY,
	CONSOLE_FILE,
	CONSOLE_SOCKET,
};

struct config_console {
	char id[ID_MAX + 1];
	enum config_console_kind kind;
	const char *path; /* file or socket */
	bool drop; /* what nobody reads, rather than wait; a pty always does */
};

/* Not on the bus: memory. */
struct config_pmem {
	char id[ID_MAX + 1];
	const char *path;
	int fd; /* its image, open and locked; -1: to be opened */
};

#endif
