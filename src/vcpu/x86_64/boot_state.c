// SPDX-License-Identifier: Apache-2.0
/*
 * boot_state.c - x86_64: registers, descriptors and page tables at the first
 * instruction
 *
 * Two ways in. BOOT_LINUX64 (Documentation/arch/x86/boot.rst, "64-bit boot
 * protocol"): long mode, kernel and boot data identity-mapped, __BOOT_CS and
 * __BOOT_DS flat, interrupts off, RSI = struct boot_params. BOOT_PVH
 * (xen/include/public/arch-x86/hvm/start_info.h): 32-bit protected mode without
 * paging, flat segments, EBX = struct hvm_start_info.
 */
#include "guest_memory.h"
#include "kvm_ioctl.h"
#include "layout.h"
#include "util.h"
#include "vcpu_arch.h"

#include <asm/processor-flags.h>
#include <errno.h>

/* The selectors of the boot protocol; the TSS follows them. */
enum { BOOT_CS = 0x10, BOOT_DS = 0x18, BOOT_TSS = 0x20 };

enum {
	GDT_ENTRIES = BOOT_TSS / 8 + 2, /* a 64-bit TSS takes two */
	EFER_LME = 1 << 8,
	EFER_LMA = 1 << 10,
};

/* SDM vol. 3A, 4.5: bits of the page-table entries we use. */
enum {
	PTE_PRESENT = 1 << 0,
	PTE_WRITE = 1 << 1,
	PTE_LARGE = 1 << 7,
};
enum {
	PAGE_BYTES = 4096,
	ENTRIES = 512,
	TABLES = 6, /* PML4, PDPT, four PDs of 1 GiB each */
	LARGE_PAGE_SHIFT = 21,
};
static_assert(LAYOUT_PAGE_TABLES + TABLES * PAGE_BYTES <= LAYOUT_CMDLINE,
	      "page tables end before the command line");

/* SDM vol. 3A, 3.4.5.1 and 3.5, the type field. */
enum { TYPE_DATA = 3, TYPE_CODE = 11, TYPE_TSS_BUSY = 11 };

static const struct kvm_segment data_segment = {
	.limit = UINT32_MAX,
	.selector = BOOT_DS,
	.type = TYPE_DATA,
	.present = 1,
	.s = 1,
	.db = 1,
	.g = 1,
};
static const struct kvm_segment code64_segment = {
	.limit = UINT32_MAX,
	.selector = BOOT_CS,
	.type = TYPE_CODE,
	.present = 1,
	.s = 1,
	.l = 1,
	.g = 1,
};
static const struct kvm_segment code32_segment = {
	.limit = UINT32_MAX,
	.selector = BOOT_CS,
	.type = TYPE_CODE,
	.present = 1,
	.s = 1,
	.db = 1,
	.g = 1,
};
/* No one switches tasks; VMX just refuses to enter with an unusable TR. */
static const struct kvm_segment tss_segment = {
	.limit = 0x67,
	.selector = BOOT_TSS,
	.type = TYPE_TSS_BUSY,
	.present = 1,
};

/* SDM vol. 3A, figure 3-8: the segment as it is in memory. */
static uint64_t descriptor(const struct kvm_segment *seg)
{
	uint64_t limit = seg->g ? seg->limit >> 12 : seg->limit;
	uint64_t flags = seg->type | seg->s << 4 | seg->dpl << 5 |
			 seg->present << 7 | seg->avl << 12 | seg->l << 13 |
			 seg->db << 14 | seg->g << 15;

	return (limit & 0xffff) | (seg->base & 0xffffff) << 16 | flags << 40 |
	       (limit >> 16 & 0xf) << 48 | (seg->base >> 24 & 0xff) << 56;
}

static int write_gdt(struct guest_memory *mem, const struct kvm_segment *code)
{
	uint64_t gdt[GDT_ENTRIES] = {
		[BOOT_CS / 8] = descriptor(code),
		[BOOT_DS / 8] = descriptor(&data_segment),
		[BOOT_TSS / 8] = descriptor(&tss_segment),
	};

	return guest_memory_write(mem, LAYOUT_GDT, gdt, sizeof(gdt));
}

/* Identity-map the first 4 GiB with 2 MiB pages. */
static int write_page_tables(struct guest_memory *mem)
{
	uint64_t(*tables)[ENTRIES] = guest_memory_borrow(
		mem, LAYOUT_PAGE_TABLES, TABLES * PAGE_BYTES);
	uint64_t *pml4, *pdpt, *pd;

	if (tables == NULL)
		return -EFAULT;
	pml4 = tables[0];
	pdpt = tables[1];
	pd = tables[2]; /* all four, one after the other */
	pml4[0] = (LAYOUT_PAGE_TABLES + PAGE_BYTES) | PTE_PRESENT | PTE_WRITE;
	for (uint64_t i = 0; i < TABLES - 2; i++)
		pdpt[i] = (LAYOUT_PAGE_TABLES + (2 + i) * PAGE_BYTES) |
			  PTE_PRESENT | PTE_WRITE;
	for (uint64_t i = 0; i < (TABLES - 2) * ENTRIES; i++)
		pd[i] = i << LARGE_PAGE_SHIFT | PTE_PRESENT | PTE_WRITE |
			PTE_LARGE;
	return 0;
}

static void set_segments(struct kvm_sregs *sregs,
			 const struct kvm_segment *code)
{
	sregs->cs = *code;
	sregs->ds = sregs->es = sregs->ss = data_segment;
	sregs->fs = sregs->gs = data_segment;
	sregs->tr = tss_segment;
	sregs->gdt.base = LAYOUT_GDT;
	sregs->gdt.limit = GDT_ENTRIES * 8 - 1;
	/* Nobody handles an exception yet: the first one is to shut down. */
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
}

static int enter_linux64(struct guest_memory *mem,
			 const struct boot_entry *entry,
			 struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	set_segments(sregs, &code64_segment);
	sregs->cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_PG;
	sregs->cr3 = LAYOUT_PAGE_TABLES;
	sregs->cr4 = X86_CR4_PAE;
	sregs->efer = EFER_LME | EFER_LMA;
	regs->rsi = entry->arg;
	return write_page_tables(mem);
}

static int enter_pvh(struct guest_memory *mem, const struct boot_entry *entry,
		     struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	(void)mem;
	set_segments(sregs, &code32_segment);
	sregs->cr0 = X86_CR0_PE | X86_CR0_ET;
	sregs->cr4 = 0;
	sregs->efer = 0;
	regs->rbx = entry->arg;
	return 0;
}

static int (*const protocols[])(struct guest_memory *mem,
				const struct boot_entry *entry,
				struct kvm_sregs *sregs,
				struct kvm_regs *regs) = {
	[BOOT_LINUX64] = enter_linux64,
	[BOOT_PVH] = enter_pvh,
};

int vcpu_arch_set_boot_state(int fd, struct guest_memory *mem,
			     const struct boot_entry *entry, struct err *err)
{
	struct kvm_regs regs = {
		.rip = entry->pc,
		.rflags = X86_EFLAGS_FIXED,
	};
	struct kvm_sregs sregs;
	int ret;

	ret = kvm_ioctl(fd, KVM_GET_SREGS, &sregs, err);
	if (ret < 0)
		return ret;
	ret = protocols[entry->protocol](mem, entry, &sregs, &regs);
	if (ret == 0)
		ret = write_gdt(mem, &sregs.cs);
	if (ret < 0)
		return err_set(err, -ret,
			       "boot page tables and descriptors: "
			       "no RAM below 1 MiB");
	ret = kvm_ioctl(fd, KVM_SET_SREGS, &sregs, err);
	if (ret < 0)
		return ret;
	return kvm_ioctl(fd, KVM_SET_REGS, &regs, err);
}
