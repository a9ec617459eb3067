// SPDX-License-Identifier: Apache-2.0
/*
 * unsupported.c - what Firecracker has and mote has not, or not yet
 *
 * Refused by name, but for requests that ask for nothing.
 */
#include "api_internal.h"

#include <errno.h>
#include <string.h>

int api_refuse(struct api *api, struct api_call *call, struct err *err)
{
	(void)api;
	(void)call;
	return err_set(err, ENOTSUP, "mote does not support this yet.");
}

int api_refuse_snapshot(struct api *api, struct api_call *call, struct err *err)
{
	return err_prefix(err, api_refuse(api, call, err), "%s snapshot error",
			  strcmp(call->id, "load") == 0 ? "Load" : "Create");
}

struct cpu_config {
	json_t *capabilities, *cpuid, *msrs;
};

int api_put_cpu_config(struct api *api, struct api_call *call, struct err *err)
{
	static const struct body_field table[] = {
		{ "kvm_capabilities", BODY_ARRAY, BODY_NULLABLE,
		  INTO(cpu_config, capabilities), 0, 0, NULL },
		{ "cpuid_modifiers", BODY_ARRAY, BODY_NULLABLE,
		  INTO(cpu_config, cpuid), 0, 0, NULL },
		{ "msr_modifiers", BODY_ARRAY, BODY_NULLABLE,
		  INTO(cpu_config, msrs), 0, 0, NULL },
	};
	struct cpu_config cpu = { 0 };
	int ret = api_decode(call, table, ARRAY_LEN(table), &cpu, err);

	(void)api;
	if (ret == 0 && json_array_size(cpu.capabilities) +
					json_array_size(cpu.cpuid) +
					json_array_size(cpu.msrs) >
				0)
		ret = err_set(
			err, ENOTSUP,
			"mote does not support custom CPU templates yet.");
	return ret;
}
