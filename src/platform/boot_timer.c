// SPDX-License-Identifier: Apache-2.0
/*
 * boot_timer.c - how long a guest took until it said that it had booted
 */
#include "boot_timer.h"
#include "clock.h"
#include "layout.h"
#include "log.h"

#include <inttypes.h>
#include <time.h>

enum { BOOTED = 123 };

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void boot_timer_start(struct boot_timer *timer)
{
	timer->on = true;
	timer->start_us = clock_now_us();
	timer->start_cpu_us = cpu_us();
	atomic_flag_clear(&timer->told);
}

bool boot_timer_write(struct boot_timer *timer, uint64_t addr, const void *data,
		      unsigned len)
{
	const uint8_t *byte = data;
	uint64_t us, cpu;

	if (!timer->on || addr != LAYOUT_DEVICES_BASE || len != 1 ||
	    *byte != BOOTED)
		return false;
	if (atomic_flag_test_and_set(&timer->told))
		return true;
	us = clock_now_us() - timer->start_us;
	cpu = cpu_us() - timer->start_cpu_us;
	log_write(LOG_INFO, "vm", NULL,
		  "Guest-boot-time = %6" PRIu64 " us %" PRIu64 " ms, %6" PRIu64
		  " CPU us %" PRIu64 " CPU ms",
		  us, us / 1000, cpu, cpu / 1000);
	return true;
}
