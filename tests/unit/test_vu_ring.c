// SPDX-License-Identifier: Apache-2.0
/*
 * test_vu_ring.c - split and packed rings with a driver that keeps the rules
 */
#include "ring_peer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* format x event index; packed rings need not be a power of two. */
/* clang-format off */
static const struct { bool packed, event_idx; uint16_t size; } formats[] = {
	{ false, false, 8 }, { false, true, 8 },  { true, false, 8 },
	{ true, true, 8 },   { true, true, 7 },	  { false, true, 1 },
	{ true, true, 1 },   { false, true, 256 }, { true, true, 256 },
};
/* clang-format on */

static void set_up_format(struct rings *f, int i)
{
	ring_set_up(f, formats[i].packed, formats[i].event_idx,
		    formats[i].size);
}

/* One chain there and back; false when anything about it is wrong. */
static bool round_trip(struct rings *f, uint32_t i)
{
	struct buffer bufs[] = {
		{ DATA_AT + i % 1000, 16, false },
		{ DATA_AT + 4096, 1 + i % 512, true },
	};
	bool table = f->driver.size < 2 || i % 3 == 0;
	uint16_t id, got;
	uint32_t len;

	id = driver_add(&f->driver, bufs, 2, table ? TABLE_AT : 0);
	if (ring_pop(f) != 1 || f->chain.readable != 1 ||
	    f->chain.writable != 1 || f->chain.iov[0].iov_len != 16 ||
	    f->chain.iov[1].iov_len != 1 + i % 512 || ring_pop(f) != 0)
		return false;
	f->ring.ops->push(&f->ring, &f->chain, i);
	return driver_get(&f->driver, &got, &len) && got == id && len == i &&
	       !driver_get(&f->driver, &got, &len);
}

START_TEST(chains_come_out_as_they_were_put_in_for_many_rounds)
{
	struct rings f;

	set_up_format(&f, _i);
	/* More than 65,536: split indices and packed wraps turn over. */
	for (uint32_t i = 0; i < 70000; i++) {
		if (!round_trip(&f, i))
			ck_abort_msg("round %u", i);
	}
	ring_tear_down(&f);
}
END_TEST

START_TEST(chains_may_come_back_in_any_order)
{
	struct buffer two[] = { { DATA_AT, 8, false }, { DATA_AT, 8, true } };
	struct vu_chain chains[3];
	struct rings f;
	uint16_t ids[3], id;
	uint32_t len;

	ring_set_up(&f, _i, true, 7 + !_i);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 3; i++)
			ids[i] = driver_add(&f.driver, two, i % 2 + 1, 0);
		for (unsigned i = 0; i < 3; i++)
			ck_assert_int_eq(f.ring.ops->pop(&f.ring, &chains[i]),
					 1);
		for (unsigned i = 3; i-- > 0;)
			f.ring.ops->push(&f.ring, &chains[i], i);
		for (unsigned i = 3; i-- > 0;) {
			ck_assert(driver_get(&f.driver, &id, &len));
			ck_assert_uint_eq(id, ids[i]);
			ck_assert_uint_eq(len, i);
		}
	}
	ring_tear_down(&f);
}
END_TEST

START_TEST(a_call_is_wanted_only_past_the_drivers_event)
{
	struct buffer buf = { DATA_AT, 8, true };
	struct rings f;
	unsigned calls = 0;
	uint16_t id;
	uint32_t len;

	ring_set_up(&f, _i, true, 8);
	for (unsigned i = 0; i < 80; i++) {
		/* The driver asks for every fourth. */
		unsigned goal = i / 4 * 4 + 3, slot = goal % 8;

		if (_i) {
			driver_events(&f.driver)->flags =
				VRING_PACKED_EVENT_FLAG_DESC;
			driver_events(&f.driver)->off_wrap =
				(uint16_t)(slot |
					   (goal / 8 % 2 == 0 ? 1u << 15 : 0));
		}
		driver_add(&f.driver, &buf, 1, 0);
		ck_assert_int_eq(ring_pop(&f), 1);
		f.ring.ops->push(&f.ring, &f.chain, 8);
		f.driver.event_idx = false; /* leave ours alone */
		ck_assert(driver_get(&f.driver, &id, &len));
		if (!_i)
			driver_avail(&f.driver)->ring[8] = (uint16_t)goal;
		calls += f.ring.ops->wants_call(&f.ring);
		ck_assert_uint_eq(calls, (i + 1) / 4);
	}
	ring_tear_down(&f);
}
END_TEST

START_TEST(a_driver_without_event_index_turns_calls_off_by_a_flag)
{
	struct buffer buf = { DATA_AT, 8, true };
	struct rings f;

	ring_set_up(&f, _i, false, 8);
	for (int off = 0; off < 2; off++) {
		if (_i)
			driver_events(&f.driver)->flags =
				off ? VRING_PACKED_EVENT_FLAG_DISABLE
				    : VRING_PACKED_EVENT_FLAG_ENABLE;
		else
			driver_avail(&f.driver)->flags =
				off ? VRING_AVAIL_F_NO_INTERRUPT : 0;
		driver_add(&f.driver, &buf, 1, 0);
		ck_assert_int_eq(ring_pop(&f), 1);
		f.ring.ops->push(&f.ring, &f.chain, 8);
		ck_assert_int_eq(f.ring.ops->wants_call(&f.ring), !off);
	}
	ring_tear_down(&f);
}
END_TEST

START_TEST(kicks_are_asked_for_at_the_next_chain)
{
	struct buffer buf = { DATA_AT, 8, true };
	struct rings f;

	ring_set_up(&f, formats[_i].packed, formats[_i].event_idx, 4);
	for (unsigned i = 0; i < 9; i++) {
		driver_add(&f.driver, &buf, 1, 0);
		f.ring.ops->kicks_off(&f.ring);
		ck_assert_int_eq(ring_pop(&f), 1);
		f.ring.ops->push(&f.ring, &f.chain, 8);
		f.ring.ops->kicks_on(&f.ring);
	}
	if (!formats[_i].packed && formats[_i].event_idx) {
		ck_assert_uint_eq(
			*(uint16_t *)(f.mem + f.driver.used + 4 + 8 * 4), 9);
	} else if (!formats[_i].packed) {
		ck_assert_uint_eq(driver_used(&f.driver)->flags, 0);
	} else if (formats[_i].event_idx) {
		ck_assert_uint_eq(device_events(&f.driver)->flags,
				  VRING_PACKED_EVENT_FLAG_DESC);
		ck_assert_uint_eq(device_events(&f.driver)->off_wrap,
				  1 | 1u << 15); /* 9 = 2 rounds and 1 */
	} else {
		ck_assert_uint_eq(device_events(&f.driver)->flags,
				  VRING_PACKED_EVENT_FLAG_ENABLE);
	}
	ring_tear_down(&f);
}
END_TEST

START_TEST(a_ring_goes_on_at_the_base_it_stopped_at)
{
	struct buffer buf = { DATA_AT, 8, true };
	struct rings f;
	uint16_t id;
	uint32_t len;

	set_up_format(&f, _i);
	for (unsigned i = 0; i < 1000; i++) {
		driver_add(&f.driver, &buf, 1, 0);
		ck_assert_int_eq(ring_pop(&f), 1);
		f.ring.ops->push(&f.ring, &f.chain, i);
		ck_assert_int_eq(ring_start(&f, formats[_i].packed,
					    formats[_i].event_idx,
					    formats[_i].size,
					    f.ring.ops->base(&f.ring)),
				 0);
		ck_assert(driver_get(&f.driver, &id, &len));
		ck_assert_uint_eq(len, i);
	}
	ring_tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vu_ring");
	TCase *tc = tcase_create("vu_ring");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc,
			    chains_come_out_as_they_were_put_in_for_many_rounds,
			    0, ARRAY_LEN(formats));
	tcase_add_loop_test(tc, chains_may_come_back_in_any_order, 0, 2);
	tcase_add_loop_test(tc, a_call_is_wanted_only_past_the_drivers_event, 0,
			    2);
	tcase_add_loop_test(
		tc, a_driver_without_event_index_turns_calls_off_by_a_flag, 0,
		2);
	tcase_add_loop_test(tc, kicks_are_asked_for_at_the_next_chain, 0, 4);
	tcase_add_loop_test(tc, a_ring_goes_on_at_the_base_it_stopped_at, 0,
			    ARRAY_LEN(formats));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
