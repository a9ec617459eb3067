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

/*
 * Press the guest's power button: a guest with a driver for it
 * shuts down. What became of it is not known here. -ENOTSUP without ACPI.
 */
int vm_power_button(struct vm *vm, struct err *err);

/*
 * While it runs, from an event of its loop: stop the guest between two
 * instructions, its clocks with it, and let it go on. Devices finish what they
 * have been given. Either is done at once or fails, and changes nothing when
 * there is nothing to change.
 */
int vm_pause(struct vm *vm, struct err *err);
int vm_resume(struct vm *vm, struct err *err);
bool vm_is_paused(const struct vm *vm);

void vm_destroy(struct vm *vm); /* NULL is allowed */

/*
 * Open the image of a disk as a start of the VM would, for config_disk.fd or
 * vm_swap_disk(); the caller's from then on. It is not locked yet, so that the
 * image that a disk has already can be opened for it once more.
 */
int vm_open_disk(const struct config_disk *disk, int *fd, struct err *err);

/*
 * Give disk id another image while the VM runs; image_fd is borrowed, path is for
 * messages. The old image, made safe, loses its lock, the new one has it. A
 * writable disk needs an image that is open for writing; a read-only one stays so.
 * The image that is in use already only has its size read again. The guest hears
 * of the new size from the event loop.
 *
 * Takes at most 2 s. -ENOENT: no such device; -EINVAL: not a disk of ours, or not
 * an image; -EROFS, -EBUSY (locked), -ETIMEDOUT (requests under way take too
 * long), or another -errno; the old image is then still in use.
 */
int vm_swap_disk(struct vm *vm, const char *id, int image_fd, const char *path,
		 struct err *err);

/*
 * Read a device's configuration space from its backend again and tell the guest:
 * for a vhost-user server that has changed the size of a disk without a word.
 * -ENOENT: no such device; -ENOTSUP: its backend has no configuration space.
 */
int vm_refresh_config(struct vm *vm, const char *id, struct err *err);

#endif
