// SPDX-License-Identifier: Apache-2.0
/*
 * guest_code.h - the tiny guest of these tests: what it can be told to do
 *
 * The guest is C and a little assembler, linked into the test program in one
 * section (guest_text) and copied from there into guest memory. It carries out a
 * list of steps that the test has written beside it, says so at a port, and
 * halts. Seen by both sides; freestanding.
 */
#ifndef MOTE_TESTS_GUEST_CODE_H
#define MOTE_TESTS_GUEST_CODE_H

#include <stdint.h>

/* Guest-physical addresses; below 64 KiB the boot state has its own. */
#define GUEST_AP_START	 UINT64_C(0x8000)   /* first code of vCPU > 0 */
#define GUEST_TEXT	 UINT64_C(0x100000) /* guest_text, copied */
#define GUEST_IDT	 UINT64_C(0x110000) /* 256 gates */
#define GUEST_IDT_PTR	 UINT64_C(0x111000) /* operand of lidt */
#define GUEST_SHARED	 UINT64_C(0x120000) /* struct guest_shared */
#define GUEST_STACKS	 UINT64_C(0x200000) /* one per vCPU, upwards */
#define GUEST_STACK_SIZE UINT64_C(0x4000)

/* Written when all steps are done. */
#define GUEST_PORT_DONE 0x510
#define GUEST_PORT_PVH	0x511

enum { GUEST_STEPS_MAX = 64, GUEST_CPUS_MAX = 4, GUEST_STRING_MAX = 64 };

/* clang-format off */
enum guest_op {
	GUEST_END,
	GUEST_IN, GUEST_OUT,		/* port addr, size 1, 2, 4 */
	GUEST_INS, GUEST_OUTS,		/* count times, with shared.string */
	GUEST_LOAD, GUEST_STORE,	/* memory at addr, size 1, 2, 4, 8 */
	GUEST_RDMSR, GUEST_WRMSR,	/* MSR addr */
	GUEST_CPUID,			/* leaf addr, subleaf count -> shared */
	GUEST_START_APS,		/* INIT and SIPI to all others */
	GUEST_ASK,			/* read port addr, size, for ever */
	GUEST_IDLE,			/* interrupts on, halt, for ever */
	GUEST_SPIN,			/* loop for ever, in ring 0 ... */
	GUEST_SPIN_USER,		/* ... or in ring 3 */
	GUEST_TRIPLE_FAULT,
};
/* clang-format on */

struct guest_step {
	uint32_t op;
	uint32_t size; /* bytes */
	uint64_t addr;
	uint64_t value; /* to be written; or what was read */
	uint64_t count;
};

/* Vectors with a handler that counts. */
enum { GUEST_VECTOR = 0x40, GUEST_VECTORS = 2 };

struct guest_shared {
	struct guest_step steps[GUEST_STEPS_MAX];
	uint8_t string[GUEST_STRING_MAX];
	uint32_t cpuid[4];
	uint64_t protection_faults;    /* #GP, each skipped a 2-byte insn */
	uint32_t online;	       /* bit per APIC id */
	uint32_t spins;		       /* grows while spinning */
	uint64_t sequence;	       /* written by the test */
	uint64_t seen[GUEST_CPUS_MAX]; /* sequence, at the last interrupt */
	uint64_t interrupts[GUEST_CPUS_MAX][GUEST_VECTORS];
	uint64_t tsc; /* when spins grew, in ring 0 */
	struct guest_step ap_steps[GUEST_CPUS_MAX]; /* one for each AP */
};

#endif
