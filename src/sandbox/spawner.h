// SPDX-License-Identifier: Apache-2.0
/*
 * spawner.h - the process that starts our own backends
 *
 * Started before the files of the VM, KVM and guest memory are open: our own
 * image, executed by descriptor, so that it shares neither memory nor address
 * space layout with the monitor. The backends are its forks, with exactly the
 * descriptors they were handed. When the monitor is gone, however it went, the
 * spawner ends the backends and removes the socket files it was told of.
 *
 * Main thread.
 */
#ifndef MOTE_SPAWNER_H
#define MOTE_SPAWNER_H

#include "err.h"
#include "log_format.h"
#include "util.h"

enum spawn_role { SPAWN_BLOCK, SPAWN_CONSOLE, SPAWN_VSOCK };

enum {
	SPAWN_FDS_MAX = 4,
	SPAWN_PATH_MAX = 108, /* of sockaddr_un */
};

/* Fixed size; checked whole by the spawner before use. */
struct spawn_request {
	enum spawn_role role;
	char id[ID_MAX + 1]; /* device: log lines, serial of a disk */
	bool read_only;	     /* block */
	bool direct;	     /* block: the image is open with O_DIRECT */
	bool control;	     /* block: fds[2] is a control socket */
	bool listen;	     /* console: fds[1] is a listening socket */
	bool drop;	     /* console: nobody may be reading; never wait */
	bool escape;	     /* console: Ctrl-A x ends the VM */
	unsigned queues;     /* block */
	uint32_t cid;	     /* vsock: address of the guest */
	char path[SPAWN_PATH_MAX]; /* vsock: where fds[1] listens */
	uint8_t log_level;
	struct log_format log_format; /* filled in by spawner_start() */
};

struct spawner;
struct event_base;

/* Start it. Call while the process has one thread and few descriptors. */
int spawner_create(struct spawner **out, struct err *err);

/* What a fork of the spawner is to become: argv[0] is the role's name. */
struct spawned_role {
	char text[9][SPAWN_PATH_MAX + 16];
	char *argv[10]; /* into text */
	int argc;
};

/*
 * The spawner's own life, in its own process: role SPAWNER_ROLE of the
 * executable, with the arguments that main() got. Returns 0 when the monitor is
 * gone and everything is cleaned up; 1 in each process that is to become *role;
 * -EINVAL when nobody but a user started it.
 */
#define SPAWNER_ROLE "spawner"
int spawner_serve(int argc, char **argv, struct spawned_role *role);

/*
 * Ask for a backend; it starts while the caller goes on. fds[0] is its end of
 * the vhost-user socket, the rest the role's: block: image, and with control
 * the backend's end of that socket; console: input and output, or a listening
 * socket; vsock: a listening socket. They are duplicated, the caller keeps its
 * own.
 * Its log lines, and from now on the spawner's, go where this process's go now; a
 * backend that runs already stays with what it was given.
 * The socket of a backend that cannot start closes, and the log says why.
 */
int spawner_start(struct spawner *spawner, const struct spawn_request *req,
		  const int *fds, size_t n, struct err *err);

/* Remove this socket file when the VM ends, however it ends. */
int spawner_unlink_at_end(struct spawner *spawner, const char *path,
			  struct err *err);

/*
 * From now on exited() is called from the event loop for every backend that
 * ends: its device id, and the status as wait(2) has it.
 */
int spawner_watch(struct spawner *spawner, struct event_base *base,
		  void (*exited)(void *ctx, const char *id, int status),
		  void *ctx, struct err *err);

/* No longer: before base is freed. */
void spawner_unwatch(struct spawner *spawner);

/*
 * Waits until the backends have ended (they do when their sockets close; one
 * that does not is killed) and the files are removed. NULL is allowed.
 */
void spawner_destroy(struct spawner *spawner);

#endif
