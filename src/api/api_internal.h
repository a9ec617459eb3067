// SPDX-License-Identifier: Apache-2.0
/*
 * api_internal.h - what the files of src/api that serve requests share
 */
#ifndef MOTE_API_INTERNAL_H
#define MOTE_API_INTERNAL_H

#include "api.h"
#include "api_routes.h"
#include "log_format.h"

struct metrics_file;

/*
 * What a request can change before the start. Texts are borrowed from
 * api->document, which holds the bodies that were accepted.
 */
struct api_state {
	struct vm_config config;
	const char *boot_args; /* NULL: the default */
	struct {
		char id[ID_MAX + 1]; /* "": no root device */
		bool is_pmem;
		bool read_only;
		const char *partuuid; /* or NULL */
	} root;
	bool serial_given; /* the console is where PUT /serial said */
};

struct api {
	struct event_base *base;
	struct command_target target;
	struct http_server *http; /* NULL: no socket */
	size_t payload_max;
	struct api_state state;
	char *cmdline;	  /* made of state; the config borrows it */
	json_t *document; /* what GET /vm/config answers */
	struct metrics_file *metrics_file; /* NULL: not asked for */
	struct api_metrics metrics;
	struct log_format log_format;
};

/* api_dispatch.c: route a parsed request; -errno with the fault message. */
int api_dispatch(struct api *api, const char *method, const char *target,
		 const char *body, size_t body_len, struct api_call *call,
		 struct err *err);

/* -EPERM where flags (ROUTE_BEFORE, ROUTE_AFTER) exclude the state we are in. */
int api_check_phase(const struct api *api, struct api_call *call,
		    unsigned flags, struct err *err);

/* Does a body of this id belong at the path of the call? */
int api_check_id(const struct api_call *call, const char *id, struct err *err);

/* The body by table; -EINVAL with the whole message where it does not fit. */
int api_decode(struct api_call *call, const struct body_field *table, size_t n,
	       void *into, struct err *err);

/*
 * api_state.c: a copy to change, with the descriptors that are open now; and
 * make it the state, whole, or change nothing.
 */
void api_state_copy(const struct api *api, struct api_state *out);
int api_apply(struct api *api, const struct api_state *next, struct err *err);

/*
 * Where a text names a descriptor that came with the request ("fd:0"), take that
 * one: *fd is set, else left alone.
 */
int api_take_fd(struct api_call *call, const char *text, int *fd,
		struct err *err);

/*
 * api_document.c: after the command succeeded. The object replaces a section, or
 * the one with the same id in a list; root devices come first. Steal a
 * reference. Running out of memory here ends the process's use: -ENOMEM.
 */
json_t *api_document_create(void);
json_t *api_machine_config_defaults(void);
void api_document_set(struct api *api, const char *section, json_t *value);
void api_document_put(struct api *api, const char *section, const char *id_key,
		      json_t *value);

json_t *api_document_find(const struct api *api, const char *section,
			  const char *id_key, const char *id);

/* A copy of body with what it leaves out, from defaults (stolen). */
json_t *api_with_defaults(const json_t *body, json_t *defaults);

#endif
