// SPDX-License-Identifier: Apache-2.0
/*
 * vm_vsock.c - sockets between host and guest, on Unix sockets
 *
 * The socket is bound when it is configured (machine_files.c), so that it is there
 * before the guest is; it goes with the guest, however that ends.
 */
#include "vm_internal.h"
#include "spawner.h"

#include <string.h>

int vm_start_vsock(struct vm *vm, const struct config_vsock *vsock,
		   int backend_fd, struct err *err)
{
	struct spawn_request req = {
		.role = SPAWN_VSOCK,
		.cid = vsock->cid,
		.log_level = (uint8_t)vm->cfg->log_level,
	};
	int fds[] = { backend_fd, vsock->listen_fd }, ret;

	memcpy(req.id, vsock->id, sizeof(req.id));
	/* vm_config_check() has seen that it fits. */
	memcpy(req.path, vsock->uds_path, strlen(vsock->uds_path));
	ret = spawner_start(vm->spawner, &req, fds, ARRAY_LEN(fds), err);
	if (ret == 0)
		ret = spawner_unlink_at_end(vm->spawner, vsock->uds_path, err);
	return ret < 0 ? err_prefix(err, ret, "vsock %s", vsock->id) : 0;
}
