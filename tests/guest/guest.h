// SPDX-License-Identifier: Apache-2.0
/*
 * guest.h - run the tiny guest of guest_code.h through src/vcpu and watch it
 *
 * Every function fails the running test when something it needs goes wrong.
 */
#ifndef MOTE_TESTS_GUEST_H
#define MOTE_TESTS_GUEST_H

#include "guest_code.h"
#include "guest_memory.h"
#include "ioapic.h"
#include "kvm.h"
#include "vcpu.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

enum { GUEST_LOG_MAX = 256, GUEST_TIMEOUT_MS = 20000 };

/* What left the kernel: an access that reached the handlers. */
struct guest_access {
	enum vcpu_space space;
	bool write;
	uint64_t addr;
	unsigned len;
	uint64_t value; /* written, or answered */
};

struct guest {
	struct guest_memory *mem;
	struct kvm *kvm;
	struct vcpus *vcpus;
	struct guest_shared *shared;
	uint8_t *readonly;	 /* the page at LAYOUT_DEVICES_BASE */
	struct ioapic *ioapic;	 /* gets the accesses to LAYOUT_IOAPIC */
	uint64_t answer;	 /* what reads return, low bytes first */
	bool answers;		 /* else reads are left as they come */
	struct main_call *calls; /* what the handlers do goes through these */
	unsigned asked;		 /* calls run; main thread */
	unsigned in_handlers;	 /* vCPUs; atomic */
	struct timespec slow;	 /* each call takes so long */
	int done_fd;		 /* eventfd: the guest finished its steps */
	int ended_fd;		 /* eventfd: a vCPU ended the VM */
	bool ends;		 /* it is meant to */

	pthread_mutex_t lock; /* guards what the vCPUs write: */
	bool ended;
	enum vcpu_end why;
	unsigned logged;
	struct guest_access log[GUEST_LOG_MAX];
};

/* Memory, a read-only page, LAPICs, cpus vCPUs at guest_start. */
void guest_create(struct guest *g, unsigned cpus);
/* One vCPU by the other protocol: writes arg to GUEST_PORT_PVH, is done. */
void guest_create_pvh(struct guest *g, uint32_t arg);
/* Stop the vCPUs; none may have ended by itself, or one must if g->ends. */
void guest_destroy(struct guest *g);

/* Write the steps (END is added) and start the vCPUs. */
void guest_start_steps(struct guest *g, const struct guest_step *steps,
		       size_t n);
/* The same, and wait until they are done; step i is then g->shared->steps[i]. */
void guest_run_steps(struct guest *g, const struct guest_step *steps, size_t n);

/* Pause, while running g->calls, and resume. */
void guest_pause(struct guest *g);
void guest_resume(struct guest *g);

/* The steps are done. */
bool guest_is_done(const struct guest *g);
/* Wait for one of the eventfds; false after GUEST_TIMEOUT_MS. */
bool guest_wait(struct guest *g, int fd);
/* Wait until *word has (a bit of) that value. */
bool guest_wait_for(const uint32_t *word, uint32_t mask, uint32_t value);

/* Ring 3 may use all memory; before the start. */
void guest_allow_user(struct guest *g);

/* Run the suite, or exit 77 with the reason why it cannot be run here. */
int guest_suite_run(Suite *suite);

#endif
