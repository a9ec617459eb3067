// SPDX-License-Identifier: Apache-2.0
/*
 * cpuid_table.c - a list of CPUID leaves: fetch, find, add, drop
 */
#include "cpuid.h"
#include "kvm_ioctl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* KVM's own limit is 256; the first try holds what machines of today have. */
enum { LEAVES_FIRST_TRY = 96, LEAVES_MAX = 1024 };

struct cpuid_table *cpuid_table_create(unsigned n)
{
	unsigned capacity = n + CPUID_SPARE;
	struct cpuid_table *table;

	table = calloc(1, sizeof(*table) +
				  capacity * sizeof(table->kvm.entries[0]));
	if (table != NULL)
		table->capacity = capacity;
	return table;
}

struct kvm_cpuid_entry2 *cpuid_find(struct cpuid_table *table,
				    uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < table->kvm.nent; i++) {
		struct kvm_cpuid_entry2 *entry = &table->kvm.entries[i];

		if (entry->function == function && entry->index == index)
			return entry;
	}
	return NULL;
}

struct kvm_cpuid_entry2 *cpuid_add(struct cpuid_table *table, uint32_t function,
				   uint32_t index, uint32_t flags)
{
	struct kvm_cpuid_entry2 *entry = cpuid_find(table, function, index);

	if (entry != NULL)
		return entry;
	assert(table->kvm.nent < table->capacity);
	entry = &table->kvm.entries[table->kvm.nent++];
	*entry = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.flags = flags,
	};
	return entry;
}

void cpuid_drop(struct cpuid_table *table, uint32_t function)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < table->kvm.nent; i++) {
		if (table->kvm.entries[i].function != function)
			table->kvm.entries[kept++] = table->kvm.entries[i];
	}
	table->kvm.nent = kept;
}

int cpuid_fetch(int system_fd, struct cpuid_table **out, struct err *err)
{
	int ret = -E2BIG;

	for (unsigned n = LEAVES_FIRST_TRY; ret == -E2BIG && n <= LEAVES_MAX;
	     n *= 2) {
		struct cpuid_table *table = cpuid_table_create(n);

		if (table == NULL)
			return err_set(err, ENOMEM, "CPUID: out of memory");
		table->kvm.nent = n;
		ret = kvm_ioctl(system_fd, KVM_GET_SUPPORTED_CPUID, &table->kvm,
				err);
		if (ret >= 0)
			*out = table;
		else
			free(table);
	}
	return ret < 0 ? ret : 0;
}
