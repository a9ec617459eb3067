// SPDX-License-Identifier: Apache-2.0
/*
 * access.c - single reads and writes of registers and ports
 */
#include "hostile.h"

#include <sys/io.h>

uint64_t done;

uint64_t mmio_read(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	done++;
	switch (size) {
	case 1:
		asm volatile("movb %1, %b0" : "+q"(value) : "m"(*at));
		break;
	case 2:
		asm volatile("movw %1, %w0" : "+r"(value) : "m"(*at));
		break;
	case 4:
		asm volatile("movl %1, %k0" : "=r"(value) : "m"(*at));
		break;
	default:
		asm volatile("movq %1, %0" : "=r"(value) : "m"(*at));
		break;
	}
	return value;
}

void mmio_write(uint8_t *at, unsigned size, uint64_t value)
{
	done++;
	switch (size) {
	case 1:
		asm volatile("movb %b1, %0" : "=m"(*at) : "q"(value));
		break;
	case 2:
		asm volatile("movw %w1, %0" : "=m"(*at) : "r"(value));
		break;
	case 4:
		asm volatile("movl %k1, %0" : "=m"(*at) : "r"(value));
		break;
	default:
		asm volatile("movq %1, %0" : "=m"(*at) : "r"(value));
		break;
	}
}

uint32_t get(unsigned window, unsigned reg)
{
	return (uint32_t)mmio_read(windows + window * opt.stride + reg, 4);
}

void set(unsigned window, unsigned reg, uint64_t value)
{
	mmio_write(windows + window * opt.stride + reg, 4, value);
}

static bool overlaps(unsigned port, unsigned size, unsigned from, unsigned end)
{
	return port < end && port + size > from;
}

void port_read(uint16_t port, unsigned size, void *buffer, size_t n)
{
	if (size == 1)
		insb(port, buffer, n);
	else if (size == 2)
		insw(port, buffer, n);
	else
		insl(port, buffer, n);
}

void port_write(uint16_t port, unsigned size, const void *buffer, size_t n)
{
	/* Not to end before the end. */
	if (overlaps(port, size, PORT_I8042, PORT_I8042 + 1) ||
	    overlaps(port, size, PORT_PVPANIC, PORT_PVPANIC + 1) ||
	    overlaps(port, size, PORT_ACPI_SLEEP, PORT_ACPI_END))
		return;
	if (size == 1)
		outsb(port, buffer, n);
	else if (size == 2)
		outsw(port, buffer, n);
	else
		outsl(port, buffer, n);
}
