// SPDX-License-Identifier: Apache-2.0
/*
 * place.c - bytes of a file into guest memory: read, mapped, or on demand
 *
 * Only pages that belong to a piece whole are mapped or left to be filled on
 * demand: a page that is shared with a neighbour would bring bytes of the file
 * that are not ours, and what follows a piece has to stay zero. The partial
 * pages at either end are read.
 */
#include "boot_arch.h"
#include "boot_demand.h"
#include "util.h"

#include <errno.h>
#include <unistd.h>

static int read_now(const struct boot_state *state,
		    const struct boot_file *file, uint64_t offset, uint64_t len,
		    gpa_t gpa, struct err *err)
{
	void *at = guest_memory_borrow(state->mem, gpa, len);

	if (at == NULL)
		return err_set(err, EFAULT, "does not fit into memory at %#llx",
			       (unsigned long long)gpa);
	return boot_file_read(file, offset, at, len, err);
}

/* gpa and len are whole pages inside file and RAM. */
static int place_pages(struct boot_state *state, const struct boot_file *file,
		       uint64_t offset, uint64_t len, gpa_t gpa,
		       struct err *err)
{
	if (state->placing == PLACE_MAP)
		return guest_memory_map_file(state->mem, gpa, len, file->fd,
					     (off_t)offset, err);
	return boot_demand_add(state->demand, file->fd, offset, len,
			       guest_memory_borrow(state->mem, gpa, len), err);
}

/* Copying on demand takes any offset, mapping only a congruent one. */
static bool must_read(const struct boot_state *state, uint64_t offset,
		      gpa_t gpa, uint64_t page)
{
	switch (state->placing) {
	case PLACE_READ:
		break;
	case PLACE_MAP:
		return offset % page != gpa % page;
	case PLACE_DEMAND:
		return !boot_demand_has_room(state->demand);
	}
	return true;
}

int boot_place(struct boot_state *state, const struct boot_file *file,
	       uint64_t offset, uint64_t len, gpa_t gpa, uint64_t room,
	       struct err *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t head = align_up(gpa, page) - gpa;
	uint64_t pages;
	int ret;

	if (state->placing == PLACE_READ)
		guest_memory_collapse(state->mem, gpa, room);
	if (len == 0)
		return 0;
	ret = boot_file_check(file, offset, len, err);
	if (ret < 0)
		return ret;
	if (len < head + page || must_read(state, offset, gpa, page))
		return read_now(state, file, offset, len, gpa, err);

	pages = align_down(len - head, page);
	ret = read_now(state, file, offset, head, gpa, err);
	if (ret < 0)
		return ret;
	ret = place_pages(state, file, offset + head, pages, gpa + head, err);
	if (ret < 0)
		return ret;
	head += pages;
	return read_now(state, file, offset + head, len - head, gpa + head,
			err);
}
