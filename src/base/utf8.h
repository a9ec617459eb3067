// SPDX-License-Identifier: Apache-2.0
/*
 * utf8.h - is a text UTF-8 (RFC 3629)? Pure; any thread.
 */
#ifndef MOTE_UTF8_H
#define MOTE_UTF8_H

#include <stdbool.h>

bool utf8_is_valid(const char *text);

/*
 * Make it so: each byte that belongs to no whole character becomes '?'. For
 * texts that were cut to a number of bytes, or come from the kernel.
 */
void utf8_repair(char *text);

#endif
