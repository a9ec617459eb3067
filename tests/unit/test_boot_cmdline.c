// SPDX-License-Identifier: Apache-2.0
/*
 * test_boot_cmdline.c - limits, and where an added parameter goes
 */
#include "unit.h"
#include "cmdline.h"
#include "util.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *user, *expect;
} lines[] = {
	{ "", "a=1 b=2" },
	{ "quiet", "quiet a=1 b=2" },
	{ "quiet ", "quiet a=1 b=2 " },
	{ "quiet -- x", "quiet a=1 b=2 -- x" },
	{ "quiet   --   x", "quiet a=1 b=2   --   x" },
	{ "quiet --", "quiet a=1 b=2 --" },
	{ "-- x", "a=1 b=2 -- x" },
	{ "--", "a=1 b=2 --" },
	{ "quiet --x", "quiet --x a=1 b=2" },
	{ "x=-- y", "x=-- y a=1 b=2" },
	{ "dyndbg=\"a -- b\" c", "dyndbg=\"a -- b\" c a=1 b=2" },
	{ "dyndbg=\"a -- b\" -- c", "dyndbg=\"a -- b\" a=1 b=2 -- c" },
};

START_TEST(parameters_go_before_the_arguments_of_init)
{
	struct cmdline line;
	char buf[65];

	ck_assert_int_eq(cmdline_init(&line, buf, 64, lines[_i].user, NULL), 0);
	ck_assert_str_eq(buf, lines[_i].user);
	ck_assert_int_eq(cmdline_add(&line, "a=1", NULL), 0);
	ck_assert_int_eq(cmdline_add(&line, "b=2", NULL), 0);
	ck_assert_str_eq(buf, lines[_i].expect);
	ck_assert_uint_eq(line.len, strlen(buf));
}
END_TEST

static const struct {
	const char *user, *add;
	int init_ret, add_ret;
} limits[] = {
	{ "12345678", NULL, 0, 0 }, { "123456789", NULL, -EINVAL, 0 },
	{ "1234", "567", 0, 0 },    { "1234", "5678", 0, -EINVAL },
	{ "", "12345678", 0, 0 },   { "", "123456789", 0, -EINVAL },
	{ "-- x", "123", 0, 0 },    { "-- x", "1234", 0, -EINVAL },
};

START_TEST(a_line_over_the_limit_is_refused_and_left_alone)
{
	struct err err = { "" };
	struct cmdline line;
	char buf[8 + 1 + 1];

	buf[9] = '#';
	ck_assert_int_eq(cmdline_init(&line, buf, 8, limits[_i].user, &err),
			 limits[_i].init_ret);
	if (limits[_i].add != NULL) {
		ck_assert_int_eq(cmdline_add(&line, limits[_i].add, &err),
				 limits[_i].add_ret);
		if (limits[_i].add_ret < 0)
			ck_assert_str_eq(buf, limits[_i].user);
	}
	if (limits[_i].init_ret < 0 || limits[_i].add_ret < 0)
		ck_assert_ptr_nonnull(strstr(err.text, "this kernel is 8"));
	ck_assert_int_eq(buf[9], '#');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot_cmdline");
	TCase *tc = tcase_create("boot_cmdline");

	tcase_add_loop_test(tc, parameters_go_before_the_arguments_of_init, 0,
			    ARRAY_LEN(lines));
	tcase_add_loop_test(tc, a_line_over_the_limit_is_refused_and_left_alone,
			    0, ARRAY_LEN(limits));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
