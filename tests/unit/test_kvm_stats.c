// SPDX-License-Identifier: Apache-2.0
/*
 * test_kvm_stats.c - the file of KVM's statistics, as recorded and as it must not be
 *
 * Names, flags, exponents, sizes and offsets are those of a vCPU under Linux 6.18,
 * some left out.
 */
#include "unit.h"
#include "kvm_stats.h"
#include "util.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_SIZE = 48, ID_OFFSET = 24, DESC_OFFSET = 72 };

struct recorded {
	const char *name;
	uint32_t flags;
	int16_t exponent;
	uint16_t size;
	uint32_t offset;
};

static const struct recorded vcpu[] = {
	{ "halt_successful_poll", 0x0, 0, 1, 0 },
	{ "halt_attempted_poll", 0x0, 0, 1, 8 },
	{ "halt_wait_ns", 0x20, -9, 1, 48 },
	{ "halt_poll_success_hist", 0x24, -9, 32, 56 },
	{ "halt_wait_hist", 0x24, -9, 32, 568 },
	{ "blocking", 0x41, 0, 1, 824 },
	{ "exits", 0x0, 0, 1, 904 },
	{ "max_mmu_rmap_size", 0x2, 0, 1, 912 },
};

struct blob {
	struct kvm_stats_header head;
	char id[NAME_SIZE];
	struct { /* struct kvm_stats_desc with its name */
		uint32_t flags;
		int16_t exponent;
		uint16_t size;
		uint32_t offset, bucket_size;
		char name[NAME_SIZE];
	} descs[ARRAY_LEN(vcpu)];
	uint64_t data[128];
};

static void make(struct blob *blob)
{
	*blob = (struct blob){
		.head = { .name_size = NAME_SIZE,
			  .num_desc = ARRAY_LEN(vcpu),
			  .id_offset = ID_OFFSET,
			  .desc_offset = DESC_OFFSET,
			  .data_offset = offsetof(struct blob, data) },
		.id = "kvm-18176/vcpu-0",
	};
	static_assert(offsetof(struct blob, descs) == DESC_OFFSET &&
			      sizeof(blob->descs[0]) ==
				      sizeof(struct kvm_stats_desc) + NAME_SIZE,
		      "as in the file");
	for (size_t i = 0; i < ARRAY_LEN(vcpu); i++) {
		blob->descs[i].flags = vcpu[i].flags;
		blob->descs[i].exponent = vcpu[i].exponent;
		blob->descs[i].size = vcpu[i].size;
		blob->descs[i].offset = vcpu[i].offset;
		strcpy(blob->descs[i].name, vcpu[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(blob->data); i++)
		blob->data[i] = 1000 + i;
}

static int file_of(const struct blob *blob, size_t size)
{
	int fd = memfd_create("stats", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, blob, size), size);
	return fd;
}

static const struct kvm_stat *find(const struct kvm_stats *stats,
				   const uint64_t *values, const char *name,
				   uint64_t *value)
{
	for (unsigned i = 0; i < stats->count; i++) {
		if (strcmp(stats->stats[i].name, name) != 0)
			continue;
		*value = values[i];
		return &stats->stats[i];
	}
	return NULL;
}

START_TEST(statistics_are_read_by_their_description)
{
	const struct kvm_stat *stat;
	uint64_t values[KVM_STATS_MAX], value;
	struct kvm_stats stats;
	struct blob blob;
	int fd;

	make(&blob);
	fd = file_of(&blob, sizeof(blob));
	ck_assert_int_eq(kvm_stats_read_description(fd, &stats), 0);
	ck_assert_int_eq(kvm_stats_read_values(fd, &stats, values), 0);
	ck_assert_uint_eq(stats.count, 6); /* no histograms */
	stat = find(&stats, values, "halt_wait_ns", &value);
	ck_assert_ptr_nonnull(stat);
	ck_assert_uint_eq(value, 1006);
	ck_assert_int_eq(stat->type, KVM_STAT_CUMULATIVE);
	ck_assert_int_eq(stat->unit, KVM_STAT_SECONDS);
	ck_assert_int_eq(stat->exponent, -9);
	ck_assert(!stat->binary);
	stat = find(&stats, values, "blocking", &value);
	ck_assert_int_eq(stat->type, KVM_STAT_INSTANT);
	ck_assert_int_eq(stat->unit, KVM_STAT_BOOLEAN);
	ck_assert_uint_eq(value, 1103);
	stat = find(&stats, values, "max_mmu_rmap_size", &value);
	ck_assert_int_eq(stat->type, KVM_STAT_PEAK);
	ck_assert_uint_eq(value, 1114);
	ck_assert_ptr_null(find(&stats, values, "halt_wait_hist", &value));
	close(fd);
}
END_TEST

/* What is not understood is left out, the rest is read. */
static void unknown_type(struct blob *blob)
{
	blob->descs[0].flags = 0x7;
}

static void unknown_unit(struct blob *blob)
{
	blob->descs[0].flags = 0xf0;
}

static void no_name(struct blob *blob)
{
	memset(blob->descs[0].name, 0, NAME_SIZE);
}

static void endless_name(struct blob *blob)
{
	memset(blob->descs[0].name, 'x', NAME_SIZE);
}

static void (*const oddities[])(struct blob *blob) = {
	unknown_type,
	unknown_unit,
	no_name,
	endless_name,
};

START_TEST(a_statistic_that_is_not_understood_is_left_out)
{
	struct kvm_stats stats;
	struct blob blob;
	int fd;

	make(&blob);
	oddities[_i](&blob);
	fd = file_of(&blob, sizeof(blob));
	ck_assert_int_eq(kvm_stats_read_description(fd, &stats), 0);
	ck_assert_uint_eq(stats.count, 5);
	ck_assert_str_eq(stats.stats[0].name, "halt_attempted_poll");
	close(fd);
}
END_TEST

static const struct {
	uint32_t name_size, num_desc, desc_offset;
	int ret;
} heads[] = {
	{ 0, 8, DESC_OFFSET, -EPROTO },
	{ 47, 8, DESC_OFFSET, -EPROTO },
	{ UINT32_MAX - 7, 8, DESC_OFFSET, -EPROTO },
	{ NAME_SIZE, 0, DESC_OFFSET, -EPROTO },
	{ NAME_SIZE, UINT32_MAX, DESC_OFFSET, -EPROTO },
	{ NAME_SIZE, 1000, DESC_OFFSET, -ENODATA },
	{ NAME_SIZE, 8, UINT32_MAX, -ENODATA },
};

START_TEST(a_header_of_nonsense_is_refused)
{
	struct kvm_stats stats;
	struct blob blob;
	int fd;

	make(&blob);
	blob.head.name_size = heads[_i].name_size;
	blob.head.num_desc = heads[_i].num_desc;
	blob.head.desc_offset = heads[_i].desc_offset;
	fd = file_of(&blob, sizeof(blob));
	ck_assert_int_eq(kvm_stats_read_description(fd, &stats), heads[_i].ret);
	close(fd);
	fd = file_of(&blob, 10);
	ck_assert_int_eq(kvm_stats_read_description(fd, &stats), -ENODATA);
	close(fd);
}
END_TEST

START_TEST(values_outside_the_file_are_not_read)
{
	uint64_t values[KVM_STATS_MAX];
	struct kvm_stats stats;
	struct blob blob;
	int fd;

	make(&blob);
	blob.descs[0].offset = 1 << 20; /* more than is read at once */
	fd = file_of(&blob, sizeof(blob));
	ck_assert_int_eq(kvm_stats_read_description(fd, &stats), 0);
	ck_assert_int_eq(kvm_stats_read_values(fd, &stats, values), -EPROTO);
	close(fd);
	make(&blob);
	fd = file_of(&blob, offsetof(struct blob, data[10]));
	ck_assert_int_eq(kvm_stats_read_description(fd, &stats), 0);
	ck_assert_int_eq(kvm_stats_read_values(fd, &stats, values), -ENODATA);
	close(fd);
	stats.count = 0;
	ck_assert_int_eq(kvm_stats_read_values(-1, &stats, values), -EPROTO);
	ck_assert_int_lt(kvm_stats_open(STDIN_FILENO), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kvm_stats");
	TCase *tc = tcase_create("kvm_stats");

	tcase_add_test(tc, statistics_are_read_by_their_description);
	tcase_add_loop_test(tc, a_statistic_that_is_not_understood_is_left_out,
			    0, ARRAY_LEN(oddities));
	tcase_add_loop_test(tc, a_header_of_nonsense_is_refused, 0,
			    ARRAY_LEN(heads));
	tcase_add_test(tc, values_outside_the_file_are_not_read);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
