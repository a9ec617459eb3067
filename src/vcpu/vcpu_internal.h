// SPDX-License-Identifier: Apache-2.0
/*
 * vcpu_internal.h - what vcpu.c and vcpu_run.c share
 */
#ifndef MOTE_VCPU_INTERNAL_H
#define MOTE_VCPU_INTERNAL_H

#include "guest_clock.h" /* struct vcpu_clock, of each CPU */
#include "vcpu.h"

#include <linux/kvm.h>
#include <pthread.h>

enum vcpu_order { ORDER_RUN, ORDER_PAUSE, ORDER_STOP };

enum vcpu_state {
	VCPU_IDLE,    /* not started */
	VCPU_RUNNING, /* in the guest or in a handler */
	VCPU_PARKED,  /* waiting for ORDER_PAUSE to end */
	VCPU_GONE,    /* has left for good */
};

struct vcpu {
	struct vcpus *all;
	unsigned index;
	int fd;
	int stats_fd;	     /* KVM's statistics; -1: it has none */
	struct kvm_run *run; /* shared with the kernel */
	bool started;	     /* main thread: there is a thread to join */
	int host_cpu;	     /* where the thread is to run; -1: anywhere */
	pthread_t thread;
	enum vcpu_state state; /* guarded by all->lock */
	/* Written by its thread alone, read by others at any time. */
	uint64_t exits[VCPU_EXITS];
};

struct vcpus {
	struct kvm *kvm; /* borrowed */
	struct vcpu_handlers handlers;
	size_t run_size; /* bytes of each vcpu.run */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* order */
	enum vcpu_order order;	/* guarded by lock */
	bool awaited;		/* guarded by lock: tell parked_fd */
	int parked_fd;		/* eventfd: a vCPU is no longer running */
	bool paused;		/* main thread: clock is valid */
	struct vcpu_clock clock;
	unsigned count;
	struct vcpu cpu[];
};

/* What the loop does after one exit. */
enum vcpu_next {
	NEXT_RUN,
	NEXT_LEAVE, /* ordered to stop */
	NEXT_END_SHUTDOWN,
	NEXT_END_ERROR,
};

/* The vCPU's thread: run the guest until it ends (never NEXT_RUN). */
enum vcpu_next vcpu_run(struct vcpu *cpu);

/* vcpu_counts.c: one more exit. The vCPU's thread. */
static inline void vcpu_count_exit(struct vcpu *cpu, enum vcpu_exit exit)
{
	__atomic_store_n(&cpu->exits[exit], cpu->exits[exit] + 1,
			 __ATOMIC_RELAXED);
}

/*
 * The vCPU's thread, out of the guest with no access half done: park while the
 * order is to pause. False: leave.
 */
bool vcpu_obey(struct vcpu *cpu);

#endif
