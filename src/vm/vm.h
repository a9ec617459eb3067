// SPDX-License-Identifier: Apache-2.0
/*
 * vm.h - one VM: composed from its configuration, run to its end
 *
 * Main thread, where nothing else is said.
 */
#ifndef MOTE_VM_H
#define MOTE_VM_H

#include "config.h"
#include "err.h"

struct event_base;
struct spawner;
struct vm;

/* How it ended; the exit status of `mote run` follows from it (docs/mote.1). */
enum vm_end {
	VM_END_POWEROFF,
	VM_END_RESET, /* the guest rebooted */
	VM_END_PANIC, /* the guest said so through pvpanic */
	VM_END_TRIPLE_FAULT,
	VM_END_USER,  /* signal, or Ctrl-A x on the console */
	VM_END_ERROR, /* KVM or the monitor failed; logged */
};

/* The VM tells its owner, once, on the main thread; its vCPUs still exist. */
struct vm_owner {
	void (*ended)(void *ctx, enum vm_end end);
	void *ctx;
};

/*
 * Create everything a guest needs up to its first instruction. cfg has passed
 * vm_config_check(); cfg, spawner and base are borrowed until vm_destroy(), the
 * descriptors of cfg too: the VM has its own copies.
 */
int vm_create(const struct vm_config *cfg, struct spawner *spawner,
	      struct event_base *base, const struct vm_owner *owner,
	      struct vm **out, struct err *err);

/* Let the vCPUs run; the rest happens in base's loop. */
int vm_start(struct vm *vm, struct err *err);

/* Ask for the end, from any thread; only the first one counts. */
void vm_end_request(struct vm *vm, enum vm_end end);

/* Stop the vCPUs for good; after it only vm_destroy(). */
void vm_stop(struct vm *vm);

void vm_destroy(struct vm *vm); /* NULL is allowed */

#endif
