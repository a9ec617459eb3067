// SPDX-License-Identifier: Apache-2.0
/*
 * test_vu_ring_hostile.c - split and packed rings with a driver that breaks the rules
 */
#include "ring_peer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Hostile chains, written straight into the first descriptors of the ring or of
 * an indirect table. flags as in the split format; next is ignored by packed.
 */
enum {
	N = VRING_DESC_F_NEXT,
	W = VRING_DESC_F_WRITE,
	I = VRING_DESC_F_INDIRECT
};
struct raw {
	uint64_t addr;
	uint32_t len;
	unsigned flags;
	uint16_t next;
};
#define D (PEER_GPA + DATA_AT)
#define T (PEER_GPA + TABLE_AT)

/* clang-format off */
static const struct hostile {
	const char *what;
	struct raw ring[3], table[3];
	int split, packed;		/* what pop returns */
} hostile_chains[] = {
	{ "good", { { D, 8, 0, 0 } }, { { 0 } }, 1, 1 },
	{ "good table", { { T, 32, I, 0 } },
	  { { D, 8, N, 1 }, { D, 8, W, 0 } }, 1, 1 },
	{ "table after a buffer", { { D, 8, N, 1 }, { T, 16, I, 0 } },
	  { { D, 8, W, 0 } }, 1, 1 },
	{ "last byte of memory", { { PEER_GPA + PEER_MEMORY - 1, 1, W, 0 } },
	  { { 0 } }, 1, 1 },
	{ "loop of one", { { D, 8, N, 0 } }, { { 0 } }, -EINVAL, -EINVAL },
	{ "loop of two", { { D, 8, N, 1 }, { D, 8, N, 0 } }, { { 0 } },
	  -EINVAL, -EINVAL },	/* packed: no loop, but a third that is bad */
	{ "link beyond the ring", { { D, 8, N, 8 } }, { { 0 } }, -EINVAL,
	  -EINVAL },
	{ "no bytes", { { D, 0, 0, 0 } }, { { 0 } }, -EINVAL, -EINVAL },
	{ "below memory", { { PEER_GPA - 1, 8, 0, 0 } }, { { 0 } }, -EINVAL,
	  -EINVAL },
	{ "beyond memory", { { PEER_GPA + PEER_MEMORY, 1, 0, 0 } }, { { 0 } },
	  -EINVAL, -EINVAL },
	{ "across the end", { { PEER_GPA + PEER_MEMORY - 4, 8, 0, 0 } },
	  { { 0 } }, -EINVAL, -EINVAL },
	{ "address that wraps", { { UINT64_MAX - 3, 8, 0, 0 } }, { { 0 } },
	  -EINVAL, -EINVAL },
	{ "4 GiB less one byte", { { D, UINT32_MAX, W, 0 } }, { { 0 } },
	  -EINVAL, -EINVAL },
	{ "readable after writable", { { D, 8, W | N, 1 }, { D, 8, 0, 0 } },
	  { { 0 } }, -EINVAL, -EINVAL },
	{ "table in a table", { { T, 16, I, 0 } }, { { T, 16, I, 0 } },
	  -EINVAL, -EINVAL },
	{ "table and link", { { T, 16, I | N, 1 }, { D, 8, 0, 0 } },
	  { { D, 8, 0, 0 } }, -EINVAL, -EINVAL },
	{ "table of no bytes", { { T, 0, I, 0 } }, { { D, 8, 0, 0 } }, -EINVAL,
	  -EINVAL },
	{ "table of half an entry", { { T, 24, I, 0 } }, { { D, 8, 0, 0 } },
	  -EINVAL, -EINVAL },
	{ "table outside memory", { { PEER_GPA - 16, 16, I, 0 } }, { { 0 } },
	  -EINVAL, -EINVAL },
	{ "table across the end",
	  { { PEER_GPA + PEER_MEMORY - 16, 32, I, 0 } }, { { 0 } }, -EINVAL,
	  -EINVAL },
	{ "table of 4 GiB", { { T, 0xfffffff0, I, 0 } }, { { D, 8, 0, 0 } },
	  -EINVAL, -EINVAL },
	{ "table with a loop", { { T, 16, I, 0 } }, { { D, 8, N, 0 } },
	  -EINVAL, 1 },		/* packed tables are not linked */
	{ "link beyond its table", { { T, 16, I, 0 } }, { { D, 8, N, 1 } },
	  -EINVAL, 1 },
};
/* clang-format on */

static void write_raw(struct rings *f, uint32_t at, const struct raw *raw,
		      bool packed, bool in_ring)
{
	for (unsigned i = 0; i < 3; i++) {
		struct vring_desc split = { raw[i].addr, raw[i].len,
					    (uint16_t)raw[i].flags,
					    raw[i].next };
		unsigned flags =
			raw[i].flags |
			(in_ring ? 1u << VRING_PACKED_DESC_F_AVAIL : 0);
		struct vring_packed_desc pack = { raw[i].addr, raw[i].len, 3,
						  (uint16_t)flags };

		memcpy(f->mem + at + 16 * i,
		       packed ? (void *)&pack : (void *)&split, 16);
	}
}

static void check_hostile(const struct hostile *h, bool packed)
{
	struct rings f;
	int expect = packed ? h->packed : h->split, got;

	/* Eight descriptors, so that "loop of one" runs into the rest. */
	ring_set_up(&f, packed, true, 8);
	write_raw(&f, f.driver.desc, h->ring, packed, true);
	write_raw(&f, TABLE_AT, h->table, packed, false);
	if (packed) /* the rest of the ring links on and on */
		for (unsigned i = 3; i < 8; i++)
			memcpy(f.mem + f.driver.desc + 16 * i,
			       f.mem + f.driver.desc, 16);
	driver_avail(&f.driver)->idx = packed ? 0 : 1;
	if (packed)
		driver_events(&f.driver)->flags = 0;
	got = ring_pop(&f);
	ck_assert_msg(got == expect, "%s, %s: %d", h->what,
		      packed ? "packed" : "split", got);
	ck_assert_msg((f.ring.fault != NULL) == (expect < 0), "%s", h->what);
	ring_tear_down(&f);
}

START_TEST(a_hostile_chain_is_refused_with_a_reason)
{
	check_hostile(&hostile_chains[_i], false);
	check_hostile(&hostile_chains[_i], true);
}
END_TEST

START_TEST(a_chain_of_more_buffers_than_we_take_is_refused)
{
	struct buffer bufs[VU_IOV_MAX + 1];
	struct rings f;

	for (unsigned i = 0; i <= VU_IOV_MAX; i++)
		bufs[i] = (struct buffer){ DATA_AT + i, 1, true };
	for (unsigned extra = 0; extra < 2; extra++) {
		ring_set_up(&f, _i % 2, true, 256);
		driver_add(&f.driver, bufs, VU_IOV_MAX + extra,
			   _i / 2 ? TABLE_AT : 0);
		ck_assert_int_eq(ring_pop(&f), extra ? -EINVAL : 1);
		ring_tear_down(&f);
	}
}
END_TEST

/* virtio 1.3, 2.7.5.2: not longer than 2^32 bytes; we count to one less. */
START_TEST(a_chain_of_4_gib_in_all_is_refused)
{
	enum { PIECE = 64 << 20, COUNT = 64 };
	struct vu_region region = { 2 * PEER_GPA, PIECE, 2 * PEER_USER, 0 };
	struct buffer bufs[COUNT];
	struct rings f;
	int fd = memfd_create("more", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, PIECE), 0);
	for (unsigned i = 0; i < COUNT; i++)
		bufs[i] = (struct buffer){ PEER_GPA, PIECE, true };
	for (unsigned n = COUNT - 1; n <= COUNT; n++) {
		ring_set_up(&f, _i, true, 256);
		ck_assert_int_eq(vu_memory_add(&f.memory, &region, fd, NULL),
				 0);
		driver_add(&f.driver, bufs, n, 0);
		ck_assert_int_eq(ring_pop(&f), n < COUNT ? 1 : -EINVAL);
		ring_tear_down(&f);
	}
	close(fd);
}
END_TEST

START_TEST(an_avail_index_that_jumps_is_refused)
{
	static const struct {
		uint16_t idx;
		int ret;
	} jumps[] = {
		{ 0, 0 },
		{ 8, 1 },
		{ 9, -EINVAL },
		{ 65535, -EINVAL },
	};
	struct rings f;

	ring_set_up(&f, false, true, 8);
	for (unsigned i = 0; i < 8; i++)
		driver_desc(&f.driver)[i] = (struct vring_desc){ D, 8, 0, 0 };
	driver_avail(&f.driver)->idx = jumps[_i].idx;
	ck_assert_int_eq(ring_pop(&f), jumps[_i].ret);
	ring_tear_down(&f);
}
END_TEST

START_TEST(a_head_beyond_the_ring_is_refused)
{
	struct rings f;

	ring_set_up(&f, false, true, 8);
	driver_avail(&f.driver)->ring[0] = 8;
	driver_avail(&f.driver)->idx = 1;
	ck_assert_int_eq(ring_pop(&f), -EINVAL);
	ring_tear_down(&f);
}
END_TEST

/* clang-format off */
static const struct {
	const char *what;
	bool packed;
	uint32_t size, base;
	uint64_t shift;			/* of the descriptor area */
	int ret;
} starts[] = {
	{ "largest", false, 32768, 0, 0, 0 },
	{ "largest packed", true, 32768, 0x80008000, 0, 0 },
	{ "size 0", false, 0, 0, 0, -EINVAL },
	{ "size 0 packed", true, 0, 0x80008000, 0, -EINVAL },
	{ "too large", false, 65536, 0, 0, -EINVAL },
	{ "too large packed", true, 32769, 0x80008000, 0, -EINVAL },
	{ "absurd", false, 0x80000000, 0, 0, -EINVAL },
	{ "not a power of two", false, 7, 0, 0, -EINVAL },
	{ "7 packed", true, 7, 0x80008000, 0, 0 },
	{ "base beyond", true, 8, 0x80088000, 0, -EINVAL },
	{ "base beyond", true, 8, 0x80008008, 0, -EINVAL },
	{ "any split base", false, 8, 0xffff, 0, 0 },
	{ "misaligned", false, 8, 0, 8, -EINVAL },
	{ "outside memory", false, 8, 0, 1ull << 40, -EINVAL },
	{ "wraps around", false, 8, 0, -PEER_USER - RING_AT - 16, -EINVAL },
};
/* clang-format on */

START_TEST(a_ring_starts_only_where_it_can_be)
{
	struct rings f;
	struct err err = { "" };

	ring_set_up(&f, starts[_i].packed, true, 8);
	f.driver.avail = 4 << 20;
	f.driver.used = 5 << 20;
	struct vu_ring_config cfg = {
		.packed = starts[_i].packed,
		.size = starts[_i].size,
		.desc = PEER_USER + RING_AT + starts[_i].shift,
		.driver = PEER_USER + f.driver.avail,
		.device = PEER_USER + f.driver.used,
		.base = starts[_i].base,
	};
	ck_assert_msg(vu_ring_start(&f.ring, &f.memory, &cfg, &err) ==
			      starts[_i].ret,
		      "%s: %s", starts[_i].what, err.text);
	ck_assert_int_eq(err.text[0] != '\0', starts[_i].ret < 0);
	ring_tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vu_ring_hostile");
	TCase *tc = tcase_create("vu_ring_hostile");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_hostile_chain_is_refused_with_a_reason, 0,
			    ARRAY_LEN(hostile_chains));
	tcase_add_loop_test(tc, a_chain_of_more_buffers_than_we_take_is_refused,
			    0, 4);
	tcase_add_loop_test(tc, a_chain_of_4_gib_in_all_is_refused, 0, 2);
	tcase_add_loop_test(tc, an_avail_index_that_jumps_is_refused, 0, 4);
	tcase_add_test(tc, a_head_beyond_the_ring_is_refused);
	tcase_add_loop_test(tc, a_ring_starts_only_where_it_can_be, 0,
			    ARRAY_LEN(starts));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
