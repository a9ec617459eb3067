// SPDX-License-Identifier: Apache-2.0
/*
 * checksum.h - the checksum of ACPI and MP tables: all bytes add up to zero
 */
#ifndef MOTE_CHECKSUM_H
#define MOTE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* What a checksum byte that is still 0 among these n must become. */
static inline uint8_t checksum_for(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += at[i];
	return -sum;
}

#endif
