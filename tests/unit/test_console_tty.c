// SPDX-License-Identifier: Apache-2.0
/*
 * test_console_tty.c - terminals, ptys and sockets as a console's stream
 *
 * The backend runs as a program in a child process; the test is its front end
 * and its driver, and sits at the other end of its stream.
 */
#include "console_peer.h"
#include "backend.h"
#include "exit_status.h"
#include "fd.h"

#include <fcntl.h>
#include <linux/virtio_console.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int open_pty(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	if (slave != NULL)
		*slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return master;
}

static bool is_raw(int tty)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(tty, &t), 0);
	return !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_oflag & OPOST);
}

enum ending {
	BY_HANG_UP,
	BY_SIGTERM,
	BY_SIGINT,
	BY_SIGHUP,
	BY_ESCAPE,
	BY_SIGSEGV,
	ENDINGS
};

static int end_by(struct peer *p, int master, enum ending how)
{
	static const int signals[ENDINGS] = {
		[BY_SIGTERM] = SIGTERM,
		[BY_SIGINT] = SIGINT,
		[BY_SIGHUP] = SIGHUP,
		[BY_SIGSEGV] = SIGSEGV,
	};

	if (how == BY_HANG_UP)
		return peer_stop(p);
	if (how == BY_ESCAPE)
		fd_write_all(master, "hello\001x", 7);
	else
		kill(p->pid, signals[how]);
	return peer_wait(p);
}

START_TEST(a_terminal_is_raw_while_it_runs_and_restored_whatever_ends_it)
{
	int slave, master = open_pty(&slave), status;
	struct termios before, after;
	struct peer p;

	/* Padding too, as they are compared as bytes. */
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	ck_assert_int_eq(tcgetattr(slave, &before), 0);
	ck_assert(!is_raw(slave));
	console_start(&p, "--in-fd", slave, slave, "--escape", ~0ull);
	ck_assert(is_raw(slave));
	status = end_by(&p, master, (enum ending)_i);
	if (_i == BY_ESCAPE)
		ck_assert_int_eq(status, STATUS_CONSOLE_ESCAPE);
	else
		ck_assert_int_eq(status, _i == BY_SIGSEGV ? -SIGSEGV : 0);
	ck_assert_int_eq(tcgetattr(slave, &after), 0);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_int_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(ctrl_a_question_mark_prints_help_on_the_terminal)
{
	int slave, master = open_pty(&slave);
	char text[16];
	struct peer p;

	console_start(&p, "--in-fd", slave, slave, "--escape", ~0ull);
	ck_assert_int_eq(fd_write_all(master, "\001?", 2), 0);
	ck_assert_int_eq(fd_read_all(master, text, 10), 0);
	ck_assert_mem_eq(text, "\r\nCtrl-A x", 10);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(a_new_size_of_the_terminal_reaches_the_guest)
{
	struct winsize size = { .ws_col = 80, .ws_row = 25 };
	struct virtio_console_config config;
	int slave, master = open_pty(&slave), pair[2];
	struct vu_header header;
	struct peer p;

	ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &size), 0);
	console_start(&p, "--in-fd", slave, slave, NULL, ~0ull);
	ck_assert(p.features >> VIRTIO_CONSOLE_F_SIZE & 1);
	peer_get_config(&p, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.cols, 80);
	ck_assert_uint_eq(config.rows, 25);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_uint_eq(
		peer_ack(&p, VU_SET_BACKEND_REQ_FD, NULL, 0, &pair[1], 1), 0);
	size.ws_col = 132;
	ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &size), 0);
	kill(p.pid, SIGWINCH); /* not its controlling terminal here */
	ck_assert_int_eq(fd_read_all(pair[0], &header, sizeof(header)), 0);
	ck_assert_uint_eq(header.request, VU_BACKEND_CONFIG_CHANGE);
	peer_get_config(&p, 0, &config, sizeof(config));
	ck_assert_uint_eq(config.cols, 132);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

static long cpu_ticks(pid_t pid)
{
	char path[64], stat[1024];
	long user = -1, kernel = -1;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	ck_assert_int_gt(n, 0);
	stat[n] = '\0';
	ck_assert_int_eq(sscanf(strrchr(stat, ')'),
				") %*c %*d %*d %*d %*d %*d "
				"%*u %*u %*u %*u %*u %ld %ld",
				&user, &kernel),
			 2);
	return user + kernel;
}

START_TEST(a_pty_nobody_opens_costs_nothing_and_keeps_the_latest_output)
{
	int master = open_pty(NULL), slave;
	struct peer p;
	uint32_t at;
	long ticks;

	console_start(&p, "--in-fd", master, master, NULL, ~0ull);
	at = peer_alloc(&p, 2 * CHUNK, CHUNK);
	console_write(&p, at, 0, 1000);
	ticks = cpu_ticks(p.pid);
	usleep(300000);
	ck_assert_int_le(cpu_ticks(p.pid) - ticks, 2);

	/* Twice: a first reader that leaves is no hang-up either. */
	for (int round = 0; round < 2; round++) {
		slave = open(ptsname(master), O_RDWR | O_NOCTTY);
		ck_assert_int_ge(slave, 0);
		pattern_read(slave, round * 1000, 1000);
		close(slave);
		console_write(&p, at, 1000 + round * 1000, 1000);
	}
	ticks = cpu_ticks(p.pid);
	usleep(300000);
	ck_assert_int_le(cpu_ticks(p.pid) - ticks, 2);
	/* Far more than the kernel and we can hold: never blocks the guest. */
	for (size_t sent = 0; sent < 1 << 20; sent += CHUNK)
		console_write(&p, at, sent, CHUNK);
	ck_assert_int_eq(peer_stop(&p), 0);
	close(master);
}
END_TEST

static int listen_on(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	unlink(path);
	ck_assert_int_eq(bind(fd, (void *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

START_TEST(socket_clients_come_one_by_one_and_see_what_they_missed)
{
	enum { KEPT = 64 * 1024 };
	int listener, first, second;
	struct pollfd pfd = { .events = POLLIN };
	char path[64];
	uint32_t at, len;
	struct buffer rx;
	struct peer p;
	uint16_t id;

	snprintf(path, sizeof(path), "/tmp/mote-console-%d.sock", getpid());
	listener = listen_on(path);
	console_start(&p, "--listen-fd", listener, -1, NULL, ~0ull);
	at = peer_alloc(&p, CHUNK, CHUNK);
	/* Four times the buffer, nobody there: only the last of it is kept. */
	for (size_t sent = 0; sent < 4 * KEPT; sent += CHUNK)
		console_write(&p, at, sent, CHUNK);
	first = peer_connect(path);
	pattern_read(first, 3 * KEPT, KEPT);
	console_write(&p, at, 0, 100);
	pattern_read(first, 0, 100);

	second = peer_connect(path);
	console_write(&p, at, 100, 100);
	pattern_read(first, 100, 100);
	pfd.fd = second;
	ck_assert_int_eq(poll(&pfd, 1, 50), 0);

	/* What a client sent before it left arrives. */
	ck_assert_int_eq(fd_write_all(first, "hello", 5), 0);
	close(first);
	rx = (struct buffer){ at, CHUNK, true };
	driver_add(&p.queues[RX], &rx, 1, 0);
	peer_kick(&p, RX);
	len = peer_wait_used(&p, RX, &id);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(p.mem + at, "hello", 5);

	/* Now the second has its turn; it stops sending and still receives. */
	ck_assert_int_eq(shutdown(second, SHUT_WR), 0);
	console_write(&p, at, 500, 100);
	pattern_read(second, 500, 100);
	close(second);
	first = peer_connect(path);
	console_write(&p, at, 700, 100);
	pattern_read(first, 700, 100);
	/* A client that does not read does not hold the guest. */
	for (size_t sent = 0; sent < 1 << 20; sent += CHUNK)
		console_write(&p, at, sent, CHUNK);
	ck_assert_int_eq(peer_stop(&p), 0);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("console_tty");
	TCase *tc = tcase_create("console_tty");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
		tc,
		a_terminal_is_raw_while_it_runs_and_restored_whatever_ends_it,
		0, ENDINGS);
	tcase_add_test(tc, ctrl_a_question_mark_prints_help_on_the_terminal);
	tcase_add_test(tc, a_new_size_of_the_terminal_reaches_the_guest);
	tcase_add_test(
		tc,
		a_pty_nobody_opens_costs_nothing_and_keeps_the_latest_output);
	tcase_add_test(tc,
		       socket_clients_come_one_by_one_and_see_what_they_missed);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
