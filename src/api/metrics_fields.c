// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_fields.c - the figures of struct vm_metrics by name
 */
#include "metrics_fields.h"

#include <linux/virtio_ids.h>
#include <string.h>

#define ALL(member)    offsetof(struct vm_metrics, member)
#define DEVICE(member) offsetof(struct metrics_device, member)

/* clang-format off */
static const struct metrics_field memory_fields[] = {
	{ "size_bytes", "memory_size_bytes",
	  "RAM of the guest.", METRICS_GAUGE, ALL(memory.size) },
	{ "resident_bytes", "memory_resident_bytes",
	  "Host memory behind the RAM of the guest.",
	  METRICS_GAUGE, ALL(memory.resident) },
	{ "shared", "memory_shared",
	  "1: a memfd that backends map too.", METRICS_FLAG, ALL(memory.shared) },
	{ "mergeable", "memory_mergeable",
	  "1: offered to KSM.", METRICS_FLAG, ALL(memory.mergeable) },
};

static const struct metrics_field process_fields[] = {
	{ "cpu_time_ns", "process_cpu_seconds_total",
	  "CPU time of the monitor, vCPUs included.",
	  METRICS_NANO_COUNTER, ALL(process.cpu_time) },
	{ "main_thread_cpu_time_ns", "process_main_thread_cpu_seconds_total",
	  "CPU time of the monitor's main thread.",
	  METRICS_NANO_COUNTER, ALL(process.main_cpu_time) },
	{ "rss_anon_bytes", "process_rss_anon_bytes",
	  "Resident anonymous memory of the monitor, private guest memory included.",
	  METRICS_GAUGE, ALL(process.rss_anon) },
	{ "rss_file_bytes", "process_rss_file_bytes",
	  "Resident file mappings of the monitor.",
	  METRICS_GAUGE, ALL(process.rss_file) },
	{ "rss_shmem_bytes", "process_rss_shmem_bytes",
	  "Resident shared memory of the monitor, as far as it maps it itself.",
	  METRICS_GAUGE, ALL(process.rss_shmem) },
	{ "hugetlb_bytes", "process_hugetlb_bytes",
	  "Pages of the huge page pool that the monitor maps.",
	  METRICS_GAUGE, ALL(process.hugetlb) },
	{ "swap_bytes", "process_swap_bytes",
	  "Anonymous memory of the monitor that is swapped out.",
	  METRICS_GAUGE, ALL(process.swap) },
	{ "pss_bytes", "process_pss_bytes",
	  "Proportional set size of the monitor, guest memory included.",
	  METRICS_GAUGE, ALL(process.pss) },
};

static const struct metrics_field ksm_fields[] = {
	{ "rmap_items", "ksm_rmap_items",
	  "Pages of the monitor that KSM looks at.",
	  METRICS_GAUGE, ALL(ksm.rmap_items) },
	{ "merging_pages", "ksm_merging_pages",
	  "Pages of the monitor that share another page.",
	  METRICS_GAUGE, ALL(ksm.merging_pages) },
	{ "zero_pages", "ksm_zero_pages",
	  "Pages of the monitor that share the kernel's page of zeros.",
	  METRICS_GAUGE, ALL(ksm.zero_pages) },
};

static const struct metrics_field log_fields[] = {
	{ "lost_lines", "log_lines_lost_total",
	  "Log lines that the sink had no room for.",
	  METRICS_COUNTER, ALL(log.lost) },
	{ "suppressed_lines", "log_lines_suppressed_total",
	  "Log lines held back, beyond ten a second that a guest may cause.",
	  METRICS_COUNTER, ALL(log.suppressed) },
};

const struct metrics_section metrics_sections[METRICS_SECTIONS] = {
	{ "memory", memory_fields, ARRAY_LEN(memory_fields) },
	{ "process", process_fields, ARRAY_LEN(process_fields) },
	{ "ksm", ksm_fields, ARRAY_LEN(ksm_fields) },
	{ "log", log_fields, ARRAY_LEN(log_fields) },
};

const struct metrics_field metrics_device_fields[METRICS_DEVICE_FIELDS] = {
	{ "started", "device_started",
	  "1: the backend has the queues.", METRICS_FLAG, DEVICE(started) },
	{ "needs_reset", "device_needs_reset",
	  "1: the device waits for a reset by the driver.",
	  METRICS_FLAG, DEVICE(needs_reset) },
	{ "lost", "device_lost",
	  "1: the backend is gone for good.", METRICS_FLAG, DEVICE(lost) },
	{ "register_writes", "device_register_writes_total",
	  "Register writes that left the guest.",
	  METRICS_COUNTER, DEVICE(writes) },
	{ "trapped_notifies", "device_trapped_notifies_total",
	  "Notifications among them, which no eventfd took.",
	  METRICS_COUNTER, DEVICE(notifies) },
	{ "config_interrupts", "device_config_interrupts_total",
	  "Changes of the configuration that the driver was told of.",
	  METRICS_COUNTER, DEVICE(config_interrupts) },
	{ "starts", "device_starts_total",
	  "Times that the backend took the queues.",
	  METRICS_COUNTER, DEVICE(starts) },
	{ "start_failures", "device_start_failures_total",
	  "Times that it did not.", METRICS_COUNTER, DEVICE(start_fails) },
	{ "queue_failures", "device_queue_failures_total",
	  "Times that the backend gave up on the queues.",
	  METRICS_COUNTER, DEVICE(failures) },
	{ "config_failures", "device_config_failures_total",
	  "Reads and writes of the configuration space that failed.",
	  METRICS_COUNTER, DEVICE(config_fails) },
	{ "status", "device_status",
	  "Device status register, bits of virtio 1.3, section 2.1.",
	  METRICS_GAUGE, DEVICE(status) },
};
/* clang-format on */

bool metrics_field_value(const struct metrics_field *field, const void *base,
			 uint64_t *value)
{
	const char *at = (const char *)base + field->offset;

	if (field->kind == METRICS_FLAG)
		*value = *(const bool *)at;
	else
		memcpy(value, at, sizeof(*value));
	return *value != METRICS_UNKNOWN;
}

const char *metrics_device_type(uint32_t type)
{
	static const char *const names[] = {
		[VIRTIO_ID_NET] = "net",	 [VIRTIO_ID_BLOCK] = "block",
		[VIRTIO_ID_CONSOLE] = "console", [VIRTIO_ID_RNG] = "rng",
		[VIRTIO_ID_BALLOON] = "balloon", [VIRTIO_ID_SCSI] = "scsi",
		[VIRTIO_ID_GPU] = "gpu",	 [VIRTIO_ID_INPUT] = "input",
		[VIRTIO_ID_VSOCK] = "vsock",	 [VIRTIO_ID_CRYPTO] = "crypto",
		[VIRTIO_ID_MEM] = "mem",	 [VIRTIO_ID_SOUND] = "sound",
		[VIRTIO_ID_FS] = "fs",		 [VIRTIO_ID_PMEM] = "pmem",
		[VIRTIO_ID_I2C_ADAPTER] = "i2c", [VIRTIO_ID_GPIO] = "gpio",
	};

	return type < ARRAY_LEN(names) && names[type] != NULL ? names[type]
							      : "other";
}
