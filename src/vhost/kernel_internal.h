// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_internal.h - what the kernel_*.c files share; seen by nobody else
 */
#ifndef MOTE_KERNEL_INTERNAL_H
#define MOTE_KERNEL_INTERNAL_H

#include "ioctl.h"
#include "util.h"
#include "vhost_internal.h"
#include "vhost_kernel.h"

#include <linux/vhost.h>

struct event;
struct kernel;

enum {
	KERNEL_RINGS_MAX = VHOST_SCSI_QUEUES_MAX + 2,
	KERNEL_CONFIG_MAX = 64,
};

/* What the three kinds of devices differ in. */
struct kernel_kind {
	const char *path;   /* "/dev/vhost-net" */
	const char *module; /* that brings it */
	uint64_t offered;   /* of the kernel's features, those made use of */
	/*
	 * The rings are set up: have the kernel serve them; and no longer, after
	 * which it does not touch guest memory. halt() may be called whatever
	 * state run() left behind.
	 */
	int (*run)(struct kernel *kernel, struct err *err);
	void (*halt)(struct kernel *kernel);
	/*
	 * The same for one ring; both or none. NULL: VIRTIO_F_RING_RESET is not
	 * offered, and a driver that stops a ring all the same stops the device.
	 */
	int (*run_ring)(struct kernel *kernel, unsigned index, struct err *err);
	void (*halt_ring)(struct kernel *kernel, unsigned index);
	/* Is an error the host's doing, and the queue as good as it was? May be NULL. */
	bool (*excused)(struct kernel *kernel);
	/* Free the object that kernel is the first member of. */
	void (*release)(struct kernel *kernel);
};

/* First member of every kind. */
struct kernel {
	struct vhost vhost;
	const struct kernel_kind *kind;
	char id[ID_MAX + 1];
	const struct guest_memory *mem;
	int fd;
	unsigned rings; /* the first of the queues; the kernel serves these */
	uint8_t config[KERNEL_CONFIG_MAX];

	int err_fd; /* the kernel gave up on a ring */
	struct event *err_event;

	bool started;
	uint64_t features; /* of the driver, while started */
	int call_fd;	   /* borrowed, while started */
	bool ring_set[KERNEL_RINGS_MAX];
};

static inline struct kernel *to_kernel(struct vhost *vhost)
{
	return container_of(vhost, struct kernel, vhost);
}

/* Before anything can fail: from here on vhost_destroy() cleans up. */
void kernel_init(struct kernel *kernel, const struct kernel_kind *kind,
		 const char *id);

/*
 * Open the device (or take over given_fd, unless -1), own it, give it the guest's
 * memory, learn its features into vhost.features.
 */
int kernel_open(struct kernel *kernel, int given_fd,
		const struct guest_memory *mem, struct event_base *base,
		struct err *err);

/* Open a device file of the host; *err says what a missing one needs. */
int kernel_open_path(const char *path, const char *module, struct err *err);

#endif
