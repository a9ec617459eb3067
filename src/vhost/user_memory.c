// SPDX-License-Identifier: Apache-2.0
/*
 * user_memory.c - the guest memory that a backend may map
 *
 * With memory slots negotiated each region is added once per connection and
 * stays (a reset does not forget it); otherwise the whole table goes out at
 * every start. Either way the backend confirms, because without memory it can do
 * nothing but would not say so. A descriptor for each region is passed along.
 * Images are left out: a backend maps what it gets for writing.
 */
#include "user_vrings.h"
#include "user_message.h"

#include <errno.h>

static struct user_memory_region describe(const struct memory_region *region)
{
	return (struct user_memory_region){
		.guest_addr = region->gpa,
		.size = region->size,
		.user_addr = (uintptr_t)region->host,
		.mmap_offset = region->fd_offset,
	};
}

static int send_table(struct user *user, const struct memory_region *regions,
		      size_t n, struct err *err)
{
	struct user_memory_table table = { .count = (uint32_t)n };
	int fds[USER_MEM_TABLE_MAX];
	struct user_message msg = {
		.request = USER_SET_MEM_TABLE,
		.payload = &table,
		.size = offsetof(struct user_memory_table, regions[n]),
		.fds = fds,
		.fd_count = (unsigned)n,
	};

	for (size_t i = 0; i < n; i++) {
		table.regions[i] = describe(&regions[i]);
		fds[i] = regions[i].fd;
	}
	return user_send_confirmed(user, &msg, err);
}

static int add_region(struct user *user, const struct memory_region *region,
		      struct err *err)
{
	struct user_single_region single = { .region = describe(region) };
	struct user_message msg = {
		.request = USER_ADD_MEM_REG,
		.payload = &single,
		.size = sizeof(single),
		.fds = &region->fd,
		.fd_count = 1,
	};

	return user_send_confirmed(user, &msg, err);
}

static int check_slots(struct user *user, size_t n, struct err *err)
{
	uint64_t slots;
	int ret = user_get_u64(user, USER_GET_MAX_MEM_SLOTS, &slots, err);

	if (ret == 0 && slots < n)
		ret = err_set(
			err, ENOSPC,
			"the backend takes %llu memory regions, the guest "
			"has %zu",
			(unsigned long long)slots, n);
	return ret;
}

/* The regions that are RAM come first. */
static size_t ram_regions(const struct guest_memory *mem,
			  const struct memory_region **regions)
{
	size_t n = guest_memory_regions(mem, regions);

	while (n > 0 && (*regions)[n - 1].readonly)
		n--;
	return n;
}

int user_memory_send(struct user *user, unsigned *sent, struct err *err)
{
	const struct memory_region *regions;
	size_t n = ram_regions(user->mem, &regions);
	int ret;

	*sent = 0;
	if (!user_has(user, USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)) {
		if (n > USER_MEM_TABLE_MAX)
			return err_set(
				err, ENOSPC,
				"a backend without memory slots takes %d "
				"memory regions, the guest has %zu",
				USER_MEM_TABLE_MAX, n);
		*sent = 1;
		return send_table(user, regions, n, err);
	}
	if (user->slots_sent == n)
		return 0;
	ret = check_slots(user, n, err);
	while (ret == 0 && user->slots_sent < n) {
		ret = add_region(user, &regions[user->slots_sent], err);
		user->slots_sent++;
		++*sent;
	}
	return ret;
}

int user_memory_confirm(struct user *user, unsigned sent, struct err *err)
{
	enum user_request request =
		user_has(user, USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)
			? USER_ADD_MEM_REG
			: USER_SET_MEM_TABLE;
	int ret = 0;

	for (unsigned i = 0; i < sent && ret == 0; i++)
		ret = user_confirm(user, request, err);
	return ret;
}
