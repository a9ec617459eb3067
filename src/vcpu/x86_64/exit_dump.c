// SPDX-License-Identifier: Apache-2.0
/*
 * exit_dump.c - x86_64: the registers of a vCPU that cannot go on, for the log
 *
 * Three lines; enough to find the instruction in the guest kernel's System.map
 * and to see the mode it was in.
 */
#include "kvm_ioctl.h"
#include "log.h"
#include "vcpu_arch.h"

static void log_general(const struct kvm_regs *r)
{
	log_write(LOG_ERROR, "vcpu", NULL,
		  "rip %llx rsp %llx rbp %llx rflags %llx rax %llx rbx %llx "
		  "rcx %llx rdx %llx",
		  r->rip, r->rsp, r->rbp, r->rflags, r->rax, r->rbx, r->rcx,
		  r->rdx);
	log_write(LOG_ERROR, "vcpu", NULL,
		  "rsi %llx rdi %llx r8 %llx r9 %llx r10 %llx r11 %llx "
		  "r12 %llx r13 %llx r14 %llx r15 %llx",
		  r->rsi, r->rdi, r->r8, r->r9, r->r10, r->r11, r->r12, r->r13,
		  r->r14, r->r15);
}

void vcpu_arch_log_registers(int fd)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (kvm_ioctl(fd, KVM_GET_REGS, &regs, NULL) == 0)
		log_general(&regs);
	if (kvm_ioctl(fd, KVM_GET_SREGS, &sregs, NULL) == 0)
		log_write(LOG_ERROR, "vcpu", NULL,
			  "cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx "
			  "cs %x:%llx ss %x idt %llx gdt %llx",
			  sregs.cr0, sregs.cr2, sregs.cr3, sregs.cr4,
			  sregs.efer, sregs.cs.selector, sregs.cs.base,
			  sregs.ss.selector, sregs.idt.base, sregs.gdt.base);
}
