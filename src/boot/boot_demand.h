// SPDX-License-Identifier: Apache-2.0
/*
 * boot_demand.h - shared guest memory that is filled from files when touched
 *
 * For the time between the first instruction and the first device: what the
 * guest touches first is copied first, and nothing is copied before the guest
 * starts. Main thread only. While anything is missing, the main thread must
 * neither touch that memory nor wait for a vCPU without answering in between:
 * the vCPU may be waiting for it.
 */
#ifndef MOTE_BOOT_DEMAND_H
#define MOTE_BOOT_DEMAND_H

#include "err.h"
#include "guest_memory.h"

struct boot_demand;

/* Watch for POLLIN, then call boot_demand_handle(). -1 when all is there. */
int boot_demand_fd(const struct boot_demand *demand);

/* Fill what was touched. An error is for good: a vCPU waits for these bytes. */
int boot_demand_handle(struct boot_demand *demand, struct err *err);

/*
 * Fill everything that is still missing and close the descriptor. To be called
 * before the first backend is told to run, because backends map the memory
 * themselves and would see, and make, holes; and before vCPUs are paused or
 * stopped. A second call does nothing.
 */
int boot_demand_finish(struct boot_demand *demand, struct err *err);

/*
 * NULL is allowed. Whoever waits for something that is still missing goes on
 * with zeros; so stop the guest first, or do not care for it.
 */
void boot_demand_destroy(struct boot_demand *demand);

/*
 * For boot_load(): -EPERM, -ENOSYS, ... when the host does not allow it. mem must
 * outlive it, and gets no huge pages until all is there.
 */
int boot_demand_create(struct guest_memory *mem, struct boot_demand **out,
		       struct err *err);

/* False when no further piece can be added. */
bool boot_demand_has_room(const struct boot_demand *demand);

/* len and host are whole pages that nothing has touched; fd stays the caller's. */
int boot_demand_add(struct boot_demand *demand, int fd, uint64_t offset,
		    uint64_t len, void *host, struct err *err);

#endif
