// SPDX-License-Identifier: Apache-2.0
/*
 * vu_server.h - a vhost-user server: one device, one front end, one thread
 *
 * The server owns the socket, the memory table and the queues; the device is a
 * set of callbacks that pop chains and push them back. Everything happens on the
 * one thread that calls vu_server_run().
 */
#ifndef MOTE_VU_SERVER_H
#define MOTE_VU_SERVER_H

#include "vu_loop.h"
#include "vu_ring.h"

struct vu_server; /* opaque */
enum { VU_QUEUES_MAX = 64 };

/* One queue. A device uses index and in_flight and nothing else directly. */
struct vu_queue {
	struct vu_server *server;
	unsigned index;
	unsigned in_flight; /* chains popped and not yet pushed */
	bool started;	    /* SET_VRING_KICK .. GET_VRING_BASE */
	bool enabled;	    /* SET_VRING_ENABLE */
	bool broken;	    /* started, but its ring is bad */
	bool again;	    /* serve once more before sleeping */
	int kick_fd, call_fd, err_fd;
	struct vu_watch kick;
	struct vu_ring_config config;
	struct vu_ring ring;
};

/* What is left after a device has served a queue. */
enum vu_served {
	VU_SERVED_ALL,	   /* nothing to pop: wait for a kick */
	VU_SERVED_PART,	   /* enough for now: call again, others first */
	VU_SERVED_BLOCKED, /* device waits for something of its own and will
				 * call vu_queue_serve(); no kicks until then */
};

struct vu_device_ops {
	/* Pop chains, a bounded number; push what is done. */
	enum vu_served (*serve)(void *device, struct vu_queue *queue);
	/* Return when in_flight is 0; pop nothing. */
	void (*drain)(void *device, struct vu_queue *queue);
	/* The driver may have left. NULL when not needed. */
	void (*stopped)(void *device, struct vu_queue *queue);
	/* The configuration space: fill in up to VU_CONFIG_MAX bytes. */
	void (*read_config)(void *device, void *buf);
	/* A driver's write of len bytes; -EINVAL when it is not to be. */
	int (*write_config)(void *device, size_t offset, const void *data,
			    size_t len);
	/* After each wait of the loop; NULL when not needed. */
	void (*idle)(void *device);
	/* SIGHUP, SIGWINCH, SIGCONT; true: dealt with. NULL when not needed. */
	bool (*signal)(void *device, int signo);
};

struct vu_server_config {
	const char *type; /* "block": module in log lines */
	const char *id;	  /* instance in log lines, or NULL */
	const struct vu_device_ops *ops;
	void *device;
	uint64_t features; /* of the device type, bits 0 to 23 */
	unsigned queues;   /* 1 to VU_QUEUES_MAX */
};

/*
 * From now on signals wait for vu_server_run(). First thing in a program: one
 * that came earlier would end it without its cleanup. SIGPIPE is ignored.
 */
void vu_server_block_signals(void);

/*
 * SIGTERM and SIGINT (SIGHUP too, unless the device takes it) end the run, unless
 * they were ignored when the process started.
 */
int vu_server_create(const struct vu_server_config *cfg, struct vu_server **out,
		     struct err *err);
void vu_server_destroy(struct vu_server *server); /* NULL is allowed */

/*
 * Where the front end comes from: a path to listen on, whose file is removed at
 * the end, or a socket, taken over, that listens or is connected.
 */
int vu_server_listen(struct vu_server *server, const char *path,
		     struct err *err);
int vu_server_use_socket(struct vu_server *server, int fd, struct err *err);

/*
 * Serve until the front end leaves, a signal comes or vu_server_stop() is
 * called; returns the exit status of the process.
 */
int vu_server_run(struct vu_server *server);
void vu_server_stop(struct vu_server *server, int status);

struct vu_loop *vu_server_loop(struct vu_server *server);
/* The virtio features the driver has accepted. */
uint64_t vu_server_features(const struct vu_server *server);
struct vu_queue *vu_server_queue(struct vu_server *server, unsigned index);
/* Tell the front end, and it the driver, to read the configuration again. */
void vu_server_config_changed(struct vu_server *server);

/*
 * For devices. pop: 1 and a chain, or 0 when there is none, the queue does not
 * run or its ring turned out to be bad (logged). push of a queue that broke only
 * counts. notify raises the driver's interrupt if it wants one. serve_soon serves
 * once after all events at hand, and not nested. ready: is there one to pop?
 */
int vu_queue_pop(struct vu_queue *queue, struct vu_chain *chain);
void vu_queue_push(struct vu_queue *queue, const struct vu_chain *chain,
		   uint32_t written);
void vu_queue_notify(struct vu_queue *queue);
void vu_queue_serve(struct vu_queue *queue);
void vu_queue_serve_soon(struct vu_queue *queue);
bool vu_queue_ready(struct vu_queue *queue);
/* A chain that makes no sense to the device: as for a bad ring. */
void vu_queue_break(struct vu_queue *queue, const char *why);

#endif
