// SPDX-License-Identifier: Apache-2.0
/*
 * vcpu_counts.c - exits and CPU time of each vCPU
 */
#include "util.h"
#include "vcpu_internal.h"

#include <time.h>

const char *vcpu_exit_name(enum vcpu_exit exit)
{
	static const char *const names[] = {
		[VCPU_EXIT_OTHER] = "other",
		[VCPU_EXIT_IO_IN] = "io_in",
		[VCPU_EXIT_IO_OUT] = "io_out",
		[VCPU_EXIT_MMIO_READ] = "mmio_read",
		[VCPU_EXIT_MMIO_WRITE] = "mmio_write",
		[VCPU_EXIT_MSR] = "msr",
		[VCPU_EXIT_SIGNAL] = "signal",
		[VCPU_EXIT_SHUTDOWN] = "shutdown",
		[VCPU_EXIT_FAILURE] = "failure",
	};

	static_assert(ARRAY_LEN(names) == VCPU_EXITS, "every exit has a name");
	return names[exit];
}

unsigned vcpus_count(const struct vcpus *vcpus)
{
	return vcpus->count;
}

int vcpus_stats_fd(const struct vcpus *vcpus, unsigned index)
{
	return vcpus->cpu[index].stats_fd;
}

/*
 * With the lock held a thread cannot get from one of these states to its end, and
 * the clock of one that has ended would be another's.
 */
static bool read_cpu_time(struct vcpu *cpu, uint64_t *ns)
{
	struct timespec time;
	clockid_t clock;

	if (!cpu->started ||
	    (cpu->state != VCPU_RUNNING && cpu->state != VCPU_PARKED))
		return false;
	if (pthread_getcpuclockid(cpu->thread, &clock) != 0 ||
	    clock_gettime(clock, &time) < 0)
		return false;
	*ns = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	return true;
}

void vcpus_get_counts(struct vcpus *vcpus, unsigned index,
		      struct vcpu_counts *out)
{
	struct vcpu *cpu = &vcpus->cpu[index];

	for (unsigned i = 0; i < VCPU_EXITS; i++)
		out->exits[i] =
			__atomic_load_n(&cpu->exits[i], __ATOMIC_RELAXED);
	out->cpu_time = 0;
	pthread_mutex_lock(&vcpus->lock);
	out->has_cpu_time = read_cpu_time(cpu, &out->cpu_time);
	pthread_mutex_unlock(&vcpus->lock);
}
