// SPDX-License-Identifier: Apache-2.0
/*
 * serial.c - PUT /serial: where the console's output goes
 */
#include "api_internal.h"

#include <errno.h>

struct serial {
	const char *path;
	json_t *limiter;
};

int api_put_serial(struct api *api, struct api_call *call, struct err *err)
{
	static const struct body_field table[] = {
		{ "serial_out_path", BODY_TEXT, BODY_NULLABLE,
		  INTO(serial, path), 0, 0, NULL },
		{ "rate_limiter", BODY_OBJECT, BODY_NULLABLE,
		  INTO(serial, limiter), 0, 0, NULL },
	};
	struct serial serial = { 0 };
	struct api_state next;
	int ret = api_decode(call, table, ARRAY_LEN(table), &serial, err);

	if (ret == 0)
		ret = body_check_bucket("rate_limiter", serial.limiter, err);
	if (ret == 0 && serial.path != NULL && serial.path[0] == '\0')
		ret = err_set(err, EINVAL, "serial_out_path: expected a path");
	if (ret < 0)
		return ret;
	api_state_copy(api, &next);
	next.serial_given = serial.path != NULL;
	if (next.serial_given) {
		next.config.console_count = 1;
		next.config.consoles[0] = (struct config_console){
			.kind = CONSOLE_FILE,
			.id = "console0",
			.path = serial.path,
		};
	}
	ret = api_apply(api, &next, err);
	if (ret == 0)
		api_document_set(api, "serial", json_incref(call->body));
	return ret;
}
