// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_firecracker.c - figures in the layout of Firecracker's metrics
 *
 * Figures that the monitor cannot have, as it moves no data, are not there; groups
 * that a client may look for then hold one figure that is 0 because mote does
 * nothing of the kind, or would have ended of it.
 */
#include "metrics_firecracker.h"

#include <linux/virtio_ids.h>
#include <string.h>

struct row {
	const char *group, *key;
	size_t offset; /* of a uint64_t in struct firecracker_totals */
	bool as_is;    /* the last value; else the difference */
};

/* clang-format off */
#define AT(member) offsetof(struct firecracker_totals, member)
#define ZERO(group, key)          { group, key, AT(none), true }
#define COUNT(group, key, member) { group, key, AT(member), false }
#define LAST(group, key, member)  { group, key, AT(member), true }
#define GET(key, r) COUNT("get_api_requests", key "_count", api.get[r].count)
#define PUT(key, r) \
	COUNT("put_api_requests", key "_count", api.put[r].count), \
	COUNT("put_api_requests", key "_fails", api.put[r].fails)
#define PATCH(key, r) \
	COUNT("patch_api_requests", key "_count", api.patch[r].count), \
	COUNT("patch_api_requests", key "_fails", api.patch[r].fails)

static const struct row rows[] = {
	LAST("api_server", "process_startup_time_us", api.startup_time),
	LAST("api_server", "process_startup_time_cpu_us", api.startup_cpu_time),
	COUNT("block", "activate_fails", block.start_fails),
	COUNT("block", "cfg_fails", block.config_fails),
	COUNT("deprecated_api", "deprecated_http_api_calls", api.deprecated),
	GET("instance_info", API_INSTANCE_INFO),
	GET("machine_cfg", API_MACHINE_CONFIG),
	GET("mmds", API_MMDS),
	GET("vmm_version", API_VERSION),
	GET("hotplug_memory", API_HOTPLUG_MEMORY),
	ZERO("i8042", "error_count"),
	LAST("latencies_us", "pause_vm", api.pause_time),
	LAST("latencies_us", "resume_vm", api.resume_time),
	COUNT("logger", "missed_metrics_count", metrics_lost),
	COUNT("logger", "missed_log_count", log_lost),
	COUNT("logger", "rate_limited_log_count", log_suppressed),
	ZERO("mmds", "rx_count"),
	COUNT("net", "activate_fails", net.start_fails),
	COUNT("net", "cfg_fails", net.config_fails),
	PATCH("drive", API_DRIVE),
	PATCH("network", API_NETWORK),
	PATCH("machine_cfg", API_MACHINE_CONFIG),
	PATCH("mmds", API_MMDS),
	PATCH("hotplug_memory", API_HOTPLUG_MEMORY),
	PATCH("pmem", API_PMEM),
	PUT("actions", API_ACTIONS),
	PUT("boot_source", API_BOOT_SOURCE),
	PUT("drive", API_DRIVE),
	PUT("logger", API_LOGGER),
	PUT("machine_cfg", API_MACHINE_CONFIG),
	PUT("cpu_cfg", API_CPU_CONFIG),
	PUT("metrics", API_METRICS),
	PUT("network", API_NETWORK),
	PUT("mmds", API_MMDS),
	PUT("vsock", API_VSOCK),
	PUT("pmem", API_PMEM),
	PUT("serial", API_SERIAL),
	PUT("hotplug_memory", API_HOTPLUG_MEMORY),
	ZERO("seccomp", "num_faults"),
	ZERO("uart", "error_count"),
	COUNT("vcpu", "exit_io_in", io_in),
	COUNT("vcpu", "exit_io_out", io_out),
	COUNT("vcpu", "exit_mmio_read", mmio_read),
	COUNT("vcpu", "exit_mmio_write", mmio_write),
	COUNT("vcpu", "failures", vcpu_failures),
	ZERO("vmm", "panic_count"),
	ZERO("signals", "sigbus"),
	ZERO("signals", "sigsegv"),
	ZERO("signals", "sigxfsz"),
	ZERO("signals", "sigxcpu"),
	ZERO("signals", "sigpipe"),
	ZERO("signals", "sighup"),
	ZERO("signals", "sigill"),
	COUNT("vsock", "activate_fails", vsock.start_fails),
	COUNT("vsock", "cfg_fails", vsock.config_fails),
	COUNT("entropy", "activate_fails", entropy.start_fails),
	COUNT("interrupts", "config_updates", config_interrupts),
};
/* clang-format on */

static uint64_t exits(const struct vm_metrics *vm, const char *name)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < vm->exit_count; i++) {
		if (strcmp(vm->exit_names[i], name) != 0)
			continue;
		for (unsigned n = 0; n < vm->vcpu_count; n++)
			sum += vm->vcpus[n].exits[i];
	}
	return sum;
}

static void add_device(const struct metrics_device *device,
		       struct firecracker_totals *out)
{
	out->config_interrupts += device->config_interrupts;
	switch (device->type) {
	case VIRTIO_ID_BLOCK:
		out->block.start_fails += device->start_fails;
		out->block.config_fails += device->config_fails;
		break;
	case VIRTIO_ID_NET:
		out->net.start_fails += device->start_fails;
		out->net.config_fails += device->config_fails;
		break;
	case VIRTIO_ID_VSOCK:
		out->vsock.start_fails += device->start_fails;
		out->vsock.config_fails += device->config_fails;
		break;
	case VIRTIO_ID_RNG:
		out->entropy.start_fails += device->start_fails;
		out->entropy.config_fails += device->config_fails;
		break;
	}
}

void firecracker_totals_collect(const struct api_metrics *api,
				const struct vm_metrics *vm,
				uint64_t metrics_lost,
				struct firecracker_totals *out)
{
	*out = (struct firecracker_totals){
		.api = *api,
		.metrics_lost = metrics_lost,
	};
	if (vm == NULL)
		return;
	out->io_in = exits(vm, "io_in");
	out->io_out = exits(vm, "io_out");
	out->mmio_read = exits(vm, "mmio_read");
	out->mmio_write = exits(vm, "mmio_write");
	out->vcpu_failures = exits(vm, "failure");
	out->log_lost = vm->log.lost;
	out->log_suppressed = vm->log.suppressed;
	for (unsigned i = 0; i < vm->device_count; i++)
		add_device(&vm->devices[i], out);
}

static uint64_t value_at(const struct firecracker_totals *totals, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)totals + offset, sizeof(value));
	return value;
}

/* A total may fall when a device is taken out: nothing new, then. */
static uint64_t row_value(const struct row *row,
			  const struct firecracker_totals *now,
			  const struct firecracker_totals *last)
{
	uint64_t value = value_at(now, row->offset);
	uint64_t before = row->as_is ? 0 : value_at(last, row->offset);

	return value > before ? value - before : 0;
}

void firecracker_groups_add(json_t *line, const struct firecracker_totals *now,
			    const struct firecracker_totals *last)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		json_t *group = json_object_get(line, row->group);

		if (group == NULL) {
			group = json_object();
			json_object_set_new(line, row->group, group);
		}
		json_object_set_new(
			group, row->key,
			json_integer((json_int_t)row_value(row, now, last)));
	}
}
