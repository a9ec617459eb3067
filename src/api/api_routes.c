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
	{ "GET",   "",		api_get_info,		0, NULL },
	{ "GET",   "version",	api_get_version,	0, NULL },
	{ "GET",   "vm",	api_get_vm_config,	0, NULL },
	{ "PATCH", "vm",	api_patch_vm,		AFTER, "Internal VMM error: " },
	{ "PUT",   "actions",	api_put_action,		0, NULL },
	{ "PUT",   "boot-source", api_put_boot_source,	BEFORE, "Boot source error: " },
	{ "GET",   "machine-config", api_get_machine_config, 0, NULL },
	{ "PUT",   "machine-config", api_put_machine_config, BEFORE, "Machine config error: " },
	{ "PATCH", "machine-config", api_patch_machine_config, BEFORE, "Machine config error: " },
	{ "PUT",   "cpu-config", api_put_cpu_config,	BEFORE, "Configure CPU error: " },
	{ "PUT",   "drives",	api_put_drive,		ROUTE_ID | BEFORE, "Drive config error: " },
	{ "PATCH", "drives",	api_patch_drive,	ROUTE_ID | AFTER, "Drive config error: " },
	{ "PUT",   "network-interfaces", api_put_net,	ROUTE_ID | BEFORE, "Network config error: " },
	{ "PATCH", "network-interfaces", api_patch_net,	ROUTE_ID | AFTER, "Network config error: " },
	{ "PUT",   "vsock",	api_put_vsock,		BEFORE, "Vsock config error: " },
	{ "PUT",   "pmem",	api_put_pmem,		ROUTE_ID | BEFORE, "Pmem config error: " },
	{ "PUT",   "vhost-user", api_put_vhost_user,	ROUTE_ID | BEFORE, "Vhost-user config error: " },
	{ "PUT",   "logger",	api_put_logger,		BEFORE, "Logger error: " },
	{ "PUT",   "metrics",	api_put_metrics,	BEFORE, "Metrics error: " },
	{ "GET",   "metrics",	api_get_metrics,	ROUTE_QUERY, "Metrics error: " },
	{ "PUT",   "serial",	api_put_serial,		BEFORE, "Serial config error: " },
	{ "GET",   "events",	api_get_events,		ROUTE_QUERY, "Events error: " },
	{ "PUT",   "entropy",	api_refuse,		BEFORE, "Entropy config error: " },
	{ "PUT",   "balloon",	api_refuse,		0, "Balloon config error: " },
	{ "PATCH", "balloon",	api_refuse,		0, "Balloon update error: " },
	{ "GET",   "balloon",	api_refuse,		0, "Balloon config error: " },
	{ "PATCH", "pmem",	api_refuse,		ROUTE_ID, "Pmem config error: " },
	{ "DELETE", "drives",	api_refuse,		ROUTE_ID, "Drive config error: " },
	{ "DELETE", "network-interfaces", api_refuse,	ROUTE_ID, "Network config error: " },
	{ "DELETE", "pmem",	api_refuse,		ROUTE_ID, "Pmem config error: " },
	{ "PUT",   "mmds",	api_refuse,		0, "MMDS error: " },
	{ "PATCH", "mmds",	api_refuse,		0, "MMDS error: " },
	{ "GET",   "mmds",	api_refuse,		0, "MMDS error: " },
	{ "PUT",   "hotplug",	api_refuse,		0, "Memory hotplug config error: " },
	{ "PATCH", "hotplug",	api_refuse,		0, "Memory hotplug update error: " },
	{ "GET",   "hotplug",	api_refuse,		0, "Memory hotplug config error: " },
	{ "PUT",   "snapshot",	api_refuse,		ROUTE_BODY, "Create snapshot error: " },
};
/* clang-format on */
const size_t api_route_count = ARRAY_LEN(api_routes);
