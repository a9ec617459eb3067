// SPDX-License-Identifier: Apache-2.0
/*
 * guest_clock.h - x86_64: what the guest's clocks showed when they were stopped
 */
#ifndef MOTE_VCPU_CLOCK_H
#define MOTE_VCPU_CLOCK_H

#include <stdint.h>

struct vcpu_clock {
	uint64_t kvmclock; /* ns, as KVM_GET_CLOCK tells it */
	uint64_t host_tsc; /* the host's counter at the same time */
};

#endif
