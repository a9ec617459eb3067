// SPDX-License-Identifier: Apache-2.0
/*
 * main_run.c - mote run: a VM from the command line
 */
#include "main_roles.h"
#include "fd.h"
#include "machine.h"
#include "options.h"
#include "spawner.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int open_log(const struct vm_config *cfg, struct err *err)
{
	int fd;

	log_set_level(cfg->log_level);
	if (cfg->log_file == NULL)
		return 0;
	fd = open(cfg->log_file,
		  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY |
			  O_NONBLOCK,
		  0600);
	if (fd < 0)
		return err_errno(err, "--log-file '%s'", cfg->log_file);
	log_set_fd(fd);
	return 0;
}

static const enum exit_status run_statuses[] = {
	[VM_END_POWEROFF] = STATUS_POWEROFF,
	[VM_END_RESET] = STATUS_RESET,
	[VM_END_PANIC] = STATUS_PANIC,
	[VM_END_TRIPLE_FAULT] = STATUS_TRIPLE_FAULT,
	[VM_END_USER] = STATUS_USER,
	[VM_END_ERROR] = STATUS_FAILURE,
};

/* What a command line and what the API make commands of meet here. */
static int start_and_run(struct machine *machine, const struct vm_config *cfg)
{
	const struct command commands[] = {
		{ .verb = COMMAND_CONFIGURE, .config = cfg },
		{ .verb = COMMAND_START },
	};
	struct command_target target = machine_target(machine);
	struct err err;
	int signo;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (target.run(target.ctx, &commands[i], &err) < 0)
			return fail(STATUS_FAILURE, &err);
	}
	return (int)run_statuses[machine_run(machine, &signo)];
}

static int run_machine(const struct vm_config *cfg, struct spawner *spawner)
{
	struct event_base *base = event_base_new();
	struct machine *machine;
	struct err err;
	int status;

	if (base == NULL) {
		err_set(&err, ENOMEM, "event loop: out of memory");
		return fail(STATUS_FAILURE, &err);
	}
	if (machine_create(base, spawner, cfg->id, &machine, &err) == 0) {
		status = start_and_run(machine, cfg);
		machine_destroy(machine);
	} else {
		status = fail(STATUS_FAILURE, &err);
	}
	event_base_free(base);
	return status;
}

int run_main(int argc, char **argv)
{
	static struct vm_config cfg;
	struct spawner *spawner;
	struct terminal terminal;
	struct err err;
	bool help = false;
	int status;

	vm_config_init(&cfg);
	if (options_parse(argc, argv, &cfg, &help, &err) < 0)
		return fail(STATUS_USAGE, &err);
	if (help) {
		options_print_help(stdout);
		return 0;
	}
	if (vm_config_check(&cfg, &err) < 0)
		return fail(STATUS_USAGE, &err);
	if (vm_config_check_fds(&cfg, &err) < 0 || open_log(&cfg, &err) < 0 ||
	    spawner_create(&spawner, &err) < 0)
		return fail(STATUS_FAILURE, &err);

	terminal_keep(&terminal);
	status = run_machine(&cfg, spawner);
	spawner_destroy(spawner);
	terminal_restore(&terminal);
	return status;
}
