// SPDX-License-Identifier: Apache-2.0
/*
 * platform_tables.c - how the guest finds CPUs and devices
 *
 * Either everything stands in ACPI tables, or CPUs and interrupts in an MP table
 * and devices on the command line; never both, or a kernel that knows both ways
 * would find each device twice.
 */
#include "acpi.h"
#include "boot_arch.h"
#include "layout.h"
#include "mptable.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>

/*
 * Documentation/admin-guide/kernel-parameters.txt:
 * virtio_mmio.device=<size>@<baseaddr>:<irq>
 */
static int add_device_parameter(struct cmdline *line,
				const struct boot_device *device,
				struct err *err)
{
	char text[80];

	snprintf(text, sizeof(text), "virtio_mmio.device=%lluK@%#llx:%u",
		 (unsigned long long)(device->size / KIB),
		 (unsigned long long)device->base, device->gsi);
	return cmdline_add(line, text, err);
}

static int add_devices_to_cmdline(struct boot_state *state, struct err *err)
{
	int ret;

	for (size_t i = 0; i < state->cfg->device_count; i++) {
		ret = add_device_parameter(&state->cmdline,
					   &state->cfg->devices[i], err);
		if (ret < 0)
			return err_prefix(err, ret,
					  "with parameters for %zu devices",
					  state->cfg->device_count);
	}
	return 0;
}

/*
 * Where the first instruction of a BIOS would be. Linux on a hardware-reduced
 * machine wants to restart through EFI, does not try the FADT's reset register,
 * and when there is no EFI jumps here in real mode (arch/x86/kernel/reboot.c,
 * reboot_init() and BOOT_BIOS). Without this code it would be stuck for good.
 */
static int write_reset_vector(struct guest_memory *mem, struct err *err)
{
	/* clang-format off */
	static const uint8_t code[] = {
		0xba, LAYOUT_PORT_ACPI_RESET & 0xff,
		      LAYOUT_PORT_ACPI_RESET >> 8,	/* mov $port, %dx */
		0xb0, LAYOUT_ACPI_RESET_VALUE,		/* mov $value, %al */
		0xee,					/* out %al, (%dx) */
		0xf4,					/* hlt */
		0xeb, 0xfd,				/* jmp to the hlt */
	};
	/* clang-format on */

	if (guest_memory_write(mem, LAYOUT_RESET_VECTOR, code, sizeof(code)) <
	    0)
		return err_set(err, EFAULT, "no memory for the reset vector");
	return 0;
}

int platform_tables_write(struct boot_state *state, struct err *err)
{
	int ret;

	ret = write_reset_vector(state->mem, err);
	if (ret < 0)
		return ret;
	switch (state->cfg->platform) {
	case BOOT_PLATFORM_ACPI:
		ret = acpi_write(state->cfg, state->mem, &state->rsdp, err);
		break;
	case BOOT_PLATFORM_CMDLINE:
		ret = mptable_write(state->cfg, state->mem, err);
		if (ret == 0)
			ret = add_devices_to_cmdline(state, err);
		break;
	}
	return ret;
}
