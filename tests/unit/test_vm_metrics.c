// SPDX-License-Identifier: Apache-2.0
/*
 * test_vm_metrics.c - the figures of a VM on /dev/kvm, whose guest does not run
 *
 * The spawner is this image executed again, and its role the disk's backend, as in
 * src/main.c.
 */
#include "boot_fixture.h"
#include "backend.h"
#include "process_metrics.h"
#include "spawner.h"
#include "vm.h"
#include "vm_metrics.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

static const char status[] = "Name:\tmote\nVmRSS:\t    1234 kB\n"
			     "RssAnon:\t     116 kB\nRssFile:\t    0 kB\n"
			     "ksm_process_profit -64\nksm_merge_any: no\n"
			     "VmSwap:\n";

static const struct {
	const char *name;
	bool found;
	int64_t value;
} lines[] = {
	{ "RssAnon", true, 116 * 1024 },
	{ "VmRSS", true, 1234 * 1024 },
	{ "RssFile", true, 0 },
	{ "ksm_process_profit", true, -64 },
	{ "Rss", false, 0 },	       /* the whole name */
	{ "ksm_merge_any", false, 0 }, /* a number */
	{ "VmSwap", false, 0 },
	{ "Pss", false, 0 },
};

START_TEST(figures_are_found_by_their_whole_name)
{
	int64_t value = 0;

	ck_assert_int_eq(process_metrics_find(status, lines[_i].name, &value),
			 lines[_i].found);
	if (lines[_i].found)
		ck_assert_int_eq(value, lines[_i].value);
}
END_TEST

static struct vm_config cfg;
static char kernel[] = "/tmp/mote-test-kernel-XXXXXX";
static char disk[] = "/tmp/mote-test-disk-XXXXXX";

static void configure(void)
{
	static struct test_image image;
	int kernel_fd = mkstemp(kernel), disk_fd = mkstemp(disk);

	test_elf(&image, true);
	ck_assert_int_eq(write(kernel_fd, image.bytes, sizeof(image.bytes)),
			 sizeof(image.bytes));
	ck_assert_int_eq(ftruncate(disk_fd, 1 << 20), 0);
	vm_config_init(&cfg);
	cfg.kernel_fd = kernel_fd;
	cfg.disks[0].fd = disk_fd;
	cfg.kernel = kernel;
	cfg.cpus = 2;
	cfg.memory = 64 * MIB;
	cfg.console_given = true;
	cfg.disks[0].path = disk;
	cfg.disk_count = 1;
}

static bool has_stat(const struct metrics_stats *stats, const char *name)
{
	for (unsigned i = 0; i < stats->count; i++) {
		if (strcmp(stats->stats[i].name, name) == 0)
			return true;
	}
	return false;
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

START_TEST(a_vm_that_is_created_has_figures)
{
	struct vm_metrics *m = malloc(sizeof(*m));
	const struct vm_owner owner = { .ended = NULL };
	struct event_base *base = event_base_new();
	struct spawner *spawner;
	struct err err = { "" };
	struct vm *vm;
	uint64_t begin;

	configure();
	ck_assert_msg(vm_config_check(&cfg, &err) == 0, "%s", err.text);
	ck_assert_int_eq(spawner_create(&spawner, &err), 0);
	ck_assert_msg(vm_create(&cfg, spawner, base, &owner, &vm, &err) == 0,
		      "%s", err.text);
	memset(m, 0xa5, sizeof(*m));
	begin = cpu_us();
	vm_get_metrics(vm, m);
	printf("%llu us of CPU\n", (unsigned long long)(cpu_us() - begin));

	ck_assert_str_eq(m->id, "vm");
	ck_assert_uint_eq(m->memory.size, 64 * MIB);
	ck_assert(m->memory.shared);
	ck_assert_uint_ge(m->memory.resident, 4096);
	ck_assert_uint_lt(m->memory.resident, 64 * MIB);
	ck_assert_uint_gt(m->process.cpu_time, 0);
	ck_assert_uint_ge(m->process.cpu_time, m->process.main_cpu_time);
	ck_assert_uint_gt(m->process.rss_anon, 0);
	ck_assert_uint_eq(m->vcpu_count, 2);
	ck_assert_uint_eq(m->vcpus[1].cpu_time, METRICS_UNKNOWN);
	ck_assert_uint_eq(m->vcpus[1].exits[0], 0);
	ck_assert_uint_eq(m->device_count, 1);
	ck_assert_str_eq(m->devices[0].id, "disk0");
	ck_assert_uint_eq(m->devices[0].type, 2);
	ck_assert(!m->devices[0].started && !m->devices[0].lost);
	/* Linux 5.14 and later. */
	ck_assert_int_eq(m->vcpu_stats.count > 0, m->vcpus[0].has_kvm);
	if (m->vcpu_stats.count > 0) {
		ck_assert(has_stat(&m->vcpu_stats, "exits"));
		ck_assert(has_stat(&m->vm_stats, "remote_tlb_flush"));
		ck_assert(m->vcpus[1].has_kvm);
	}
	vm_destroy(vm);
	event_base_free(base);
	spawner_destroy(spawner);
	unlink(kernel);
	unlink(disk);
	free(m);
}
END_TEST

static int run_suite(void)
{
	Suite *suite = suite_create("vm_metrics");
	TCase *tc = tcase_create("vm_metrics");

	tcase_add_loop_test(tc, figures_are_found_by_their_whole_name, 0,
			    ARRAY_LEN(lines));
	tcase_add_test(tc, a_vm_that_is_created_has_figures);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}

int main(int argc, char **argv)
{
	struct spawned_role role;

	if (argc > 1 && strcmp(argv[1], SPAWNER_ROLE) == 0) {
		if (spawner_serve(argc - 1, argv + 1, &role) > 0)
			return backend_block_main(role.argc, role.argv);
		return 0;
	}
	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		puts("no /dev/kvm here");
		return 77;
	}
	return run_suite();
}
