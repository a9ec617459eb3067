// SPDX-License-Identifier: Apache-2.0
/*
 * spawner_serve.c - the spawner process: start backends, outlive the monitor
 *
 * Theory of operation: serving -> ending. While serving it waits for requests
 * and for children that ended. A role is a fork that returns from
 * spawner_serve() to become what was asked for: to execute the image once more
 * would cost more than all the rest of its start. The end begins when the
 * monitor's socket closes, whether the monitor closed it or was killed: from then
 * on no request is taken. The backends see their own sockets close at the same
 * moment and finish by themselves (a console still writes out what it holds);
 * whoever has not after GRACE_MS is killed. The files go last, so that a path is
 * never free while its server still runs. A killed spawner takes the backends with
 * it (PR_SET_PDEATHSIG).
 */
#include "fd.h"
#include "log.h"
#include "parse.h"
#include "spawner_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILDREN_MAX = 128,
	FILES_MAX = 64,
	GRACE_MS = 12000,
	KILL_MS = 2000,
	FIRST_ROLE_FD = 3, /* a role's descriptors start here */
	OWN_FD_BASE = 16,  /* and ours are above them */
};

static_assert(FIRST_ROLE_FD + SPAWN_FDS_MAX <= OWN_FD_BASE,
	      "a role's descriptors do not reach ours");

/* A socket file to be removed: this very one, not a later one of that name. */
struct kept_file {
	char path[SPAWN_PATH_MAX];
	dev_t dev;
	ino_t ino;
};

static struct {
	int sock, signal_fd;
	char *words;	  /* our command line from the role's name on */
	size_t words_len; /* bytes */
	struct {
		pid_t pid;  /* 0: free */
		int socket; /* its end of the vhost-user socket */
		char id[ID_MAX + 1];
	} children[CHILDREN_MAX];
	struct kept_file files[FILES_MAX];
	size_t file_count;
} self;

static void __attribute__((format(printf, 2, 3)))
add_text(struct spawned_role *role, const char *fmt, ...)
{
	char *text = role->text[role->argc];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(role->text[0]), fmt, ap);
	va_end(ap);
	role->argv[role->argc++] = text;
	role->argv[role->argc] = NULL;
}

static void make_args(struct spawned_role *role,
		      const struct spawn_request *req)
{
	static const char *const names[] = {
		[SPAWN_BLOCK] = "block",
		[SPAWN_CONSOLE] = "console",
		[SPAWN_VSOCK] = "vsock",
	};

	role->argc = 0;
	add_text(role, "%s", names[req->role]);
	add_text(role, "--fd=%d", FIRST_ROLE_FD);
	add_text(role, "--id=%s", req->id);
	add_text(role, "--log-level=%s", log_level_name(req->log_level));
	if (req->role == SPAWN_BLOCK) {
		add_text(role, "--blk-fd=%d", FIRST_ROLE_FD + 1);
		add_text(role, "--num-queues=%u", req->queues);
		if (req->control)
			add_text(role, "--control-fd=%d", FIRST_ROLE_FD + 2);
		if (req->read_only)
			add_text(role, "--read-only");
		if (req->direct)
			add_text(role, "--direct");
	} else if (req->role == SPAWN_VSOCK) {
		add_text(role, "--listen-fd=%d", FIRST_ROLE_FD + 1);
		add_text(role, "--guest-cid=%u", req->cid);
		add_text(role, "--uds-path=%s", req->path);
	} else if (req->listen) {
		add_text(role, "--listen-fd=%d", FIRST_ROLE_FD + 1);
	} else {
		add_text(role, "--in-fd=%d", FIRST_ROLE_FD + 1);
		add_text(role, "--out-fd=%d", FIRST_ROLE_FD + 2);
		if (req->escape)
			add_text(role, "--escape");
		if (req->drop)
			add_text(role, "--drop");
	}
}

/* What ps(1) shows: as if the role had been executed with these words. */
static void show_words(const struct spawned_role *role)
{
	size_t used = 0;

	memset(self.words, 0, self.words_len);
	for (int i = 0; i < role->argc && used < self.words_len; i++)
		used += 1 + (size_t)snprintf(self.words + used,
					     self.words_len - used, "%s",
					     role->argv[i]);
}

/* In the child: nothing of the spawner's but the image stays. */
static void become_role(const struct spawned_role *role, const int *fds,
			size_t n, pid_t spawner)
{
	int high[SPAWN_FDS_MAX];
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != spawner)
		_exit(127);
	for (size_t i = 0; i < n; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, OWN_FD_BASE);
	for (size_t i = 0; i < n; i++) {
		if (dup2(high[i], FIRST_ROLE_FD + (int)i) < 0)
			_exit(127);
	}
	close_range(FIRST_ROLE_FD + (unsigned)n, ~0u, 0);
	show_words(role);
	memset(&self, 0, sizeof(self));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns true in the child, which is to become the role. */
static bool start_role(const struct spawn_request *req, const int *fds,
		       size_t n, struct spawned_role *role)
{
	pid_t spawner = getpid(), pid = -1;
	size_t slot = 0;

	while (slot < CHILDREN_MAX && self.children[slot].pid != 0)
		slot++;
	make_args(role, req);
	if (slot < CHILDREN_MAX)
		pid = fork();
	if (pid == 0) {
		become_role(role, fds, n, spawner);
		log_set_format(&req->log_format);
		return true;
	}
	if (pid < 0) {
		log_write(LOG_ERROR, "spawner", req->id,
			  "backend not started: out of processes");
		return false;
	}
	self.children[slot].pid = pid;
	self.children[slot].socket =
		fcntl(fds[0], F_DUPFD_CLOEXEC, OWN_FD_BASE);
	memcpy(self.children[slot].id, req->id, sizeof(req->id));
	return false;
}

static bool id_is_valid(const char *id)
{
	char copy[ID_MAX + 1];

	return memchr(id, '\0', ID_MAX + 1) != NULL &&
	       parse_id(id, copy, NULL) == 0;
}

static bool log_format_is_valid(const struct log_format *format)
{
	return (format->shape == LOG_SHAPE_MOTE ||
		format->shape == LOG_SHAPE_FIRECRACKER) &&
	       memchr(format->module, '\0', sizeof(format->module)) != NULL &&
	       memchr(format->id, '\0', sizeof(format->id)) != NULL;
}

/* The one place where a request is judged; nothing else checks it again. */
static bool request_is_valid(const struct spawn_request *req, size_t n)
{
	size_t wanted = 2; /* vhost-user socket, image or listener */

	if (req->role == SPAWN_CONSOLE && !req->listen)
		wanted = 3; /* input and output */
	if (req->role == SPAWN_BLOCK && req->control)
		wanted = 3; /* image and control socket */
	return (req->role == SPAWN_BLOCK || req->role == SPAWN_CONSOLE ||
		req->role == SPAWN_VSOCK) &&
	       n == wanted && id_is_valid(req->id) && req->queues <= 256 &&
	       memchr(req->path, '\0', SPAWN_PATH_MAX) != NULL &&
	       log_format_is_valid(&req->log_format) &&
	       req->log_level <= LOG_DEBUG;
}

/* The newest sink of the monitor's log lines is ours too, and that of new roles. */
static void take_log(int fd)
{
	if (dup2(fd, STDERR_FILENO) < 0)
		log_write(LOG_WARN, "spawner", NULL,
			  "log stays where it was: %s", strerror(errno));
}

/* A path that comes again, since a start is tried again, takes no more room. */
static void keep_file(const char *path)
{
	struct kept_file *file = self.files;
	struct stat st;

	if (memchr(path, '\0', SPAWN_PATH_MAX) == NULL || lstat(path, &st) < 0)
		return;
	while (file < self.files + self.file_count &&
	       strcmp(file->path, path) != 0)
		file++;
	if (file == self.files + FILES_MAX) {
		log_write(LOG_ERROR, "spawner", NULL,
			  "'%s' will not be removed at the end: more than %d "
			  "sockets",
			  path, FILES_MAX);
		return;
	}
	if (file == self.files + self.file_count)
		self.file_count++;
	memcpy(file->path, path, strlen(path) + 1);
	file->dev = st.st_dev;
	file->ino = st.st_ino;
}

static void remove_file(const struct kept_file *file)
{
	struct stat st;

	if (lstat(file->path, &st) == 0 && st.st_dev == file->dev &&
	    st.st_ino == file->ino)
		unlink(file->path);
}

/* Returns true in a child that is to become *role. */
static bool handle_message(const struct spawner_message *message,
			   const int *fds, size_t n, struct spawned_role *role)
{
	switch (message->verb) {
	case SPAWNER_START:
		if (n > 0)
			take_log(fds[--n]);
		if (request_is_valid(&message->start, n))
			return start_role(&message->start, fds, n, role);
		log_write(LOG_ERROR, "spawner", NULL,
			  "malformed request, refused");
		break;
	case SPAWNER_UNLINK:
		keep_file(message->path);
		break;
	case SPAWNER_EXITED:
		break;
	}
	return false;
}

enum received { SERVED, MONITOR_GONE, IS_ROLE };

static enum received receive(struct spawned_role *role)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * SPAWNER_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct spawner_message message;
	struct iovec iov = { &message, sizeof(message) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control),
	};
	int fds[SPAWNER_FDS_MAX];
	struct cmsghdr *cmsg;
	size_t n = 0;
	ssize_t got = recvmsg(self.sock, &msg, MSG_CMSG_CLOEXEC);

	if (got < 0 && errno == EINTR)
		return SERVED;
	if (got <= 0)
		return MONITOR_GONE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SCM_RIGHTS) {
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), n * sizeof(int));
	}
	if (got == sizeof(message) && handle_message(&message, fds, n, role))
		return IS_ROLE;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return SERVED;
}

/*
 * The monitor is told how a backend ended before it sees the socket close, which
 * our copy keeps open: a console that was asked to end the VM is not "lost".
 */
static void report(size_t slot, int status)
{
	struct spawner_message message = { .verb = SPAWNER_EXITED };

	memcpy(message.exited.id, self.children[slot].id,
	       sizeof(message.exited.id));
	message.exited.status = status;
	send(self.sock, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Returns how many children are left. */
static size_t reap(void)
{
	struct signalfd_siginfo info;
	size_t left = 0;
	pid_t pid;
	int status;

	while (read(self.signal_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < CHILDREN_MAX; i++) {
			if (self.children[i].pid != pid)
				continue;
			report(i, status);
			fd_close(&self.children[i].socket);
			self.children[i].pid = 0;
		}
	}
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		left += self.children[i].pid != 0;
	return left;
}

static void kill_children(void)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (self.children[i].pid != 0)
			kill(self.children[i].pid, SIGKILL);
	}
}

/* Wait until all children are gone or timeout_ms without one ending passed. */
static bool wait_children(int timeout_ms)
{
	struct pollfd ended = { .fd = self.signal_fd, .events = POLLIN };

	while (reap() > 0) {
		if (poll(&ended, 1, timeout_ms) == 0)
			return false;
	}
	return true;
}

static void end(void)
{
	if (!wait_children(GRACE_MS)) {
		kill_children();
		wait_children(KILL_MS);
	}
	for (size_t i = 0; i < self.file_count; i++)
		remove_file(&self.files[i]);
}

/* Own descriptors above the roles', /dev/null as 0 and 1; 2 is the log. */
static void arrange_fds(void)
{
	sigset_t child;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int signal_fd;

	self.sock = fcntl(SPAWNER_FD, F_DUPFD_CLOEXEC, OWN_FD_BASE);
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	close_range(FIRST_ROLE_FD, OWN_FD_BASE - 1, 0);

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	self.signal_fd = fcntl(signal_fd, F_DUPFD_CLOEXEC, OWN_FD_BASE);
	close(signal_fd);
}

/*
 * The words of a command line lie one behind the other (execve(2)); the room of
 * the last one, which says nothing, is there for those of the roles.
 */
static void keep_words(int argc, char **argv)
{
	char *last = argv[argc - 1];

	self.words = argv[0];
	self.words_len = (size_t)(last - argv[0]) + strlen(last);
	memset(last, 0, strlen(last));
}

/* Whatever was started by hand is not a spawner. */
static bool is_ours(void)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(SPAWNER_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

int spawner_serve(int argc, char **argv, struct spawned_role *role)
{
	enum received received = SERVED;
	enum log_level level;
	struct pollfd fds[2];

	if (argc != SPAWNER_WORDS || !is_ours() ||
	    log_level_parse_any(argv[1], &level, NULL) < 0)
		return -EINVAL;
	log_set_level(level);
	/*
	 * Ctrl-C, a lost terminal and a SIGTERM or SIGUSR1 for the whole group
	 * are the monitor's business, neither ours nor the backends'.
	 */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	/* Nobody reads our log lines any more; roles inherit this. */
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "mote-spawner");
	keep_words(argc, argv);
	arrange_fds();

	fds[0] = (struct pollfd){ .fd = self.sock, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = self.signal_fd, .events = POLLIN };
	while (received == SERVED) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0)
			continue;
		if (fds[1].revents != 0)
			reap();
		if (fds[0].revents != 0)
			received = receive(role);
	}
	if (received == IS_ROLE)
		return 1;
	end();
	return 0;
}
