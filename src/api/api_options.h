// SPDX-License-Identifier: Apache-2.0
/*
 * api_options.h - the command line of the API server: Firecracker's
 */
#ifndef MOTE_API_OPTIONS_H
#define MOTE_API_OPTIONS_H

#include "err.h"
#include "log_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define API_SOCKET_DEFAULT "/run/firecracker.socket"

struct api_options {
	const char *socket;
	char id[ID_MAX + 1];
	bool no_api;
	const char *config_file;
	const char *log_path, *metrics_path;
	enum log_level log_level;
	struct log_format log_format;
	bool boot_timer;
	size_t payload_max;
	/* CLOCK_MONOTONIC and CPU time, as the jailer hands them on; 0: not. */
	uint64_t start_time_us, start_time_cpu_us, parent_cpu_time_us;
	bool help, version;
};

/*
 * argv[0] is not an option. As Firecracker parses it: "--name value" or "--name",
 * nothing else, no option twice. -EINVAL: the line is wrong; -ENOTSUP: an option
 * that mote does not have; -ERANGE: its level is no level. *err says it.
 */
int api_options_parse(int argc, char **argv, struct api_options *out,
		      struct err *err);

void api_options_print_help(FILE *out);

#endif
