// SPDX-License-Identifier: Apache-2.0
/*
 * api_routes.c - every resource and method there is
 *
 * What Firecracker has and mote does not is here too, so that it is refused by
 * name and never ignored.
 */
#include "api_internal.h"

#define BEFORE ROUTE_BEFORE
#define AFTER  ROUTE_AFTER

/* clang-format off */
const struct api_route api_routes[] = {
	{ "GET",   "",		api_get_info,		0, NULL, API_INSTANCE_INFO },
	{ "GET",   "version",	api_get_version,	0, NULL, API_VERSION },
	{ "GET",   "vm",	api_get_vm_config,	0, NULL, API_RESOURCES },
	{ "PATCH", "vm",	api_patch_vm,		AFTER,
		"Internal VMM error: ", API_RESOURCES },
	{ "PUT",   "actions",	api_put_action,		0, NULL, API_ACTIONS },
	{ "PUT",   "boot-source", api_put_boot_source,	BEFORE,
		"Boot source error: ", API_BOOT_SOURCE },
	{ "GET",   "machine-config", api_get_machine_config, 0, NULL, API_MACHINE_CONFIG },
	{ "PUT",   "machine-config", api_put_machine_config,
		BEFORE, "Machine config error: ", API_MACHINE_CONFIG },
	{ "PATCH", "machine-config", api_patch_machine_config,
		BEFORE, "Machine config error: ", API_MACHINE_CONFIG },
	{ "PUT",   "cpu-config", api_put_cpu_config,	BEFORE,
		"Configure CPU error: ", API_CPU_CONFIG },
	{ "PUT",   "drives",	api_put_drive,		ROUTE_ID | BEFORE,
		"Drive config error: ", API_DRIVE },
	{ "PATCH", "drives",	api_patch_drive,	ROUTE_ID | AFTER,
		"Drive config error: ", API_DRIVE },
	{ "PUT",   "network-interfaces", api_put_net,	ROUTE_ID | BEFORE,
		"Network config error: ", API_NETWORK },
	{ "PATCH", "network-interfaces", api_patch_net,	ROUTE_ID | AFTER,
		"Network config error: ", API_NETWORK },
	{ "PUT",   "vsock",	api_put_vsock,		BEFORE,
		"Vsock config error: ", API_VSOCK },
	{ "PUT",   "pmem",	api_put_pmem,		ROUTE_ID | BEFORE,
		"Pmem config error: ", API_PMEM },
	{ "PUT",   "vhost-user", api_put_vhost_user,	ROUTE_ID | BEFORE,
		"Vhost-user config error: ", API_RESOURCES },
	{ "PUT",   "logger",	api_put_logger,		BEFORE, "Logger error: ", API_LOGGER },
	{ "PUT",   "metrics",	api_put_metrics,	BEFORE, "Metrics error: ", API_METRICS },
	{ "GET",   "metrics",	api_get_metrics,	ROUTE_QUERY,
		"Metrics error: ", API_METRICS },
	{ "PUT",   "serial",	api_put_serial,		BEFORE,
		"Serial config error: ", API_SERIAL },
	{ "GET",   "events",	api_get_events,		ROUTE_QUERY,
		"Events error: ", API_RESOURCES },
	{ "PUT",   "entropy",	api_refuse,		BEFORE,
		"Entropy config error: ", API_RESOURCES },
	{ "PUT",   "balloon",	api_refuse,		0,
		"Balloon config error: ", API_RESOURCES },
	{ "PATCH", "balloon",	api_refuse,		0,
		"Balloon update error: ", API_RESOURCES },
	{ "GET",   "balloon",	api_refuse,		0,
		"Balloon config error: ", API_RESOURCES },
	{ "PATCH", "pmem",	api_refuse,		ROUTE_ID,
		"Pmem config error: ", API_PMEM },
	{ "DELETE", "drives",	api_refuse,		ROUTE_ID,
		"Drive config error: ", API_DRIVE },
	{ "DELETE", "network-interfaces", api_refuse,	ROUTE_ID,
		"Network config error: ", API_NETWORK },
	{ "DELETE", "pmem",	api_refuse,		ROUTE_ID,
		"Pmem config error: ", API_PMEM },
	{ "PUT",   "mmds",	api_refuse,		0, "MMDS error: ", API_MMDS },
	{ "PATCH", "mmds",	api_refuse,		0, "MMDS error: ", API_MMDS },
	{ "GET",   "mmds",	api_refuse,		0, "MMDS error: ", API_MMDS },
	{ "PUT",   "hotplug",	api_refuse,		0,
		"Memory hotplug config error: ", API_HOTPLUG_MEMORY },
	{ "PATCH", "hotplug",	api_refuse,		0,
		"Memory hotplug update error: ", API_HOTPLUG_MEMORY },
	{ "GET",   "hotplug",	api_refuse,		0,
		"Memory hotplug config error: ", API_HOTPLUG_MEMORY },
	{ "PUT",   "snapshot",	api_refuse_snapshot,	0, NULL, API_RESOURCES },
};
/* clang-format on */
const size_t api_route_count = ARRAY_LEN(api_routes);
