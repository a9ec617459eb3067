// SPDX-License-Identifier: Apache-2.0
/*
 * unit.h - the main() of every unit test: run one suite, say the counts
 */
#ifndef MOTE_TESTS_UNIT_H
#define MOTE_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
