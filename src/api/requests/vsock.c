// SPDX-License-Identifier: Apache-2.0
/*
 * vsock.c - PUT /vsock: sockets between host and guest
 *
 * By uds_path they are Unix sockets of the host (`mote vsock`), with any context
 * identifier; with kernel, which Firecracker has not, they are AF_VSOCK's.
 */
#include "api_internal.h"

#include <errno.h>
#include <string.h>

struct vsock {
	const char *id, *uds_path;
	uint64_t cid;
	bool kernel;
};

#define FIELD(member) INTO(vsock, member)

int api_put_vsock(struct api *api, struct api_call *call, struct err *err)
{
	static const struct body_field table[] = {
		{ "guest_cid", BODY_UINT, BODY_REQUIRED, FIELD(cid), 0,
		  UINT32_MAX, NULL },
		{ "uds_path", BODY_TEXT, BODY_NULLABLE, FIELD(uds_path), 0, 0,
		  NULL },
		{ "vsock_id", BODY_TEXT, BODY_NULLABLE, FIELD(id), 0, 0, NULL },
		{ "kernel", BODY_BOOL, 0, FIELD(kernel), 0, 0, NULL },
	};
	struct vsock vsock = { 0 };
	struct api_state next;
	json_t *section;
	int ret = api_decode(call, table, ARRAY_LEN(table), &vsock, err);

	if (ret == 0 && !vsock.kernel && vsock.uds_path == NULL)
		ret = err_set(err, EINVAL, "missing field `uds_path`");
	if (ret == 0 && vsock.kernel && vsock.uds_path != NULL)
		ret = err_set(err, EINVAL,
			      "kernel and uds_path exclude each other");
	if (ret < 0)
		return ret;
	api_state_copy(api, &next);
	next.config.vsock_count = 1;
	next.config.vsocks[0] = (struct config_vsock){
		.id = "vsock0",
		.cid = (uint32_t)vsock.cid,
		.uds_path = vsock.uds_path,
		.listen_fd = -1,
	};
	ret = api_apply(api, &next, err);
	if (ret < 0)
		return ret;
	call->deprecated = vsock.id != NULL;
	/* Firecracker's answer leaves vsock_id out. */
	section = json_copy(call->body);
	json_object_del(section, "vsock_id");
	api_document_set(api, "vsock", section);
	return 0;
}
