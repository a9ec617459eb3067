// SPDX-License-Identifier: Apache-2.0
/*
 * test_threads.c - starting, pausing, stopping vCPUs, whatever the guest does
 */
#include "guest.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint32_t spins(const struct guest *g)
{
	return __atomic_load_n(&g->shared->spins, __ATOMIC_SEQ_CST);
}

static const struct {
	uint32_t op;
	unsigned cpus;
} busy[] = {
	{ GUEST_SPIN, 1 },
	{ GUEST_SPIN_USER, 1 },
	{ GUEST_IDLE, 1 },
	{ GUEST_SPIN_USER, 4 }, /* three of them not started */
};

/* Until the vCPU is in the guest again; a halted one gives no sign of it. */
static void let_run(const struct guest *g, uint32_t op)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	uint32_t before = spins(g);

	while (op != GUEST_IDLE && spins(g) == before)
		; /* or the test times out */
	if (op == GUEST_IDLE)
		nanosleep(&pause, NULL);
}

/* Kicks that find the vCPU in the guest, and kicks that find it elsewhere. */
START_TEST(pause_and_resume_never_hang)
{
	const struct guest_step step = { busy[_i].op, 0, 0, 0, 0 };
	struct guest g;

	guest_create(&g, busy[_i].cpus);
	guest_allow_user(&g);
	guest_start_steps(&g, &step, 1);
	for (unsigned i = 0; i < 1000; i++) {
		if (i % 2 == 0)
			let_run(&g, step.op);
		guest_pause(&g);
		guest_resume(&g);
	}
	let_run(&g, step.op);
	guest_destroy(&g);
}
END_TEST

START_TEST(a_paused_guest_stands_still)
{
	const struct guest_step step = { busy[_i].op, 0, 0, 0, 0 };
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint32_t before;
	struct guest g;

	guest_create(&g, busy[_i].cpus);
	guest_allow_user(&g);
	guest_start_steps(&g, &step, 1);
	for (unsigned i = 0; i < 5; i++) {
		let_run(&g, step.op);
		guest_pause(&g);
		before = spins(&g);
		nanosleep(&pause, NULL);
		ck_assert_uint_eq(spins(&g), before);
		guest_resume(&g);
	}
	guest_destroy(&g);
}
END_TEST

/* Pausing completes the access the vCPU has left the guest for. */
START_TEST(a_guest_that_exits_all_the_time_is_paused_between_accesses)
{
	struct guest_step steps[GUEST_STEPS_MAX - 1];
	struct guest g;

	guest_create(&g, 1);
	g.answer = 0x5a;
	g.answers = true;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
		steps[i] = (struct guest_step){ GUEST_IN, 1, 0x1234, 0, 0 };
	guest_start_steps(&g, steps, ARRAY_LEN(steps));
	while (!guest_is_done(&g)) {
		guest_pause(&g);
		guest_resume(&g);
	}
	guest_pause(&g);
	ck_assert_uint_eq(g.logged, ARRAY_LEN(steps));
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
		ck_assert_uint_eq(g.shared->steps[i].value, 0x5a);
	guest_destroy(&g);
}
END_TEST

START_TEST(every_guest_can_be_stopped)
{
	const struct guest_step step = { busy[_i].op, 0, 0, 0, 0 };
	struct guest g;

	guest_create(&g, busy[_i].cpus);
	guest_allow_user(&g);
	guest_start_steps(&g, &step, 1);
	let_run(&g, step.op);
	vcpus_stop(g.vcpus);
	vcpus_stop(g.vcpus); /* once more does nothing */
	guest_destroy(&g);
}
END_TEST

START_TEST(a_guest_can_be_stopped_before_it_has_begun)
{
	const struct guest_step step = { GUEST_SPIN, 0, 0, 0, 0 };
	struct guest g;

	guest_create(&g, 4);
	guest_start_steps(&g, &step, 1);
	guest_destroy(&g);
}
END_TEST

/*
 * From now on this process may have so many threads more. As root, who has no
 * such limit, it becomes nobody; as a user it may have none at all.
 */
static void allow_threads(rlim_t more)
{
	struct rlimit limit = { 0, 0 };

	if (geteuid() == 0) {
		limit.rlim_cur = limit.rlim_max = more + 1;
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
}

/* One that has run may wait for the main thread, which would wait for it. */
START_TEST(no_vcpu_runs_when_a_thread_cannot_be_created)
{
	struct guest g;
	struct err err;

	guest_create(&g, VCPUS_MAX);
	g.shared->steps[0] = (struct guest_step){ GUEST_IN, 1, 0x1234, 0, 0 };
	allow_threads(VCPUS_MAX - 1);
	ck_assert_int_eq(vcpus_start(g.vcpus, &err), -EAGAIN);
	ck_assert_uint_eq(g.logged, 0);
	guest_destroy(&g);
}
END_TEST

START_TEST(a_paused_guest_can_be_stopped)
{
	const struct guest_step step = { GUEST_SPIN, 0, 0, 0, 0 };
	struct guest g;

	guest_create(&g, 2);
	guest_start_steps(&g, &step, 1);
	guest_pause(&g);
	guest_destroy(&g);
}
END_TEST

START_TEST(the_guest_starts_its_other_cpus_itself)
{
	const struct guest_step step = { GUEST_START_APS, 0, 0, 0, 0 };
	struct guest g;

	guest_create(&g, 4);
	ck_assert_uint_eq(g.shared->online, 0);
	guest_run_steps(&g, &step, 1);
	ck_assert_msg(guest_wait_for(&g.shared->online, 0xe, 0xe),
		      "on-line: %#x", g.shared->online);
	guest_destroy(&g);
}
END_TEST

/* count -> what vcpus_create() says to it. */
static const struct {
	unsigned count;
	const char *text;
} counts[] = {
	{ 0, "0 vCPUs: use 1 to 64" },
	{ 65, "65 vCPUs: use 1 to 64" },
};

START_TEST(a_wrong_number_of_vcpus_is_named)
{
	const struct vcpu_handlers handlers = { 0 };
	struct vcpus *vcpus;
	struct kvm *kvm;
	struct err err;

	ck_assert_int_eq(kvm_create(NULL, &kvm, &err), 0);
	ck_assert_int_lt(vcpus_create(kvm, counts[_i].count, &handlers, &vcpus,
				      &err),
			 0);
	ck_assert_str_eq(err.text, counts[_i].text);
	kvm_destroy(kvm);
}
END_TEST

START_TEST(as_many_vcpus_as_promised_can_be_created)
{
	struct guest g;

	guest_create(&g, VCPUS_MAX);
	guest_destroy(&g);
}
END_TEST

static const struct {
	const char *device, *text;
} devices[] = {
	{ "/nonexistent/kvm", "no KVM here: load kvm-intel/kvm-amd or enable "
			      "virtualisation in the firmware" },
	{ "/dev/null", "not a KVM device" },
};

START_TEST(a_device_that_cannot_be_used_is_named)
{
	struct kvm *kvm;
	struct err err;

	ck_assert_int_lt(kvm_create(devices[_i].device, &kvm, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, devices[_i].device));
	ck_assert_ptr_nonnull(strstr(err.text, devices[_i].text));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads");
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, pause_and_resume_never_hang, 0,
			    ARRAY_LEN(busy));
	tcase_add_loop_test(tc, a_paused_guest_stands_still, 0, 2);
	tcase_add_test(
		tc, a_guest_that_exits_all_the_time_is_paused_between_accesses);
	tcase_add_loop_test(tc, every_guest_can_be_stopped, 0, ARRAY_LEN(busy));
	tcase_add_test(tc, a_guest_can_be_stopped_before_it_has_begun);
	tcase_add_test(tc, no_vcpu_runs_when_a_thread_cannot_be_created);
	tcase_add_test(tc, a_paused_guest_can_be_stopped);
	tcase_add_test(tc, the_guest_starts_its_other_cpus_itself);
	tcase_add_loop_test(tc, a_wrong_number_of_vcpus_is_named, 0,
			    ARRAY_LEN(counts));
	tcase_add_test(tc, as_many_vcpus_as_promised_can_be_created);
	tcase_add_loop_test(tc, a_device_that_cannot_be_used_is_named, 0,
			    ARRAY_LEN(devices));
	suite_add_tcase(suite, tc);
	return guest_suite_run(suite);
}
