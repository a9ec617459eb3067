// SPDX-License-Identifier: Apache-2.0
/*
 * hostile.h - what the parts of the hostile guest share; see main.c
 */
#ifndef MOTE_HOSTILE_H
#define MOTE_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	     4096

enum {
	UART = 0x3f8,	   /* 16550 */
	PORT_I8042 = 0x64, /* 0xfe resets */
	PORT_PVPANIC = 0x505,
	PORT_ACPI_SLEEP = 0x600,    /* ACPI 6.5, 4.8.3.7 */
	PORT_ACPI_END = 0x603,	    /* behind sleep, status and reset */
	SLEEP_S5 = 5 << 2 | 1 << 5, /* SLP_TYP, SLP_EN */
	REG_QUEUE_RESET = 0x0c0,    /* virtio 1.3, 4.2.2; not in the header */
};
#define IOAPIC_BASE UINT64_C(0xfec00000)

/* Kernel parameters, as main.c lists them. */
struct options {
	uint64_t windows, base, stride, count, seed, ioapic, ports;
};

/*
 * Runs of pages that are contiguous also in guest-physical memory. One half holds
 * descriptors, the other the rings, each with room for a queue of 1024: a backend
 * that obeys them writes nowhere else, and what it writes into the rings never
 * becomes an address.
 */
enum half { DESCRIPTORS, RINGS };
enum { HALF_SIZE = 4 * PAGE, RUN_SIZE = 2 * HALF_SIZE, RUNS_MAX = 8 };
struct arena {
	uint8_t *at[RUNS_MAX];
	uint64_t phys[RUNS_MAX];
	unsigned runs; /* at least one */
};

extern struct options opt;
extern struct arena arena;
extern uint8_t *windows;  /* opt.windows of them, then one page of none */
extern size_t window_len; /* bytes mapped */
extern uint8_t *ioapic;	  /* NULL: not to be had */
extern uint64_t done;	  /* accesses so far */

/* guest.c: the guest this runs in; until prepare() nothing is set. */
void prepare(void);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail(const char *what); /* and why: errno */

/* random.c: repeatable for a seed. */
uint64_t rnd(void);
uint64_t below(uint64_t n);
bool one_in(unsigned n);
uint64_t any_value(void);
/* Near the start of that half of a run, or outside RAM. */
uint64_t any_address(enum half half);
void stir_arena(void);

/* access.c: single instructions, whatever the alignment. */
uint64_t mmio_read(const uint8_t *at, unsigned size);
void mmio_write(uint8_t *at, unsigned size, uint64_t value);
uint32_t get(unsigned window, unsigned reg);
void set(unsigned window, unsigned reg, uint64_t value);
void port_read(uint16_t port, unsigned size, void *buffer, size_t n);
void port_write(uint16_t port, unsigned size, const void *buffer, size_t n);

/* poke.c: one hostile step each. */
uint32_t plausible(unsigned reg);
void poke_register(unsigned window);
void poke_anywhere(void);
void poke_ioapic(void);
void poke_port(void);
void storm(unsigned window);

/*
 * driver.c: the sequence of a driver, with one step in `wrong` left out,
 * doubled or spoilt. HONEST: none; then true says that the device runs.
 */
enum { HONEST = 0 };
bool bring_up(unsigned wrong, unsigned window);
bool status_becomes(unsigned window, uint32_t expected);

#endif
