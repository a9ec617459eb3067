// SPDX-License-Identifier: Apache-2.0
/*
 * console_main.c - `mote console`: options, then serve
 */
#include "backend.h"
#include "exit_status.h"
#include "console.h"
#include "log.h"
#include "vu_options.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct console_options {
	struct vu_options common; /* first: as vu_options.h says */
	bool stdio;
	struct console_config console;
};
#define INTO(member) offsetof(struct console_options, member)

/* clang-format off */
static const struct vu_option options[] = {
	VU_COMMON_OPTIONS,
	{ "stdio", NULL, vu_option_set, INTO(stdio),
	  "standard input and output; a terminal becomes raw" },
	{ "in-fd", "N", vu_option_fd, INTO(console.in_fd),
	  "read input here instead" },
	{ "out-fd", "N", vu_option_fd, INTO(console.out_fd),
	  "write output here instead" },
	{ "listen-fd", "N", vu_option_fd, INTO(console.listen_fd),
	  "listening Unix socket: one client at a time" },
	{ "escape", NULL, vu_option_set, INTO(console.escape),
	  "Ctrl-A x ends the machine, Ctrl-A ? helps" },
	{ "drop", NULL, vu_option_set, INTO(console.drop),
	  "do not wait for a reader (implied for ptys, sockets)" },
};
/* clang-format on */

static int check_options(struct console_options *opts, struct err *err)
{
	struct console_config *cfg = &opts->console;
	bool fds = cfg->in_fd >= 0 || cfg->out_fd >= 0;

	if (opts->stdio + fds + (cfg->listen_fd >= 0) != 1)
		return err_set(err, EINVAL,
			       "give --stdio, or --in-fd and "
			       "--out-fd, or --listen-fd");
	if (opts->stdio) {
		cfg->in_fd = STDIN_FILENO;
		cfg->out_fd = STDOUT_FILENO;
	}
	cfg->id = opts->common.id;
	return vu_options_check(&opts->common, err);
}

static int serve(const struct console_options *opts, struct console *c,
		 int *status, struct err *err)
{
	struct vu_server_config cfg = {
		.type = "console",
		.id = opts->common.id,
		.ops = &console_ops,
		.device = c,
		.features = console_features(c),
		.queues = CONSOLE_QUEUES,
	};
	struct vu_server *server;
	int ret;

	ret = vu_server_create(&cfg, &server, err);
	if (ret < 0)
		return ret;
	ret = console_attach(c, server, err);
	if (ret == 0)
		ret = vu_options_open(&opts->common, server, err);
	if (ret == 0)
		*status = vu_server_run(server);
	vu_server_destroy(server);
	return ret;
}

static int run(struct console_options *opts, int *status, struct err *err)
{
	struct console *c;
	int ret = console_create(&opts->console, &c, err);

	if (ret < 0)
		return ret;
	ret = serve(opts, c, status, err);
	console_destroy(c);
	return ret;
}

int backend_console_main(int argc, char **argv)
{
	struct console_options opts = {
		.common.fd = -1,
		.console = { .in_fd = -1, .out_fd = -1, .listen_fd = -1 },
	};
	int status = EXIT_FAILURE;
	struct err err;

	vu_server_block_signals();
	pthread_setname_np(pthread_self(), "console");
	if (vu_options_parse(argc, argv, options, ARRAY_LEN(options), &opts,
			     &err) < 0) {
		log_write(LOG_ERROR, "console", NULL, "%s", err.text);
		return STATUS_USAGE;
	}
	if (opts.common.help) {
		vu_options_help("console", options, ARRAY_LEN(options));
		return EXIT_SUCCESS;
	}
	if (opts.common.print_capabilities) {
		puts("{\"type\": \"console\", \"features\": []}");
		return EXIT_SUCCESS;
	}
	if (check_options(&opts, &err) < 0) {
		log_write(LOG_ERROR, "console", opts.common.id, "%s", err.text);
		return STATUS_USAGE;
	}
	if (run(&opts, &status, &err) < 0)
		log_write(LOG_ERROR, "console", opts.common.id, "%s", err.text);
	return status;
}
