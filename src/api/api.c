// SPDX-License-Identifier: Apache-2.0
/*
 * api.c - the API of one machine: its life, and one request after the other
 */
#include "api_internal.h"
#include "journal.h"
#include "metrics_file.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wake_streams(void *ctx)
{
	struct api *api = ctx;

	if (api->http != NULL)
		http_server_wake(api->http);
}

int api_create(struct event_base *base, const struct api_config *config,
	       struct api **out, struct err *err)
{
	struct api *api = calloc(1, sizeof(*api));
	struct api_state state;
	int ret;

	if (api == NULL)
		return err_set(err, ENOMEM, "API: out of memory");
	api->base = base;
	api->target = config->target;
	api->payload_max = config->payload_max;
	api->log_format = *config->log_format;
	api->metrics.startup_time = config->startup_us;
	api->metrics.startup_cpu_time = config->startup_cpu_us;
	api->document = api_document_create();
	if (api->document == NULL) {
		api_destroy(api);
		return err_set(err, ENOMEM, "API: out of memory");
	}
	api_state_copy(api, &state);
	state.config.boot_timer = config->boot_timer;
	state.config.log_level = config->log_level;
	ret = api_apply(api, &state, err);
	if (ret < 0) {
		api_destroy(api);
		return ret;
	}
	journal_watch(wake_streams, api);
	*out = api;
	return 0;
}

/* What it quotes of the request may be cut within a character. */
static void set_error(struct http_response *resp, const struct err *err)
{
	struct err valid = *err;
	json_t *fault;

	utf8_repair(valid.text);
	fault = json_pack("{ss}", "fault_message", valid.text);
	resp->status = 400;
	resp->body = fault != NULL ? json_dumps(fault, JSON_COMPACT) : NULL;
	resp->body_len = resp->body != NULL ? strlen(resp->body) : 0;
	json_decref(fault);
}

static void set_answer(struct http_response *resp, struct api_call *call)
{
	struct err err;

	resp->deprecated = call->deprecated;
	resp->status = 200;
	if (call->streams) {
		resp->streams = true;
		resp->stream = call->stream;
		resp->content_type = "application/x-ndjson";
	} else if (call->text != NULL) {
		resp->body = call->text;
		resp->content_type = call->text_type;
		resp->body_len = strlen(call->text);
		call->text = NULL;
	} else if (call->answer != NULL) {
		resp->body = json_dumps(call->answer, JSON_COMPACT);
		if (resp->body != NULL) {
			resp->body_len = strlen(resp->body);
		} else {
			err_set(&err, ENOMEM, "out of memory");
			set_error(resp, &err);
		}
	} else {
		resp->status = 204;
	}
}

static void serve(void *ctx, struct http_request *req,
		  struct http_response *resp)
{
	struct api *api = ctx;
	struct api_call call = { .fds = req->fds, .fd_count = req->fd_count };
	struct err err;

	if (api_dispatch(api, req->method, req->target, req->body,
			 req->body_len, &call, &err) < 0)
		set_error(resp, &err);
	else
		set_answer(resp, &call);
	json_decref(call.answer);
	free(call.text);
}

int api_serve(struct api *api, int listen_fd, struct err *err)
{
	int ret = http_server_create(api->base, listen_fd, api->payload_max,
				     serve, api, &api->http, err);

	if (ret == 0)
		journal_post("api-ready", api->state.config.id, "%s", "");
	return ret;
}

int api_put(struct api *api, const char *resource, const char *body,
	    struct err *err)
{
	struct api_call call = { .fd_count = 0 };
	int ret = api_dispatch(api, "PUT", resource, body, strlen(body), &call,
			       err);

	json_decref(call.answer);
	free(call.text);
	return ret;
}

void api_end(struct api *api, const char *how)
{
	journal_post("ended", api->state.config.id, "%s", how);
	metrics_file_close(api->metrics_file);
	api->metrics_file = NULL;
	/* Whatever is posted while the VM is taken apart finds no reader. */
	journal_watch(NULL, NULL);
	if (api->http != NULL)
		http_server_flush(api->http);
}

void api_destroy(struct api *api)
{
	if (api == NULL)
		return;
	journal_watch(NULL, NULL); /* of one that was never ended */
	http_server_destroy(api->http);
	metrics_file_close(api->metrics_file);
	json_decref(api->document);
	free(api->cmdline);
	free(api);
}
