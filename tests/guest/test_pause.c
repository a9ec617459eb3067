// SPDX-License-Identifier: Apache-2.0
/*
 * test_pause.c - pausing while handlers wait for the main thread, and what the
 * guest's clocks show of a pause
 */
#include "guest.h"
#include "main_call.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/kvm.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <x86intrin.h>

enum { PORT = 0x1234 };

static struct event_base *create_calls(struct guest *g)
{
	struct event_base *base = event_base_new();

	ck_assert_int_eq(main_call_create(base, &g->calls, NULL), 0);
	return base;
}

static void destroy(struct guest *g, struct event_base *base)
{
	main_call_close(g->calls);
	guest_destroy(g);
	main_call_destroy(g->calls);
	event_base_free(base);
}

/* Every vCPU asks the main thread all the time. */
static void start_asking(struct guest *g, unsigned cpus)
{
	const struct guest_step ask = { GUEST_ASK, 1, PORT, 0, 0 };
	const struct guest_step steps[] = { { GUEST_START_APS, 0, 0, 0, 0 },
					    ask };

	for (unsigned i = 1; i < cpus; i++)
		g->shared->ap_steps[i] = ask;
	guest_start_steps(g, steps, ARRAY_LEN(steps));
}

/* Until each of them has asked, and one waits, in every other round. */
START_TEST(handlers_that_wait_for_the_main_thread_are_paused)
{
	enum { CPUS = 4, ROUNDS = 5000 };
	struct event_base *base;
	unsigned before;
	struct guest g;

	guest_create(&g, CPUS);
	base = create_calls(&g);
	start_asking(&g, CPUS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i % 2 == 0)
			event_base_loop(base, EVLOOP_ONCE);
		guest_pause(&g);
		before = g.asked;
		event_base_loop(base, EVLOOP_NONBLOCK);
		ck_assert_uint_eq(g.asked, before); /* nobody is left */
		guest_resume(&g);
	}
	ck_assert_msg(guest_wait_for(&g.shared->online, 0xe, 0xe),
		      "on-line: %#x", g.shared->online);
	ck_assert_uint_ge(g.asked, ROUNDS / 2);
	destroy(&g, base);
}
END_TEST

/* The call is under way, or comes, or has not been thought of at the pause. */
START_TEST(a_vcpu_that_ends_the_vm_counts_as_paused)
{
	const struct guest_step step = { GUEST_TRIPLE_FAULT, 0, 0, 0, 0 };
	const struct timespec pause = { .tv_nsec = 100000 * _i };
	struct event_base *base;
	struct guest g;

	guest_create(&g, 1);
	g.ends = true;
	base = create_calls(&g);
	guest_start_steps(&g, &step, 1);
	nanosleep(&pause, NULL);
	guest_pause(&g);
	guest_resume(&g);
	while (g.asked == 0)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert(guest_wait(&g, g.ended_fd));
	guest_pause(&g);
	destroy(&g, base);
}
END_TEST

START_TEST(a_guest_with_handlers_that_wait_is_stopped_while_paused)
{
	struct event_base *base;
	struct guest g;

	guest_create(&g, 4);
	base = create_calls(&g);
	start_asking(&g, 4);
	guest_pause(&g);
	guest_pause(&g); /* once more does nothing */
	destroy(&g, base);
}
END_TEST

START_TEST(slow_calls_make_a_pause_slow_and_no_more)
{
	struct event_base *base;
	struct guest g;

	guest_create(&g, 4);
	g.slow = (struct timespec){ .tv_nsec = 20000000 };
	base = create_calls(&g);
	start_asking(&g, 4);
	for (unsigned i = 0; i < 20; i++) {
		event_base_loop(base, EVLOOP_ONCE);
		guest_pause(&g);
		guest_resume(&g);
	}
	destroy(&g, base);
}
END_TEST

/* Nobody runs its call, which stands for whatever else may hold a vCPU. */
START_TEST(a_vcpu_that_does_not_stop_fails_the_pause_and_goes_on)
{
	struct event_base *base;
	struct pollfd call;
	struct guest g;
	struct err err;

	guest_create(&g, 2);
	base = create_calls(&g);
	call = (struct pollfd){ main_call_fd(g.calls), POLLIN, 0 };
	start_asking(&g, 1);
	event_base_loop(base, EVLOOP_ONCE);
	/* One more call waits. */
	ck_assert_int_eq(poll(&call, 1, GUEST_TIMEOUT_MS), 1);
	ck_assert_int_eq(vcpus_pause(g.vcpus, NULL, &err), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.text, "vCPU 0 does not stop"));
	ck_assert(!vcpus_are_paused(g.vcpus));
	for (unsigned i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_ge(g.asked, 10);
	destroy(&g, base);
}
END_TEST

static uint64_t kvmclock(const struct guest *g)
{
	struct kvm_clock_data data;

	ck_assert_int_eq(ioctl(kvm_vm_fd(g->kvm), KVM_GET_CLOCK, &data), 0);
	return data.clock;
}

/* Some KVMs do not offset the TSC, and ignore what they are told of it. */
static bool tsc_can_be_moved(const struct guest *g)
{
	uint64_t offset = 0;
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = (uintptr_t)&offset };
	int vm = ioctl(kvm_system_fd(g->kvm), KVM_CREATE_VM, 0);
	int cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	bool can;

	ck_assert_int_ge(cpu, 0);
	offset = UINT64_C(1) << 40;
	can = ioctl(cpu, KVM_SET_DEVICE_ATTR, &attr) == 0;
	offset = 0;
	can = can && ioctl(cpu, KVM_GET_DEVICE_ATTR, &attr) == 0 &&
	      offset == UINT64_C(1) << 40;
	close(cpu);
	close(vm);
	return can;
}

static void let_spin(const struct guest *g)
{
	uint32_t before = __atomic_load_n(&g->shared->spins, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&g->shared->spins, __ATOMIC_SEQ_CST) == before)
		; /* or the test times out */
}

/* Two seconds; what a busy host adds to the rest may be one. */
START_TEST(the_guest_s_clocks_stand_still_in_a_pause)
{
	/* Documentation/virt/kvm/x86/msr.rst: pvclock_vcpu_time_info */
	enum { FLAGS = 29, GUEST_STOPPED = 1 << 1 };
	enum { SYSTEM_TIME_MSR = 0x4b564d01, CLOCK_PAGE = 0x130000 };
	const struct guest_step steps[] = {
		{ GUEST_WRMSR, 0, SYSTEM_TIME_MSR, CLOCK_PAGE | 1, 0 },
		{ GUEST_SPIN, 0, 0, 0, 0 },
	};
	const struct timespec pause = { .tv_sec = 2 };
	const uint8_t *page;
	uint64_t clock, tsc, host_tsc;
	struct guest g;

	guest_create(&g, 2);
	page = guest_memory_borrow(g.mem, CLOCK_PAGE, 4096);
	guest_start_steps(&g, steps, ARRAY_LEN(steps));
	let_spin(&g);
	guest_pause(&g);
	ck_assert_uint_eq(page[FLAGS] & GUEST_STOPPED, 0);
	clock = kvmclock(&g);
	tsc = g.shared->tsc;
	host_tsc = __rdtsc();
	nanosleep(&pause, NULL);
	host_tsc = __rdtsc() - host_tsc;
	guest_resume(&g);
	let_spin(&g);
	guest_pause(&g);
	clock = kvmclock(&g) - clock;
	tsc = g.shared->tsc - tsc;
	ck_assert_msg(clock > 0 && clock < 1000000000, "%lu ns", clock);
	ck_assert_msg(!tsc_can_be_moved(&g) || (tsc > 0 && tsc < host_tsc / 2),
		      "%lu ticks of %lu", tsc, host_tsc);
	ck_assert_uint_eq(page[FLAGS] & GUEST_STOPPED, GUEST_STOPPED);
	guest_destroy(&g);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pause");
	TCase *tc = tcase_create("pause");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, handlers_that_wait_for_the_main_thread_are_paused);
	tcase_add_loop_test(tc, a_vcpu_that_ends_the_vm_counts_as_paused, 0,
			    20);
	tcase_add_test(tc,
		       a_guest_with_handlers_that_wait_is_stopped_while_paused);
	tcase_add_test(tc, slow_calls_make_a_pause_slow_and_no_more);
	tcase_add_test(tc,
		       a_vcpu_that_does_not_stop_fails_the_pause_and_goes_on);
	tcase_add_test(tc, the_guest_s_clocks_stand_still_in_a_pause);
	suite_add_tcase(suite, tc);
	return guest_suite_run(suite);
}
