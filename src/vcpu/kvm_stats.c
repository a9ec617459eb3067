// SPDX-License-Identifier: Apache-2.0
/*
 * kvm_stats.c - KVM's own statistics of a VM or a vCPU
 *
 * The file holds a header, descriptions of one fixed size, and data: 64 bits for
 * each statistic, in a block of some KiB, which is read in one piece.
 */
#include "kvm_stats.h"
#include "fd.h"
#include "kvm_ioctl.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	DESCRIPTIONS_MAX = 1024, /* KVM has some 60 */
	NAME_SIZE_MAX = 256,	 /* with which KVM calls its 48 */
	DATA_MAX = 16 * 1024,	 /* bytes read in one piece */
};

int kvm_stats_open(int fd)
{
	return kvm_ioctl(fd, KVM_GET_STATS_FD, 0, NULL);
}

/* False: of a kind that is left out. */
static bool describe(const struct kvm_stats_desc *desc, size_t name_size,
		     uint64_t data_offset, struct kvm_stat *out)
{
	static const enum kvm_stat_type types[] = {
		[KVM_STATS_TYPE_CUMULATIVE] = KVM_STAT_CUMULATIVE,
		[KVM_STATS_TYPE_INSTANT] = KVM_STAT_INSTANT,
		[KVM_STATS_TYPE_PEAK] = KVM_STAT_PEAK,
	};
	static const enum kvm_stat_unit units[] = {
		[KVM_STATS_UNIT_NONE >> KVM_STATS_UNIT_SHIFT] =
			KVM_STAT_NO_UNIT,
		[KVM_STATS_UNIT_BYTES >> KVM_STATS_UNIT_SHIFT] = KVM_STAT_BYTES,
		[KVM_STATS_UNIT_SECONDS >> KVM_STATS_UNIT_SHIFT] =
			KVM_STAT_SECONDS,
		[KVM_STATS_UNIT_CYCLES >> KVM_STATS_UNIT_SHIFT] =
			KVM_STAT_CYCLES,
		[KVM_STATS_UNIT_BOOLEAN >> KVM_STATS_UNIT_SHIFT] =
			KVM_STAT_BOOLEAN,
	};
	uint32_t type = desc->flags & KVM_STATS_TYPE_MASK;
	uint32_t unit =
		(desc->flags & KVM_STATS_UNIT_MASK) >> KVM_STATS_UNIT_SHIFT;
	size_t name_len = strnlen(desc->name, name_size);

	if (type >= ARRAY_LEN(types) || unit >= ARRAY_LEN(units) ||
	    desc->size != 1 || name_len == 0 || name_len >= sizeof(out->name) ||
	    data_offset + desc->offset > UINT32_MAX)
		return false;
	*out = (struct kvm_stat){
		.type = types[type],
		.unit = units[unit],
		.binary = (desc->flags & KVM_STATS_BASE_MASK) ==
			  KVM_STATS_BASE_POW2,
		.exponent = desc->exponent,
		.offset = (uint32_t)(data_offset + desc->offset),
	};
	memcpy(out->name, desc->name, name_len);
	return true;
}

static int read_descriptions(int stats_fd, const struct kvm_stats_header *head,
			     struct kvm_stats *out)
{
	size_t size = sizeof(struct kvm_stats_desc) + head->name_size;
	char *all = calloc(head->num_desc, size);
	int ret;

	if (all == NULL)
		return -ENOMEM;
	ret = fd_pread_all(stats_fd, all, head->num_desc * size,
			   head->desc_offset);
	out->count = 0;
	for (uint32_t i = 0; ret == 0 && i < head->num_desc; i++) {
		if (out->count < KVM_STATS_MAX &&
		    describe((const void *)(all + i * size), head->name_size,
			     head->data_offset, &out->stats[out->count]))
			out->count++;
	}
	free(all);
	return ret;
}

int kvm_stats_read_description(int stats_fd, struct kvm_stats *out)
{
	struct kvm_stats_header head;
	int ret = fd_pread_all(stats_fd, &head, sizeof(head), 0);

	if (ret < 0)
		return ret;
	/* A multiple of 8 keeps the descriptions aligned. */
	if (head.name_size == 0 || head.name_size % 8 != 0 ||
	    head.name_size > NAME_SIZE_MAX || head.num_desc == 0 ||
	    head.num_desc > DESCRIPTIONS_MAX)
		return -EPROTO;
	return read_descriptions(stats_fd, &head, out);
}

int kvm_stats_read_values(int stats_fd, const struct kvm_stats *stats,
			  uint64_t *values)
{
	uint32_t from = UINT32_MAX, to = 0;
	char data[DATA_MAX];
	int ret;

	for (unsigned i = 0; i < stats->count; i++) {
		from = MIN(from, stats->stats[i].offset);
		to = MAX(to, stats->stats[i].offset);
	}
	if (stats->count == 0 || to - from > sizeof(data) - sizeof(*values))
		return -EPROTO;
	ret = fd_pread_all(stats_fd, data, to - from + sizeof(*values), from);
	for (unsigned i = 0; ret == 0 && i < stats->count; i++)
		memcpy(&values[i], data + stats->stats[i].offset - from,
		       sizeof(*values));
	return ret;
}
