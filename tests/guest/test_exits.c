// SPDX-License-Identifier: Apache-2.0
/*
 * test_exits.c - what a guest does at ports and addresses reaches the handlers,
 * or stays in the kernel where it should
 */
#include "guest.h"
#include "layout.h"
#include "util.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PORT	UINT64_C(0x1234)	       /* nobody's */
#define MMIO	(LAYOUT_DEVICES_BASE + 0x2000) /* nobody's */
#define RO_PAGE LAYOUT_DEVICES_BASE
#define VALUE	UINT64_C(0x1122334455667788)

static uint64_t low_bytes(uint64_t value, unsigned len)
{
	return len == 8 ? value : value & ((UINT64_C(1) << 8 * len) - 1);
}

static void expect(const struct guest *g, unsigned i, enum vcpu_space space,
		   bool write, uint64_t addr, unsigned len, uint64_t value)
{
	ck_assert_uint_lt(i, g->logged);
	ck_assert_int_eq(g->log[i].space, space);
	ck_assert_int_eq(g->log[i].write, write);
	ck_assert_uint_eq(g->log[i].addr, addr);
	ck_assert_uint_eq(g->log[i].len, len);
	ck_assert_uint_eq(g->log[i].value, value);
}

START_TEST(port_accesses_of_every_size_reach_the_handlers)
{
	static const unsigned sizes[] = { 1, 2, 4 };
	struct guest_step steps[6];
	struct guest g;

	guest_create(&g, 1);
	g.answer = VALUE;
	g.answers = true;
	for (unsigned i = 0; i < 3; i++) {
		steps[2 * i] = (struct guest_step){ GUEST_OUT, sizes[i], PORT,
						    VALUE, 0 };
		steps[2 * i + 1] =
			(struct guest_step){ GUEST_IN, sizes[i], PORT, 0, 0 };
	}
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.logged, 6);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t value = low_bytes(VALUE, sizes[i]);

		expect(&g, 2 * i, VCPU_PIO, true, PORT, sizes[i], value);
		expect(&g, 2 * i + 1, VCPU_PIO, false, PORT, sizes[i], value);
		ck_assert_uint_eq(g.shared->steps[2 * i + 1].value, value);
	}
	guest_destroy(&g);
}
END_TEST

START_TEST(string_instructions_reach_the_handlers_item_by_item)
{
	static const unsigned sizes[] = { 1, 2, 4 };
	const unsigned len = sizes[_i], count = 7;
	const struct guest_step step = { GUEST_OUTS, len, PORT, 0, count };
	struct guest g;

	guest_create(&g, 1);
	for (unsigned i = 0; i < GUEST_STRING_MAX; i++)
		g.shared->string[i] = (uint8_t)(i + 1);
	guest_run_steps(&g, &step, 1);
	ck_assert_uint_eq(g.logged, count);
	for (unsigned i = 0; i < count; i++) {
		uint64_t value = 0;

		memcpy(&value, &g.shared->string[i * len], len);
		expect(&g, i, VCPU_PIO, true, PORT, len, value);
	}
	guest_destroy(&g);
}
END_TEST

START_TEST(string_input_fills_the_guest_s_memory_and_no_more)
{
	static const unsigned sizes[] = { 1, 2, 4 };
	const unsigned len = sizes[_i], count = 5;
	const struct guest_step step = { GUEST_INS, len, PORT, 0, count };
	struct guest g;

	guest_create(&g, 1);
	g.answer = VALUE;
	g.answers = true;
	guest_run_steps(&g, &step, 1);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(
			memcmp(&g.shared->string[i * len], &g.answer, len), 0);
	ck_assert_uint_eq(g.shared->string[count * len], 0);
	guest_destroy(&g);
}
END_TEST

START_TEST(mmio_accesses_of_every_size_reach_the_handlers)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	struct guest_step steps[8];
	struct guest g;

	guest_create(&g, 1);
	g.answer = VALUE;
	g.answers = true;
	for (unsigned i = 0; i < 4; i++) {
		steps[2 * i] = (struct guest_step){ GUEST_STORE, sizes[i],
						    MMIO + 8 * i, VALUE, 0 };
		steps[2 * i + 1] = (struct guest_step){ GUEST_LOAD, sizes[i],
							MMIO + 8 * i, 0, 0 };
	}
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.logged, 8);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t value = low_bytes(VALUE, sizes[i]);
		uint64_t addr = MMIO + 8 * i;

		expect(&g, 2 * i, VCPU_MMIO, true, addr, sizes[i], value);
		expect(&g, 2 * i + 1, VCPU_MMIO, false, addr, sizes[i], value);
		ck_assert_uint_eq(g.shared->steps[2 * i + 1].value, value);
	}
	guest_destroy(&g);
}
END_TEST

START_TEST(a_read_nobody_answers_gives_all_ones)
{
	const struct guest_step steps[] = {
		{ GUEST_IN, 4, PORT, 0, 0 },
		{ GUEST_LOAD, 8, MMIO, 0, 0 },
	};
	struct guest g;

	guest_create(&g, 1);
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.shared->steps[0].value, UINT32_MAX);
	ck_assert_uint_eq(g.shared->steps[1].value, UINT64_MAX);
	guest_destroy(&g);
}
END_TEST

/* An 8-byte access 3 bytes before a page's end is cut into 3 and 5. */
START_TEST(pieces_of_an_access_across_pages_are_dropped)
{
	const struct guest_step steps[] = {
		{ GUEST_STORE, 8, MMIO + 0xffd, VALUE, 0 },
		{ GUEST_LOAD, 8, MMIO + 0xffd, 0, 0 },
		{ GUEST_STORE, 4, MMIO, 1, 0 },
	};
	struct guest g;

	guest_create(&g, 1);
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.logged, 1);
	expect(&g, 0, VCPU_MMIO, true, MMIO, 4, 1);
	ck_assert_uint_eq(g.shared->steps[1].value, UINT64_MAX);
	guest_destroy(&g);
}
END_TEST

START_TEST(the_read_only_page_is_read_without_an_exit_and_written_with_one)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	struct guest_step steps[8];
	struct guest g;

	guest_create(&g, 1);
	memcpy(g.readonly, &(uint64_t){ VALUE }, 8);
	for (unsigned i = 0; i < 4; i++) {
		steps[2 * i] = (struct guest_step){ GUEST_LOAD, sizes[i],
						    RO_PAGE, 0, 0 };
		steps[2 * i + 1] = (struct guest_step){ GUEST_STORE, sizes[i],
							RO_PAGE, ~VALUE, 0 };
	}
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.logged, 4);
	for (unsigned i = 0; i < 4; i++) {
		expect(&g, i, VCPU_MMIO, true, RO_PAGE, sizes[i],
		       low_bytes(~VALUE, sizes[i]));
		ck_assert_uint_eq(g.shared->steps[2 * i].value,
				  low_bytes(VALUE, sizes[i]));
	}
	ck_assert_int_eq(memcmp(g.readonly, &(uint64_t){ VALUE }, 8), 0);
	guest_destroy(&g);
}
END_TEST

static uint64_t count_of(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) < 0 ? 0 : count;
}

START_TEST(an_ioeventfd_with_a_match_counts_in_the_kernel)
{
	const struct guest_step steps[] = {
		{ GUEST_STORE, 4, RO_PAGE + 0x50, 0, 0 }, /* first */
		{ GUEST_STORE, 4, RO_PAGE + 0x50, 1, 0 }, /* second */
		{ GUEST_STORE, 4, RO_PAGE + 0x50, 1, 0 },
		{ GUEST_STORE, 4, RO_PAGE + 0x50, 2, 0 }, /* nobody's */
		{ GUEST_STORE, 2, RO_PAGE + 0x50, 1, 0 }, /* too short */
	};
	int fds[2];
	struct guest g;

	guest_create(&g, 1);
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ck_assert_int_eq(kvm_add_ioeventfd(g.kvm, RO_PAGE + 0x50, 4,
						   true, i, fds[i], NULL),
				 0);
	}
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(count_of(fds[0]), 1);
	ck_assert_uint_eq(count_of(fds[1]), 2);
	ck_assert_uint_eq(g.logged, 2);
	expect(&g, 0, VCPU_MMIO, true, RO_PAGE + 0x50, 4, 2);
	expect(&g, 1, VCPU_MMIO, true, RO_PAGE + 0x50, 2, 1);
	guest_destroy(&g);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(an_unknown_msr_faults_in_the_guest_and_harms_nobody)
{
	const struct guest_step steps[] = {
		{ GUEST_RDMSR, 0, 0x4b4d0000, 0, 0 },
		{ GUEST_WRMSR, 0, 0x4b4d0000, VALUE, 0 },
		{ GUEST_OUT, 1, PORT, 7, 0 },
	};
	struct guest g;

	guest_create(&g, 1);
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.shared->protection_faults, 2);
	expect(&g, 0, VCPU_PIO, true, PORT, 1, 7);
	guest_destroy(&g);
}
END_TEST

START_TEST(msrs_are_as_firmware_would_have_left_them)
{
	const struct guest_step steps[] = {
		{ GUEST_RDMSR, 0, 0x1a0, 0, 0 }, /* MISC_ENABLE */
		{ GUEST_RDMSR, 0, 0x2ff, 0, 0 }, /* MTRR default type */
	};
	struct guest g;

	guest_create(&g, 1);
	guest_run_steps(&g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(g.shared->steps[0].value & 1, 1);
	ck_assert_uint_eq(g.shared->steps[1].value, 0x806);
	guest_destroy(&g);
}
END_TEST

START_TEST(cpuid_tells_the_guest_who_and_where_it_is)
{
	const struct guest_step step = { GUEST_CPUID, 0, 1, 0, 0 };
	struct guest g;

	guest_create(&g, 2);
	guest_run_steps(&g, &step, 1);
	ck_assert_uint_eq(g.shared->cpuid[1] >> 24, 0);
	ck_assert_uint_eq(g.shared->cpuid[1] >> 16 & 0xff, 2);
	ck_assert_uint_eq(g.shared->cpuid[2] >> 31, 1);
	guest_destroy(&g);
}
END_TEST

START_TEST(a_pvh_guest_starts_in_32_bit_mode_with_its_argument)
{
	struct guest g;

	guest_create_pvh(&g, 0x00fedcba);
	guest_run_steps(&g, NULL, 0);
	ck_assert_uint_eq(g.logged, 1);
	expect(&g, 0, VCPU_PIO, true, GUEST_PORT_PVH, 4, 0x00fedcba);
	guest_destroy(&g);
}
END_TEST

START_TEST(a_triple_fault_ends_the_vm)
{
	const struct guest_step step = { GUEST_TRIPLE_FAULT, 0, 0, 0, 0 };
	struct guest g;

	guest_create(&g, 1);
	g.ends = true;
	guest_start_steps(&g, &step, 1);
	ck_assert(guest_wait(&g, g.ended_fd));
	ck_assert_int_eq(g.why, VCPU_END_SHUTDOWN);
	guest_pause(&g); /* an ended vCPU counts as paused */
	guest_resume(&g);
	guest_destroy(&g);
	ck_assert_uint_eq(g.logged, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exits");
	TCase *tc = tcase_create("exits");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, port_accesses_of_every_size_reach_the_handlers);
	tcase_add_loop_test(
		tc, string_instructions_reach_the_handlers_item_by_item, 0, 3);
	tcase_add_loop_test(
		tc, string_input_fills_the_guest_s_memory_and_no_more, 0, 3);
	tcase_add_test(tc, mmio_accesses_of_every_size_reach_the_handlers);
	tcase_add_test(tc, a_read_nobody_answers_gives_all_ones);
	tcase_add_test(tc, pieces_of_an_access_across_pages_are_dropped);
	tcase_add_test(
		tc,
		the_read_only_page_is_read_without_an_exit_and_written_with_one);
	tcase_add_test(tc, an_ioeventfd_with_a_match_counts_in_the_kernel);
	tcase_add_test(tc, an_unknown_msr_faults_in_the_guest_and_harms_nobody);
	tcase_add_test(tc, msrs_are_as_firmware_would_have_left_them);
	tcase_add_test(tc, cpuid_tells_the_guest_who_and_where_it_is);
	tcase_add_test(tc, a_pvh_guest_starts_in_32_bit_mode_with_its_argument);
	tcase_add_test(tc, a_triple_fault_ends_the_vm);
	suite_add_tcase(suite, tc);
	return guest_suite_run(suite);
}
