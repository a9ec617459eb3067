// SPDX-License-Identifier: Apache-2.0
/*
 * api_routes.h - a request as a handler sees it, and the table of all handlers
 */
#ifndef MOTE_API_ROUTES_H
#define MOTE_API_ROUTES_H

#include "api.h"
#include "api_metrics.h"
#include "body.h"
#include "http_server.h"

/* One request, and what it is answered. */
struct api_call {
	const char *id;	   /* second part of the path; "" when none */
	const char *query; /* behind '?', where a resource takes one; or NULL */
	json_t *body;	   /* borrowed; NULL: none */
	int *fds;	   /* passed with it; fd_take() what is kept */
	unsigned fd_count;

	json_t *answer; /* taken over; NULL: status 204 */
	char *text;	/* or this: malloc'ed, taken over */
	const char *text_type;
	bool deprecated;
	bool plain_error; /* *err is whole: no prefix of the resource's */
	bool streams;
	struct http_stream stream;
};

typedef int api_handler(struct api *api, struct api_call *call,
			struct err *err);

/* One line per resource and method: requests/ has a file per resource. */
enum {
	ROUTE_ID = 1 << 0,     /* the path ends with an id */
	ROUTE_BEFORE = 1 << 1, /* only before the start */
	ROUTE_AFTER = 1 << 2,  /* only after it */
	ROUTE_QUERY = 1 << 3,  /* may have a query */
};

struct api_route {
	const char *method, *resource;
	api_handler *handle;
	unsigned flags;
	const char *prefix; /* of its errors; NULL: none */
	/* What it counts as; API_RESOURCES: Firecracker has no count for it. */
	enum api_resource counted;
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

/* Everything of requests/ that the table of routes names. */
/* clang-format off */
api_handler api_get_info, api_get_version, api_get_vm_config,
	api_put_action,
	api_put_boot_source,
	api_put_machine_config, api_patch_machine_config, api_get_machine_config,
	api_put_drive, api_patch_drive,
	api_put_net, api_patch_net,
	api_put_vsock,
	api_put_pmem,
	api_put_vhost_user,
	api_put_logger,
	api_put_metrics, api_get_metrics,
	api_put_serial,
	api_patch_vm,
	api_get_events,
	api_put_cpu_config,
	api_refuse_snapshot,
	api_refuse;
/* clang-format on */

#endif
