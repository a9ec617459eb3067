// SPDX-License-Identifier: Apache-2.0
/*
 * spawner.c - the monitor's side: start the spawner, ask it, hear from it
 */
#include "spawner.h"
#include "fd.h"
#include "log.h"
#include "spawner_wire.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than the spawner itself takes in the worst case. */
enum { END_TIMEOUT_MS = 20000 };

struct spawner {
	int sock;
	pid_t pid;
	struct event *readable;
	void (*exited)(void *ctx, const char *id, int status);
	void *ctx;
};

/*
 * Runs in the child of vfork(): system calls only, until exec. Whatever a shell
 * left open is neither for the spawner nor for the roles.
 */
static void exec_spawner(int sock, int exe_fd, char *const *argv)
{
	static char *const no_env[] = { NULL };
	int exe = fcntl(exe_fd, F_DUPFD_CLOEXEC, SPAWNER_FD + 1);

	if (log_get_fd() != STDERR_FILENO)
		dup2(log_get_fd(), STDERR_FILENO);
	if (exe < 0 || dup2(sock, SPAWNER_FD) < 0)
		return;
	/* dup2() onto itself leaves close-on-exec as it is. */
	fcntl(SPAWNER_FD, F_SETFD, 0);
	close_range(SPAWNER_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	execveat(exe, "", argv, no_env, AT_EMPTY_PATH);
}

static int start(int sock, pid_t *pid, struct err *err)
{
	char room[SPAWNER_ROOM + 1];
	char *argv[] = { (char *)"mote", (char *)SPAWNER_ROLE,
			 (char *)log_level_name(log_get_level()), room, NULL };
	int exe_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	static_assert(ARRAY_LEN(argv) == SPAWNER_WORDS + 2,
		      "the spawner counts its words, without ours");
	if (exe_fd < 0)
		return err_errno(err, "/proc/self/exe (is /proc mounted?)");
	memset(room, '.', SPAWNER_ROOM);
	room[SPAWNER_ROOM] = '\0';
	*pid = vfork();
	if (*pid == 0) {
		exec_spawner(sock, exe_fd, argv);
		_exit(127);
	}
	fd_close(&exe_fd);
	return *pid < 0 ? err_errno(err, "spawner: fork") : 0;
}

int spawner_create(struct spawner **out, struct err *err)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	int pair[2] = { -1, -1 }, ret;

	if (spawner == NULL)
		return err_set(err, ENOMEM, "spawner: out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		ret = err_errno(err, "spawner: socketpair");
		goto out;
	}
	ret = start(pair[1], &spawner->pid, err);
	if (ret < 0)
		goto out;
	spawner->sock = fd_take(&pair[0]);
	*out = spawner;
	spawner = NULL;
out:
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	free(spawner);
	return ret;
}

static int send_message(struct spawner *spawner,
			const struct spawner_message *message, const int *fds,
			size_t n, struct err *err)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * SPAWNER_FDS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = {
		.iov_base = (void *)message,
		.iov_len = sizeof(*message),
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (n > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n);
	}
	while (sendmsg(spawner->sock, &msg, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return err_errno(err, "spawner process is gone");
	}
	return 0;
}

int spawner_start(struct spawner *spawner, const struct spawn_request *req,
		  const int *fds, size_t n, struct err *err)
{
	struct spawner_message message = {
		.verb = SPAWNER_START,
		.start = *req,
	};
	int all[SPAWNER_FDS_MAX];

	assert(n <= SPAWN_FDS_MAX);
	log_get_format(&message.start.log_format);
	memcpy(all, fds, n * sizeof(*fds));
	all[n] = log_get_fd() >= 0 ? log_get_fd() : STDERR_FILENO;
	return send_message(spawner, &message, all, n + 1, err);
}

int spawner_unlink_at_end(struct spawner *spawner, const char *path,
			  struct err *err)
{
	struct spawner_message message = { .verb = SPAWNER_UNLINK };

	if (strlen(path) >= sizeof(message.path))
		return err_set(err, ENAMETOOLONG,
			       "'%s': socket paths have at most %zu bytes",
			       path, sizeof(message.path) - 1);
	memcpy(message.path, path, strlen(path) + 1);
	return send_message(spawner, &message, NULL, 0, err);
}

static void handle_readable(evutil_socket_t fd, short what, void *arg)
{
	struct spawner *spawner = arg;
	struct spawner_message message;
	ssize_t n = recv(fd, &message, sizeof(message), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(message) || message.verb != SPAWNER_EXITED) {
		log_write(LOG_ERROR, "spawner", NULL,
			  "spawner process is gone, backends with it");
		event_del(spawner->readable);
		return;
	}
	spawner->exited(spawner->ctx, message.exited.id, message.exited.status);
}

int spawner_watch(struct spawner *spawner, struct event_base *base,
		  void (*exited)(void *ctx, const char *id, int status),
		  void *ctx, struct err *err)
{
	spawner->exited = exited;
	spawner->ctx = ctx;
	spawner->readable = event_new(base, spawner->sock, EV_READ | EV_PERSIST,
				      handle_readable, spawner);
	if (spawner->readable == NULL || event_add(spawner->readable, NULL) < 0)
		return err_set(err, ENOMEM, "spawner: out of memory");
	return 0;
}

void spawner_unwatch(struct spawner *spawner)
{
	if (spawner->readable != NULL)
		event_free(spawner->readable);
	spawner->readable = NULL;
}

static void wait_for_end(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0 && poll(&end, 1, END_TIMEOUT_MS) == 0) {
		log_write(LOG_ERROR, "spawner", NULL,
			  "did not end within %d s, killed",
			  END_TIMEOUT_MS / 1000);
		kill(pid, SIGKILL);
	}
	waitpid(pid, NULL, 0);
	fd_close(&pidfd);
}

void spawner_destroy(struct spawner *spawner)
{
	if (spawner == NULL)
		return;
	spawner_unwatch(spawner);
	fd_close(&spawner->sock);
	wait_for_end(spawner->pid);
	free(spawner);
}
