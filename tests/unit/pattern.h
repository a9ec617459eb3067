// SPDX-License-Identifier: Apache-2.0
/*
 * pattern.h - the bytes of every stream that tests send
 *
 * Their period is a prime, so that no chunk or buffer size hides a shift.
 */
#ifndef MOTE_TESTS_PATTERN_H
#define MOTE_TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* The byte at offset i. */
char pattern_at(size_t i);
void pattern_fill(char *bytes, size_t offset, size_t len);
bool pattern_is(const char *bytes, size_t offset, size_t len);
/* Read len bytes of fd, which must be the pattern from offset. */
void pattern_read(int fd, size_t offset, size_t len);

#endif
