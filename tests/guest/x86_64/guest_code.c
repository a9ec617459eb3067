// SPDX-License-Identifier: Apache-2.0
/*
 * guest_code.c - the tiny guest: carries out a list of steps
 *
 * Runs from a copy in guest memory, so it may use nothing outside its section:
 * no constants in memory, no library, no SSE. What C cannot say that way is in
 * guest_start.S.
 */
#include "guest_code.h"

#define GUEST __attribute__((section("guest_text"), used, noinline))

/* SDM 3A, table 11-1. */
enum {
	LAPIC_ID = 0x20,
	LAPIC_EOI = 0xb0,
	LAPIC_SPURIOUS = 0xf0,
	LAPIC_COMMAND = 0x300,
};
enum {
	SPURIOUS_ENABLE = 1 << 8,
	COMMAND_INIT = 0xc4500, /* all but self, assert */
	COMMAND_STARTUP = 0xc4600,
};

struct frame; /* of an interrupt; nobody looks into it */

/* guest_start.S */
void guest_spin_user(uint32_t *counter);
void guest_triple_fault(void);

#define SHARED	   ((struct guest_shared *)GUEST_SHARED)
#define LAPIC(reg) (*(volatile uint32_t *)(UINT64_C(0xfee00000) + (reg)))

GUEST static void in(struct guest_step *step)
{
	uint16_t port = (uint16_t)step->addr;
	uint32_t value = 0;

	if (step->size == 1)
		asm volatile("inb %1, %b0" : "+a"(value) : "d"(port));
	else if (step->size == 2)
		asm volatile("inw %1, %w0" : "+a"(value) : "d"(port));
	else
		asm volatile("inl %1, %0" : "+a"(value) : "d"(port));
	step->value = value;
}

GUEST static void out(const struct guest_step *step)
{
	uint16_t port = (uint16_t)step->addr;
	uint32_t value = (uint32_t)step->value;

	if (step->size == 1)
		asm volatile("outb %b0, %1" : : "a"(value), "d"(port));
	else if (step->size == 2)
		asm volatile("outw %w0, %1" : : "a"(value), "d"(port));
	else
		asm volatile("outl %0, %1" : : "a"(value), "d"(port));
}

GUEST static void ins(const struct guest_step *step)
{
	uint16_t port = (uint16_t)step->addr;
	uint64_t count = step->count;
	void *to = SHARED->string;

	if (step->size == 1)
		asm volatile("rep insb"
			     : "+D"(to), "+c"(count)
			     : "d"(port)
			     : "memory");
	else if (step->size == 2)
		asm volatile("rep insw"
			     : "+D"(to), "+c"(count)
			     : "d"(port)
			     : "memory");
	else
		asm volatile("rep insl"
			     : "+D"(to), "+c"(count)
			     : "d"(port)
			     : "memory");
}

GUEST static void outs(const struct guest_step *step)
{
	uint16_t port = (uint16_t)step->addr;
	uint64_t count = step->count;
	const void *from = SHARED->string;

	if (step->size == 1)
		asm volatile("rep outsb"
			     : "+S"(from), "+c"(count)
			     : "d"(port)
			     : "memory");
	else if (step->size == 2)
		asm volatile("rep outsw"
			     : "+S"(from), "+c"(count)
			     : "d"(port)
			     : "memory");
	else
		asm volatile("rep outsl"
			     : "+S"(from), "+c"(count)
			     : "d"(port)
			     : "memory");
}

GUEST static void load(struct guest_step *step)
{
	if (step->size == 1)
		step->value = *(volatile uint8_t *)step->addr;
	else if (step->size == 2)
		step->value = *(volatile uint16_t *)step->addr;
	else if (step->size == 4)
		step->value = *(volatile uint32_t *)step->addr;
	else
		step->value = *(volatile uint64_t *)step->addr;
}

GUEST static void store(const struct guest_step *step)
{
	if (step->size == 1)
		*(volatile uint8_t *)step->addr = (uint8_t)step->value;
	else if (step->size == 2)
		*(volatile uint16_t *)step->addr = (uint16_t)step->value;
	else if (step->size == 4)
		*(volatile uint32_t *)step->addr = (uint32_t)step->value;
	else
		*(volatile uint64_t *)step->addr = step->value;
}

/* 2 bytes long, like wrmsr: guest_protection_fault() counts on it. */
GUEST static void rdmsr(struct guest_step *step)
{
	uint32_t low = 0, high = 0;

	asm volatile("rdmsr"
		     : "+a"(low), "+d"(high)
		     : "c"((uint32_t)step->addr));
	step->value = low | (uint64_t)high << 32;
}

GUEST static void wrmsr(const struct guest_step *step)
{
	asm volatile("wrmsr"
		     :
		     : "c"((uint32_t)step->addr), "a"((uint32_t)step->value),
		       "d"((uint32_t)(step->value >> 32)));
}

GUEST static void cpuid(const struct guest_step *step)
{
	uint32_t *r = SHARED->cpuid;

	asm volatile("cpuid"
		     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"((uint32_t)step->addr), "c"((uint32_t)step->count));
}

GUEST static void idle(void)
{
	for (;;)
		asm volatile("sti; hlt");
}

GUEST static void ask(struct guest_step *step)
{
	for (;;)
		in(step);
}

GUEST static void spin(void)
{
	volatile struct guest_shared *s = SHARED;
	uint32_t low, high;

	for (;;) {
		asm volatile("rdtsc" : "=a"(low), "=d"(high));
		s->tsc = low | (uint64_t)high << 32;
		++s->spins;
	}
}

GUEST static void start_aps(void)
{
	LAPIC(LAPIC_COMMAND) = COMMAND_INIT;
	LAPIC(LAPIC_COMMAND) = COMMAND_STARTUP | GUEST_AP_START >> 12;
}

/* Built without jump tables, which would be outside the section. */
GUEST static void carry_out(struct guest_step *step)
{
	switch ((enum guest_op)step->op) {
	case GUEST_END:
		break;
	case GUEST_IN:
		in(step);
		break;
	case GUEST_OUT:
		out(step);
		break;
	case GUEST_INS:
		ins(step);
		break;
	case GUEST_OUTS:
		outs(step);
		break;
	case GUEST_LOAD:
		load(step);
		break;
	case GUEST_STORE:
		store(step);
		break;
	case GUEST_RDMSR:
		rdmsr(step);
		break;
	case GUEST_WRMSR:
		wrmsr(step);
		break;
	case GUEST_CPUID:
		cpuid(step);
		break;
	case GUEST_START_APS:
		start_aps();
		break;
	case GUEST_ASK:
		ask(step);
		break;
	case GUEST_IDLE:
		idle();
		break;
	case GUEST_SPIN:
		spin();
		break;
	case GUEST_SPIN_USER:
		guest_spin_user(&SHARED->spins);
		break;
	case GUEST_TRIPLE_FAULT:
		guest_triple_fault();
		break;
	}
}

GUEST static void init_cpu(void)
{
	asm volatile("lidt %0" : : "m"(*(char *)GUEST_IDT_PTR));
	LAPIC(LAPIC_SPURIOUS) = SPURIOUS_ENABLE | 0xff;
}

void guest_main(struct guest_shared *s);
void guest_ap_main(uint32_t apic_id);
void guest_interrupt0(struct frame *frame);
void guest_interrupt1(struct frame *frame);

GUEST void guest_main(struct guest_shared *s)
{
	struct guest_step *step = s->steps;
	uint16_t port = GUEST_PORT_DONE;

	init_cpu();
	while (step->op != GUEST_END)
		carry_out(step++);
	asm volatile("outb %b0, %1" : : "a"(0), "d"(port));
	idle();
}

GUEST void guest_ap_main(uint32_t apic_id)
{
	init_cpu();
	__atomic_fetch_or(&SHARED->online, 1u << apic_id, __ATOMIC_SEQ_CST);
	carry_out(&SHARED->ap_steps[apic_id]);
	idle();
}

GUEST __attribute__((no_caller_saved_registers)) static void note_interrupt(
	unsigned vector)
{
	struct guest_shared *s = SHARED;
	unsigned cpu = LAPIC(LAPIC_ID) >> 24;

	__atomic_store_n(&s->seen[cpu],
			 __atomic_load_n(&s->sequence, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&s->interrupts[cpu][vector], 1, __ATOMIC_SEQ_CST);
	LAPIC(LAPIC_EOI) = 0;
}

GUEST __attribute__((interrupt)) void guest_interrupt0(struct frame *frame)
{
	(void)frame;
	note_interrupt(0);
}

GUEST __attribute__((interrupt)) void guest_interrupt1(struct frame *frame)
{
	(void)frame;
	note_interrupt(1);
}
