// SPDX-License-Identifier: Apache-2.0
/*
 * test_journal.c - numbered entries: their order, what is kept, what a guest can do
 */
#include "unit.h"
#include "journal.h"

#include <string.h>
#include <unistd.h>

static unsigned heard;

static void hear(void *ctx)
{
	heard += ctx == &heard;
}

START_TEST(a_reader_gets_what_came_after_its_number_in_order)
{
	const struct journal_entry *entry;
	uint64_t before = journal_last();

	journal_watch(hear, &heard);
	journal_post("one", "vm", "%d", 1);
	journal_post_guest("two", "disk", "%s", "");
	journal_post("three", NULL, "%s", "");
	ck_assert_uint_eq(heard, 3);
	entry = journal_after(before);
	ck_assert_str_eq(entry->type, "one");
	ck_assert_str_eq(entry->id, "vm");
	ck_assert_str_eq(entry->detail, "1");
	entry = journal_after(entry->seq);
	ck_assert_str_eq(entry->type, "two");
	entry = journal_after(entry->seq);
	ck_assert_str_eq(entry->type, "three");
	ck_assert_str_eq(entry->id, "");
	ck_assert_uint_eq(entry->seq, before + 3);
	ck_assert_ptr_null(journal_after(entry->seq));
}
END_TEST

START_TEST(the_oldest_that_is_kept_follows_what_is_gone)
{
	const struct journal_entry *entry;

	for (int i = 0; i < JOURNAL_SIZE + 10; i++)
		journal_post("host", NULL, "%d", i);
	entry = journal_after(0);
	ck_assert_str_eq(entry->detail, "10");
	ck_assert_uint_eq(entry->seq, journal_last() - JOURNAL_SIZE + 1);
}
END_TEST

/* Seconds, whose allowances together are more than a ring has room for. */
enum { TURNS = JOURNAL_SIZE / JOURNAL_GUEST_MAX + 1 };

START_TEST(a_guest_pushes_nothing_out_and_is_held_back)
{
	const struct journal_entry *entry;
	bool suppressed = false;

	journal_post("started", "vm", "%s", "");
	for (int turn = 0; turn < TURNS; turn++) {
		for (int i = 0; i < 10 * JOURNAL_GUEST_MAX; i++)
			journal_post_guest("device-ready", "disk", "%s", "");
		sleep(1);
	}
	/* Each turn of a second while posting is one more allowance. */
	ck_assert_uint_le(journal_last(), 4 * TURNS * JOURNAL_GUEST_MAX);
	entry = journal_after(0);
	ck_assert_str_eq(entry->type, "started");
	while ((entry = journal_after(entry->seq)) != NULL)
		suppressed |= strcmp(entry->type, "suppressed") == 0;
	ck_assert(suppressed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tc = tcase_create("journal");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_reader_gets_what_came_after_its_number_in_order);
	tcase_add_test(tc, the_oldest_that_is_kept_follows_what_is_gone);
	tcase_add_test(tc, a_guest_pushes_nothing_out_and_is_held_back);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
