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
#include "options.h"
#include "spawner.h"
#include "vm.h"

#include <errno.h>
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

static int run_vm(const struct vm_config *cfg, struct spawner *spawner)
{
	static const enum exit_status statuses[] = {
		[VM_END_POWEROFF] = STATUS_POWEROFF,
		[VM_END_RESET] = STATUS_RESET,
		[VM_END_PANIC] = STATUS_PANIC,
		[VM_END_TRIPLE_FAULT] = STATUS_TRIPLE_FAULT,
		[VM_END_USER] = STATUS_USER,
		[VM_END_ERROR] = STATUS_FAILURE,
	};
	struct vm *vm;
	struct err err;
	enum vm_end end;

	if (vm_create(cfg, spawner, &vm, &err) < 0)
		return fail(STATUS_FAILURE, &err);
	end = vm_run(vm);
	vm_destroy(vm);
	return (int)statuses[end];
}

static int run_main(int argc, char **argv)
{
	static struct vm_config cfg;
	struct spawner *spawner;
	struct termios terminal;
	struct err err;
	bool help = false, is_terminal;
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

	is_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
	status = run_vm(&cfg, spawner);
	spawner_destroy(spawner);
	if (is_terminal) {
		/* A background job that sets its terminal gets SIGTTOU. */
		signal(SIGTTOU, SIG_IGN);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
	}
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
