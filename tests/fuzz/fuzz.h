// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz.h - what every fuzz target includes
 *
 * A target feeds size bytes to what it tests and returns 0. The sanitizers find
 * what is wrong with memory; what must hold besides is said with FUZZ_REQUIRE().
 */
#ifndef MOTE_TESTS_FUZZ_H
#define MOTE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_REQUIRE(what)                                                     \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,       \
				__LINE__, #what);                              \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
