// SPDX-License-Identifier: Apache-2.0
/*
 * vcpu_run.c - the loop around KVM_RUN, and what each exit reason means
 *
 * Runs on the vCPU's thread. Nothing a guest does may end more than its own VM:
 * an exit that mote did not ask for, or cannot go on from, is logged with the
 * registers and ends the VM as VCPU_END_ERROR.
 */
#include "log.h"
#include "util.h"
#include "vcpu_arch.h"
#include "vcpu_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static void access_device(struct vcpu *cpu, enum vcpu_space space,
			  uint64_t addr, void *data, unsigned len, bool write)
{
	const struct vcpu_handlers *handlers = &cpu->all->handlers;

	if (write) {
		handlers->write(handlers->ctx, space, addr, data, len);
		return;
	}
	memset(data, 0xff, len);
	handlers->read(handlers->ctx, space, addr, data, len);
}

/* String instructions (INS, OUTS) come as count accesses to one port. */
static enum vcpu_next exit_io(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;
	unsigned len = run->io.size;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	vcpu_count_exit(cpu, run->io.direction == KVM_EXIT_IO_OUT
				     ? VCPU_EXIT_IO_OUT
				     : VCPU_EXIT_IO_IN);
	for (uint32_t i = 0; i < run->io.count; i++)
		access_device(cpu, VCPU_PIO, run->io.port, data + i * len, len,
			      run->io.direction == KVM_EXIT_IO_OUT);
	return NEXT_RUN;
}

/*
 * KVM cuts an access that crosses a page in two, which makes pieces of any
 * length. No register lies across pages: nobody is there to be asked.
 */
static enum vcpu_next exit_mmio(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;

	vcpu_count_exit(cpu, run->mmio.is_write ? VCPU_EXIT_MMIO_WRITE
						: VCPU_EXIT_MMIO_READ);
	if (is_power_of_two(run->mmio.len)) {
		access_device(cpu, VCPU_MMIO, run->mmio.phys_addr,
			      run->mmio.data, run->mmio.len,
			      run->mmio.is_write);
		return NEXT_RUN;
	}
	log_guest("vcpu", NULL, "MMIO access of %u bytes at %#llx, dropped",
		  run->mmio.len, run->mmio.phys_addr);
	memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
	return NEXT_RUN;
}

/* Nothing to do: KVM gave up the CPU for a moment. */
static enum vcpu_next exit_nothing(struct vcpu *cpu)
{
	vcpu_count_exit(cpu, VCPU_EXIT_OTHER);
	return NEXT_RUN;
}

/* As on hardware: an MSR that does not exist raises #GP. */
static enum vcpu_next exit_msr(struct vcpu *cpu)
{
	vcpu_count_exit(cpu, VCPU_EXIT_MSR);
	cpu->run->msr.error = 1;
	return NEXT_RUN;
}

static enum vcpu_next exit_shutdown(struct vcpu *cpu)
{
	(void)cpu;
	return NEXT_END_SHUTDOWN;
}

static enum vcpu_next exit_system_event(struct vcpu *cpu)
{
	log_guest("vcpu", NULL, "system event %u, taken as a shutdown",
		  cpu->run->system_event.type);
	return NEXT_END_SHUTDOWN;
}

static enum vcpu_next exit_unknown(struct vcpu *cpu)
{
	log_write(LOG_ERROR, "vcpu", NULL,
		  "KVM does not know hardware exit %#llx, VM ended",
		  cpu->run->hw.hardware_exit_reason);
	vcpu_arch_log_registers(cpu->fd);
	return NEXT_END_ERROR;
}

static enum vcpu_next exit_fail_entry(struct vcpu *cpu)
{
	log_write(LOG_ERROR, "vcpu", NULL,
		  "the CPU refuses to enter the guest: hardware reason %#llx "
		  "on CPU %u, VM ended",
		  cpu->run->fail_entry.hardware_entry_failure_reason,
		  cpu->run->fail_entry.cpu);
	vcpu_arch_log_registers(cpu->fd);
	return NEXT_END_ERROR;
}

/* The instruction KVM could not emulate, in hex; "" if KVM did not say. */
static void format_instruction(const struct kvm_run *run, char *text,
			       size_t size)
{
	const uint8_t *bytes = run->emulation_failure.insn_bytes;
	unsigned n = MIN(run->emulation_failure.insn_size,
			 sizeof(run->emulation_failure.insn_bytes));

	text[0] = '\0';
	if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
	    run->emulation_failure.ndata < 3 ||
	    !(run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		return;
	for (unsigned i = 0; i < n; i++) {
		size_t at = strlen(text);

		snprintf(text + at, size - at, " %02x", bytes[i]);
	}
}

static enum vcpu_next exit_internal_error(struct vcpu *cpu)
{
	static const char *const names[] = {
		[KVM_INTERNAL_ERROR_EMULATION] = "cannot emulate:",
		[KVM_INTERNAL_ERROR_SIMUL_EX] = "simultaneous exceptions",
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = "exit while delivering",
		[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "unexpected exit",
	};
	uint32_t suberror = cpu->run->internal.suberror;
	const char *name = NULL;
	char insn[64];

	if (suberror < ARRAY_LEN(names))
		name = names[suberror];
	format_instruction(cpu->run, insn, sizeof(insn));
	log_write(LOG_ERROR, "vcpu", NULL,
		  "KVM internal error %u, %s%s, VM ended", suberror,
		  name != NULL ? name : "unknown", insn);
	vcpu_arch_log_registers(cpu->fd);
	return NEXT_END_ERROR;
}

/*
 * One row per exit reason that x86_64 and aarch64 know. No handler: mote does
 * not enable what causes it, so it cannot come, and ends the VM if it does.
 */
/* clang-format off */
static const struct {
	const char *name;
	enum vcpu_next (*handle)(struct vcpu *cpu);
} exits[] = {
	[KVM_EXIT_UNKNOWN]         = { "UNKNOWN", exit_unknown },
	[KVM_EXIT_EXCEPTION]       = { "EXCEPTION", NULL },
	[KVM_EXIT_IO]              = { "IO", exit_io },
	[KVM_EXIT_HYPERCALL]       = { "HYPERCALL", NULL },
	[KVM_EXIT_DEBUG]           = { "DEBUG", NULL },
	[KVM_EXIT_HLT]             = { "HLT", NULL },	/* LAPIC is in KVM */
	[KVM_EXIT_MMIO]            = { "MMIO", exit_mmio },
	[KVM_EXIT_IRQ_WINDOW_OPEN] = { "IRQ_WINDOW_OPEN", exit_nothing },
	[KVM_EXIT_SHUTDOWN]        = { "SHUTDOWN", exit_shutdown },
	[KVM_EXIT_FAIL_ENTRY]      = { "FAIL_ENTRY", exit_fail_entry },
	[KVM_EXIT_INTR]            = { "INTR", exit_nothing },
	[KVM_EXIT_SET_TPR]         = { "SET_TPR", exit_nothing },
	[KVM_EXIT_TPR_ACCESS]      = { "TPR_ACCESS", exit_nothing },
	[KVM_EXIT_NMI]             = { "NMI", exit_nothing },
	[KVM_EXIT_INTERNAL_ERROR]  = { "INTERNAL_ERROR", exit_internal_error },
	[KVM_EXIT_SYSTEM_EVENT]    = { "SYSTEM_EVENT", exit_system_event },
	[KVM_EXIT_IOAPIC_EOI]      = { "IOAPIC_EOI", exit_nothing },
	[KVM_EXIT_HYPERV]          = { "HYPERV", NULL },
	[KVM_EXIT_ARM_NISV]        = { "ARM_NISV", NULL },
	[KVM_EXIT_X86_RDMSR]       = { "X86_RDMSR", exit_msr },
	[KVM_EXIT_X86_WRMSR]       = { "X86_WRMSR", exit_msr },
	[KVM_EXIT_DIRTY_RING_FULL] = { "DIRTY_RING_FULL", NULL },
	[KVM_EXIT_AP_RESET_HOLD]   = { "AP_RESET_HOLD", NULL },
	[KVM_EXIT_X86_BUS_LOCK]    = { "X86_BUS_LOCK", exit_nothing },
	[KVM_EXIT_XEN]             = { "XEN", NULL },
	[KVM_EXIT_NOTIFY]          = { "NOTIFY", NULL },
};
/* clang-format on */
static_assert(
	ARRAY_LEN(exits) == KVM_EXIT_NOTIFY + 1,
	"the table ends with the last reason of the headers we build with");

static enum vcpu_next handle_exit(struct vcpu *cpu)
{
	uint32_t reason = cpu->run->exit_reason;
	const char *name = NULL;

	if (reason < ARRAY_LEN(exits)) {
		if (exits[reason].handle != NULL)
			return exits[reason].handle(cpu);
		name = exits[reason].name;
	}
	log_write(LOG_ERROR, "vcpu", NULL,
		  "unexpected KVM exit %u (%s), VM ended", reason,
		  name != NULL ? name : "unknown");
	vcpu_arch_log_registers(cpu->fd);
	return NEXT_END_ERROR;
}

/*
 * EFAULT: the guest touched memory whose host page cannot be had: a truncated
 * file behind it, an empty huge page pool, a hardware memory error.
 */
static enum vcpu_next run_failed(struct vcpu *cpu, int code)
{
	log_write(LOG_ERROR, "vcpu", NULL, "KVM_RUN: %s%s, VM ended",
		  strerror(code),
		  code == EFAULT ? " (host memory of the guest is not there)"
				 : "");
	vcpu_arch_log_registers(cpu->fd);
	return NEXT_END_ERROR;
}

static enum vcpu_next interrupted(struct vcpu *cpu)
{
	vcpu_count_exit(cpu, VCPU_EXIT_SIGNAL);
	return vcpu_obey(cpu) ? NEXT_RUN : NEXT_LEAVE;
}

/* EAGAIN: a vCPU that waited for its start signal got it. */
enum vcpu_next vcpu_run(struct vcpu *cpu)
{
	enum vcpu_next next = NEXT_RUN;

	while (next == NEXT_RUN) {
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0)
			next = handle_exit(cpu);
		else if (errno == EINTR)
			next = interrupted(cpu);
		else if (errno != EAGAIN)
			next = run_failed(cpu, errno);
	}
	if (next == NEXT_END_SHUTDOWN)
		vcpu_count_exit(cpu, VCPU_EXIT_SHUTDOWN);
	else if (next == NEXT_END_ERROR)
		vcpu_count_exit(cpu, VCPU_EXIT_FAILURE);
	return next;
}
