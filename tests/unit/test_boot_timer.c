// SPDX-License-Identifier: Apache-2.0
/*
 * test_boot_timer.c - which writes are the guest's word that it has booted
 */
#include "unit.h"
#include "boot_timer.h"
#include "layout.h"
#include "log.h"
#include "util.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct {
	uint64_t addr;
	uint8_t value;
	unsigned len;
	bool counts;
} writes[] = {
	{ LAYOUT_DEVICES_BASE, 123, 1, true },
	{ LAYOUT_DEVICES_BASE, 122, 1, false },
	{ LAYOUT_DEVICES_BASE, 123, 4, false }, /* a register's width */
	{ LAYOUT_DEVICES_BASE + 1, 123, 1, false },
};

START_TEST(only_the_byte_at_the_page_counts)
{
	uint8_t data[4] = { writes[_i].value };
	struct boot_timer off = { .on = false }, timer = { .on = false };

	log_set_level(LOG_ERROR);
	boot_timer_start(&timer);
	ck_assert(
		!boot_timer_write(&off, writes[_i].addr, data, writes[_i].len));
	ck_assert(boot_timer_write(&timer, writes[_i].addr, data,
				   writes[_i].len) == writes[_i].counts);
}
END_TEST

START_TEST(it_is_told_once)
{
	struct boot_timer timer = { .on = false };
	uint8_t booted = 123;
	char text[512] = "";
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	log_set_level(LOG_INFO);
	log_set_fd(ends[1]);
	boot_timer_start(&timer);
	for (int i = 0; i < 3; i++)
		ck_assert(boot_timer_write(&timer, LAYOUT_DEVICES_BASE, &booted,
					   1));
	log_set_fd(STDERR_FILENO);
	ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "Guest-boot-time = "));
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	close(ends[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot_timer");
	TCase *tc = tcase_create("boot_timer");

	tcase_add_loop_test(tc, only_the_byte_at_the_page_counts, 0,
			    ARRAY_LEN(writes));
	tcase_add_test(tc, it_is_told_once);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
