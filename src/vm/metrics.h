// SPDX-License-Identifier: Apache-2.0
/*
 * metrics.h - what is known of a VM's life in figures, as plain data
 *
 * Filled by vm_get_metrics() (vm_metrics.h), read by src/api; docs/metrics.md has
 * every figure with its source. What is not known is METRICS_UNKNOWN, or a count
 * of 0 for a whole section. The structure is large (50 KiB) and only as much of it
 * is filled as its counts say: keep one on the heap, not on the stack. Names are
 * string constants.
 */
#ifndef MOTE_METRICS_H
#define MOTE_METRICS_H

#include "util.h"

#define METRICS_UNKNOWN UINT64_MAX

enum {
	METRICS_STATS_MAX = 64,
	METRICS_STAT_NAME_SIZE = 48,
	METRICS_EXITS_MAX = 16,
	METRICS_VCPUS_MAX = 64,
	METRICS_DEVICES_MAX = 64,
};

/* One of KVM's own statistics; which there are depends on the kernel. */
struct metrics_stat {
	char name[METRICS_STAT_NAME_SIZE];
	bool cumulative;  /* only grows; else it comes and goes, or is a peak */
	const char *unit; /* "bytes", "nanoseconds", ...; NULL: a number */
};

struct metrics_stats {
	unsigned count;
	struct metrics_stat stats[METRICS_STATS_MAX];
};

struct metrics_vcpu {
	uint64_t cpu_time; /* nanoseconds; of guest and host */
	uint64_t exits[METRICS_EXITS_MAX];
	bool has_kvm;
	uint64_t kvm[METRICS_STATS_MAX];
};

struct metrics_device {
	char id[ID_MAX + 1];
	uint32_t type;	 /* virtio device type */
	uint64_t status; /* device status bits */
	bool started, needs_reset, lost;
	uint64_t writes, notifies, config_interrupts;
	uint64_t starts, start_fails, failures, config_fails;
};

struct metrics_memory {
	uint64_t size; /* bytes of RAM */
	bool shared, mergeable;
	const char *pages; /* "small", "transparent_huge", "huge" */
	uint64_t resident; /* bytes */
};

/* The monitor, guest memory included as far as it is mapped. */
struct metrics_process {
	uint64_t cpu_time, main_cpu_time;	      /* nanoseconds */
	uint64_t rss_anon, rss_file, rss_shmem, swap; /* bytes */
	uint64_t hugetlb, pss;			      /* bytes */
};

/* Kernel samepage merging, of this process. */
struct metrics_ksm {
	uint64_t rmap_items;	/* pages that are looked at */
	uint64_t merging_pages; /* that share another one */
	uint64_t zero_pages;	/* that share the kernel's zero page */
	bool has_profit;
	int64_t profit; /* bytes saved, less what KSM itself takes */
};

struct metrics_log {
	uint64_t lost, suppressed; /* lines */
};

struct vm_metrics {
	char id[ID_MAX + 1]; /* of the VM */
	uint64_t time;	     /* milliseconds since 1970 */
	struct metrics_memory memory;
	struct metrics_process process;
	struct metrics_ksm ksm;
	struct metrics_log log;

	unsigned exit_count;
	const char *exit_names[METRICS_EXITS_MAX];
	struct metrics_stats vm_stats, vcpu_stats; /* count 0: none to be had */
	uint64_t vm_kvm[METRICS_STATS_MAX];
	unsigned vcpu_count, device_count;
	struct metrics_device devices[METRICS_DEVICES_MAX];
	struct metrics_vcpu vcpus[METRICS_VCPUS_MAX];
};

#endif
