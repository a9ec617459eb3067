// SPDX-License-Identifier: Apache-2.0
/*
 * pattern.c - the bytes of every stream that tests send
 */
#include "pattern.h"
#include "unit.h"
#include "util.h"

#include <poll.h>
#include <unistd.h>

char pattern_at(size_t i)
{
	return (char)((i % 65521) * 7 >> 3);
}

void pattern_fill(char *bytes, size_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_at(offset + i);
}

bool pattern_is(const char *bytes, size_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != pattern_at(offset + i))
			return false;
	}
	return true;
}

void pattern_read(int fd, size_t offset, size_t len)
{
	char bytes[4096];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (size_t end = offset + len; offset < end; offset += (size_t)n) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		n = read(fd, bytes, MIN(sizeof(bytes), end - offset));
		ck_assert_int_gt(n, 0);
		ck_assert(pattern_is(bytes, offset, (size_t)n));
	}
}
