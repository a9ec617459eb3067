// SPDX-License-Identifier: Apache-2.0
/*
 * metrics.c - PUT /metrics, GET /metrics: the VM's figures, as lines or at once
 */
#include "api_internal.h"
#include "metrics_file.h"
#include "metrics_json.h"
#include "metrics_prometheus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct metrics {
	const char *path;
	bool emit_id;
	json_t *properties;
};

#define FIELD(member) INTO(metrics, member)

static int check_properties(const json_t *properties, struct err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)properties, name, value)
	{
		if (!json_is_string(value))
			return err_set(err, EINVAL,
				       "properties: `%.40s` is not a string",
				       name);
	}
	return 0;
}

/* Firecracker lets other fields pass here. */
static int decode(struct api_call *call, struct metrics *metrics,
		  struct err *err)
{
	static const struct body_field table[] = {
		{ "metrics_path", BODY_TEXT, BODY_REQUIRED, FIELD(path), 0, 0,
		  NULL },
		{ "emit_id", BODY_BOOL, 0, FIELD(emit_id), 0, 0, NULL },
		{ "properties", BODY_OBJECT, BODY_NULLABLE, FIELD(properties),
		  0, 0, NULL },
	};
	struct api_call known = { .body = json_object() };
	int ret;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		json_t *value = json_object_get(call->body, table[i].name);

		if (value != NULL)
			json_object_set(known.body, table[i].name, value);
	}
	ret = api_decode(json_is_object(call->body) ? &known : call, table,
			 ARRAY_LEN(table), metrics, err);
	json_decref(known.body);
	call->plain_error |= known.plain_error;
	return ret < 0 ? ret : check_properties(metrics->properties, err);
}

int api_put_metrics(struct api *api, struct api_call *call, struct err *err)
{
	struct metrics metrics = { 0 };
	struct metrics_file_config config = {
		.id = api->state.config.id,
		.api = &api->metrics,
		.get = api->target.metrics,
		.ctx = api->target.ctx,
		.base = api->base,
	};
	int ret = decode(call, &metrics, err);

	if (ret < 0)
		return ret;
	if (api->metrics_file != NULL)
		return err_set(err, EEXIST,
			       "Reinitialization of metrics not allowed.");
	config.path = metrics.path;
	config.emit_id = metrics.emit_id;
	config.properties = metrics.properties;
	ret = metrics_file_open(&config, &api->metrics_file, err);
	if (ret == 0)
		api_document_set(api, "metrics", json_incref(call->body));
	return ret;
}

static int answer_text(struct api_call *call, const struct vm_metrics *metrics)
{
	size_t len;

	call->text = metrics_to_prometheus(metrics, &len);
	call->text_type = METRICS_PROMETHEUS_TYPE;
	return call->text != NULL ? 0 : -ENOMEM;
}

static int answer_json(struct api_call *call, const struct vm_metrics *metrics)
{
	call->answer = metrics_to_json(metrics);
	return call->answer != NULL ? 0 : -ENOMEM;
}

int api_get_metrics(struct api *api, struct api_call *call, struct err *err)
{
	static const struct {
		const char *query;
		int (*answer)(struct api_call *call,
			      const struct vm_metrics *metrics);
	} formats[] = {
		{ "format=json", answer_json },
		{ "format=prometheus", answer_text },
	};
	const char *query = call->query != NULL ? call->query : "format=json";
	struct vm_metrics *metrics = calloc(1, sizeof(*metrics));
	int ret = -EINVAL;

	if (metrics == NULL)
		return err_set(err, ENOMEM, "out of memory");
	err_set(err, EINVAL, "expected ?format=json or ?format=prometheus");
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(query, formats[i].query) != 0)
			continue;
		ret = api_check_phase(api, call, ROUTE_AFTER, err);
		if (ret == 0 && !api->target.metrics(api->target.ctx, metrics))
			ret = err_set(err, ESHUTDOWN, "the microVM has ended");
		if (ret == 0)
			ret = formats[i].answer(call, metrics);
	}
	free(metrics);
	if (ret == -ENOMEM)
		err_set(err, ENOMEM, "out of memory");
	return ret;
}
