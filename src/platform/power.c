// SPDX-License-Identifier: Apache-2.0
/*
 * power.c - the ports by which a guest ends
 *
 * All are byte registers; of a wider access only the first byte counts, and the
 * rest of a wider read is zero.
 */
#include "power.h"
#include "layout.h"
#include "util.h"

#include <string.h>

/* ACPI 6.5, 4.8.3.7 "Sleep Control and Status Registers". */
enum {
	SLEEP_TYPE_SHIFT = 2,
	SLEEP_TYPE_MASK = 7,
	SLEEP_ENABLE = 1 << 5,
};

/* QEMU's docs/specs/pvpanic: the events a guest may report. */
enum { PVPANIC_PANICKED = 1 << 0 };

/* The i8042's command that pulses the reset line of the CPU. */
enum { I8042_RESET = 0xfe };

/* SLP_TYP other than S5 is a state that our \_Sx objects do not offer. */
static void write_sleep(const struct power_ops *ops, uint8_t value)
{
	unsigned type = value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK;

	if ((value & SLEEP_ENABLE) && type == LAYOUT_ACPI_SLEEP_S5)
		ops->event(ops->ctx, POWER_OFF);
}

/* WAK_STS, write one to clear: never set, since no guest ever wakes up here. */
static void write_nothing(const struct power_ops *ops, uint8_t value)
{
	(void)ops;
	(void)value;
}

/* ACPI 6.5, 4.8.3.6 "Reset Register": the value is the FADT's RESET_VALUE. */
static void write_reset(const struct power_ops *ops, uint8_t value)
{
	if (value == LAYOUT_ACPI_RESET_VALUE)
		ops->event(ops->ctx, POWER_RESET);
}

static void write_i8042(const struct power_ops *ops, uint8_t value)
{
	if (value == I8042_RESET)
		ops->event(ops->ctx, POWER_RESET);
}

/*
 * Bit 1, "a crash kernel was loaded", is not offered: the guest goes on in its
 * crash kernel, and there is nothing for us to do.
 */
static void write_pvpanic(const struct power_ops *ops, uint8_t value)
{
	if (value & PVPANIC_PANICKED)
		ops->event(ops->ctx, POWER_PANIC);
}

struct power_port {
	uint16_t port;
	uint8_t value; /* what it reads as */
	void (*write)(const struct power_ops *ops, uint8_t value);
};

/*
 * The i8042's status must read as 0: bit 1, "input buffer full", would keep a
 * guest waiting before it sends the reset command.
 */
/* clang-format off */
static const struct power_port ports[] = {
	{ LAYOUT_PORT_ACPI_SLEEP,	0, write_sleep },
	{ LAYOUT_PORT_ACPI_STATUS,	0, write_nothing },
	{ LAYOUT_PORT_ACPI_RESET,	0, write_reset },
	{ LAYOUT_PORT_I8042,		0, write_i8042 },
	{ LAYOUT_PORT_PVPANIC,		PVPANIC_PANICKED, write_pvpanic },
};
/* clang-format on */

static const struct power_port *find_port(uint16_t port)
{
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		if (ports[i].port == port)
			return &ports[i];
	}
	return NULL;
}

bool power_pio_read(const struct power_ops *ops, uint16_t port, void *data,
		    unsigned len)
{
	const struct power_port *found = find_port(port);

	(void)ops;
	if (found == NULL)
		return false;
	memset(data, 0, len);
	memcpy(data, &found->value, sizeof(found->value));
	return true;
}

bool power_pio_write(const struct power_ops *ops, uint16_t port,
		     const void *data, unsigned len)
{
	const struct power_port *found = find_port(port);
	uint8_t value;

	(void)len;
	if (found == NULL)
		return false;
	memcpy(&value, data, sizeof(value));
	found->write(ops, value);
	return true;
}
