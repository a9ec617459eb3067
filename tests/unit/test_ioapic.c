// SPDX-License-Identifier: Apache-2.0
/*
 * test_ioapic.c - redirection entries and the routes they become
 */
#include "unit.h"
#include "ioapic.h"
#include "util.h"

#include <errno.h>
#include <string.h>

enum { SELECT = 0x00, WINDOW = 0x10, EOI = 0x40, PINS = 24 };

/* Bits of the low half of an entry. */
enum {
	LOWEST = 1 << 8,
	SMI = 2 << 8,
	RESERVED3 = 3 << 8,
	NMI = 4 << 8,
	INIT = 5 << 8,
	RESERVED6 = 6 << 8,
	EXTINT = 7 << 8,
	LOGICAL = 1 << 11,
	SENT = 1 << 12,
	LOW = 1 << 13,
	REMOTE_IRR = 1 << 14,
	LEVEL = 1 << 15,
	MASKED = 1 << 16,
};

struct fixture {
	struct ioapic *ioapic;
	struct ioapic_route routes[PINS];
	size_t n;
	unsigned set_calls;
	unsigned unmask_calls, unmasked_pin;
	size_t n_at_unmask; /* routes in force at that time */
};

static void set_routes(void *ctx, const struct ioapic_route *routes, size_t n)
{
	struct fixture *f = ctx;

	ck_assert_uint_le(n, PINS);
	memcpy(f->routes, routes, n * sizeof(routes[0]));
	f->n = n;
	f->set_calls++;
}

static void unmasked(void *ctx, unsigned pin)
{
	struct fixture *f = ctx;

	f->unmask_calls++;
	f->unmasked_pin = pin;
	f->n_at_unmask = f->n;
}

static void setup(struct fixture *f)
{
	struct ioapic_ops ops = { set_routes, unmasked, f };

	*f = (struct fixture){ 0 };
	ck_assert_int_eq(ioapic_create(PINS, &ops, &f->ioapic, NULL), 0);
}

static void write32(struct fixture *f, uint64_t offset, uint32_t value)
{
	ioapic_write(f->ioapic, offset, &value, sizeof(value));
}

static uint32_t read32(struct fixture *f, uint64_t offset)
{
	uint32_t value;

	ioapic_read(f->ioapic, offset, &value, sizeof(value));
	return value;
}

static void write_index(struct fixture *f, uint32_t index, uint32_t value)
{
	write32(f, SELECT, index);
	write32(f, WINDOW, value);
}

static uint32_t read_index(struct fixture *f, uint32_t index)
{
	write32(f, SELECT, index);
	return read32(f, WINDOW);
}

static void write_low(struct fixture *f, unsigned pin, uint32_t value)
{
	write_index(f, 0x10 + 2 * pin, value);
}

static void write_high(struct fixture *f, unsigned pin, uint32_t value)
{
	write_index(f, 0x11 + 2 * pin, value);
}

/* Each row: an entry and the MSI it becomes; data 0 means it becomes none. */
/* clang-format off */
static const struct {
	uint32_t high, low;
	uint64_t address;
	uint32_t data;
} entries[] = {
	{ 0,          0x31,           0xfee00000, 0x31 },
	{ 0x01000000, 0x31,           0xfee01000, 0x31 },
	{ 0xff000000, 0xfe,           0xfeeff000, 0xfe },
	{ 0x03000000, 0x41 | LOGICAL, 0xfee03004, 0x41 },
	{ 0,          0x41 | LOWEST,  0xfee00000, 0x41 | LOWEST },
	{ 0,          NMI,            0xfee00000, NMI },
	{ 0,          SMI,            0xfee00000, SMI },
	{ 0,          INIT,           0xfee00000, INIT },
	{ 0x00ffffff, 0x10,           0xfee00000, 0x10 },	/* reserved */
	{ 0,          0x31 | LOW,     0xfee00000, 0x31 },
	{ 0,          0x31 | LEVEL,   0xfee00000, 0x31 },	/* as an edge */
	{ 0,          0x31 | MASKED,  0, 0 },
	{ 0,          0x0f,           0, 0 },		/* illegal vector */
	{ 0,          0x31 | EXTINT,  0, 0 },		/* no PIC */
	{ 0,          0x31 | RESERVED3, 0, 0 },
	{ 0,          0x31 | RESERVED6, 0, 0 },
};
/* clang-format on */

START_TEST(an_entry_becomes_the_msi_it_describes)
{
	struct fixture f;

	setup(&f);
	write_high(&f, 5, entries[_i].high);
	write_low(&f, 5, entries[_i].low);
	ck_assert_uint_eq(f.n, entries[_i].data != 0);
	ck_assert_uint_eq(f.unmask_calls, entries[_i].data != 0);
	if (f.n == 1) {
		ck_assert_uint_eq(f.routes[0].pin, 5);
		ck_assert_uint_eq(f.routes[0].address, entries[_i].address);
		ck_assert_uint_eq(f.routes[0].data, entries[_i].data);
	}
	ioapic_destroy(f.ioapic);
}
END_TEST

/* From an unmasked entry, vector 0x31 to CPU 1: which writes need new routes? */
/* clang-format off */
static const struct {
	bool high;
	uint32_t value;
	bool replaces;
} changes[] = {
	{ false, 0x31, false },			/* the same again */
	{ true, 0x01000000, false },
	{ true, 0x01abcdef, false },		/* reserved bits only */
	{ false, 0x31 | LEVEL, false },		/* all lines are edges */
	{ false, 0x31 | LOW, false },
	{ false, 0x31 | SENT | REMOTE_IRR, false },	/* read-only bits */
	{ false, 0x32, true },
	{ true, 0x02000000, true },
	{ false, 0x31 | LOGICAL, true },
	{ false, 0x31 | LOWEST, true },
	{ false, 0x31 | MASKED, true },
};
/* clang-format on */

START_TEST(routes_are_replaced_only_when_they_change)
{
	struct fixture f;
	unsigned before;

	setup(&f);
	write_high(&f, 7, 0x01000000);
	ck_assert_uint_eq(f.set_calls, 0); /* still masked */
	write_low(&f, 7, 0x31);
	before = f.set_calls;
	if (changes[_i].high)
		write_high(&f, 7, changes[_i].value);
	else
		write_low(&f, 7, changes[_i].value);
	ck_assert_uint_eq(f.set_calls - before, changes[_i].replaces);
	ck_assert_uint_eq(f.unmask_calls, 1); /* from the first write */
	ioapic_destroy(f.ioapic);
}
END_TEST

START_TEST(unmasking_raises_the_line_again_after_the_routes_are_set)
{
	struct fixture f;

	setup(&f);
	write_low(&f, 3, 0x31);
	write_low(&f, 3, 0x31 | MASKED);
	ck_assert_uint_eq(f.n, 0);
	ck_assert_uint_eq(f.unmask_calls, 1);
	write_low(&f, 3, 0x31);
	ck_assert_uint_eq(f.unmask_calls, 2);
	ck_assert_uint_eq(f.unmasked_pin, 3);
	ck_assert_uint_eq(f.n_at_unmask, 1);
	ioapic_destroy(f.ioapic);
}
END_TEST

START_TEST(all_routes_are_handed_over_each_time)
{
	struct fixture f;

	setup(&f);
	for (unsigned pin = 0; pin < PINS; pin++)
		write_low(&f, pin, 0x30 + pin);
	write_low(&f, 4, MASKED);
	ck_assert_uint_eq(f.n, PINS - 1);
	for (unsigned i = 0; i < PINS - 1; i++) {
		unsigned pin = i < 4 ? i : i + 1;

		ck_assert_uint_eq(f.routes[i].pin, pin);
		ck_assert_uint_eq(f.routes[i].data, 0x30 + pin);
	}
	ioapic_destroy(f.ioapic);
}
END_TEST

/* index, written, read back: 82093AA, 3.2. */
/* clang-format off */
static const struct { uint32_t index, write, read; } registers[] = {
	{ 0x00, 0xffffffff, 0x0f000000 },		/* ID */
	{ 0x01, 0xffffffff, 0x00170020 },		/* version, 24 pins */
	{ 0x02, 0xffffffff, 0x00000000 },		/* arbitration */
	{ 0x03, 0xffffffff, 0x00000000 },
	{ 0x0f, 0xffffffff, 0x00000000 },
	{ 0x10, 0xffffffff, 0x0001afff },		/* entry, low half */
	{ 0x11, 0xffffffff, 0xff000000 },		/* entry, high half */
	{ 0x3e, 0x00000031, 0x00000031 },		/* the last entry */
	{ 0x40, 0x00000031, 0x00000000 },		/* beyond */
	{ 0xff, 0x00000031, 0x00000000 },
	{ 0x110, 0x00000031, 0x00000031 },		/* 8 bits: 0x10 */
};
/* clang-format on */

START_TEST(reserved_and_read_only_bits_do_not_change)
{
	struct fixture f;

	setup(&f);
	write_index(&f, registers[_i].index, registers[_i].write);
	ck_assert_uint_eq(read_index(&f, registers[_i].index),
			  registers[_i].read);
	ioapic_destroy(f.ioapic);
}
END_TEST

START_TEST(every_pin_is_masked_at_first)
{
	struct fixture f;

	setup(&f);
	for (unsigned pin = 0; pin < PINS; pin++) {
		ck_assert_uint_eq(read_index(&f, 0x10 + 2 * pin), MASKED);
		ck_assert_uint_eq(read_index(&f, 0x11 + 2 * pin), 0);
	}
	ck_assert_uint_eq(f.set_calls, 0);
	ioapic_destroy(f.ioapic);
}
END_TEST

START_TEST(the_arbitration_id_follows_the_id)
{
	struct fixture f;

	setup(&f);
	write_index(&f, 0x00, 0x05000000);
	ck_assert_uint_eq(read_index(&f, 0x02), 0x05000000);
	ioapic_destroy(f.ioapic);
}
END_TEST

START_TEST(a_level_entry_ends_without_being_raised_again)
{
	struct fixture f;

	setup(&f);
	write_low(&f, 9, 0x31 | LEVEL);
	write32(&f, EOI, 0x31);
	ck_assert_uint_eq(f.set_calls, 1);
	ck_assert_uint_eq(f.unmask_calls, 1);
	ck_assert_uint_eq(read_index(&f, 0x10 + 2 * 9), 0x31 | LEVEL);
	ioapic_destroy(f.ioapic);
}
END_TEST

START_TEST(other_sizes_and_offsets_do_nothing)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	const uint64_t ones = UINT64_MAX;
	struct fixture f;

	setup(&f);
	write_low(&f, 0, 0x31); /* select stays at 0x10 */
	for (uint64_t offset = 0; offset < 4096; offset++) {
		uint64_t value = ones;
		unsigned len = sizes[_i];
		bool exists =
			len == 4 && (offset == SELECT || offset == WINDOW);

		ioapic_read(f.ioapic, offset, &value, len);
		if (exists)
			continue;
		ck_assert_uint_eq(value, len == 8 ? 0 : ones << 8 * len);
		ioapic_write(f.ioapic, offset, &ones, len);
	}
	ck_assert_uint_eq(read32(&f, SELECT), 0x10);
	ck_assert_uint_eq(read32(&f, WINDOW), 0x31);
	ck_assert_uint_eq(f.set_calls, 1);
	ioapic_destroy(f.ioapic);
}
END_TEST

static const struct {
	unsigned pins;
	int ret;
} sizes_of_ioapic[] = {
	{ 0, -EINVAL }, { 15, -EINVAL },  { 16, 0 },
	{ 120, 0 },	{ 121, -EINVAL }, { 240, -EINVAL },
};

START_TEST(the_index_register_limits_the_pins)
{
	struct ioapic_ops ops = { set_routes, unmasked, NULL };
	struct ioapic *ioapic = NULL;
	struct err err = { "" };

	ck_assert_int_eq(ioapic_create(sizes_of_ioapic[_i].pins, &ops, &ioapic,
				       &err),
			 sizes_of_ioapic[_i].ret);
	ck_assert_int_eq(err.text[0] != '\0', sizes_of_ioapic[_i].ret != 0);
	ioapic_destroy(ioapic);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ioapic");
	TCase *tc = tcase_create("ioapic");

	tcase_add_loop_test(tc, an_entry_becomes_the_msi_it_describes, 0,
			    ARRAY_LEN(entries));
	tcase_add_loop_test(tc, routes_are_replaced_only_when_they_change, 0,
			    ARRAY_LEN(changes));
	tcase_add_test(
		tc, unmasking_raises_the_line_again_after_the_routes_are_set);
	tcase_add_test(tc, all_routes_are_handed_over_each_time);
	tcase_add_loop_test(tc, reserved_and_read_only_bits_do_not_change, 0,
			    ARRAY_LEN(registers));
	tcase_add_test(tc, every_pin_is_masked_at_first);
	tcase_add_test(tc, the_arbitration_id_follows_the_id);
	tcase_add_test(tc, a_level_entry_ends_without_being_raised_again);
	tcase_add_loop_test(tc, other_sizes_and_offsets_do_nothing, 0, 4);
	tcase_add_loop_test(tc, the_index_register_limits_the_pins, 0,
			    ARRAY_LEN(sizes_of_ioapic));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
