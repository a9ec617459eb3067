// SPDX-License-Identifier: Apache-2.0
/*
 * kvm_stats.h - KVM's own statistics of a VM or a vCPU
 *
 * Documentation/virt/kvm/api.rst of Linux, 4.133 KVM_GET_STATS_FD. Which there
 * are depends on the kernel: each says its name, type and unit. Histograms are
 * left out. Any thread.
 */
#ifndef MOTE_KVM_STATS_H
#define MOTE_KVM_STATS_H

#include <stdbool.h>
#include <stdint.h>

enum { KVM_STATS_MAX = 64, KVM_STAT_NAME_SIZE = 48 };

enum kvm_stat_type {
	KVM_STAT_CUMULATIVE, /* only grows */
	KVM_STAT_INSTANT,
	KVM_STAT_PEAK, /* the highest so far */
};

enum kvm_stat_unit {
	KVM_STAT_NO_UNIT,
	KVM_STAT_BYTES,
	KVM_STAT_SECONDS,
	KVM_STAT_CYCLES,
	KVM_STAT_BOOLEAN,
};

struct kvm_stat {
	char name[KVM_STAT_NAME_SIZE];
	enum kvm_stat_type type;
	enum kvm_stat_unit unit;
	bool binary;	 /* exponent is of 2, else of 10 */
	int exponent;	 /* seconds, -9: the value is in nanoseconds */
	uint32_t offset; /* of its 64 bits in the file, bytes */
};

/* The same for all vCPUs of a VM. */
struct kvm_stats {
	unsigned count;
	struct kvm_stat stats[KVM_STATS_MAX];
};

/*
 * The file of a VM's or vCPU's statistics, the caller's to close; -errno where
 * this KVM has none (Linux before 5.14). Of a vCPU it is to be had only while that
 * one is not in KVM_RUN: until then the call waits. Reading it does not.
 */
int kvm_stats_open(int fd);

/* Which there are, by the file's own description. -EPROTO: nonsense. */
int kvm_stats_read_description(int stats_fd, struct kvm_stats *out);

/* Their values now; values[i] belongs to stats->stats[i]. */
int kvm_stats_read_values(int stats_fd, const struct kvm_stats *stats,
			  uint64_t *values);

#endif
