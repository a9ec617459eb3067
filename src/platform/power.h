// SPDX-License-Identifier: Apache-2.0
/*
 * power.h - the ports by which a guest ends: ACPI sleep and reset registers
 * (ACPI 6.5, 4.8.3.7 and 4.8.3.6), the i8042 reset command, pvpanic
 *
 * Stateless but for the callback; any thread.
 */
#ifndef MOTE_POWER_H
#define MOTE_POWER_H

#include <stdbool.h>
#include <stdint.h>

enum power_event {
	POWER_OFF,   /* S5 */
	POWER_RESET, /* ACPI reset register or i8042 0xfe */
	POWER_PANIC, /* pvpanic: the guest kernel panicked */
};

struct power_ops {
	void (*event)(void *ctx, enum power_event event);
	void *ctx;
};

/* True when the port is one of ours; a read fills data. */
bool power_pio_read(const struct power_ops *ops, uint16_t port, void *data,
		    unsigned len);
bool power_pio_write(const struct power_ops *ops, uint16_t port,
		     const void *data, unsigned len);

#endif
