// SPDX-License-Identifier: Apache-2.0
/*
 * utf8.c - is a text UTF-8 (RFC 3629)?
 */
#include "utf8.h"
#include "util.h"

#include <stddef.h>

/* The length of the sequence at s, or 0: RFC 3629, section 4. */
static size_t utf8_sequence(const unsigned char *s)
{
	static const struct {
		unsigned char first, last; /* the first byte */
		unsigned char second_min, second_max;
		size_t len;
	} rows[] = {
		{ 0x01, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (s[0] < rows[i].first || s[0] > rows[i].last)
			continue;
		if (s[1] < rows[i].second_min || s[1] > rows[i].second_max)
			return 0;
		/* The NUL at the end is none of these: no read beyond it. */
		for (size_t n = 2; n < rows[i].len; n++)
			if ((s[n] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

bool utf8_is_valid(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; *s != '\0'; s += n) {
		n = utf8_sequence(s);
		if (n == 0)
			return false;
	}
	return true;
}

void utf8_repair(char *text)
{
	while (*text != '\0') {
		size_t n = utf8_sequence((const unsigned char *)text);

		if (n == 0)
			*text = '?';
		text += MAX(n, (size_t)1);
	}
}
