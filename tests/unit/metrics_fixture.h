// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_fixture.h - figures of a VM with two vCPUs, two disks and a network card
 */
#ifndef MOTE_TESTS_METRICS_FIXTURE_H
#define MOTE_TESTS_METRICS_FIXTURE_H

#include "unit.h"
#include "metrics.h"

#include <string.h>

/* To be freed. */
static inline struct vm_metrics *metrics_sample(void)
{
	struct vm_metrics *m = calloc(1, sizeof(*m));

	ck_assert_ptr_nonnull(m);
	strcpy(m->id, "vm-1");
	m->time = 1700000000123;
	m->memory = (struct metrics_memory){ .size = 128 * MIB,
					     .shared = true,
					     .pages = "small",
					     .resident = 5 * MIB };
	m->process = (struct metrics_process){ .cpu_time = 2500000001,
					       .main_cpu_time = 7,
					       .rss_anon = 1,
					       .rss_file = 2,
					       .rss_shmem = 3,
					       .pss = METRICS_UNKNOWN };
	m->ksm = (struct metrics_ksm){ .rmap_items = 9,
				       .merging_pages = METRICS_UNKNOWN,
				       .has_profit = true,
				       .profit = -64 };
	m->log.lost = 4;
	m->exit_count = 3;
	m->exit_names[0] = "io_in";
	m->exit_names[1] = "mmio_write";
	m->exit_names[2] = "failure";
	m->vm_stats =
		(struct metrics_stats){ 1, { { "pages-4k", false, NULL } } };
	m->vm_kvm[0] = 77;
	m->vcpu_stats = (struct metrics_stats){
		2,
		{ { "halt_wait_ns", true, "nanoseconds" },
		  { "blocking", false, "boolean" } },
	};
	m->vcpu_count = 2;
	m->vcpus[0] = (struct metrics_vcpu){ .cpu_time = 1000000000,
					     .exits = { 10, 20, 0 },
					     .has_kvm = true,
					     .kvm = { 500, 1 } };
	m->vcpus[1] = (struct metrics_vcpu){ .cpu_time = 5,
					     .exits = { 1, 2, 0 },
					     .has_kvm = true,
					     .kvm = { 600, 0 } };
	m->device_count = 3;
	m->devices[0] = (struct metrics_device){ .id = "disk0",
						 .type = 2,
						 .status = 15,
						 .started = true,
						 .writes = 40,
						 .start_fails = 1 };
	m->devices[1] = (struct metrics_device){ .id = "disk1",
						 .type = 2,
						 .start_fails = 2,
						 .config_interrupts = 3 };
	m->devices[2] = (struct metrics_device){ .id = "net\"0\\",
						 .type = 1,
						 .status = 79,
						 .needs_reset = true,
						 .lost = true,
						 .config_interrupts = 1 };
	return m;
}

#endif
