// SPDX-License-Identifier: Apache-2.0
/*
 * test_early_console.c - what an early serial driver writes, and what comes out
 */
#include "unit.h"
#include "early_console.h"
#include "layout.h"
#include "util.h"

#include <fcntl.h>
#include <linux/serial_reg.h>
#include <string.h>
#include <unistd.h>

enum { BASE = LAYOUT_PORT_EARLY_CONSOLE };

struct fixture {
	struct early_console con;
	int out; /* the reading end */
};

static void setup(struct fixture *f)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	*f = (struct fixture){ .con.fd = fds[1], .out = fds[0] };
}

static void teardown(struct fixture *f)
{
	close(f->con.fd);
	close(f->out);
}

static void out(struct fixture *f, unsigned reg, uint8_t value)
{
	ck_assert(early_console_pio_write(&f->con, (uint16_t)(BASE + reg),
					  &value, 1));
}

static uint8_t in(struct fixture *f, unsigned reg)
{
	uint8_t value = 0xff;

	ck_assert(early_console_pio_read(&f->con, (uint16_t)(BASE + reg),
					 &value, 1));
	return value;
}

/* As Linux's early_serial_hw_init() does it. */
static void set_speed(struct fixture *f)
{
	uint8_t lcr;

	out(f, UART_LCR, UART_LCR_WLEN8);
	out(f, UART_IER, 0);
	out(f, UART_FCR, 0);
	out(f, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	lcr = in(f, UART_LCR);
	out(f, UART_LCR, lcr | UART_LCR_DLAB);
	out(f, UART_DLL, 'X');
	out(f, UART_DLM, 'Y');
	out(f, UART_LCR, lcr);
}

START_TEST(text_comes_out_and_the_divisor_does_not)
{
	static const char text[] = "Linux version";
	char got[64] = "";
	struct fixture f;

	setup(&f);
	set_speed(&f);
	for (const char *at = text; *at != '\0'; at++) {
		ck_assert_uint_eq(in(&f, UART_LSR),
				  UART_LSR_THRE | UART_LSR_TEMT);
		out(&f, UART_TX, (uint8_t)*at);
	}
	ck_assert_int_eq(read(f.out, got, sizeof(got)), (int)strlen(text));
	ck_assert_str_eq(got, text);
	teardown(&f);
}
END_TEST

START_TEST(a_full_sink_loses_bytes_and_never_waits)
{
	struct fixture f;
	int capacity;

	setup(&f);
	capacity = fcntl(f.con.fd, F_SETPIPE_SZ, 4096);
	for (int i = 0; i < capacity + 100; i++) /* or the test times out */
		out(&f, UART_TX, 'x');
	ck_assert_int_eq(fcntl(f.con.fd, F_GETFL) & O_NONBLOCK, 0);
	teardown(&f);
}
END_TEST

START_TEST(a_driver_that_probes_finds_no_interrupts_and_no_input)
{
	struct fixture f;

	setup(&f);
	for (unsigned reg = 0; reg < 8; reg++) {
		if (reg == UART_LCR || reg == UART_LSR)
			continue;
		if (reg != UART_TX)
			out(&f, reg, 0x0f);
		ck_assert_uint_eq(in(&f, reg), 0);
	}
	teardown(&f);
}
END_TEST

START_TEST(reads_of_every_size_are_filled)
{
	struct fixture f;
	uint32_t value = UINT32_MAX;

	setup(&f);
	ck_assert(early_console_pio_read(&f.con, BASE + UART_LSR, &value, 4));
	ck_assert_uint_eq(value, UART_LSR_THRE | UART_LSR_TEMT);
	teardown(&f);
}
END_TEST

START_TEST(other_ports_belong_to_others)
{
	struct fixture f;
	uint8_t value = 0;

	setup(&f);
	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		bool ours = port >= BASE && port < BASE + 8;

		ck_assert_int_eq(early_console_pio_read(&f.con, (uint16_t)port,
							&value, 1),
				 ours);
	}
	ck_assert(!early_console_pio_write(&f.con, BASE - 1, &value, 1));
	ck_assert(!early_console_pio_write(&f.con, BASE + 8, &value, 1));
	teardown(&f);
}
END_TEST

START_TEST(without_a_sink_there_is_no_console)
{
	struct early_console con = { .fd = -1 };
	uint8_t value = 'x';

	ck_assert(!early_console_pio_write(&con, BASE, &value, 1));
	ck_assert(!early_console_pio_read(&con, BASE + UART_LSR, &value, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("early_console");
	TCase *tc = tcase_create("early_console");

	tcase_add_test(tc, text_comes_out_and_the_divisor_does_not);
	tcase_add_test(tc, a_full_sink_loses_bytes_and_never_waits);
	tcase_add_test(tc,
		       a_driver_that_probes_finds_no_interrupts_and_no_input);
	tcase_add_test(tc, reads_of_every_size_are_filled);
	tcase_add_test(tc, other_ports_belong_to_others);
	tcase_add_test(tc, without_a_sink_there_is_no_console);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
