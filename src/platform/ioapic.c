// SPDX-License-Identifier: Apache-2.0
/*
 * ioapic.c - the userspace IOAPIC of a split irqchip
 *
 * Theory of operation. The registers are those of Intel's 82093AA data sheet,
 * reached through a select register and a window. An entry that can deliver
 * (unmasked, with a mode and vector that a pin may have) is one route; routes
 * are compared before and after each write and handed over only when the one
 * that the write touched has changed, because KVM waits for its readers on
 * every replacement.
 *
 * Every line is an edge: a backend raises it once per event by its eventfd and
 * nobody ever lowers it. So a route is always sent as an edge-triggered MSI,
 * even if the guest has programmed its entry as level. Such an entry then works
 * as long as it does not wait for anything: Remote IRR and Delivery Status,
 * which only a level or a bus in flight could set, read as zero, and the EOI
 * register may be written without effect. This is why the version is 0x20, which
 * has that register: with 0x11, Linux ends a level interrupt that came as an edge
 * by masking and unmasking the entry, and the unmasking would raise it again,
 * without end.
 *
 * A line that rises while its entry is masked goes nowhere, and the event it
 * stands for would be lost, because the line stays up. Hence `unmasked`, called
 * with the new routes in force: a signal before them is made up for by that
 * call, a signal after them is delivered. One too many is harmless.
 *
 * The lock is held over both callbacks, so routes arrive in the order of the
 * writes that made them.
 */
#include "ioapic.h"
#include "util.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* 82093AA, 3.1 "Memory Mapped Registers for Accessing IOAPIC Registers". */
enum { REG_SELECT = 0x00, REG_WINDOW = 0x10 };

/* 82093AA, 3.2, by the index written to the select register. */
enum {
	INDEX_ID = 0,
	INDEX_VERSION = 1,
	INDEX_ARBITRATION = 2,
	INDEX_ENTRIES = 0x10,
};

static_assert(INDEX_ENTRIES + 2 * IOAPIC_PINS_MAX == UINT8_MAX + 1,
	      "the last entry ends with the 8-bit index");

enum { VERSION = 0x20 };

#define ID_MASK UINT32_C(0x0f000000)

/* 82093AA, 3.2.4 "I/O Redirection Table Registers". */
#define ENTRY_VECTOR   UINT64_C(0xff)
#define ENTRY_MODE     (UINT64_C(7) << 8)
#define ENTRY_LOGICAL  BIT(11)
#define ENTRY_POLARITY BIT(13)
#define ENTRY_LEVEL    BIT(15)
#define ENTRY_MASKED   BIT(16)
#define ENTRY_DEST     (UINT64_C(0xff) << 56)
#define ENTRY_WRITABLE                                                         \
	(ENTRY_VECTOR | ENTRY_MODE | ENTRY_LOGICAL | ENTRY_POLARITY |          \
	 ENTRY_LEVEL | ENTRY_MASKED | ENTRY_DEST)

/* SDM 3A, 11.11.1 and 11.11.2: the fields of an MSI's address and data. */
#define MSI_ADDRESS UINT64_C(0xfee00000)
enum {
	MSI_ADDRESS_DEST_SHIFT = 12,
	MSI_ADDRESS_LOGICAL = 1 << 2,
};

struct ioapic {
	struct ioapic_ops ops;
	pthread_mutex_t lock; /* guards everything below */
	uint8_t index;	      /* IOREGSEL */
	uint32_t id;	      /* IOAPICID */
	unsigned pins;
	struct ioapic_route *routes; /* scratch for set_routes(), pins */
	uint64_t entries[];	     /* IOREDTBL */
};

/*
 * ExtINT needs a PIC, which does not exist; modes 3 and 6 are reserved. A fixed
 * vector below 16 is illegal (SDM 3A, 11.5.2).
 */
static bool can_deliver(uint64_t entry)
{
	enum { FIXED, LOWEST_PRIORITY, SMI, NMI = 4, INIT = 5 };

	if (entry & ENTRY_MASKED)
		return false;
	switch ((entry & ENTRY_MODE) >> 8) {
	case FIXED:
	case LOWEST_PRIORITY:
		return (entry & ENTRY_VECTOR) >= 16;
	case SMI:
	case NMI:
	case INIT:
		return true;
	default:
		return false;
	}
}

/* Vector and mode have the same place in an entry and in the MSI's data. */
static struct ioapic_route route_of(unsigned pin, uint64_t entry)
{
	return (struct ioapic_route){
		.pin = pin,
		.address = MSI_ADDRESS |
			   (entry >> 56) << MSI_ADDRESS_DEST_SHIFT |
			   (entry & ENTRY_LOGICAL ? MSI_ADDRESS_LOGICAL : 0),
		.data = (uint32_t)(entry & (ENTRY_VECTOR | ENTRY_MODE)),
	};
}

static bool same_route(uint64_t a, uint64_t b)
{
	const uint64_t routed =
		ENTRY_VECTOR | ENTRY_MODE | ENTRY_LOGICAL | ENTRY_DEST;

	if (!can_deliver(a) || !can_deliver(b))
		return can_deliver(a) == can_deliver(b);
	return (a & routed) == (b & routed);
}

static void hand_over_routes(struct ioapic *ioapic)
{
	size_t n = 0;

	for (unsigned pin = 0; pin < ioapic->pins; pin++) {
		if (can_deliver(ioapic->entries[pin]))
			ioapic->routes[n++] =
				route_of(pin, ioapic->entries[pin]);
	}
	ioapic->ops.set_routes(ioapic->ops.ctx, ioapic->routes, n);
}

static void write_entry(struct ioapic *ioapic, unsigned pin, uint64_t entry)
{
	uint64_t old = ioapic->entries[pin];

	entry &= ENTRY_WRITABLE;
	ioapic->entries[pin] = entry;
	if (same_route(old, entry))
		return;
	hand_over_routes(ioapic);
	if (!can_deliver(old))
		ioapic->ops.unmasked(ioapic->ops.ctx, pin);
}

/* The entries lie in the index space as pairs, low half first. */
static uint32_t read_indexed(const struct ioapic *ioapic)
{
	unsigned pin = (ioapic->index - INDEX_ENTRIES) / 2;

	switch (ioapic->index) {
	case INDEX_ID:
	case INDEX_ARBITRATION: /* loaded with the ID, 3.2.3 */
		return ioapic->id;
	case INDEX_VERSION:
		return VERSION | (ioapic->pins - 1) << 16;
	default:
		break;
	}
	if (ioapic->index < INDEX_ENTRIES || pin >= ioapic->pins)
		return 0;
	return (uint32_t)(ioapic->entries[pin] >> 32 * (ioapic->index % 2));
}

static void write_indexed(struct ioapic *ioapic, uint32_t value)
{
	unsigned shift = 32 * (ioapic->index % 2);
	unsigned pin = (ioapic->index - INDEX_ENTRIES) / 2;

	if (ioapic->index == INDEX_ID)
		ioapic->id = value & ID_MASK;
	if (ioapic->index < INDEX_ENTRIES || pin >= ioapic->pins)
		return;
	write_entry(ioapic, pin,
		    (ioapic->entries[pin] & ~((uint64_t)UINT32_MAX << shift)) |
			    (uint64_t)value << shift);
}

int ioapic_create(unsigned pins, const struct ioapic_ops *ops,
		  struct ioapic **out, struct err *err)
{
	struct ioapic *ioapic;

	if (pins < IOAPIC_PINS_MIN || pins > IOAPIC_PINS_MAX)
		return err_set(err, EINVAL, "IOAPIC of %u pins: use %d to %d",
			       pins, IOAPIC_PINS_MIN, IOAPIC_PINS_MAX);
	ioapic = calloc(1, sizeof(*ioapic) + pins * sizeof(uint64_t));
	if (ioapic == NULL)
		return err_set(err, ENOMEM, "IOAPIC: out of memory");
	ioapic->routes = calloc(pins, sizeof(ioapic->routes[0]));
	if (ioapic->routes == NULL) {
		free(ioapic);
		return err_set(err, ENOMEM, "IOAPIC: out of memory");
	}
	ioapic->ops = *ops;
	ioapic->pins = pins;
	for (unsigned pin = 0; pin < pins; pin++)
		ioapic->entries[pin] = ENTRY_MASKED; /* 3.2.4, default */
	pthread_mutex_init(&ioapic->lock, NULL);
	*out = ioapic;
	return 0;
}

void ioapic_destroy(struct ioapic *ioapic)
{
	if (ioapic == NULL)
		return;
	pthread_mutex_destroy(&ioapic->lock);
	free(ioapic->routes);
	free(ioapic);
}

/* Only the registers' own size and place exist; 82093AA, 3.0. */
void ioapic_read(struct ioapic *ioapic, uint64_t offset, void *data,
		 unsigned len)
{
	uint32_t value = 0;

	memset(data, 0, len);
	if (len != sizeof(value))
		return;
	pthread_mutex_lock(&ioapic->lock);
	if (offset == REG_SELECT)
		value = ioapic->index;
	else if (offset == REG_WINDOW)
		value = read_indexed(ioapic);
	pthread_mutex_unlock(&ioapic->lock);
	memcpy(data, &value, sizeof(value));
}

void ioapic_write(struct ioapic *ioapic, uint64_t offset, const void *data,
		  unsigned len)
{
	uint32_t value;

	if (len != sizeof(value))
		return;
	memcpy(&value, data, sizeof(value));
	pthread_mutex_lock(&ioapic->lock);
	if (offset == REG_SELECT)
		ioapic->index = (uint8_t)value;
	else if (offset == REG_WINDOW)
		write_indexed(ioapic, value);
	pthread_mutex_unlock(&ioapic->lock);
}
