// SPDX-License-Identifier: Apache-2.0
/*
 * api_metrics.h - what the API counts, for Firecracker's metrics
 *
 * Plain totals since the start, for the API's thread to add to:
 * metrics.put[API_DRIVE].count++ for each request, .fails++ when it was refused.
 */
#ifndef MOTE_API_METRICS_H
#define MOTE_API_METRICS_H

#include <stdint.h>

enum api_resource {
	API_ACTIONS,
	API_BOOT_SOURCE,
	API_CPU_CONFIG,
	API_DRIVE,
	API_HOTPLUG_MEMORY,
	API_INSTANCE_INFO, /* GET / */
	API_LOGGER,
	API_MACHINE_CONFIG,
	API_METRICS,
	API_MMDS,
	API_NETWORK,
	API_PMEM,
	API_SERIAL,
	API_VERSION,
	API_VSOCK,
	API_RESOURCES,
};

struct api_requests {
	uint64_t count, fails;
};

struct api_metrics {
	struct api_requests get[API_RESOURCES];
	struct api_requests put[API_RESOURCES];
	struct api_requests patch[API_RESOURCES];
	uint64_t deprecated; /* requests that use a deprecated field */
	/* Of the last time each, microseconds; 0: not yet. */
	uint64_t startup_time, startup_cpu_time; /* up to the API's socket */
	uint64_t pause_time, resume_time;	 /* PATCH /vm */
};

#endif
