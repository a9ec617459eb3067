// SPDX-License-Identifier: Apache-2.0
/*
 * test_interrupts.c - from an eventfd through an IOAPIC entry to the guest's
 * handler, and nothing gets lost while the guest changes the entry
 *
 * What a virtio driver needs is not one interrupt per signal (edges merge) but
 * that after the last signal a handler runs. The test numbers its signals in
 * guest memory; a handler notes the number it saw. Where the last number was
 * seen, no event was lost.
 */
#include "fd.h"
#include "guest.h"
#include "layout.h"
#include "util.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>

enum { PIN = 20, PINS = 24, SIGNALS = 10000, CHANGES = 500 };
enum { SELECT = 0x00, WINDOW = 0x10, MASKED = 1 << 16, LEVEL = 1 << 15 };

struct line {
	struct guest g;
	int fd;		  /* eventfd: the line */
	atomic_bool stop; /* sending signals */
};

static void set_routes(void *ctx, const struct ioapic_route *routes, size_t n)
{
	struct kvm_msi_route msi[PINS];
	struct line *line = ctx;

	for (size_t i = 0; i < n; i++)
		msi[i] = (struct kvm_msi_route){ routes[i].pin,
						 routes[i].address,
						 routes[i].data };
	ck_assert_int_eq(kvm_set_msi_routes(line->g.kvm, msi, n, NULL), 0);
}

static void unmasked(void *ctx, unsigned pin)
{
	struct line *line = ctx;

	ck_assert_uint_eq(pin, PIN);
	eventfd_signal(line->fd);
}

static void write_ioapic(struct line *line, uint32_t index, uint32_t value)
{
	ioapic_write(line->g.ioapic, SELECT, &index, sizeof(index));
	ioapic_write(line->g.ioapic, WINDOW, &value, sizeof(value));
}

static void write_low(struct line *line, uint32_t value)
{
	write_ioapic(line, 0x10 + 2 * PIN, value);
}

/* The xAPIC id of the vCPU that is to get the interrupt. */
static void write_destination(struct line *line, uint32_t cpu)
{
	write_ioapic(line, 0x11 + 2 * PIN, cpu << 24);
}

/* cpus vCPUs that wait for interrupts, and a line whose pin is masked. */
static void create_line(struct line *line, unsigned cpus)
{
	const struct guest_step step = { GUEST_START_APS, 0, 0, 0, 0 };
	const struct ioapic_ops ops = { set_routes, unmasked, line };
	uint32_t others = (1u << cpus) - 2;

	atomic_store(&line->stop, false);
	guest_create(&line->g, cpus);
	ck_assert_int_eq(ioapic_create(PINS, &ops, &line->g.ioapic, NULL), 0);
	line->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_eq(kvm_add_irqfd(line->g.kvm, PIN, line->fd, NULL), 0);
	guest_run_steps(&line->g, &step, cpus > 1 ? 1 : 0);
	ck_assert(guest_wait_for(&line->g.shared->online, others, others));
}

static void destroy_line(struct line *line)
{
	guest_destroy(&line->g);
	fd_close(&line->fd);
}

/* Number the signal, then send it: a handler that runs later sees it. */
static uint64_t send_signal(struct line *line)
{
	uint64_t number = __atomic_add_fetch(&line->g.shared->sequence, 1,
					     __ATOMIC_SEQ_CST);

	eventfd_signal(line->fd);
	return number;
}

static uint64_t sequence(const struct line *line)
{
	return __atomic_load_n(&line->g.shared->sequence, __ATOMIC_SEQ_CST);
}

static bool has_seen(const struct line *line, uint64_t number)
{
	for (unsigned cpu = 0; cpu < GUEST_CPUS_MAX; cpu++) {
		if (__atomic_load_n(&line->g.shared->seen[cpu],
				    __ATOMIC_SEQ_CST) >= number)
			return true;
	}
	return false;
}

static bool wait_seen(const struct line *line, uint64_t number, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int ms = 0; ms < timeout_ms; ms++) {
		if (has_seen(line, number))
			return true;
		nanosleep(&pause, NULL);
	}
	return has_seen(line, number);
}

static uint64_t interrupts(const struct line *line, unsigned cpu,
			   unsigned vector)
{
	return __atomic_load_n(&line->g.shared->interrupts[cpu][vector],
			       __ATOMIC_SEQ_CST);
}

START_TEST(a_signal_reaches_the_handler_that_the_guest_has_chosen)
{
	static const uint32_t lows[] = { GUEST_VECTOR, GUEST_VECTOR | LEVEL };
	struct line line;

	create_line(&line, 1);
	write_destination(&line, 0);
	write_low(&line, lows[_i]);
	for (unsigned i = 0; i < 50; i++)
		ck_assert(
			wait_seen(&line, send_signal(&line), GUEST_TIMEOUT_MS));
	/* One for each, and one for the unmasking; a level does not storm. */
	ck_assert_uint_ge(interrupts(&line, 0, 0), 50);
	ck_assert_uint_le(interrupts(&line, 0, 0), 51);
	ck_assert_uint_eq(interrupts(&line, 0, 1), 0);
	ck_assert_uint_eq(line.g.logged, 0); /* and nobody left the guest */
	destroy_line(&line);
}
END_TEST

START_TEST(the_guest_programs_its_entry_by_itself)
{
	const struct guest_step steps[] = {
		{ GUEST_STORE, 4, LAYOUT_IOAPIC + SELECT, 0x11 + 2 * PIN, 0 },
		{ GUEST_STORE, 4, LAYOUT_IOAPIC + WINDOW, 0, 0 },
		{ GUEST_STORE, 4, LAYOUT_IOAPIC + SELECT, 0x10 + 2 * PIN, 0 },
		{ GUEST_STORE, 4, LAYOUT_IOAPIC + WINDOW, GUEST_VECTOR + 1, 0 },
		{ GUEST_LOAD, 4, LAYOUT_IOAPIC + WINDOW, 0, 0 },
	};
	struct line line;
	const struct ioapic_ops ops = { set_routes, unmasked, &line };

	guest_create(&line.g, 1);
	ck_assert_int_eq(ioapic_create(PINS, &ops, &line.g.ioapic, NULL), 0);
	line.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_eq(kvm_add_irqfd(line.g.kvm, PIN, line.fd, NULL), 0);
	guest_run_steps(&line.g, steps, ARRAY_LEN(steps));
	ck_assert_uint_eq(line.g.shared->steps[4].value, GUEST_VECTOR + 1);
	ck_assert(wait_seen(&line, send_signal(&line), GUEST_TIMEOUT_MS));
	ck_assert_uint_ge(interrupts(&line, 0, 1), 1);
	destroy_line(&line);
}
END_TEST

START_TEST(a_masked_line_is_silent_until_it_is_unmasked)
{
	struct line line;
	uint64_t number;

	create_line(&line, 1);
	write_low(&line, GUEST_VECTOR);
	ck_assert(wait_seen(&line, send_signal(&line), GUEST_TIMEOUT_MS));
	write_low(&line, GUEST_VECTOR | MASKED);
	number = send_signal(&line);
	ck_assert(!wait_seen(&line, number, 100));
	write_low(&line, GUEST_VECTOR);
	ck_assert(wait_seen(&line, number, GUEST_TIMEOUT_MS));
	destroy_line(&line);
}
END_TEST

START_TEST(a_new_destination_gets_the_interrupts)
{
	struct line line;

	create_line(&line, 2);
	write_low(&line, GUEST_VECTOR);
	ck_assert(wait_seen(&line, send_signal(&line), GUEST_TIMEOUT_MS));
	ck_assert_uint_eq(interrupts(&line, 1, 0), 0);
	write_destination(&line, 1);
	ck_assert(wait_seen(&line, send_signal(&line), GUEST_TIMEOUT_MS));
	ck_assert_uint_eq(interrupts(&line, 1, 0), 1);
	destroy_line(&line);
}
END_TEST

static void *signalling_thread(void *arg)
{
	const struct timespec pause = { .tv_nsec = 20000 };
	struct line *line = arg;

	while (!atomic_load(&line->stop)) {
		if (send_signal(line) % 8 == 0)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* What changes while signals fly; as Linux does it, masked meanwhile or not. */
enum change { MASK, VECTOR, DESTINATION, ALL_MASKED };

static void apply(struct line *line, enum change change, unsigned round)
{
	unsigned odd = round % 2;

	switch (change) {
	case MASK:
		write_low(line, GUEST_VECTOR | MASKED);
		write_low(line, GUEST_VECTOR);
		break;
	case VECTOR:
		write_low(line, GUEST_VECTOR + odd);
		break;
	case DESTINATION:
		write_destination(line, odd);
		break;
	case ALL_MASKED:
		write_low(line, GUEST_VECTOR | MASKED);
		write_destination(line, odd);
		write_low(line, GUEST_VECTOR + odd);
		break;
	}
}

START_TEST(no_event_is_lost_while_the_entry_changes)
{
	pthread_t thread;
	struct line line;
	unsigned round = 0;

	create_line(&line, 2);
	write_low(&line, GUEST_VECTOR);
	ck_assert_int_eq(
		pthread_create(&thread, NULL, signalling_thread, &line), 0);
	while (round < CHANGES || sequence(&line) < SIGNALS)
		apply(&line, (enum change)_i, round++);
	atomic_store(&line.stop, true);
	pthread_join(thread, NULL);
	ck_assert_msg(wait_seen(&line, sequence(&line), GUEST_TIMEOUT_MS),
		      "lost after %u changes", round);
	destroy_line(&line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("interrupts");
	TCase *tc = tcase_create("interrupts");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(
		tc, a_signal_reaches_the_handler_that_the_guest_has_chosen, 0,
		2);
	tcase_add_test(tc, the_guest_programs_its_entry_by_itself);
	tcase_add_test(tc, a_masked_line_is_silent_until_it_is_unmasked);
	tcase_add_test(tc, a_new_destination_gets_the_interrupts);
	tcase_add_loop_test(tc, no_event_is_lost_while_the_entry_changes, MASK,
			    ALL_MASKED + 1);
	suite_add_tcase(suite, tc);
	return guest_suite_run(suite);
}
