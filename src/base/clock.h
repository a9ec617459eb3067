// SPDX-License-Identifier: Apache-2.0
/*
 * clock.h - time that only goes on, for deadlines
 */
#ifndef MOTE_CLOCK_H
#define MOTE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, in ms, us or ns: the same for all processes of a machine. Any thread. */
uint64_t clock_now_ms(void);
uint64_t clock_now_us(void);
uint64_t clock_now_ns(void);

#endif
