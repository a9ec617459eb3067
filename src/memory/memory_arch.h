// SPDX-License-Identifier: Apache-2.0
/*
 * memory_arch.h - what src/memory asks of a CPU architecture
 */
#ifndef MOTE_MEMORY_ARCH_H
#define MOTE_MEMORY_ARCH_H

/* How many bits a physical address has on this host, hence in a guest. */
unsigned memory_physical_bits(void);

#endif
