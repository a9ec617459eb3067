// SPDX-License-Identifier: Apache-2.0
/*
 * boot.c - the order in which guest memory is filled, and nothing else
 *
 * Theory of operation: the kernel comes first, because it alone says how long
 * the command line and how high the initrd may be. Tables follow, because on
 * the platform without ACPI they end in parameters on the command line; the
 * block that points at all of this is last. Guest memory is fresh, so whatever
 * nobody writes is zero.
 */
#include "boot_arch.h"
#include "boot_demand.h"
#include "layout.h"
#include "log.h"
#include "util.h"

#include <errno.h>

/*
 * Mapping a file into shared memory would hide it from the backends; copying its
 * pages when they are touched is what comes nearest. That needs pages that can be
 * missing, and the right to be told of it.
 */
static int choose_placing_shared(struct boot_state *state, struct err *err)
{
	const struct guest_memory_config *memory =
		guest_memory_config(state->mem);
	struct err why = { "" };
	int ret = -EINVAL;

	if (state->cfg->demand == NULL)
		return err_set(err, EINVAL,
			       "kernel and initrd can be mapped into private "
			       "memory only, and this VM's is shared with its "
			       "backends: load them by reading");
	if (memory->prefault)
		err_set(&why, EINVAL, "memory is prefaulted");
	else if (memory->pages == MEMORY_PAGES_2M)
		err_set(&why, EINVAL, "memory has 2M pages");
	else
		ret = boot_demand_create(state->mem, &state->demand, &why);
	if (ret < 0)
		log_write(LOG_INFO, "boot", NULL,
			  "loading on demand: %s, kernel and initrd are read "
			  "at once",
			  why.text);
	else
		state->placing = PLACE_DEMAND;
	return 0;
}

static int choose_placing(struct boot_state *state, struct err *err)
{
	switch (state->cfg->load) {
	case BOOT_LOAD_READ:
		return 0;
	case BOOT_LOAD_AUTO:
		if (guest_memory_config(state->mem)->mergeable)
			state->placing = PLACE_MAP;
		return 0;
	case BOOT_LOAD_MAP:
		break;
	}
	if (guest_memory_is_shared(state->mem))
		return choose_placing_shared(state, err);
	state->placing = PLACE_MAP;
	return 0;
}

static int load_kernel(struct boot_state *state, struct err *err)
{
	struct boot_file file;
	int ret;

	ret = boot_file_open(state->cfg->kernel_fd, &file, err);
	if (ret == 0)
		ret = kernel_image_load(state, &file, err);
	if (ret < 0)
		return err_prefix(err, ret, "kernel %s",
				  state->cfg->kernel_name);
	return 0;
}

static int load_initrd(struct boot_state *state, struct err *err)
{
	struct boot_file file;
	int ret;

	if (state->cfg->initrd_fd < 0)
		return 0;
	ret = boot_file_open(state->cfg->initrd_fd, &file, err);
	if (ret == 0)
		ret = initrd_load(state, &file, err);
	if (ret < 0)
		return err_prefix(err, ret, "initrd %s",
				  state->cfg->initrd_name);
	return 0;
}

/*
 * While it boots, Linux fills the memory behind its image from the bottom:
 * Debian's kernels touch every page of the next 26 MiB before init runs. Huge
 * pages there cost nothing that the guest would not take anyway, and save it
 * 512 faults each (docs/performance.md).
 */
static void prepare_first_allocations(struct boot_state *state)
{
	const uint64_t most = 24 * MIB, share = state->low_ram / 4;
	uint64_t free_ram = state->low_ram - state->kernel.end;

	if (state->placing == PLACE_READ)
		guest_memory_collapse(state->mem, state->kernel.end,
				      MIN(MIN(most, share), free_ram));
}

/* The line is built in place: the guest is not running yet. */
static int start_cmdline(struct boot_state *state, struct err *err)
{
	size_t max = MIN(state->kernel.cmdline_max, LAYOUT_CMDLINE_SIZE - 1);
	char *buf = guest_memory_borrow(state->mem, LAYOUT_CMDLINE, max + 1);

	if (buf == NULL)
		return err_set(err, EFAULT, "no memory for a command line");
	return cmdline_init(&state->cmdline, buf, max, state->cfg->cmdline,
			    err);
}

static int load_everything(struct boot_state *state, struct boot_entry *entry,
			   struct err *err)
{
	int ret;

	ret = choose_placing(state, err);
	if (ret < 0)
		return ret;
	ret = load_kernel(state, err);
	if (ret < 0)
		return ret;
	prepare_first_allocations(state);
	ret = load_initrd(state, err);
	if (ret < 0)
		return ret;
	ret = start_cmdline(state, err);
	if (ret < 0)
		return ret;
	ret = platform_tables_write(state, err);
	if (ret < 0)
		return ret;
	return boot_params_write(state, entry, err);
}

int boot_load(const struct boot_config *cfg, struct guest_memory *mem,
	      struct boot_entry *entry, struct err *err)
{
	struct boot_state state = { .cfg = cfg, .mem = mem };
	const struct memory_region *regions;
	int ret;

	guest_memory_regions(mem, &regions);
	state.low_ram = regions[0].size;
	ret = load_everything(&state, entry, err);
	if (ret < 0) {
		boot_demand_destroy(state.demand);
		state.demand = NULL;
	}
	if (cfg->demand != NULL)
		*cfg->demand = state.demand;
	return ret;
}
