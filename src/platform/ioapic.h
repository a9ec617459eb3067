// SPDX-License-Identifier: Apache-2.0
/*
 * ioapic.h - the userspace IOAPIC of a split irqchip
 *
 * Intel 82093AA with up to 120 pins, as many as its 8-bit index register can
 * reach (the chip had 24). It carries no interrupt itself: each
 * redirection entry becomes an MSI route in KVM, so an irqfd is delivered without
 * coming here. Touched only when the guest programs it.
 */
#ifndef MOTE_IOAPIC_H
#define MOTE_IOAPIC_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ioapic;

/* An unmasked pin: what KVM is to send when the pin's line rises. */
struct ioapic_route {
	unsigned pin;
	uint64_t address; /* MSI address and data, SDM 3A, 11.11 */
	uint32_t data;
};

struct ioapic_ops {
	/*
	 * Replace all routes. Both are called on the writer's thread with the
	 * IOAPIC's lock held, and must not access the IOAPIC.
	 */
	void (*set_routes)(void *ctx, const struct ioapic_route *routes,
			   size_t n);
	/*
	 * The pin delivered nothing and now does: an edge in between went
	 * nowhere, so raise it once more. The new routes are in force.
	 */
	void (*unmasked)(void *ctx, unsigned pin);
	void *ctx;
};

enum { IOAPIC_PINS_MIN = 16, IOAPIC_PINS_MAX = 120 };

/* All pins masked. -EINVAL: pins is not from IOAPIC_PINS_MIN to _MAX. */
int ioapic_create(unsigned pins, const struct ioapic_ops *ops,
		  struct ioapic **out, struct err *err);
void ioapic_destroy(struct ioapic *ioapic); /* NULL is allowed */

/*
 * Any thread: an access of len bytes (up to 8) at offset of the 4 KiB window.
 * One that is not 4 bytes, aligned, at a register reads as zero and is not
 * written.
 */
void ioapic_read(struct ioapic *ioapic, uint64_t offset, void *data,
		 unsigned len);
void ioapic_write(struct ioapic *ioapic, uint64_t offset, const void *data,
		  unsigned len);

#endif
