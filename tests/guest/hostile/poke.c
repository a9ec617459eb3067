// SPDX-License-Identifier: Apache-2.0
/*
 * poke.c - the hostile steps: registers, IOAPIC, ports
 */
#include "hostile.h"

#include <sys/io.h>
#include <linux/virtio_mmio.h>

enum {
	IOAPIC_SEL = 0x00,
	IOAPIC_WIN = 0x10,
	IOAPIC_VECTOR = 0xff,
	IOAPIC_MODE = 7 << 8,
	IOAPIC_LOWEST = 1 << 8,
	IOAPIC_MASKED = 1 << 16,
};

/* What makes sense in a register; the other fields of 4.2.2 take anything. */
uint32_t plausible(unsigned reg)
{
	static const uint32_t status[] = { 0, 1, 3, 11, 15, 15, 64, 128, 79 };

	switch (reg) {
	case VIRTIO_MMIO_STATUS:
		return status[below(ARRAY_LEN(status))];
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
	case VIRTIO_MMIO_QUEUE_SEL:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_NOTIFY:
	case VIRTIO_MMIO_INTERRUPT_ACK:
	case REG_QUEUE_RESET:
		return (uint32_t)below(4);
	case VIRTIO_MMIO_QUEUE_NUM:
		return one_in(3) ? (uint32_t)below(1025) : 1u << below(11);
	default:
		return (uint32_t)any_value();
	}
}

static bool is_queue_address(unsigned reg)
{
	return reg >= VIRTIO_MMIO_QUEUE_DESC_LOW &&
	       reg < VIRTIO_MMIO_QUEUE_USED_HIGH + 4;
}

static uint64_t address_for(unsigned reg)
{
	return any_address(reg < VIRTIO_MMIO_QUEUE_AVAIL_LOW ? DESCRIPTORS
							     : RINGS);
}

/* All 64 bits, or one in eight times only the lower 32. */
static void set_address(unsigned window, unsigned low, uint64_t address)
{
	if (!one_in(8))
		set(window, low + 4, address >> 32);
	set(window, low, address);
}

void poke_register(unsigned window)
{
	unsigned reg = (unsigned)below(VIRTIO_MMIO_CONFIG + 16) & ~3u;

	if (one_in(3))
		get(window, reg);
	else if (is_queue_address(reg))
		set_address(window, reg & ~0xfu, address_for(reg));
	else
		set(window, reg, one_in(4) ? any_value() : plausible(reg));
}

/* Any size at any place, and the instructions that read as well as write. */
void poke_anywhere(void)
{
	unsigned size = 1u << below(4);
	size_t offset = below(window_len - 64);
	unsigned reg = (unsigned)(offset % opt.stride);
	uint8_t *at = windows + offset;
	uint64_t value = any_value();
	size_t n = below(64);

	if (is_queue_address(reg) || is_queue_address(reg + size - 1))
		value = address_for(reg);
	switch (below(16)) {
	case 0:
		at -= (uintptr_t)at & 3; /* split locks may be forbidden */
		asm volatile("lock orl %1, %0" : "+m"(*at) : "r"(0));
		done++;
		break;
	case 1:
		asm volatile("rep stosb"
			     : "+D"(at), "+c"(n)
			     : "a"(0xff)
			     : "memory");
		done++;
		break;
	case 2 ... 8:
		mmio_read(at, size);
		break;
	default:
		mmio_write(at, size, value);
		break;
	}
}

/* Many times the same write, to a register that is cheap or one that is not. */
void storm(unsigned window)
{
	static const unsigned regs[] = {
		VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_INTERRUPT_ACK,
		VIRTIO_MMIO_QUEUE_READY,  VIRTIO_MMIO_QUEUE_SEL,
		VIRTIO_MMIO_STATUS,
	};
	unsigned reg = regs[below(ARRAY_LEN(regs))];
	uint32_t value = plausible(reg);

	for (unsigned i = 0; i < 64; i++)
		set(window, reg, value);
}

/*
 * A pin may deliver only what a kernel without a handler ignores: fixed or
 * lowest priority, vectors 0x30 to 0x7f. Everything else stays masked. A write
 * of any width that touches the window register gets such a value, because we
 * cannot know which register a monitor thinks is selected.
 */
static uint64_t redirection(void)
{
	uint32_t entry = (uint32_t)rnd(), vector = 0x30 + (uint32_t)below(0x50);

	if (one_in(2))
		return entry | IOAPIC_MASKED;
	entry &= ~(IOAPIC_MASKED | IOAPIC_MODE | IOAPIC_VECTOR);
	return entry | vector | (one_in(4) ? IOAPIC_LOWEST : 0);
}

void poke_ioapic(void)
{
	unsigned size = 1u << below(4);
	unsigned offset = (unsigned)below(PAGE - 8);

	if (ioapic == NULL)
		return;
	if (one_in(4))
		mmio_read(ioapic + offset, size);
	else if (one_in(3))
		mmio_write(ioapic + offset, size, redirection());
	else {
		mmio_write(ioapic + IOAPIC_SEL, 4,
			   one_in(8) ? rnd() : below(0x100));
		if (one_in(3))
			mmio_read(ioapic + IOAPIC_WIN, 4);
		else
			mmio_write(ioapic + IOAPIC_WIN, 4, redirection());
	}
}

void poke_port(void)
{
	static const uint16_t ours[] = {
		PORT_I8042 - 4, PORT_I8042, PORT_PVPANIC, PORT_ACPI_SLEEP,
		PORT_ACPI_END,	UART,	    UART + 4,	  0xcf8,
	};
	static uint8_t buffer[PAGE];
	unsigned size = 1u << below(3);
	/* No access may reach beyond port 0xffff: that faults. */
	uint16_t port = (uint16_t)below(0xfffc);
	size_t n = one_in(16) ? below(64) : 1;

	if (one_in(2))
		port = ours[below(ARRAY_LEN(ours))] + port % 4;
	done++;
	if (port == PORT_I8042 && one_in(2)) {
		outb((uint8_t)(rnd() & 0x7f), port);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		buffer[i] = (uint8_t)any_value();
	if (one_in(2))
		port_read(port, size, buffer, n);
	else
		port_write(port, size, buffer, n);
}
