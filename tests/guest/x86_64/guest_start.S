// SPDX-License-Identifier: Apache-2.0
/*
 * guest_start.S - how each vCPU of the tiny guest gets into its C code, and what
 * C cannot do
 *
 * Position-independent: runs from a copy at GUEST_TEXT, the start of the other
 * vCPUs from a second one at GUEST_AP_START.
 */
#include <asm/processor-flags.h>

#define BOOT_CS		0x10		/* boot_state.c */
#define BOOT_DS		0x18
#define BOOT_GDT	0x500
#define BOOT_TABLES	0x9000
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100
#define AP_START	0x8000		/* guest_code.h */
#define STACKS		0x200000
#define STACK_SIZE	0x4000
#define PORT_DONE	0x510
#define PORT_PVH	0x511
#define SHARED_PROTECTION_FAULTS 0x120850
#define USER_CS		0x33		/* guest_allow_user(), ring 3 */
#define USER_DS		0x3b

	.section guest_text, "ax", @progbits

	/* vCPU 0, 64-bit, RSI = struct guest_shared */
	.globl	guest_start
guest_start:
	movq	$(STACKS + STACK_SIZE), %rsp
	movq	%rsi, %rdi
	call	guest_main
1:	hlt
	jmp	1b

	/* By PVH, 32-bit, EBX = what to write */
	.code32
	.globl	guest_start_pvh
guest_start_pvh:
	movl	%ebx, %eax
	movw	$PORT_PVH, %dx
	outl	%eax, %dx
	movw	$PORT_DONE, %dx
	outb	%al, %dx
1:	hlt
	jmp	1b
	.code64

	/* All others, 64-bit; the stack goes by the APIC id in CPUID. */
	.globl	guest_ap_start64
guest_ap_start64:
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx
	movl	%ebx, %edi
	incl	%ebx
	imull	$STACK_SIZE, %ebx
	leaq	STACKS(%rbx), %rsp
	call	guest_ap_main
1:	hlt
	jmp	1b

	/*
	 * Ring 3 with IOPL 3, on the segments of guest_allow_user(): count at
	 * RDI, for ever.
	 */
	.globl	guest_spin_user
guest_spin_user:
	lgdt	user_gdt_ptr(%rip)
	leaq	1f(%rip), %rax
	pushq	$USER_DS
	pushq	$STACKS
	pushq	$(X86_EFLAGS_IOPL | X86_EFLAGS_IF | X86_EFLAGS_FIXED)
	pushq	$USER_CS
	pushq	%rax
	iretq
1:	incl	(%rdi)
	jmp	1b

	/* An exception without handler, without handler for that, without ... */
	.globl	guest_triple_fault
guest_triple_fault:
	lidt	no_idt_ptr(%rip)
	ud2

	/* #GP: count it, go on after the instruction of 2 bytes. */
	.globl	guest_protection_fault
guest_protection_fault:
	incq	SHARED_PROTECTION_FAULTS
	addq	$8, %rsp		/* the error code */
	addq	$2, (%rsp)
	iretq

	.balign	8
user_gdt_ptr:
	.word	8 * 8 - 1
	.quad	BOOT_GDT
	.balign	8
no_idt_ptr:
	.word	0
	.quad	0

	/*
	 * All others after SIPI: real mode at AP_START. The address of
	 * guest_ap_start64 in the copy is in the 4 bytes at the end.
	 */
	.code16
	.globl	guest_ap_start16, guest_ap_start16_end, guest_ap_target
guest_ap_start16:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	gdt_ptr - guest_ap_start16
	movl	$X86_CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$BOOT_TABLES, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_LME, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$(X86_CR0_PE | X86_CR0_ET | X86_CR0_PG), %eax
	movl	%eax, %cr0
	ljmpl	*(guest_ap_target - guest_ap_start16)

	.balign	8
gdt_ptr:
	.word	6 * 8 - 1
	.long	BOOT_GDT
	.balign	8
guest_ap_target:
	.long	0
	.word	BOOT_CS
guest_ap_start16_end:
	.code64

	.section .note.GNU-stack, "", @progbits
