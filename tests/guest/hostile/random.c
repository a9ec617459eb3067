// SPDX-License-Identifier: Apache-2.0
/*
 * random.c - the numbers: repeatable, and some of them reasonable
 *
 * Each is drawn in a statement of its own, or in an order the language fixes:
 * with splitmix64 a seed then means the same for every compiler.
 */
#include "hostile.h"

#include <linux/virtio_ring.h>

uint64_t rnd(void)
{
	uint64_t z = opt.seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t below(uint64_t n)
{
	return rnd() % n;
}

bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* Whole range, around a power of two, and small, about equally often. */
uint64_t any_value(void)
{
	uint64_t value = rnd();

	switch (below(3)) {
	case 0:
		return value;
	case 1:
		return (UINT64_C(1) << value % 64) - 1 + below(3);
	default:
		return value % 32;
	}
}

uint64_t any_address(enum half half)
{
	static const uint64_t outside[] = {
		0xc0000000,	   0xd0000000,	      IOAPIC_BASE,
		0xfee00000,	   0xfffff000,	      0xfffffff0,
		UINT64_C(1) << 40, UINT64_C(1) << 52, INT64_MAX,
		UINT64_MAX - 15,
	};
	uint64_t run = arena.phys[below(arena.runs)] + half * HALF_SIZE;

	if (one_in(6))
		return outside[below(ARRAY_LEN(outside))];
	return run + (one_in(4) ? below(PAGE) : below(PAGE / 16) * 16);
}

/* A buffer may be anywhere, but its end stays in the run. */
static void write_descriptor(struct vring_desc *desc)
{
	desc->addr = any_address(below(2));
	desc->len = (uint32_t)below(one_in(4) ? HALF_SIZE - PAGE : 600);
	desc->flags = (uint16_t)(one_in(8) ? rnd() : below(8));
	desc->next = (uint16_t)(one_in(8) ? rnd() : below(64));
}

/*
 * Some indices are valid and some are not. None is zero: a backend that takes
 * the rings for descriptors must read addresses far outside RAM.
 */
void stir_arena(void)
{
	uint8_t *run = arena.at[below(arena.runs)];
	struct vring_desc *desc = (struct vring_desc *)run;
	uint16_t *word = (uint16_t *)(run + HALF_SIZE);

	for (unsigned i = 0; i < 16; i++)
		write_descriptor(&desc[below(one_in(2) ? 64 : 1024)]);
	for (unsigned i = 0; i < 16; i++)
		word[below(HALF_SIZE / 2)] = (uint16_t)(1 + below(127));
}
