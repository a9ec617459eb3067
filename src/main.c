// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - the roles of the executable and its exit status
 *
 * The only file that ends the process, but for children that could not become the
 * spawner or a backend. `mote run` keeps the terminal's settings and puts them
 * back, in case the console's own process cannot.
 */
#include "backend.h"
#include "exit_status.h"
#include "machine.h"
#include "options.h"
#include "spawner.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int fail(enum exit_status status, const struct err *err)
{
	fprintf(stderr, "mote: %s\n", err->text);
	return (int)status;
}

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

/* Our terminal as it is now, to be put back when all who use it have ended. */
struct terminal {
	bool is_terminal;
	struct termios settings;
};

static struct terminal keep_terminal(void)
{
	struct terminal terminal;

	terminal.is_terminal = tcgetattr(STDIN_FILENO, &terminal.settings) == 0;
	return terminal;
}

static void restore_terminal(const struct terminal *terminal)
{
	if (!terminal->is_terminal)
		return;
	/* A background job that sets its terminal gets SIGTTOU. */
	signal(SIGTTOU, SIG_IGN);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->settings);
}

static int run_main(int argc, char **argv)
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

	terminal = keep_terminal();
	status = run_machine(&cfg, spawner);
	spawner_destroy(spawner);
	restore_terminal(&terminal);
	return status;
}

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("mote %s\n", MOTE_VERSION);
	return 0;
}

static int help_main(int argc, char **argv);
static int spawner_main(int argc, char **argv);

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help; /* NULL: not for users */
} roles[] = {
	{ "run", run_main, "run a VM (mote run --help)" },
	{ "block", backend_block_main, "vhost-user block server" },
	{ "console", backend_console_main, "vhost-user console server" },
	{ "vsock", backend_vsock_main, "vhost-user vsock server" },
	{ SPAWNER_ROLE, spawner_main, NULL },
	{ "--version", version_main, "print the version" },
	{ "-V", version_main, NULL },
	{ "--help", help_main, "print this" },
	{ "-h", help_main, NULL },
};

static void print_roles(FILE *out)
{
	fprintf(out, "usage: mote ROLE [OPTION]...\n\n");
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (roles[i].help != NULL)
			fprintf(out, "  mote %-10s %s\n", roles[i].name,
				roles[i].help);
	}
}

static int help_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	print_roles(stdout);
	return 0;
}

static int run_role(int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < ARRAY_LEN(roles); i++) {
		if (strcmp(argv[0], roles[i].name) == 0)
			return roles[i].main(argc, argv);
	}
	if (argc > 0)
		fprintf(stderr, "mote: unknown role '%s'\n", argv[0]);
	print_roles(stderr);
	return STATUS_USAGE;
}

static int spawner_main(int argc, char **argv)
{
	struct spawned_role role;
	int ret = spawner_serve(argc, argv, &role);

	if (ret > 0)
		return run_role(role.argc, role.argv);
	if (ret < 0)
		fprintf(stderr, "mote: the spawner is started by mote run\n");
	return ret < 0 ? STATUS_USAGE : 0;
}

/*
 * Were one of the three closed, a disk image could be opened in its place, and
 * log lines written into it.
 */
static bool hold_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	/* A file size limit is an error of that write, not of the process. */
	signal(SIGXFSZ, SIG_IGN);
	if (!hold_standard_fds())
		return STATUS_FAILURE;
	return run_role(argc - 1, argv + 1);
}
