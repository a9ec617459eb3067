// SPDX-License-Identifier: Apache-2.0
/*
 * api_dispatch.c - method, path and body -> the handler of a resource
 *
 * Only as much of a path counts as the resource needs, as with Firecracker's
 * server: PUT /actions/anything is PUT /actions.
 */
#include "api_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 1024 };

struct path {
	char text[PATH_MAX_BYTES + 1]; /* cut at its slashes */
	const char *resource, *id, *query;
};

/* Leading slashes do not count, nor does one at the end. */
static void split(const char *target, struct path *path)
{
	char *rest = path->text, *id;
	const char *host = strstr(target, "://");

	/* "http://host/path", as proxies are asked (RFC 9112, 3.2.2). */
	if (host != NULL && strchr(target, '/') == host + 1)
		target = host + 3 + strcspn(host + 3, "/");
	target += strspn(target, "/");
	snprintf(path->text, sizeof(path->text), "%s", target);
	path->query = NULL;
	path->resource = strsep(&rest, "/");
	id = strsep(&rest, "/");
	path->id = id != NULL ? id : "";
}

static void cut_query(struct path *path)
{
	char *mark = strchr(path->text, '?');

	if (mark == NULL)
		return;
	*mark = '\0';
	path->query = mark + 1;
}

static const struct api_route *find_route(const char *method, struct path *path)
{
	size_t name = strcspn(path->resource, "?");

	for (size_t i = 0; i < api_route_count; i++) {
		const struct api_route *route = &api_routes[i];
		bool query = route->flags & ROUTE_QUERY;

		if (strcmp(route->method, method) != 0 ||
		    (query ? strncmp(route->resource, path->resource, name) ||
				     strlen(route->resource) != name
			   : strcmp(route->resource, path->resource)))
			continue;
		if (query)
			cut_query(path);
		return route;
	}
	return NULL;
}

static int check_id(const char *id, struct err *err)
{
	if (id[0] == '\0')
		return err_set(err, EINVAL, "The ID cannot be empty.");
	for (const char *c = id; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_')
			return err_set(err, EINVAL,
				       "API Resource IDs can only contain "
				       "alphanumeric characters and "
				       "underscores.");
	}
	if (strlen(id) > ID_MAX)
		return err_set(err, EINVAL,
			       "API Resource IDs have at most %d characters.",
			       ID_MAX);
	return 0;
}

/* What can be wrong before it is known what is asked. */
static int check_body(const char *method, bool has_body, struct err *err)
{
	static const struct {
		const char *method;
		bool has_body;
		const char *text;
	} wrong[] = {
		{ "PUT", false, "Empty PUT request." },
		{ "PATCH", false, "Empty PATCH request." },
		{ "GET", true, "GET request cannot have a body." },
		{ "DELETE", true, "Empty Delete request." },
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (strcmp(method, wrong[i].method) == 0 &&
		    has_body == wrong[i].has_body)
			return err_set(err, EINVAL, "%s", wrong[i].text);
	}
	return 0;
}

int api_check_phase(const struct api *api, struct api_call *call,
		    unsigned flags, struct err *err)
{
	bool started =
		api->target.state(api->target.ctx) != MACHINE_NOT_STARTED;

	if (!(flags & (started ? ROUTE_BEFORE : ROUTE_AFTER)))
		return 0;
	call->plain_error = true;
	return err_set(err, EPERM,
		       "The requested operation is not supported %s starting "
		       "the microVM.",
		       started ? "after" : "before");
}

static int parse_body(const char *body, size_t len, json_t **out,
		      struct err *err)
{
	json_error_t error;

	*out = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
			  &error);
	if (*out != NULL)
		return 0;
	return err_set(err, EINVAL,
		       "An error occurred when deserializing the json body of "
		       "a request: %s at line %d column %d.",
		       error.text, error.line, error.column);
}

int api_decode(struct api_call *call, const struct body_field *table, size_t n,
	       void *into, struct err *err)
{
	int ret = body_decode(call->body, table, n, into, err);

	if (ret < 0)
		err_prefix(err, ret,
			   "An error occurred when deserializing the json "
			   "body of a request");
	call->plain_error = ret < 0;
	return ret;
}

int api_check_id(const struct api_call *call, const char *id, struct err *err)
{
	if (strcmp(id, call->id) == 0)
		return 0;
	return err_set(err, EINVAL,
		       "The id from the path does not match the id from the "
		       "body!");
}

static int handle(struct api *api, const struct api_route *route,
		  struct api_call *call, struct err *err)
{
	int ret = api_check_phase(api, call, route->flags, err);
	char text[sizeof(err->text)];

	if (ret < 0)
		return ret;
	ret = route->handle(api, call, err);
	if (ret < 0 && !call->plain_error && route->prefix != NULL) {
		memcpy(text, err->text, sizeof(text));
		err_set(err, -ret, "%s%s", route->prefix, text);
	}
	return ret;
}

static void count(struct api *api, const struct api_route *route,
		  const struct api_call *call, bool failed)
{
	struct api_metrics *metrics = &api->metrics;
	const struct {
		const char *method;
		struct api_requests *requests;
	} methods[] = {
		{ "GET", metrics->get },
		{ "PUT", metrics->put },
		{ "PATCH", metrics->patch },
	};

	metrics->deprecated += call->deprecated;
	if (route->counted == API_RESOURCES)
		return;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (strcmp(methods[i].method, route->method) != 0)
			continue;
		methods[i].requests[route->counted].count++;
		methods[i].requests[route->counted].fails += failed;
	}
}

int api_dispatch(struct api *api, const char *method, const char *target,
		 const char *body, size_t body_len, struct api_call *call,
		 struct err *err)
{
	const struct api_route *route;
	struct path path;
	int ret;

	if (strlen(target) > PATH_MAX_BYTES)
		return err_set(err, EINVAL, "The path is too long.");
	split(target, &path);
	ret = check_body(method, body != NULL, err);
	if (ret < 0)
		return ret;
	route = find_route(method, &path);
	if (route == NULL)
		return err_set(err, EINVAL,
			       "Invalid request method and/or path: %s %.100s.",
			       method, path.resource);
	if (route->flags & ROUTE_ID)
		ret = check_id(path.id, err);
	if (ret == 0 && body != NULL)
		ret = parse_body(body, body_len, &call->body, err);
	if (ret < 0)
		return ret;
	call->id = path.id;
	call->query = path.query;
	ret = handle(api, route, call, err);
	count(api, route, call, ret < 0);
	json_decref(call->body);
	call->body = NULL;
	call->id = call->query = NULL;
	return ret;
}
