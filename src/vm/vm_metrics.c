// SPDX-License-Identifier: Apache-2.0
/*
 * vm_metrics.c - a VM's figures as they are now, collected from its parts
 */
#include "vm_metrics.h"
#include "fd.h"
#include "kvm_stats.h"
#include "log.h"
#include "process_metrics.h"
#include "virtio_mmio.h"
#include "vm_internal.h"

#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static_assert(METRICS_VCPUS_MAX == VCPUS_MAX, "room for every vCPU");
static_assert(METRICS_DEVICES_MAX == LAYOUT_DEVICES_MAX, "and every device");
static_assert((int)METRICS_EXITS_MAX >= (int)VCPU_EXITS, "and every exit");
static_assert((int)METRICS_STATS_MAX == (int)KVM_STATS_MAX &&
		      (int)METRICS_STAT_NAME_SIZE == (int)KVM_STAT_NAME_SIZE,
	      "and every statistic with its name");

/* Of the units and exponents that KVM has used so far; NULL: a plain number. */
static const char *unit_name(const struct kvm_stat *stat)
{
	static const struct {
		enum kvm_stat_unit unit;
		int exponent;
		const char *name;
	} names[] = {
		{ KVM_STAT_SECONDS, -9, "nanoseconds" },
		{ KVM_STAT_SECONDS, 0, "seconds" },
		{ KVM_STAT_BYTES, 0, "bytes" },
		{ KVM_STAT_CYCLES, 0, "cycles" },
		{ KVM_STAT_BOOLEAN, 0, "boolean" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (stat->unit == names[i].unit &&
		    stat->exponent == names[i].exponent)
			return names[i].name;
	}
	return NULL;
}

static void name_stats(const struct kvm_stats *from, struct metrics_stats *to)
{
	to->count = from->count;
	for (unsigned i = 0; i < from->count; i++) {
		const struct kvm_stat *stat = &from->stats[i];

		memcpy(to->stats[i].name, stat->name, sizeof(stat->name));
		to->stats[i].cumulative = stat->type == KVM_STAT_CUMULATIVE;
		to->stats[i].unit = unit_name(stat);
	}
}

/* stats are described when they are not yet. False: nothing to be had. */
static bool read_kvm(int stats_fd, struct kvm_stats *stats, uint64_t *values)
{
	if (stats_fd < 0)
		return false;
	if (stats->count == 0 &&
	    kvm_stats_read_description(stats_fd, stats) < 0)
		return false;
	return kvm_stats_read_values(stats_fd, stats, values) == 0;
}

static void get_vm_kvm(const struct vm *vm, struct vm_metrics *out)
{
	int stats_fd = kvm_stats_open(kvm_vm_fd(vm->kvm));
	struct kvm_stats stats = { .count = 0 };

	out->vm_stats.count = 0;
	if (read_kvm(stats_fd, &stats, out->vm_kvm))
		name_stats(&stats, &out->vm_stats);
	fd_close(&stats_fd);
}

static void get_vcpus(struct vm *vm, struct vm_metrics *out)
{
	struct kvm_stats stats = { .count = 0 };

	out->exit_count = VCPU_EXITS;
	for (unsigned i = 0; i < VCPU_EXITS; i++)
		out->exit_names[i] = vcpu_exit_name(i);
	out->vcpu_count = vcpus_count(vm->vcpus);
	for (unsigned i = 0; i < out->vcpu_count; i++) {
		struct metrics_vcpu *vcpu = &out->vcpus[i];
		struct vcpu_counts counts;

		vcpus_get_counts(vm->vcpus, i, &counts);
		memcpy(vcpu->exits, counts.exits, sizeof(counts.exits));
		vcpu->cpu_time =
			counts.has_cpu_time ? counts.cpu_time : METRICS_UNKNOWN;
		vcpu->has_kvm = read_kvm(vcpus_stats_fd(vm->vcpus, i), &stats,
					 vcpu->kvm);
	}
	name_stats(&stats, &out->vcpu_stats);
}

static void get_device(const struct vm_device *device,
		       struct metrics_device *out)
{
	struct virtio_mmio_state state;

	virtio_mmio_get_state(device->virtio, &state);
	*out = (struct metrics_device){
		.type = device->device_id,
		.status = state.status,
		.started = state.started,
		.needs_reset = state.status & VIRTIO_CONFIG_S_NEEDS_RESET,
		.lost = state.lost,
		.writes = state.counts.writes,
		.notifies = state.counts.notifies,
		.config_interrupts = state.counts.config_interrupts,
		.starts = state.counts.starts,
		.start_fails = state.counts.start_fails,
		.failures = state.counts.failures,
		.config_fails = state.counts.config_fails,
	};
	snprintf(out->id, sizeof(out->id), "%s", device->id);
}

static void get_devices(const struct vm *vm, struct vm_metrics *out)
{
	out->device_count = 0;
	for (unsigned i = 0; i < vm->device_count; i++) {
		if (vm->devices[i].virtio != NULL)
			get_device(&vm->devices[i],
				   &out->devices[out->device_count++]);
	}
}

/*
 * Shared memory is a file: what is allocated of it, whoever touched it. Private
 * memory is nearly all of the monitor's own anonymous memory.
 */
static uint64_t resident(const struct vm *vm, const struct vm_metrics *out)
{
	const struct guest_memory_config *cfg = guest_memory_config(vm->memory);
	const struct memory_region *regions;
	struct stat file;

	if (guest_memory_regions(vm->memory, &regions) == 0 || !cfg->shared)
		return cfg->pages == MEMORY_PAGES_2M ? out->process.hugetlb
						     : out->process.rss_anon;
	if (fstat(regions[0].fd, &file) < 0)
		return METRICS_UNKNOWN;
	return (uint64_t)file.st_blocks * 512;
}

static void get_memory(const struct vm *vm, struct vm_metrics *out)
{
	static const char *const pages[] = {
		[MEMORY_PAGES_THP] = "transparent_huge",
		[MEMORY_PAGES_SMALL] = "small",
		[MEMORY_PAGES_2M] = "huge",
	};
	const struct guest_memory_config *cfg = guest_memory_config(vm->memory);

	out->memory = (struct metrics_memory){
		.size = guest_memory_size(vm->memory),
		.shared = cfg->shared,
		.mergeable = cfg->mergeable,
		.pages = pages[cfg->pages],
		.resident = resident(vm, out),
	};
}

void vm_get_metrics(struct vm *vm, struct vm_metrics *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	out->time =
		(uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	snprintf(out->id, sizeof(out->id), "%s", vm->cfg->id);
	process_metrics_get(&out->process, &out->ksm);
	out->log = (struct metrics_log){
		.lost = log_lines_lost(),
		.suppressed = log_lines_suppressed(),
	};
	get_memory(vm, out);
	get_vm_kvm(vm, out);
	get_vcpus(vm, out);
	get_devices(vm, out);
}
