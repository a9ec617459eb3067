// SPDX-License-Identifier: Apache-2.0
/*
 * info.c - GET /, GET /version, GET /vm/config: what this is and how it is set
 */
#include "api_internal.h"

#include <errno.h>
#include <string.h>

int api_get_info(struct api *api, struct api_call *call, struct err *err)
{
	static const char *const states[] = {
		[MACHINE_NOT_STARTED] = "Not started",
		[MACHINE_RUNNING] = "Running",
		[MACHINE_PAUSED] = "Paused",
	};

	call->answer =
		json_pack("{ss ss ss ss ss}", "id", api->state.config.id,
			  "state", states[api->target.state(api->target.ctx)],
			  "vmm_version", API_FIRECRACKER_VERSION, "app_name",
			  "Firecracker", "mote_version", MOTE_VERSION);
	return call->answer != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

int api_get_version(struct api *api, struct api_call *call, struct err *err)
{
	(void)api;
	call->answer = json_pack("{ss ss}", "firecracker_version",
				 API_FIRECRACKER_VERSION, "mote_version",
				 MOTE_VERSION);
	return call->answer != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

int api_get_vm_config(struct api *api, struct api_call *call, struct err *err)
{
	if (strcmp(call->id, "config") != 0)
		return err_set(err, EINVAL,
			       "Invalid request method and/or path: GET vm.");
	call->answer = json_incref(api->document);
	return 0;
}
