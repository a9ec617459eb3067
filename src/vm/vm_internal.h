// SPDX-License-Identifier: Apache-2.0
/*
 * vm_internal.h - what the files of src/vm share; seen by nobody else
 */
#ifndef MOTE_VM_INTERNAL_H
#define MOTE_VM_INTERNAL_H

#include "boot_timer.h"
#include "guest_memory.h"
#include "layout.h"
#include "power.h"
#include "early_console.h"
#include "vcpu.h"
#include "vm.h"
#include "vm_power.h"

struct boot_demand;
struct event;
struct event_base;
struct ioapic;
struct main_call;
struct vhost;
struct virtio_mmio;

/* A slot on the bus: index i is window i and GSI LAYOUT_DEVICE_GSI_BASE + i. */
struct vm_device {
	const char *id;	    /* borrowed from the configuration */
	uint32_t device_id; /* virtio device type */
	int backend_fd;	    /* our end towards our own backend; -1 */
	int control_fd;	    /* our end to swap a disk's image; -1 */
	uint32_t swaps;	    /* asked for so far */
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
	struct vm_owner owner;
	struct main_call *main_calls;

	struct guest_memory *memory;
	struct boot_demand *demand; /* what is still in the files */
	struct event *demand_event;
	struct kvm *kvm;
	struct vcpus *vcpus;
	struct ioapic *ioapic;
	struct power_ops power;
	struct early_console early_console;
	struct boot_timer boot_timer;

	uint8_t *windows; /* one page per device, one KVM slot */
	struct vm_device devices[LAYOUT_DEVICES_MAX];
	unsigned device_count;
	int ack_fd; /* swallows InterruptACK = 1; never read */
	struct vm_power_button power_button;

	bool driver_seen; /* a device was started; main thread */
	bool ended;	  /* main thread */
	enum vm_end end;
};

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

/* vm_pmem.c: put the images behind RAM, before KVM's slots. */
int vm_map_pmem(struct vm *vm, struct err *err);

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
/* A slot whose backend is ours: *theirs is the backend's end of the socket. */
int vm_add_own_device(struct vm *vm, const char *id, uint32_t device_id,
		      const void *config, int *theirs, struct err *err);

/* vm_kernel_devices.c: slots for devices whose backend is the kernel. */
int vm_add_kernel_devices(struct vm *vm, struct err *err);

/* vm_consoles.c, vm_vsock.c: what it is attached to -> descriptors for its backend. */
int vm_start_console(struct vm *vm, const struct config_console *console,
		     int backend_fd, struct err *err);
int vm_start_vsock(struct vm *vm, const struct config_vsock *vsock,
		   int backend_fd, struct err *err);

#endif
