// SPDX-License-Identifier: Apache-2.0
/*
 * boot_timer.h - how long a guest took until it said that it had booted
 *
 * Firecracker's boot timer: a write of one byte, 123, to the page at 0xc0000000
 * (docs/api.md). Here that is the window of the first device, where such a write
 * means nothing else: its registers are written in four bytes.
 */
#ifndef MOTE_BOOT_TIMER_H
#define MOTE_BOOT_TIMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct boot_timer {
	bool on;
	uint64_t start_us, start_cpu_us; /* since some moment; of the process */
	atomic_flag told;
};

/* The guest is about to be made. */
void boot_timer_start(struct boot_timer *timer);

/* True when the write is the guest's word; the first one is logged. vCPUs. */
bool boot_timer_write(struct boot_timer *timer, uint64_t addr, const void *data,
		      unsigned len);

#endif
