// SPDX-License-Identifier: Apache-2.0
/*
 * api.h - the API of one machine: requests and configuration files become
 * commands
 *
 * Resources, names, status codes and error bodies are Firecracker's where the
 * meaning coincides (docs/api.md). Never touches KVM: what a request asks for
 * leaves as a command (command.h).
 *
 * Main thread.
 */
#ifndef MOTE_API_H
#define MOTE_API_H

#include "command.h"

#include <stddef.h>

/* The version of Firecracker whose API this follows. */
#define API_FIRECRACKER_VERSION "1.16.0"

struct api;
struct event_base;

struct api_config {
	struct command_target target;	     /* must outlive the API */
	size_t payload_max;		     /* bytes of a request's body */
	const struct log_format *log_format; /* in use; copied */
	enum log_level log_level;
	bool boot_timer;
	uint64_t startup_us, startup_cpu_us; /* for metrics; 0: not known */
};

/* *out is the caller's; the target is asked nothing after api_end(). */
int api_create(struct event_base *base, const struct api_config *config,
	       struct api **out, struct err *err);

/* Serve requests on this socket, which is taken over, also on failure. */
int api_serve(struct api *api, int listen_fd, struct err *err);

/*
 * As if this request had come: PUT of one of the API's resources. The error is
 * what its fault_message would be.
 */
int api_put(struct api *api, const char *resource, const char *body,
	    struct err *err);

/* Carry out a configuration file (docs/api.md), InstanceStart included. */
int api_load_file(struct api *api, const char *path, struct err *err);

/*
 * The machine has ended: tell those who listen, write the last metrics; what is
 * left to send is sent, for half a second at most.
 */
void api_end(struct api *api, const char *how);

/*
 * After the target: its configuration borrows texts from here. NULL is allowed.
 */
void api_destroy(struct api *api);

#endif
