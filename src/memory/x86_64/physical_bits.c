// SPDX-License-Identifier: Apache-2.0
/*
 * physical_bits.c - the width of a physical address, as CPUID says
 */
#include "memory_arch.h"

#include <cpuid.h>

enum { CPUID_ADDRESS_SIZES = 0x80000008 }; /* SDM 2A, CPUID */

unsigned memory_physical_bits(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(CPUID_ADDRESS_SIZES, &eax, &ebx, &ecx, &edx))
		return MEMORY_PHYSICAL_BITS_MIN;
	return eax & 0xff;
}
