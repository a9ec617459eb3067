// SPDX-License-Identifier: Apache-2.0
/*
 * vcpu.h - the vCPUs of one VM: one thread each, run loop, exits
 *
 * Created, started, paused, stopped by the main thread. The handlers are called
 * on the vCPU threads.
 */
#ifndef MOTE_VCPU_H
#define MOTE_VCPU_H

#include "boot_entry.h"
#include "kvm.h"

#define VCPUS_MAX 64u

struct main_call;
struct vcpus;

/* Why a vCPU ended the VM by itself. */
enum vcpu_end {
	VCPU_END_SHUTDOWN, /* KVM_EXIT_SHUTDOWN: triple fault */
	VCPU_END_ERROR,	   /* KVM or the monitor failed; logged already */
};

enum vcpu_space { VCPU_MMIO, VCPU_PIO };

/*
 * What a guest access that left the kernel means. data holds len bytes (1, 2, 4
 * or 8), little-endian as in the guest; read() finds it filled with ones, what a
 * bus without a device returns, and may leave it so. ended() comes at most once
 * per vCPU, after which its thread only waits to be joined.
 */
struct vcpu_handlers {
	void (*read)(void *ctx, enum vcpu_space space, uint64_t addr,
		     void *data, unsigned len);
	void (*write)(void *ctx, enum vcpu_space space, uint64_t addr,
		      const void *data, unsigned len);
	void (*ended)(void *ctx, unsigned index, enum vcpu_end why);
	void *ctx;
};

/* Create count vCPUs (1 to VCPUS_MAX) with their CPUID and MSRs; no thread yet. */
int vcpus_create(struct kvm *kvm, unsigned count,
		 const struct vcpu_handlers *handlers, struct vcpus **out,
		 struct err *err);
void vcpus_destroy(struct vcpus *vcpus); /* stopped or never started */

/*
 * Put vCPU 0 where entry says (and its page tables and descriptors into mem);
 * the others wait for the guest to start them.
 */
int vcpus_set_boot_state(struct vcpus *vcpus, struct guest_memory *mem,
			 const struct boot_entry *entry, struct err *err);

/*
 * Before the start: the thread of the first n vCPUs shall run on this CPU of the
 * host each. A CPU that is not there fails the start.
 */
void vcpus_set_affinity(struct vcpus *vcpus, const uint16_t *cpus, unsigned n);

/* Start one thread per vCPU, once. On failure none runs. */
int vcpus_start(struct vcpus *vcpus, struct err *err);

/*
 * Between start and stop. Pause returns when no vCPU is in the guest or in a
 * handler, and the guest's clocks stand still from there to resume. It runs the
 * calls of handlers that wait for the main thread; calls may be NULL when none
 * does. When one of the vCPUs cannot be had within 10 s (-ETIMEDOUT) all go on.
 * Either, called twice, does nothing the second time.
 */
int vcpus_pause(struct vcpus *vcpus, struct main_call *calls, struct err *err);
int vcpus_resume(struct vcpus *vcpus, struct err *err);
bool vcpus_are_paused(const struct vcpus *vcpus);

/*
 * Make every thread leave and join it, paused or not; a second call does nothing.
 * Handlers that wait for the main thread must have been released first
 * (main_call_close()).
 */
void vcpus_stop(struct vcpus *vcpus);

/* Why KVM_RUN returned to us. */
enum vcpu_exit {
	VCPU_EXIT_OTHER, /* KVM gave up the CPU for a moment */
	VCPU_EXIT_IO_IN,
	VCPU_EXIT_IO_OUT,
	VCPU_EXIT_MMIO_READ,
	VCPU_EXIT_MMIO_WRITE,
	VCPU_EXIT_MSR,	    /* one that KVM does not know */
	VCPU_EXIT_SIGNAL,   /* a kick, or another signal */
	VCPU_EXIT_SHUTDOWN, /* ended the VM, as the guest wanted */
	VCPU_EXIT_FAILURE,  /* ended the VM */
	VCPU_EXITS,
};

/* "other", "io_in", ...: valid for ever. */
const char *vcpu_exit_name(enum vcpu_exit exit);

struct vcpu_counts {
	uint64_t exits[VCPU_EXITS]; /* to user space, since the start */
	bool has_cpu_time;	    /* false: its thread does not run */
	uint64_t cpu_time;	    /* nanoseconds, of guest and host */
};

/* Main thread. */
unsigned vcpus_count(const struct vcpus *vcpus);
void vcpus_get_counts(struct vcpus *vcpus, unsigned index,
		      struct vcpu_counts *out);
/* For kvm_stats.h; borrowed; -1: KVM has no statistics. */
int vcpus_stats_fd(const struct vcpus *vcpus, unsigned index);

#endif
