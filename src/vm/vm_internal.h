// SPDX-License-Identifier: Apache-2.0
/*
 * vm_internal.h - what the files of src/vm share; seen by nobody else
 */
#ifndef MOTE_VM_INTERNAL_H
#define MOTE_VM_INTERNAL_H

#include "guest_memory.h"
#include "layout.h"
#include "power.h"
#include "early_console.h"
#include "vcpu.h"
#include "vm.h"

struct boot_demand;
struct event;
struct event_base;
struct ioapic;
struct main_call;
struct vhost;
struct virtio_mmio;

enum { VM_SIGNALS = 3 };

/* A slot on the bus: index i is window i and GSI LAYOUT_DEVICE_GSI_BASE + i. */
struct vm_device {
	const char *id;	    /* borrowed from the configuration */
	uint32_t device_id; /* virtio device type */
	int backend_fd;	    /* our end towards our own backend; -1 */
	const void *config; /* its part of the configuration */
	/* Make the backend; may set device_id, where only that tells it. */
	int (*connect)(struct vm *vm, struct vm_device *device,
		       struct vhost **out, struct err *err);
	struct virtio_mmio *virtio;
};

struct vm {
	const struct vm_config *cfg;
	struct spawner *spawner;
	struct event_base *base;
	struct event *signals[VM_SIGNALS];
	struct main_call *main_calls;

	struct guest_memory *memory;
	int kernel_fd, initrd_fd;   /* open until loaded */
	struct boot_demand *demand; /* what is still in the files */
	struct event *demand_event;
	int pmem_fds[CONFIG_PMEM_MAX]; /* open images, locked; -1 */
	struct kvm *kvm;
	struct vcpus *vcpus;
	struct ioapic *ioapic;
	struct power_ops power;
	struct early_console early_console;

	uint8_t *windows; /* one page per device, one KVM slot */
	struct vm_device devices[LAYOUT_DEVICES_MAX];
	unsigned device_count;
	int ack_fd; /* swallows InterruptACK = 1; never read */

	bool driver_seen; /* a device was started; main thread */
	bool ended;	  /* main thread */
	enum vm_end end;
};

/* The first end counts; later ones are consequences. Any thread. */
void vm_end_request(struct vm *vm, enum vm_end end);

/* vm_bus.c: exits of the vCPUs find their device. */
extern const struct vcpu_handlers vm_bus_handlers;
void vm_power_event(void *ctx, enum power_event event);

/*
 * vm_load.c: kernel, initrd and tables into memory, vCPU 0 to its entry. The rest
 * of a load on demand must be finished before a backend looks at guest memory;
 * dropping it lets vCPUs that wait for a page go on, with zeros.
 */
int vm_load(struct vm *vm, struct err *err);
int vm_finish_loading(struct vm *vm, struct err *err);
void vm_drop_loading(struct vm *vm);

/*
 * vm_image.c: a file or block device, and locked for writing or for reading as
 * long as somebody has this open. A file system that has no locks is no failure.
 */
int vm_claim_image(int fd, const char *path, bool write, struct err *err);

/* vm_pmem.c: open and lock the images; put them behind RAM, before KVM's slots. */
int vm_open_pmem(struct vm *vm, struct err *err);
int vm_map_pmem(struct vm *vm, struct err *err);
void vm_close_pmem(struct vm *vm);

/* vm_interrupts.c: IOAPIC entries become KVM routes. */
int vm_create_interrupts(struct vm *vm, struct err *err);

/*
 * vm_devices.c, in this order: ask the spawner for our own backends, so that
 * they start while the rest is set up; fill the windows once memory exists;
 * connect ioeventfds and irqfds once vCPUs exist.
 */
int vm_start_backends(struct vm *vm, struct err *err);
int vm_create_devices(struct vm *vm, struct err *err);
int vm_connect_devices(struct vm *vm, struct err *err);
void vm_destroy_devices(struct vm *vm);

/*
 * The next slot on the bus. Returns NULL with *err set when the bus is full;
 * connect and what it needs are for the caller to fill in.
 */
struct vm_device *vm_add_device(struct vm *vm, const char *id, struct err *err);

/* vm_kernel_devices.c: slots for devices whose backend is the kernel. */
int vm_add_kernel_devices(struct vm *vm, struct err *err);

/* vm_consoles.c, vm_vsock.c: what it is attached to -> descriptors for its backend. */
int vm_start_console(struct vm *vm, const struct config_console *console,
		     int backend_fd, struct err *err);
int vm_start_vsock(struct vm *vm, const struct config_vsock *vsock,
		   int backend_fd, struct err *err);

#endif
