// SPDX-License-Identifier: Apache-2.0
/*
 * test_spawner.c - starting roles, and what is left when the monitor dies
 *
 * The spawner is this image executed again, and the roles are its forks, so this
 * test program plays both: main() looks at argv[1] first, as src/main.c does.
 */
#include "unit.h"
#include "fd.h"
#include "log.h"
#include "spawner.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROLE_SOCKET = 3, ROLE_IMAGE = 4, LEAKED = 40 };

/*
 * The role: write what we are into fd 4, close it, wait for the end of fd 3 and
 * leave with 7. "--read-only" makes it ignore the end of its socket, "--direct"
 * has it leave at once, "--id=logger" write a line into the log.
 */
static int play_role(int argc, char **argv)
{
	bool stubborn = false, hasty = false;
	char text[256] = "";
	char byte;

	for (int i = 0; i < argc; i++) {
		strncat(text, argv[i], sizeof(text) - strlen(text) - 2);
		strcat(text, " ");
		stubborn |= strcmp(argv[i], "--read-only") == 0;
		hasty |= strcmp(argv[i], "--direct") == 0;
		if (strcmp(argv[i], "--id=logger") == 0)
			log_write(LOG_ERROR, "role", NULL, "started");
	}
	if (fcntl(LEAKED, F_GETFD) >= 0)
		strcat(text, "and a descriptor of the shell");
	fd_write_all(ROLE_IMAGE, text, strlen(text));
	close(ROLE_IMAGE);
	while (!hasty && (read(ROLE_SOCKET, &byte, 1) > 0 || stubborn))
		if (stubborn)
			pause();
	return 7;
}

struct fixture {
	struct spawner *spawner;
	struct event_base *base;
	int socket[2]; /* ours, the role's */
	int pipe[2];   /* reading end, the role's "image" */
	int status;
	bool no_control; /* leave out the descriptor that goes with control */
	char id[ID_MAX + 1];
};

static void start_as(struct fixture *f, const char *id,
		     struct spawn_request req)
{
	size_t n = req.control && !f->no_control ? 3 : 2;
	int fds[3];

	req.queues = 2;
	req.log_level = LOG_ERROR;
	snprintf(req.id, sizeof(req.id), "%s", id);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    f->socket),
			 0);
	ck_assert_int_eq(pipe2(f->pipe, O_CLOEXEC), 0);
	fds[0] = f->socket[1];
	fds[1] = fds[2] = f->pipe[1];
	ck_assert_int_eq(spawner_start(f->spawner, &req, fds, n, NULL), 0);
	fd_close(&f->socket[1]);
	fd_close(&f->pipe[1]);
}

/* The one child of a process. */
static pid_t child_of(pid_t parent)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent,
		 parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	fd_close(&fd);
	return (pid_t)atoi(text);
}

static void start(struct fixture *f, const char *id, bool read_only)
{
	start_as(f, id, (struct spawn_request){ .read_only = read_only });
}

/* All that the role writes until it closes its image. */
static void read_text(struct fixture *f, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(f->pipe[0], text + len, size - len - 1)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

static void exited(void *ctx, const char *id, int status)
{
	struct fixture *f = ctx;

	f->status = status;
	snprintf(f->id, sizeof(f->id), "%s", id);
	event_base_loopbreak(f->base);
}

START_TEST(a_role_gets_its_arguments_and_descriptors_and_is_reported)
{
	struct fixture f = { .status = -1 };
	char text[256];

	ck_assert_int_eq(dup2(STDIN_FILENO, LEAKED), LEAKED);
	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	f.base = event_base_new();
	start(&f, "disk0", false);
	read_text(&f, text, sizeof(text));
	ck_assert_str_eq(text, "block --fd=3 --id=disk0 --log-level=error "
			       "--blk-fd=4 --num-queues=2 ");
	ck_assert_int_eq(spawner_watch(f.spawner, f.base, exited, &f, NULL), 0);
	fd_close(&f.socket[0]);
	event_base_dispatch(f.base);
	ck_assert_str_eq(f.id, "disk0");
	ck_assert(WIFEXITED(f.status));
	ck_assert_int_eq(WEXITSTATUS(f.status), 7);
	spawner_destroy(f.spawner);
	event_base_free(f.base);
}
END_TEST

START_TEST(a_role_logs_where_the_monitor_logs_when_it_is_started)
{
	struct fixture f = { .status = -1 };
	char text[128] = "";
	int log[2];

	ck_assert_int_eq(pipe2(log, O_CLOEXEC), 0);
	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	log_set_fd(fd_take(&log[1]));
	start(&f, "logger", false);
	ck_assert_int_gt(read(log[0], text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "started\n"));
	log_set_fd(STDERR_FILENO);
	fd_close(&f.socket[0]);
	spawner_destroy(f.spawner);
	fd_close(&log[0]);
	fd_close(&f.pipe[0]);
}
END_TEST

START_TEST(a_disk_gets_its_control_socket_or_does_not_start)
{
	struct spawn_request req = { .control = true,
				     .read_only = true,
				     .direct = true };
	struct fixture f = { .status = -1 };
	char text[256] = "";

	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	start_as(&f, "disk0", req);
	/* The longest command line there is. */
	ck_assert_int_gt(read(f.pipe[0], text, sizeof(text)), 0);
	ck_assert_str_eq(text, "block --fd=3 --id=disk0 --log-level=error "
			       "--blk-fd=4 --num-queues=2 --control-fd=5 "
			       "--read-only --direct ");
	fd_close(&f.socket[0]);
	f.no_control = true;
	start_as(&f, "disk1", req);
	read_text(&f, text, sizeof(text));
	ck_assert_str_eq(text, "");
	spawner_destroy(f.spawner);
}
END_TEST

/* Whoever sees the socket close can know already why. */
START_TEST(a_role_is_reported_before_its_socket_closes)
{
	struct fixture f = { .status = -1 };
	char byte;

	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	f.base = event_base_new();
	ck_assert_int_eq(spawner_watch(f.spawner, f.base, exited, &f, NULL), 0);
	start_as(&f, "disk0", (struct spawn_request){ .direct = true });
	ck_assert_int_eq(read(f.socket[0], &byte, 1), 0);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	ck_assert_str_eq(f.id, "disk0");
	ck_assert_int_eq(WEXITSTATUS(f.status), 7);
	spawner_destroy(f.spawner);
	event_base_free(f.base);
}
END_TEST

/* ps(1) and pgrep(1) tell the roles apart. */
START_TEST(a_role_shows_its_own_command_line)
{
	struct fixture f = { .status = -1 };
	char path[64], text[512] = "", byte;
	pid_t pid;
	int fd;

	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	start(&f, "disk0", false);
	ck_assert_int_eq(read(f.pipe[0], &byte, 1), 1);
	pid = child_of(child_of(getpid()));
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof(text)), 0);
	fd_close(&fd);
	ck_assert_str_eq(text, "mote");
	ck_assert_str_eq(text + 5, "block");
	ck_assert_str_eq(text + 11, "--fd=3");
	fd_close(&f.socket[0]);
	spawner_destroy(f.spawner);
}
END_TEST

START_TEST(nobody_else_starts_a_spawner)
{
	char *words[] = { (char *)SPAWNER_ROLE, (char *)"warn", (char *)"room",
			  NULL };
	struct spawned_role role;

	ck_assert_int_eq(spawner_serve(3, words, &role), -EINVAL);
}
END_TEST

START_TEST(a_socket_path_arrives_unless_it_has_no_end)
{
	struct fixture f = { .status = -1 };
	struct spawn_request req = { .role = SPAWN_VSOCK, .cid = ~0u };
	char text[512] = "", expected[512];
	ssize_t n;

	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	memset(req.path, 'p', sizeof(req.path));
	start_as(&f, "vsock0", req);
	ck_assert_int_eq(read(f.pipe[0], text, sizeof(text)), 0);
	fd_close(&f.socket[0]);

	req.path[sizeof(req.path) - 1] = '\0';
	start_as(&f, "vsock0", req);
	for (size_t len = 0;
	     (n = read(f.pipe[0], text + len, sizeof(text) - len - 1)) > 0;)
		len += (size_t)n;
	snprintf(expected, sizeof(expected),
		 "vsock --fd=3 --id=vsock0 --log-level=error --listen-fd=4 "
		 "--guest-cid=4294967295 --uds-path=%s ",
		 req.path);
	ck_assert_str_eq(text, expected);
	fd_close(&f.socket[0]);
	spawner_destroy(f.spawner);
}
END_TEST

START_TEST(a_request_with_a_hostile_id_starts_nothing)
{
	struct fixture f = { .status = -1 };
	char byte;

	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	start(&f, "--fd=0 x", false);
	/* Both ends the role would have held are closed without a word. */
	ck_assert_int_eq(read(f.pipe[0], &byte, 1), 0);
	ck_assert_int_eq(read(f.socket[0], &byte, 1), 0);
	spawner_destroy(f.spawner);
}
END_TEST

/* As with "mote run 2>&1 | head -n 1", later. */
static void lose_the_reader_of_stderr(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

START_TEST(a_log_line_that_nobody_reads_does_not_end_the_spawner)
{
	struct fixture f = { .status = -1 };
	char byte;

	lose_the_reader_of_stderr();
	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	start(&f, "--fd=0 x", false); /* is refused with a line */
	fd_close(&f.socket[0]);
	start(&f, "disk0", false);
	ck_assert_int_eq(read(f.pipe[0], &byte, 1), 1);
	fd_close(&f.socket[0]);
	spawner_destroy(f.spawner);
}
END_TEST

/* timeout(1) and service managers send it to every process of a group. */
START_TEST(a_sigterm_for_all_does_not_take_the_roles_away_from_the_monitor)
{
	struct fixture f = { .status = -1 };
	char byte;

	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	start(&f, "disk0", false);
	ck_assert_int_eq(read(f.pipe[0], &byte, 1), 1);
	fd_close(&f.socket[0]);
	kill(child_of(getpid()), SIGTERM);
	start(&f, "disk1", false);
	ck_assert_int_eq(read(f.pipe[0], &byte, 1), 1);
	fd_close(&f.socket[0]);
	spawner_destroy(f.spawner);
}
END_TEST

/* Whoever goes on using it finds nonsense there. */
static void wipe_and_free(void *at)
{
	if (at != NULL)
		memset(at, 0xff, malloc_usable_size(at));
	free(at);
}

/* As at the end of a VM: its event loop goes first, the spawner last. */
START_TEST(a_watch_ends_before_its_event_loop)
{
	struct fixture f = { .status = -1 };

	event_set_mem_functions(malloc, realloc, wipe_and_free);
	ck_assert_int_eq(spawner_create(&f.spawner, NULL), 0);
	f.base = event_base_new();
	ck_assert_int_eq(spawner_watch(f.spawner, f.base, exited, &f, NULL), 0);
	spawner_unwatch(f.spawner);
	event_base_free(f.base);
	spawner_destroy(f.spawner);
}
END_TEST

/* A monitor in a process of its own, so that it can be killed. */
static pid_t fork_monitor(const char *path, int ready_fd)
{
	struct fixture f = { .status = -1 };
	pid_t pid = fork();
	char byte;

	if (pid != 0)
		return pid;
	spawner_create(&f.spawner, NULL);
	spawner_unlink_at_end(f.spawner, path, NULL);
	start(&f, "disk0", false);
	(void)!read(f.pipe[0], &byte, 1);
	fd_write_all(ready_fd, "r", 1);
	pause();
	_exit(0);
}

START_TEST(a_killed_monitor_leaves_no_process_and_no_file)
{
	char path[] = "/tmp/mote-test-spawner.XXXXXX", byte;
	int ready[2];
	pid_t monitor;

	/* Whatever the monitor leaves behind becomes our child. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	close(mkstemp(path));
	ck_assert_int_eq(pipe(ready), 0);
	monitor = fork_monitor(path, ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	kill(monitor, SIGKILL);
	while (wait(NULL) > 0)
		;
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tc;

	if (argc > 1 && strcmp(argv[1], SPAWNER_ROLE) == 0) {
		struct spawned_role role;
		int ret = spawner_serve(argc - 1, argv + 1, &role);

		return ret > 0 ? play_role(role.argc, role.argv) : -ret;
	}
	suite = suite_create("spawner");
	tc = tcase_create("spawner");
	tcase_set_timeout(tc, 30);
	tcase_add_test(
		tc, a_role_gets_its_arguments_and_descriptors_and_is_reported);
	tcase_add_test(tc,
		       a_role_logs_where_the_monitor_logs_when_it_is_started);
	tcase_add_test(tc, a_disk_gets_its_control_socket_or_does_not_start);
	tcase_add_test(tc, a_role_is_reported_before_its_socket_closes);
	tcase_add_test(tc, a_role_shows_its_own_command_line);
	tcase_add_test(tc, nobody_else_starts_a_spawner);
	tcase_add_test(tc, a_socket_path_arrives_unless_it_has_no_end);
	tcase_add_test(tc, a_request_with_a_hostile_id_starts_nothing);
	tcase_add_test(tc,
		       a_log_line_that_nobody_reads_does_not_end_the_spawner);
	tcase_add_test(
		tc,
		a_sigterm_for_all_does_not_take_the_roles_away_from_the_monitor);
	tcase_add_test(tc, a_watch_ends_before_its_event_loop);
	tcase_add_test(tc, a_killed_monitor_leaves_no_process_and_no_file);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
