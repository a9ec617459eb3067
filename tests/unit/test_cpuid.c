// SPDX-License-Identifier: Apache-2.0
/*
 * test_cpuid.c - what mote makes of the CPUID leaves that KVM offers
 *
 * The tables are made up, with the host's own topology in every field that must
 * not reach the guest.
 */
#include "unit.h"
#include "cpuid.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct kvm_cpuid_entry2 host_leaves[] = {
	{ .function = 0x0, .eax = 0x1f },
	{ .function = 0x1, .eax = 0x306c3, .ebx = 0x7b400800,
	  .ecx = 0x00000029, .edx = 0x10000001 },	/* SSE3 MONITOR VMX */
	{ .function = 0x4, .index = 0, .eax = 0xfc004121, .ebx = 7 },
	{ .function = 0x4, .index = 1, .eax = 0xfc004143 },
	{ .function = 0x4, .index = 2, .eax = 0xfc1fc163 },
	{ .function = 0x4, .index = 3, .eax = 0 },
	{ .function = 0x5, .eax = 0x40 },
	{ .function = 0x7, .ebx = 0x12345678 },
	{ .function = 0xa, .eax = 0x07300402 },
	{ .function = 0xb, .index = 0, .eax = 9, .ebx = 99, .edx = 77 },
	{ .function = 0x1f, .index = 0, .eax = 9, .ebx = 99, .edx = 77 },
	{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b },
	{ .function = 0x40000001, .eax = 0x01007efb },
	{ .function = 0x80000001, .ecx = 0x11800006 },	/* SVM, PERFCTR_* */
	{ .function = 0x80000008, .eax = 0x3030, .ecx = 0x0001707f },
	{ .function = 0x8000000a, .eax = 1 },
	{ .function = 0x8000001d, .index = 0, .eax = 0x03ffc121 },
	{ .function = 0x8000001d, .index = 3, .eax = 0x03ffc163 },
	{ .function = 0x8000001e, .eax = 77, .ebx = 0x177, .ecx = 0x303 },
	{ .function = 0x80000022, .eax = 7 },
	{ .function = 0x80000026, .index = 0, .eax = 5, .ebx = 9 },
};
/* clang-format on */

static struct cpuid_table *host_table(void)
{
	struct cpuid_table *table = cpuid_table_create(ARRAY_LEN(host_leaves));

	ck_assert_ptr_nonnull(table);
	memcpy(table->kvm.entries, host_leaves, sizeof(host_leaves));
	table->kvm.nent = ARRAY_LEN(host_leaves);
	return table;
}

static struct cpuid_table *guest_table(const struct cpuid_vm *vm,
				       unsigned index)
{
	struct cpuid_table *table = host_table();

	cpuid_set_vm(table, vm);
	cpuid_set_cpu(table, index);
	return table;
}

static struct kvm_cpuid_entry2 leaf(struct cpuid_table *table,
				    uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *found = cpuid_find(table, function, index);

	ck_assert_msg(found != NULL, "leaf %#x.%u is missing", function, index);
	return *found;
}

/* CPUs, bits of the APIC id that number them. */
static const struct {
	unsigned cpus, bits;
} topologies[] = {
	{ 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 64, 6 },
};

START_TEST(every_leaf_says_one_package_of_single_threaded_cores)
{
	unsigned cpus = topologies[_i].cpus, bits = topologies[_i].bits;
	unsigned ids = 1u << bits;
	struct cpuid_vm vm = { .cpus = cpus };
	struct cpuid_table *t = guest_table(&vm, cpus - 1);

	ck_assert_uint_eq(leaf(t, 1, 0).ebx >> 16 & 0xff, ids);
	ck_assert_uint_eq(leaf(t, 1, 0).edx >> 28 & 1, cpus > 1);

	ck_assert_uint_eq(leaf(t, 0xb, 0).eax, 0);
	ck_assert_uint_eq(leaf(t, 0xb, 0).ebx, 1);
	ck_assert_uint_eq(leaf(t, 0xb, 0).ecx, 1 << 8 | 0);
	ck_assert_uint_eq(leaf(t, 0xb, 1).eax, bits);
	ck_assert_uint_eq(leaf(t, 0xb, 1).ebx, cpus);
	ck_assert_uint_eq(leaf(t, 0xb, 1).ecx, 2 << 8 | 1);
	ck_assert_uint_eq(leaf(t, 0xb, 2).ebx, 0);
	ck_assert_uint_eq(leaf(t, 0xb, 2).ecx, 2);
	ck_assert_ptr_null(cpuid_find(t, 0x1f, 0));
	ck_assert_ptr_null(cpuid_find(t, 0x80000026, 0));

	ck_assert_uint_eq(leaf(t, 0x80000008, 0).ecx & 0xff, cpus - 1);
	ck_assert_uint_eq(leaf(t, 0x80000008, 0).ecx >> 12 & 0xf, bits);
	ck_assert_uint_eq(leaf(t, 0x8000001e, 0).ebx, cpus - 1);
	ck_assert_uint_eq(leaf(t, 0x8000001e, 0).ecx, 0);
	free(t);
}
END_TEST

START_TEST(caches_up_to_level_2_belong_to_one_core_the_rest_to_all)
{
	unsigned ids = 1u << topologies[_i].bits;
	struct cpuid_vm vm = { .cpus = topologies[_i].cpus };
	struct cpuid_table *t = guest_table(&vm, 0);

	for (unsigned i = 0; i < 3; i++) {
		uint32_t eax = leaf(t, 4, i).eax;

		ck_assert_uint_eq(eax >> 26, ids - 1);
		ck_assert_uint_eq(eax >> 14 & 0xfff, i < 2 ? 0 : ids - 1);
		ck_assert_uint_eq(eax & 0x3fff,
				  host_leaves[2 + i].eax & 0x3fff);
	}
	ck_assert_uint_eq(leaf(t, 4, 3).eax, 0); /* the end of the list */
	ck_assert_uint_eq(leaf(t, 0x8000001d, 0).eax >> 14, 0);
	ck_assert_uint_eq(leaf(t, 0x8000001d, 3).eax >> 14, ids - 1);
	free(t);
}
END_TEST

static const unsigned indexes[] = { 0, 1, 3, 63 };

START_TEST(every_leaf_with_an_apic_id_has_the_vcpu_s)
{
	unsigned index = indexes[_i];
	struct cpuid_vm vm = { .cpus = 64 };
	struct cpuid_table *t = guest_table(&vm, 17);

	cpuid_set_cpu(t, index); /* the same table again */
	ck_assert_uint_eq(leaf(t, 1, 0).ebx >> 24, index);
	ck_assert_uint_eq(leaf(t, 1, 0).ebx >> 8 & 0xff, 8); /* clflush */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(leaf(t, 0xb, i).edx, index);
	ck_assert_uint_eq(leaf(t, 0x8000001e, 0).eax, index);
	ck_assert_uint_eq(leaf(t, 0x8000001e, 0).ebx, index);
	free(t);
}
END_TEST

START_TEST(the_guest_knows_that_it_is_one)
{
	struct cpuid_vm vm = { .cpus = 1 };
	struct cpuid_table *t = guest_table(&vm, 0);

	ck_assert_uint_eq(leaf(t, 1, 0).ecx >> 31, 1);
	ck_assert_uint_eq(leaf(t, 0x40000001, 0).eax, 0x01007efb);
	free(t);
}
END_TEST

START_TEST(the_tsc_deadline_timer_is_offered_when_kvm_has_it)
{
	struct cpuid_vm vm = { .cpus = 1, .tsc_deadline = _i == 1 };
	struct cpuid_table *t = guest_table(&vm, 0);

	ck_assert_uint_eq(leaf(t, 1, 0).ecx >> 24 & 1, vm.tsc_deadline);
	free(t);
}
END_TEST

START_TEST(timer_frequencies_are_given_when_known)
{
	struct cpuid_vm vm = { .cpus = 1, .tsc_khz = 2596122 };
	struct cpuid_table *t = guest_table(&vm, 0);

	ck_assert_uint_eq(leaf(t, 0x40000000, 0).eax, 0x40000010);
	ck_assert_uint_eq(leaf(t, 0x40000000, 0).ebx, 0x4b4d564b);
	ck_assert_uint_eq(leaf(t, 0x40000010, 0).eax, 2596122);
	ck_assert_uint_eq(leaf(t, 0x40000010, 0).ebx, 1000000);
	free(t);

	vm.tsc_khz = 0;
	t = guest_table(&vm, 0);
	ck_assert_uint_eq(leaf(t, 0x40000000, 0).eax, 0x40000001);
	ck_assert_ptr_null(cpuid_find(t, 0x40000010, 0));
	free(t);
}
END_TEST

START_TEST(no_pmu_no_mwait_no_nested_virtualisation)
{
	static const uint32_t gone[] = { 0x5, 0xa, 0x8000000a, 0x80000022 };
	struct cpuid_vm vm = { .cpus = 1 };
	struct cpuid_table *t = guest_table(&vm, 0);

	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		ck_assert_ptr_null(cpuid_find(t, gone[i], 0));
	ck_assert_uint_eq(leaf(t, 1, 0).ecx & 0x7fffffff, 1); /* SSE3 */
	ck_assert_uint_eq(leaf(t, 0x80000001, 0).ecx, 2);
	free(t);
}
END_TEST

START_TEST(all_other_leaves_are_passed_on)
{
	struct cpuid_vm vm = { .cpus = 4 };
	struct cpuid_table *t = guest_table(&vm, 0);

	ck_assert_uint_eq(leaf(t, 7, 0).ebx, 0x12345678);
	ck_assert_uint_eq(leaf(t, 0x80000008, 0).eax, 0x3030);
	ck_assert_uint_eq(leaf(t, 0x80000008, 0).ecx & 0x10000, 0x10000);
	ck_assert_uint_eq(leaf(t, 4, 0).ebx, 7);
	free(t);
}
END_TEST

START_TEST(an_old_cpu_without_leaf_0xb_does_not_get_one)
{
	struct cpuid_vm vm = { .cpus = 4, .tsc_khz = 1 };
	struct cpuid_table *t = host_table();

	cpuid_find(t, 0, 0)->eax = 0xa;
	cpuid_set_vm(t, &vm);
	ck_assert_ptr_null(cpuid_find(t, 0xb, 0));
	free(t);
}
END_TEST

START_TEST(an_empty_list_is_survived)
{
	struct cpuid_vm vm = { .cpus = 64, .tsc_khz = 1, .tsc_deadline = true };
	struct cpuid_table *t = cpuid_table_create(0);

	cpuid_set_vm(t, &vm);
	cpuid_set_cpu(t, 63);
	ck_assert_uint_eq(t->kvm.nent, 0);
	free(t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpuid");
	TCase *tc = tcase_create("cpuid");

	tcase_add_loop_test(
		tc, every_leaf_says_one_package_of_single_threaded_cores, 0,
		ARRAY_LEN(topologies));
	tcase_add_loop_test(
		tc, caches_up_to_level_2_belong_to_one_core_the_rest_to_all, 0,
		ARRAY_LEN(topologies));
	tcase_add_loop_test(tc, every_leaf_with_an_apic_id_has_the_vcpu_s, 0,
			    ARRAY_LEN(indexes));
	tcase_add_test(tc, the_guest_knows_that_it_is_one);
	tcase_add_loop_test(
		tc, the_tsc_deadline_timer_is_offered_when_kvm_has_it, 0, 2);
	tcase_add_test(tc, timer_frequencies_are_given_when_known);
	tcase_add_test(tc, no_pmu_no_mwait_no_nested_virtualisation);
	tcase_add_test(tc, all_other_leaves_are_passed_on);
	tcase_add_test(tc, an_old_cpu_without_leaf_0xb_does_not_get_one);
	tcase_add_test(tc, an_empty_list_is_survived);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
