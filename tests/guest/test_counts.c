// SPDX-License-Identifier: Apache-2.0
/*
 * test_counts.c - what vCPUs and KVM count while a guest does what is known
 */
#include "guest.h"
#include "kvm_stats.h"
#include "util.h"

#include <string.h>

START_TEST(each_exit_is_counted_by_its_reason)
{
	static const struct guest_step steps[] = {
		{ GUEST_OUT, 1, 0x80, 1, 0 },
		{ GUEST_OUT, 1, 0x80, 2, 0 },
		{ GUEST_IN, 1, 0x80, 0, 0 },
		{ GUEST_STORE, 4, 0xd0000000, 7, 0 },
		{ GUEST_LOAD, 4, 0xd0000000, 0, 0 },
		{ GUEST_LOAD, 4, 0xd0000000, 0, 0 },
		{ GUEST_LOAD, 4, 0xd0000000, 0, 0 },
	};
	struct vcpu_counts before, counts;
	struct guest g;

	guest_create(&g, 1);
	vcpus_get_counts(g.vcpus, 0, &before);
	ck_assert(!before.has_cpu_time);
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	vcpus_get_counts(g.vcpus, 0, &counts);
	ck_assert(counts.has_cpu_time);
	ck_assert_uint_gt(counts.cpu_time, 0);
	ck_assert_uint_ge(counts.exits[VCPU_EXIT_IO_OUT], 2);
	ck_assert_uint_eq(counts.exits[VCPU_EXIT_IO_IN], 1);
	ck_assert_uint_eq(counts.exits[VCPU_EXIT_MMIO_READ], 3);
	ck_assert_uint_ge(counts.exits[VCPU_EXIT_MMIO_WRITE], 1);
	ck_assert_uint_eq(counts.exits[VCPU_EXIT_FAILURE], 0);

	guest_pause(&g);
	vcpus_get_counts(g.vcpus, 0, &counts);
	ck_assert(counts.has_cpu_time);
	ck_assert_uint_ge(counts.exits[VCPU_EXIT_SIGNAL], 1);
	vcpus_stop(g.vcpus);
	vcpus_get_counts(g.vcpus, 0, &counts);
	ck_assert(!counts.has_cpu_time);
	guest_destroy(&g);
}
END_TEST

START_TEST(a_shutdown_is_counted)
{
	const struct guest_step step = { GUEST_TRIPLE_FAULT, 0, 0, 0, 0 };
	struct vcpu_counts counts;
	struct guest g;

	guest_create(&g, 1);
	g.ends = true;
	guest_start_steps(&g, &step, 1);
	ck_assert(guest_wait(&g, g.ended_fd));
	vcpus_stop(g.vcpus);
	vcpus_get_counts(g.vcpus, 0, &counts);
	ck_assert_uint_eq(counts.exits[VCPU_EXIT_SHUTDOWN], 1);
	guest_destroy(&g);
}
END_TEST

static uint64_t value_of(const struct kvm_stats *stats, const uint64_t *values,
			 const char *name)
{
	for (unsigned i = 0; i < stats->count; i++) {
		if (strcmp(stats->stats[i].name, name) == 0)
			return values[i];
	}
	ck_abort_msg("no statistic %s", name);
}

START_TEST(kvm_counts_the_exits_too)
{
	static const struct guest_step steps[] = {
		{ GUEST_OUT, 1, 0x80, 1, 0 },
		{ GUEST_OUT, 1, 0x80, 2, 0 },
	};
	uint64_t values[KVM_STATS_MAX];
	struct kvm_stats stats;
	struct guest g;
	int fd;

	guest_create(&g, 1);
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	fd = vcpus_stats_fd(g.vcpus, 0);
	if (fd >= 0) { /* Linux 5.14 and later */
		ck_assert_int_eq(kvm_stats_read_description(fd, &stats), 0);
		ck_assert_int_eq(kvm_stats_read_values(fd, &stats, values), 0);
		ck_assert_uint_gt(value_of(&stats, values, "exits") +
					  value_of(&stats, values,
						   "insn_emulation"),
				  0);
	}
	guest_destroy(&g);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("counts");
	TCase *tc = tcase_create("counts");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, each_exit_is_counted_by_its_reason);
	tcase_add_test(tc, a_shutdown_is_counted);
	tcase_add_test(tc, kvm_counts_the_exits_too);
	suite_add_tcase(suite, tc);
	return guest_suite_run(suite);
}
