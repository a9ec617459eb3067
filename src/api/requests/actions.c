// SPDX-License-Identifier: Apache-2.0
/*
 * actions.c - PUT /actions, PATCH /vm: start, stop, pause and resume
 */
#include "api_internal.h"
#include "clock.h"
#include "metrics_file.h"

#include <errno.h>

static int run(struct api *api, enum command_verb verb, struct err *err)
{
	const struct command command = { .verb = verb };

	return api->target.run(api->target.ctx, &command, err);
}

static int start(struct api *api, struct api_call *call, struct err *err)
{
	int ret = api_check_phase(api, call, ROUTE_BEFORE, err);

	if (ret < 0)
		return ret;
	if (api->state.config.kernel == NULL)
		ret = err_set(err, EINVAL,
			      "Cannot start microvm without kernel "
			      "configuration.");
	else
		ret = run(api, COMMAND_START, err);
	if (ret < 0)
		return err_prefix(err, ret, "Start microvm error");
	if (api->metrics_file != NULL)
		metrics_file_start(api->metrics_file);
	return 0;
}

static int press_power_button(struct api *api, struct api_call *call,
			      struct err *err)
{
	int ret = api_check_phase(api, call, ROUTE_AFTER, err);

	if (ret < 0)
		return ret;
	ret = run(api, COMMAND_POWER_BUTTON, err);
	return ret < 0 ? err_prefix(err, ret, "Internal VMM error") : 0;
}

/* No metrics were asked for: then there is nothing to flush. */
static int flush_metrics(struct api *api, struct api_call *call,
			 struct err *err)
{
	int ret = api_check_phase(api, call, ROUTE_AFTER, err);

	if (ret < 0)
		return ret;
	if (api->metrics_file != NULL)
		metrics_file_write(api->metrics_file);
	return 0;
}

static int stop(struct api *api, struct api_call *call, struct err *err)
{
	(void)call;
	return run(api, COMMAND_STOP, err);
}

int api_put_action(struct api *api, struct api_call *call, struct err *err)
{
	static const char *const types[] = {
		"InstanceStart",
		"SendCtrlAltDel",
		"FlushMetrics",
		"InstanceStop",
		NULL,
	};
	static int (*const actions[])(struct api * api, struct api_call * call,
				      struct err * err) = {
		start,
		press_power_button,
		flush_metrics,
		stop,
	};
	static const struct body_field table[] = {
		{ "action_type", BODY_CHOICE, BODY_REQUIRED, 0, 0, 0, types },
	};
	unsigned type;
	int ret = api_decode(call, table, ARRAY_LEN(table), &type, err);

	return ret < 0 ? ret : actions[type](api, call, err);
}

int api_patch_vm(struct api *api, struct api_call *call, struct err *err)
{
	static const char *const states[] = { "Paused", "Resumed", NULL };
	static const enum command_verb verbs[] = {
		COMMAND_PAUSE,
		COMMAND_RESUME,
	};
	static const struct body_field table[] = {
		{ "state", BODY_CHOICE, BODY_REQUIRED, 0, 0, 0, states },
	};
	uint64_t *times[] = { &api->metrics.pause_time,
			      &api->metrics.resume_time };
	unsigned state;
	uint64_t begin;
	int ret = api_decode(call, table, ARRAY_LEN(table), &state, err);

	if (ret < 0)
		return ret;
	begin = clock_now_us();
	ret = run(api, verbs[state], err);
	if (ret == 0)
		*times[state] = clock_now_us() - begin;
	return ret;
}
