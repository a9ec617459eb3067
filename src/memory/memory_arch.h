// SPDX-License-Identifier: Apache-2.0
/*
 * memory_arch.h - what src/memory asks of a CPU architecture
 */
#ifndef MOTE_MEMORY_ARCH_H
#define MOTE_MEMORY_ARCH_H

/*
 * How many bits a physical address has on this host, hence in a guest. No CPU
 * has fewer than the minimum; to ask takes an instruction that traps in a VM.
 */
enum { MEMORY_PHYSICAL_BITS_MIN = 36 };
unsigned memory_physical_bits(void);

#endif
