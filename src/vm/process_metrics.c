// SPDX-License-Identifier: Apache-2.0
/*
 * process_metrics.c - figures of this process, from the kernel's /proc
 *
 * The kernel keeps the figures of /proc/self/status as sums. For the proportional
 * set size it walks every page table: 12 to 25 us per MiB in pages of 4 KiB. Above
 * PSS_RSS_MAX that would take too long for a reply.
 */
#include "process_metrics.h"
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PSS_RSS_MAX (128 * MIB)

enum { PROC_TEXT_MAX = 4096 };

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return false;
	while (len < size - 1 && n != 0) {
		n = read(fd, text + len, size - 1 - len);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			len += (size_t)n;
	}
	text[len] = '\0';
	fd_close(&fd);
	return len > 0;
}

bool process_metrics_find(const char *text, const char *name, int64_t *value)
{
	size_t len = strlen(name);
	char *end;

	while (strncmp(text, name, len) != 0 ||
	       strchr(": \t", text[len]) == NULL || text[len] == '\0') {
		text = strchr(text, '\n');
		if (text == NULL)
			return false;
		text++;
	}
	text += len;
	text += strspn(text, ": \t");
	errno = 0;
	*value = strtoll(text, &end, 10);
	if (end == text || errno != 0)
		return false;
	if (strncmp(end, " kB", 3) == 0)
		*value *= (int64_t)KIB;
	return true;
}

static uint64_t find(const char *text, const char *name)
{
	int64_t value;

	return process_metrics_find(text, name, &value) && value >= 0
		       ? (uint64_t)value
		       : METRICS_UNKNOWN;
}

static uint64_t cpu_time(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time) < 0)
		return METRICS_UNKNOWN;
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void get_memory(struct metrics_process *process)
{
	char text[PROC_TEXT_MAX] = "";
	uint64_t rss;

	read_text("/proc/self/status", text, sizeof(text));
	rss = find(text, "VmRSS");
	process->rss_anon = find(text, "RssAnon");
	process->rss_file = find(text, "RssFile");
	process->rss_shmem = find(text, "RssShmem");
	process->swap = find(text, "VmSwap");
	process->hugetlb = find(text, "HugetlbPages");
	process->pss = METRICS_UNKNOWN;
	if (rss <= PSS_RSS_MAX &&
	    read_text("/proc/self/smaps_rollup", text, sizeof(text)))
		process->pss = find(text, "Pss");
}

/* Linux 6.4 has all of it; 6.1 the first line, and another file for the second. */
static void get_ksm(struct metrics_ksm *ksm)
{
	char text[PROC_TEXT_MAX] = "";

	read_text("/proc/self/ksm_stat", text, sizeof(text));
	ksm->rmap_items = find(text, "ksm_rmap_items");
	ksm->merging_pages = find(text, "ksm_merging_pages");
	ksm->zero_pages = find(text, "ksm_zero_pages");
	ksm->has_profit =
		process_metrics_find(text, "ksm_process_profit", &ksm->profit);
	if (ksm->merging_pages == METRICS_UNKNOWN &&
	    read_text("/proc/self/ksm_merging_pages", text, sizeof(text)))
		ksm->merging_pages = strtoull(text, NULL, 10);
}

void process_metrics_get(struct metrics_process *process,
			 struct metrics_ksm *ksm)
{
	get_memory(process);
	get_ksm(ksm);
	process->main_cpu_time = cpu_time(CLOCK_THREAD_CPUTIME_ID);
	process->cpu_time = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
}
