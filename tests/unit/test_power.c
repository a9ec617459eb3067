// SPDX-License-Identifier: Apache-2.0
/*
 * test_power.c - the ports by which a guest ends
 */
#include "unit.h"
#include "layout.h"
#include "power.h"
#include "util.h"

enum { NONE = -1 };

static void note(void *ctx, enum power_event event)
{
	int *last = ctx;

	ck_assert_int_eq(*last, NONE); /* one event per write */
	*last = (int)event;
}

/* Each row is one claim about a write of one byte. */
/* clang-format off */
static const struct { uint16_t port; uint8_t value; int event; } writes[] = {
	{ LAYOUT_PORT_ACPI_SLEEP,  0x34, POWER_OFF },	/* SLP_EN, S5 */
	{ LAYOUT_PORT_ACPI_SLEEP,  0x35, POWER_OFF },	/* reserved bit too */
	{ LAYOUT_PORT_ACPI_SLEEP,  0x14, NONE },	/* S5 without SLP_EN */
	{ LAYOUT_PORT_ACPI_SLEEP,  0x24, NONE },	/* SLP_EN, S1 */
	{ LAYOUT_PORT_ACPI_SLEEP,  0xff, NONE },	/* SLP_EN, type 7 */
	{ LAYOUT_PORT_ACPI_STATUS, 0x80, NONE },	/* clear WAK_STS */
	{ LAYOUT_PORT_ACPI_STATUS, 0x34, NONE },
	{ LAYOUT_PORT_ACPI_RESET,  0x01, POWER_RESET },
	{ LAYOUT_PORT_ACPI_RESET,  0x00, NONE },
	{ LAYOUT_PORT_ACPI_RESET,  0xff, NONE },
	{ LAYOUT_PORT_I8042,       0xfe, POWER_RESET },
	{ LAYOUT_PORT_I8042,       0xaa, NONE },	/* self-test */
	{ LAYOUT_PORT_I8042,       0x00, NONE },
	{ LAYOUT_PORT_PVPANIC,     0x01, POWER_PANIC },
	{ LAYOUT_PORT_PVPANIC,     0x02, NONE },	/* crash kernel */
	{ LAYOUT_PORT_PVPANIC,     0x03, POWER_PANIC },
	{ LAYOUT_PORT_PVPANIC,     0x00, NONE },
};
/* clang-format on */

START_TEST(only_the_right_value_ends_the_guest)
{
	int event = NONE;
	struct power_ops ops = { note, &event };

	ck_assert(power_pio_write(&ops, writes[_i].port, &writes[_i].value, 1));
	ck_assert_int_eq(event, writes[_i].event);
}
END_TEST

START_TEST(of_a_wide_write_the_first_byte_counts)
{
	const uint32_t off_then_reset = 0x00010034, late_off = 0x00003400;
	int event = NONE;
	struct power_ops ops = { note, &event };

	ck_assert(power_pio_write(&ops, LAYOUT_PORT_ACPI_SLEEP, &late_off, 4));
	ck_assert_int_eq(event, NONE);
	ck_assert(power_pio_write(&ops, LAYOUT_PORT_ACPI_SLEEP, &off_then_reset,
				  4));
	ck_assert_int_eq(event, POWER_OFF);
}
END_TEST

static const struct {
	uint16_t port;
	uint32_t value;
} reads[] = {
	{ LAYOUT_PORT_ACPI_SLEEP, 0 },
	{ LAYOUT_PORT_ACPI_STATUS, 0 }, /* WAK_STS is never set */
	{ LAYOUT_PORT_ACPI_RESET, 0 },
	{ LAYOUT_PORT_I8042, 0 },   /* input buffer empty */
	{ LAYOUT_PORT_PVPANIC, 1 }, /* it takes "panicked" */
};

START_TEST(reads_of_every_size_are_filled)
{
	struct power_ops ops = { note, NULL };

	for (unsigned len = 1; len <= 4; len *= 2) {
		uint32_t value = UINT32_MAX;
		uint32_t mask = (uint32_t)((UINT64_C(1) << 8 * len) - 1);

		ck_assert(power_pio_read(&ops, reads[_i].port, &value, len));
		ck_assert_uint_eq(value, reads[_i].value | ~mask);
	}
}
END_TEST

START_TEST(all_other_ports_belong_to_others)
{
	static const uint16_t ours[] = {
		LAYOUT_PORT_ACPI_SLEEP, LAYOUT_PORT_ACPI_STATUS,
		LAYOUT_PORT_ACPI_RESET, LAYOUT_PORT_I8042,
		LAYOUT_PORT_PVPANIC,
	};
	int event = NONE;
	struct power_ops ops = { note, &event };
	uint8_t byte = 0;

	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		bool expected = false;

		for (size_t i = 0; i < ARRAY_LEN(ours); i++)
			expected |= port == ours[i];
		ck_assert_int_eq(power_pio_write(&ops, (uint16_t)port, &byte,
						 1),
				 expected);
		ck_assert_int_eq(power_pio_read(&ops, (uint16_t)port, &byte, 1),
				 expected);
		byte = 0;
	}
	ck_assert_int_eq(event, NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power");
	TCase *tc = tcase_create("power");

	tcase_add_loop_test(tc, only_the_right_value_ends_the_guest, 0,
			    ARRAY_LEN(writes));
	tcase_add_test(tc, of_a_wide_write_the_first_byte_counts);
	tcase_add_loop_test(tc, reads_of_every_size_are_filled, 0,
			    ARRAY_LEN(reads));
	tcase_add_test(tc, all_other_ports_belong_to_others);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
