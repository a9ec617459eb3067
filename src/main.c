// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - the roles of the executable and its exit status
 *
 * The only file that ends the process, but for children that could not become the
 * spawner or a backend. `mote run` keeps the terminal's settings and puts them
 * back, in case the console's own process cannot.
 */
#include "backend.h"
#include "ctl.h"
#include "exit_status.h"
#include "main_roles.h"
#include "spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int fail(enum exit_status status, const struct err *err)
{
	fprintf(stderr, "mote: %s\n", err->text);
	return (int)status;
}

void terminal_keep(struct terminal *terminal)
{
	terminal->is_terminal =
		tcgetattr(STDIN_FILENO, &terminal->settings) == 0;
}

void terminal_restore(const struct terminal *terminal)
{
	if (!terminal->is_terminal)
		return;
	/* A background job that sets its terminal gets SIGTTOU. */
	signal(SIGTTOU, SIG_IGN);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->settings);
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
	{ "ctl", ctl_main, "talk to a VM's API (mote ctl --help)" },
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
	fprintf(out, "usage: mote ROLE [OPTION]...\n"
		     "       mote --api-sock PATH [OPTION]...\n\n");
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

static bool is_role(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(word, roles[i].name) == 0)
			return true;
	}
	return false;
}

/* Under that name all words are, else those that begin like its options. */
static bool is_for_api(const char *program, int argc, char **argv)
{
	const char *slash = strrchr(program, '/');

	if (strcmp(slash != NULL ? slash + 1 : program, "firecracker") == 0)
		return !(argc > 0 && strcmp(argv[0], SPAWNER_ROLE) == 0);
	return argc > 0 && strncmp(argv[0], "--", 2) == 0 && !is_role(argv[0]);
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
	if (is_for_api(argv[0], argc - 1, argv + 1))
		return api_main(argc, argv);
	return run_role(argc - 1, argv + 1);
}
