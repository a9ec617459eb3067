// SPDX-License-Identifier: Apache-2.0
/*
 * vm_vsock.c - sockets between host and guest, on Unix sockets
 *
 * The socket is bound here, so that it is there before the guest is, and gone
 * after it however that ends.
 */
#include "vm_internal.h"
#include "fd.h"
#include "spawner.h"
#include "unix_socket.h"

#include <string.h>
#include <unistd.h>

static int bind_socket(struct vm *vm, const char *path, int *fd,
		       struct err *err)
{
	int ret = unix_socket_listen(path, fd, err);

	if (ret < 0)
		return ret;
	ret = spawner_unlink_at_end(vm->spawner, path, err);
	if (ret < 0)
		unlink(path);
	return ret;
}

int vm_start_vsock(struct vm *vm, const struct config_vsock *vsock,
		   int backend_fd, struct err *err)
{
	struct spawn_request req = {
		.role = SPAWN_VSOCK,
		.cid = vsock->cid,
		.log_level = (uint8_t)vm->cfg->log_level,
	};
	int bound = -1, ret = 0;

	memcpy(req.id, vsock->id, sizeof(req.id));
	/* vm_config_check() has seen that it fits. */
	memcpy(req.path, vsock->uds_path, strlen(vsock->uds_path));
	if (vsock->listen_fd < 0)
		ret = bind_socket(vm, vsock->uds_path, &bound, err);
	if (ret == 0) {
		int fds[] = { backend_fd,
			      bound >= 0 ? bound : vsock->listen_fd };

		ret = spawner_start(vm->spawner, &req, fds, ARRAY_LEN(fds),
				    err);
	}
	fd_close(&bound);
	return ret < 0 ? err_prefix(err, ret, "vsock %s", vsock->id) : 0;
}
