// SPDX-License-Identifier: Apache-2.0
/*
 * machine_files.c - what a configuration names, opened when it is configured
 */
#include "machine_files.h"
#include "fd.h"
#include "tap.h"
#include "unix_socket.h"
#include "vhost_user.h"
#include "vhost_user.h"
#include "vm.h"
#include "vm_image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every descriptor of a configuration. */
enum {
	FDS_MAX = 2 + CONFIG_DISKS_MAX + CONFIG_VHOST_USER_MAX +
		  CONFIG_PMEM_MAX + 2 * CONFIG_NETS_MAX + CONFIG_VSOCKS_MAX,
};

static size_t list_fds(struct vm_config *cfg, int *fds[FDS_MAX])
{
	size_t n = 0;

	fds[n++] = &cfg->kernel_fd;
	fds[n++] = &cfg->initrd_fd;
	for (unsigned i = 0; i < cfg->disk_count; i++)
		fds[n++] = &cfg->disks[i].fd;
	for (unsigned i = 0; i < cfg->vhost_user_count; i++)
		fds[n++] = &cfg->vhost_user[i].fd;
	for (unsigned i = 0; i < cfg->pmem_count; i++)
		fds[n++] = &cfg->pmem[i].fd;
	for (unsigned i = 0; i < cfg->net_count; i++) {
		fds[n++] = &cfg->nets[i].tap_fd;
		fds[n++] = &cfg->nets[i].vhost_fd;
	}
	for (unsigned i = 0; i < cfg->vsock_count; i++)
		fds[n++] = &cfg->vsocks[i].listen_fd;
	return n;
}

static bool has_fd(const struct vm_config *cfg, int fd)
{
	struct vm_config copy = *cfg;
	int *fds[FDS_MAX];
	size_t n = list_fds(&copy, fds);

	for (size_t i = 0; i < n; i++) {
		if (*fds[i] == fd)
			return true;
	}
	return false;
}

static bool has_path(const struct vm_config *cfg, const char *uds_path)
{
	for (unsigned i = 0; i < cfg->vsock_count; i++) {
		if (cfg->vsocks[i].uds_path != NULL &&
		    strcmp(cfg->vsocks[i].uds_path, uds_path) == 0)
			return true;
	}
	return false;
}

void machine_close_files(struct vm_config *cfg, const struct vm_config *keep)
{
	int *fds[FDS_MAX];
	size_t n;

	for (unsigned i = 0; i < cfg->vsock_count; i++) {
		const struct config_vsock *vsock = &cfg->vsocks[i];

		/* Before its listener: nobody else can be there in between. */
		if (vsock->listen_fd >= 0 &&
		    (keep == NULL || !has_path(keep, vsock->uds_path)))
			unlink(vsock->uds_path);
	}
	n = list_fds(cfg, fds);
	for (size_t i = 0; i < n; i++) {
		if (keep == NULL || !has_fd(keep, *fds[i]))
			fd_close(fds[i]);
	}
}

void machine_hang_up(struct vm_config *cfg)
{
	for (unsigned i = 0; i < cfg->vhost_user_count; i++) {
		if (!cfg->vhost_user[i].fd_given)
			fd_close(&cfg->vhost_user[i].fd);
	}
}

void machine_hand_over_files(struct vm_config *cfg)
{
	fd_close(&cfg->kernel_fd);
	fd_close(&cfg->initrd_fd);
	for (unsigned i = 0; i < cfg->disk_count; i++)
		fd_close(&cfg->disks[i].fd);
	for (unsigned i = 0; i < cfg->vhost_user_count; i++)
		fd_close(&cfg->vhost_user[i].fd);
	for (unsigned i = 0; i < cfg->net_count; i++) {
		fd_close(&cfg->nets[i].tap_fd);
		fd_close(&cfg->nets[i].vhost_fd);
	}
	for (unsigned i = 0; i < cfg->vsock_count; i++)
		fd_close(&cfg->vsocks[i].listen_fd);
}

static int open_named(const char *what, const char *path, int *fd,
		      struct err *err)
{
	int ret;

	if (path == NULL || *fd >= 0)
		return 0;
	*fd = ret = vm_open_file(path, err);
	if (ret < 0) {
		*fd = -1;
		return err_prefix(err, ret, "%s", what);
	}
	return 0;
}

/* Bound by us before, and still there: then that is it. */
static int reuse_socket(const char *path, const struct vm_config *before)
{
	for (unsigned i = 0; i < before->vsock_count; i++) {
		const struct config_vsock *old = &before->vsocks[i];

		if (old->uds_path != NULL && old->listen_fd >= 0 &&
		    strcmp(old->uds_path, path) == 0 && access(path, F_OK) == 0)
			return old->listen_fd;
	}
	return -1;
}

/* For a server that serves somebody else and may be about to end. */
enum { CONNECT_MS = 1000 };

/* A server that is asked to come to us comes at the start. */
static int connect_user(struct config_vhost_user *user, struct err *err)
{
	int ret;

	if (user->fd >= 0 || user->listen)
		return 0;
	ret = vhost_user_connect(user->socket, CONNECT_MS, &user->fd, err);
	return ret < 0 ? err_prefix(err, ret, "device %s", user->id) : 0;
}

/* Clients that are there before the guest is. */
enum { VSOCK_BACKLOG = 128 };

static int bind_vsock(struct config_vsock *vsock,
		      const struct vm_config *before, struct err *err)
{
	int ret;

	if (vsock->uds_path == NULL || vsock->listen_fd >= 0)
		return 0;
	vsock->listen_fd = reuse_socket(vsock->uds_path, before);
	if (vsock->listen_fd >= 0)
		return 0;
	ret = unix_socket_listen(vsock->uds_path, &vsock->listen_fd, err);
	if (ret == 0)
		listen(vsock->listen_fd, VSOCK_BACKLOG);
	return ret < 0 ? err_prefix(err, ret, "vsock %s", vsock->id) : 0;
}

/* Ours already, under the same id or another one. */
static bool reuse_tap(struct config_net *net, const struct vm_config *before)
{
	for (unsigned i = 0; i < before->net_count && net->tap != NULL; i++) {
		const struct config_net *old = &before->nets[i];

		if (old->tap == NULL || old->tap_fd < 0 ||
		    strcmp(old->tap, net->tap) != 0)
			continue;
		net->tap_fd = old->tap_fd;
		return true;
	}
	return false;
}

/* A tap that nobody but us knows of yet is of no use while it is down. */
static int open_tap(struct config_net *net, struct err *err)
{
	struct tap tap = { .fd = -1 };
	int ret;

	ret = net->tap != NULL ? tap_open(net->tap, &tap, err)
			       : tap_open_macvtap(net->macvtap, &tap, err);
	if (ret == 0 && tap.created && net->mtu > 0)
		ret = tap_set_mtu(&tap, net->mtu, err);
	if (ret == 0 && tap.created)
		ret = tap_set_up(&tap, err);
	if (ret < 0) {
		tap_close(&tap);
		return err_prefix(err, ret, "net %s", net->id);
	}
	net->tap_fd = fd_take(&tap.fd);
	return 0;
}

static int check_types(const struct vm_config *cfg, struct err *err)
{
	for (unsigned i = 0; i < cfg->vhost_user_count; i++) {
		const struct config_vhost_user *user = &cfg->vhost_user[i];

		if (vhost_user_type_find(user->type) == NULL)
			return err_set(err, EINVAL,
				       "vhost-user type '%s' is unknown; known "
				       "are %s",
				       user->type, vhost_user_type_names());
	}
	return 0;
}

/* One that was passed is open as whoever passed it opened it. */
static int check_given_disk(const struct config_disk *disk, struct err *err)
{
	int mode = fcntl(disk->fd, F_GETFL);
	bool readable = (mode & O_ACCMODE) != O_WRONLY && !(mode & O_PATH);
	bool writable = (mode & O_ACCMODE) == O_RDWR;

	if (mode < 0 || !readable || (!writable && !disk->read_only))
		return err_set(err, EBADF,
			       "disk %s: '%s' is not open for reading%s",
			       disk->id, disk->path,
			       disk->read_only ? "" : " and writing");
	return vm_check_image(disk->fd, disk->path, err);
}

/* By the number it was passed under; the VM has a copy with another one. */
static int check_given_tap(const struct config_net *net, struct err *err)
{
	struct tap tap;
	int ret = tap_adopt(net->tap_fd, &tap, err);

	return ret < 0 ? err_prefix(err, ret, "net %s", net->id) : 0;
}

static int open_all(struct vm_config *cfg, const struct vm_config *before,
		    struct err *err)
{
	int ret = check_types(cfg, err);

	if (ret == 0)
		ret = open_named("kernel", cfg->kernel, &cfg->kernel_fd, err);
	if (ret == 0)
		ret = open_named("initrd", cfg->initrd, &cfg->initrd_fd, err);
	for (unsigned i = 0; i < cfg->disk_count && ret == 0; i++) {
		if (cfg->disks[i].fd >= 0)
			ret = check_given_disk(&cfg->disks[i], err);
		else
			ret = vm_open_disk(&cfg->disks[i], &cfg->disks[i].fd,
					   err);
	}
	for (unsigned i = 0; i < cfg->pmem_count && ret == 0; i++) {
		if (cfg->pmem[i].fd < 0)
			cfg->pmem[i].fd = ret =
				vm_open_pmem(&cfg->pmem[i], err);
		ret = MIN(ret, 0);
	}
	for (unsigned i = 0; i < cfg->net_count && ret == 0; i++) {
		struct config_net *net = &cfg->nets[i];

		if (net->tap_fd < 0 && !reuse_tap(net, before))
			ret = open_tap(net, err);
		else if (!has_fd(before, net->tap_fd))
			ret = check_given_tap(net, err);
	}
	for (unsigned i = 0; i < cfg->vhost_user_count && ret == 0; i++)
		ret = connect_user(&cfg->vhost_user[i], err);
	/* Last: nothing that fails later leaves a file behind. */
	for (unsigned i = 0; i < cfg->vsock_count && ret == 0; i++)
		ret = bind_vsock(&cfg->vsocks[i], before, err);
	return ret;
}

/* Those given are the caller's, those taken over from before the machine's. */
static void close_opened(struct vm_config *cfg, struct vm_config *given,
			 const struct vm_config *before)
{
	int *fds[FDS_MAX], *given_fds[FDS_MAX];
	size_t n = list_fds(cfg, fds);

	list_fds(given, given_fds);
	for (size_t i = 0; i < n; i++) {
		if (*fds[i] != *given_fds[i] && !has_fd(before, *fds[i]))
			fd_close(fds[i]);
	}
}

int machine_open_files(struct vm_config *cfg, const struct vm_config *before,
		       struct err *err)
{
	struct vm_config given = *cfg;
	int ret = open_all(cfg, before, err);

	if (ret < 0)
		close_opened(cfg, &given, before);
	return ret;
}
