// SPDX-License-Identifier: Apache-2.0
/*
 * guest.c - run the tiny guest through src/vcpu and watch it
 */
#include "guest.h"
#include "fd.h"
#include "layout.h"
#include "main_call.h"
#include "unit.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

/* The linker makes these two for every section with such a name. */
extern const char __start_guest_text[], __stop_guest_text[];
extern const char guest_start[], guest_start_pvh[], guest_ap_start64[],
	guest_ap_start16[], guest_ap_start16_end[], guest_ap_target[],
	guest_protection_fault[], guest_interrupt0[], guest_interrupt1[];

enum { GP_VECTOR = 13, PAGE_BYTES = 4096 };

static_assert(GUEST_SHARED + offsetof(struct guest_shared, protection_faults) ==
		      0x120850,
	      "SHARED_PROTECTION_FAULTS of guest_start.S");

static uint64_t address_of(const char *symbol)
{
	return GUEST_TEXT + (uint64_t)(symbol - __start_guest_text);
}

static void note(struct guest *g, enum vcpu_space space, bool write,
		 uint64_t addr, const void *data, unsigned len)
{
	struct guest_access access = {
		.space = space,
		.write = write,
		.addr = addr,
		.len = len,
	};

	memcpy(&access.value, data, len);
	pthread_mutex_lock(&g->lock);
	if (g->logged < GUEST_LOG_MAX)
		g->log[g->logged++] = access;
	pthread_mutex_unlock(&g->lock);
}

static bool is_ioapic(const struct guest *g, enum vcpu_space space,
		      uint64_t addr)
{
	return g->ioapic != NULL && space == VCPU_MMIO &&
	       addr >= LAYOUT_IOAPIC &&
	       addr < LAYOUT_IOAPIC + LAYOUT_IOAPIC_SIZE;
}

static int asked_on_main(void *arg)
{
	struct guest *g = arg;

	g->asked++;
	nanosleep(&g->slow, NULL);
	return 0;
}

/* As handlers do that need the main thread. */
static void ask_main(struct guest *g)
{
	if (g->calls == NULL)
		return;
	__atomic_fetch_add(&g->in_handlers, 1, __ATOMIC_SEQ_CST);
	main_call_run(g->calls, asked_on_main, g);
	__atomic_fetch_sub(&g->in_handlers, 1, __ATOMIC_SEQ_CST);
}

static void on_read(void *ctx, enum vcpu_space space, uint64_t addr, void *data,
		    unsigned len)
{
	struct guest *g = ctx;

	if (is_ioapic(g, space, addr))
		ioapic_read(g->ioapic, addr - LAYOUT_IOAPIC, data, len);
	else if (g->answers)
		memcpy(data, &g->answer, len);
	ask_main(g);
	note(g, space, false, addr, data, len);
}

static void on_write(void *ctx, enum vcpu_space space, uint64_t addr,
		     const void *data, unsigned len)
{
	struct guest *g = ctx;

	if (space == VCPU_PIO && addr == GUEST_PORT_DONE) {
		eventfd_signal(g->done_fd);
		return;
	}
	if (is_ioapic(g, space, addr))
		ioapic_write(g->ioapic, addr - LAYOUT_IOAPIC, data, len);
	note(g, space, true, addr, data, len);
}

static void on_end(void *ctx, unsigned index, enum vcpu_end why)
{
	struct guest *g = ctx;

	(void)index;
	ask_main(g);
	pthread_mutex_lock(&g->lock);
	g->why = why;
	g->ended = true;
	pthread_mutex_unlock(&g->lock);
	eventfd_signal(g->ended_fd);
}

/* SDM 3A, 6.14.1: a 64-bit interrupt gate. */
static void set_gate(uint64_t *idt, unsigned vector, const char *handler)
{
	uint64_t ip = address_of(handler);

	idt[2 * vector] = (ip & 0xffff) | UINT64_C(0x10) << 16 |
			  UINT64_C(0x8e00) << 32 | (ip >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = ip >> 32;
}

static void write_idt(struct guest *g)
{
	uint64_t *idt = guest_memory_borrow(g->mem, GUEST_IDT, PAGE_BYTES);
	const uint16_t limit = PAGE_BYTES - 1;
	const uint64_t base = GUEST_IDT;

	set_gate(idt, GP_VECTOR, guest_protection_fault);
	set_gate(idt, GUEST_VECTOR, guest_interrupt0);
	set_gate(idt, GUEST_VECTOR + 1, guest_interrupt1);
	guest_memory_write(g->mem, GUEST_IDT_PTR, &limit, sizeof(limit));
	guest_memory_write(g->mem, GUEST_IDT_PTR + sizeof(limit), &base,
			   sizeof(base));
}

static void write_code(struct guest *g)
{
	uint32_t target = (uint32_t)address_of(guest_ap_start64);
	uint64_t at =
		GUEST_AP_START + (uint64_t)(guest_ap_target - guest_ap_start16);

	guest_memory_write(g->mem, GUEST_TEXT, __start_guest_text,
			   (size_t)(__stop_guest_text - __start_guest_text));
	guest_memory_write(g->mem, GUEST_AP_START, guest_ap_start16,
			   (size_t)(guest_ap_start16_end - guest_ap_start16));
	guest_memory_write(g->mem, at, &target, sizeof(target));
}

static void create_memory(struct guest *g)
{
	struct guest_memory_config cfg = {
		.size = LAYOUT_RAM_MIN,
		.pages = MEMORY_PAGES_SMALL,
	};
	const struct memory_region *regions;
	struct err err;
	size_t n;

	ck_assert_int_eq(guest_memory_create(&cfg, &g->mem, &err), 0);
	n = guest_memory_regions(g->mem, &regions);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(kvm_add_memory(g->kvm, regions[i].gpa,
						regions[i].size,
						regions[i].host, false, &err),
				 0);
	g->readonly = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(g->readonly, MAP_FAILED);
	ck_assert_int_eq(kvm_add_memory(g->kvm, LAYOUT_DEVICES_BASE, PAGE_BYTES,
					g->readonly, true, &err),
			 0);
	g->shared =
		guest_memory_borrow(g->mem, GUEST_SHARED, sizeof(*g->shared));
}

static void create(struct guest *g, unsigned cpus,
		   const struct boot_entry *entry)
{
	const struct vcpu_handlers handlers = { on_read, on_write, on_end, g };
	struct err err;
	int ret;

	memset(g, 0, sizeof(*g));
	pthread_mutex_init(&g->lock, NULL);
	g->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = kvm_create(NULL, &g->kvm, &err);
	ck_assert_msg(ret == 0, "%s", err.text);
	create_memory(g);
	ck_assert_int_eq(kvm_create_irqchip(g->kvm, &err), 0);
	ret = vcpus_create(g->kvm, cpus, &handlers, &g->vcpus, &err);
	ck_assert_msg(ret == 0, "%s", err.text);
	write_code(g);
	write_idt(g);
	ret = vcpus_set_boot_state(g->vcpus, g->mem, entry, &err);
	ck_assert_msg(ret == 0, "%s", err.text);
}

void guest_create(struct guest *g, unsigned cpus)
{
	const struct boot_entry entry = {
		.protocol = BOOT_LINUX64,
		.pc = address_of(guest_start),
		.arg = GUEST_SHARED,
	};

	create(g, cpus, &entry);
}

void guest_create_pvh(struct guest *g, uint32_t arg)
{
	const struct boot_entry entry = {
		.protocol = BOOT_PVH,
		.pc = address_of(guest_start_pvh),
		.arg = arg,
	};

	create(g, 1, &entry);
}

void guest_destroy(struct guest *g)
{
	vcpus_stop(g->vcpus);
	ck_assert_msg(g->ended == g->ends, "a vCPU ended %s",
		      g->ended ? "by itself" : "not at all");
	vcpus_destroy(g->vcpus);
	kvm_destroy(g->kvm);
	guest_memory_destroy(g->mem);
	munmap(g->readonly, PAGE_BYTES);
	ioapic_destroy(g->ioapic);
	fd_close(&g->done_fd);
	fd_close(&g->ended_fd);
	pthread_mutex_destroy(&g->lock);
}

void guest_start_steps(struct guest *g, const struct guest_step *steps,
		       size_t n)
{
	struct err err;
	int ret;

	ck_assert_uint_lt(n, GUEST_STEPS_MAX);
	for (size_t i = 0; i < n; i++)
		g->shared->steps[i] = steps[i];
	ret = vcpus_start(g->vcpus, &err);
	ck_assert_msg(ret == 0, "%s", err.text);
}

void guest_run_steps(struct guest *g, const struct guest_step *steps, size_t n)
{
	guest_start_steps(g, steps, n);
	ck_assert_msg(guest_wait(g, g->done_fd), "the guest did not finish");
}

void guest_pause(struct guest *g)
{
	struct err err;
	int ret = vcpus_pause(g->vcpus, g->calls, &err);

	ck_assert_msg(ret == 0, "%s", err.text);
	ck_assert(vcpus_are_paused(g->vcpus));
	ck_assert_uint_eq(__atomic_load_n(&g->in_handlers, __ATOMIC_SEQ_CST),
			  0);
}

void guest_resume(struct guest *g)
{
	struct err err;
	int ret = vcpus_resume(g->vcpus, &err);

	ck_assert_msg(ret == 0, "%s", err.text);
	ck_assert(!vcpus_are_paused(g->vcpus));
}

bool guest_is_done(const struct guest *g)
{
	struct pollfd pfd = { .fd = g->done_fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* The lock makes what the vCPU did before it signalled ours to read. */
bool guest_wait(struct guest *g, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	bool signalled = poll(&pfd, 1, GUEST_TIMEOUT_MS) == 1;

	pthread_mutex_lock(&g->lock);
	pthread_mutex_unlock(&g->lock);
	return signalled;
}

bool guest_wait_for(const uint32_t *word, uint32_t mask, uint32_t value)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int ms = 0; ms < GUEST_TIMEOUT_MS; ms++) {
		if ((__atomic_load_n(word, __ATOMIC_SEQ_CST) & mask) == value)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

void guest_allow_user(struct guest *g)
{
	enum { USER = 1 << 2, TABLES = 6, ENTRIES = TABLES * 512 };
	/* Ring-3 code and data behind the boot state's own: 0x30, 0x38. */
	const uint64_t gdt[] = { 0x00affb000000ffff, 0x00cff3000000ffff };
	uint64_t *tables = guest_memory_borrow(g->mem, LAYOUT_PAGE_TABLES,
					       ENTRIES * sizeof(*tables));

	for (unsigned i = 0; i < ENTRIES; i++) {
		if (tables[i] != 0)
			tables[i] |= USER;
	}
	guest_memory_write(g->mem, LAYOUT_GDT + 0x30, gdt, sizeof(gdt));
}

int guest_suite_run(Suite *suite)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("skipped: /dev/kvm: %s\n", strerror(errno));
		return 77;
	}
	fd_close(&fd);
	return unit_run(suite);
}
