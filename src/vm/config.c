// SPDX-License-Identifier: Apache-2.0
/*
 * config.c - defaults and checks of what a user asks for
 *
 * Everything here can be said without opening a file or a device.
 */
#include "config.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	QUEUES_AUTO_MAX = 8,
	SCSI_QUEUES_AUTO_MAX = 4, /* each costs the host 18 MiB */
};

void vm_config_init(struct vm_config *cfg)
{
	*cfg = (struct vm_config){
		.id = "vm",
		.kernel_fd = -1,
		.initrd_fd = -1,
		.cmdline = CONFIG_CMDLINE_DEFAULT,
		.cpus = 1,
		.memory = 128 * MIB,
		.thp = true,
		.log_level = LOG_WARN,
	};
	for (size_t i = 0; i < CONFIG_DISKS_MAX; i++)
		cfg->disks[i].fd = -1;
	for (size_t i = 0; i < CONFIG_VHOST_USER_MAX; i++)
		cfg->vhost_user[i].fd = -1;
}

bool vm_config_is_shared(const struct vm_config *cfg)
{
	return cfg->sharing == SHARING_SHARED;
}

bool vm_config_is_mergeable(const struct vm_config *cfg, bool inherited)
{
	if (cfg->mergeable == MERGEABLE_AUTO)
		return inherited && !vm_config_is_shared(cfg) &&
		       !cfg->hugepages;
	return cfg->mergeable == MERGEABLE_ON;
}

/* The device that makes shared memory necessary, or NULL. */
static const char *first_vhost_user_device(const struct vm_config *cfg)
{
	if (cfg->disk_count > 0)
		return cfg->disks[0].id;
	if (cfg->vhost_user_count > 0)
		return cfg->vhost_user[0].id;
	for (unsigned i = 0; i < cfg->vsock_count; i++) {
		if (cfg->vsocks[i].uds_path != NULL)
			return cfg->vsocks[i].id;
	}
	if (cfg->console_count > 0)
		return cfg->consoles[0].id;
	return NULL;
}

static int check_memory(struct vm_config *cfg, struct err *err)
{
	const char *device = first_vhost_user_device(cfg);
	bool mergeable = cfg->mergeable == MERGEABLE_ON;
	bool mib = cfg->memory % MIB == 0;

	if (cfg->memory < 16 * MIB || cfg->memory % (2 * MIB) != 0)
		return err_set(err, EINVAL,
			       "memory of %" PRIu64 " %s: use 16M or more, a "
			       "multiple of 2M",
			       cfg->memory / (mib ? MIB : KIB),
			       mib ? "MiB" : "KiB");
	if (cfg->sharing == SHARING_PRIVATE && device != NULL)
		return err_set(err, EINVAL,
			       "memory sharing=private: device %s is a "
			       "vhost-user device and needs shared memory",
			       device);
	if (mergeable && device != NULL)
		return err_set(err, EINVAL,
			       "memory mergeable=on: device %s needs shared "
			       "memory, which KSM does not merge",
			       device);
	if (mergeable && cfg->sharing == SHARING_SHARED)
		return err_set(err, EINVAL,
			       "memory mergeable=on: KSM does not merge shared "
			       "memory, drop sharing=shared");
	if (mergeable && cfg->hugepages)
		return err_set(err, EINVAL,
			       "memory mergeable=on: KSM does not merge huge "
			       "pages, drop --hugepages");
	if (cfg->sharing == SHARING_AUTO)
		cfg->sharing = device ? SHARING_SHARED : SHARING_PRIVATE;
	return 0;
}

/*
 * One kind of devices: their ids by default, and none twice. count structures of
 * size bytes, each with its id in front.
 */
static int check_ids_of(void *devices, unsigned count, size_t size,
			const char *kind, struct err *err)
{
	char *first = devices;

	for (unsigned i = 0; i < count; i++) {
		char *id = first + i * size;

		if (id[0] == '\0')
			snprintf(id, ID_MAX + 1, "%.32s%u", kind, i);
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(id, first + j * size) == 0)
				return err_set(err, EINVAL,
					       "device id '%s' is used twice",
					       id);
		}
	}
	return 0;
}

/* Disks are one kind, whoever serves them: their names are the guest's, too. */
static int check_disk_ids(const struct vm_config *cfg, struct err *err)
{
	for (unsigned i = 0; i < cfg->disk_count; i++) {
		for (unsigned j = 0; j < cfg->vhost_user_count; j++) {
			if (strcmp(cfg->disks[i].id, cfg->vhost_user[j].id) ==
			    0)
				return err_set(err, EINVAL,
					       "device id '%s' is used twice",
					       cfg->disks[i].id);
		}
	}
	return 0;
}

/* Clients of Firecracker have a drive "1" and an interface "1". */
static int check_ids(struct vm_config *cfg, struct err *err)
{
	const struct {
		void *devices;
		unsigned count;
		size_t size;
		const char *kind;
	} kinds[] = {
		{ cfg->disks, cfg->disk_count, sizeof(cfg->disks[0]), "disk" },
		{ cfg->nets, cfg->net_count, sizeof(cfg->nets[0]), "net" },
		{ cfg->vsocks, cfg->vsock_count, sizeof(cfg->vsocks[0]),
		  "vsock" },
		{ cfg->scsis, cfg->scsi_count, sizeof(cfg->scsis[0]), "scsi" },
		{ cfg->consoles, cfg->console_count, sizeof(cfg->consoles[0]),
		  "console" },
		{ cfg->pmem, cfg->pmem_count, sizeof(cfg->pmem[0]), "pmem" },
	};
	int ret = 0;

	for (unsigned i = 0; i < cfg->vhost_user_count; i++) {
		struct config_vhost_user *user = &cfg->vhost_user[i];

		if (user->id[0] == '\0')
			snprintf(user->id, sizeof(user->id), "%.32s%u",
				 user->type, i);
	}
	ret = check_ids_of(cfg->vhost_user, cfg->vhost_user_count,
			   sizeof(cfg->vhost_user[0]), "", err);
	for (size_t i = 0; i < ARRAY_LEN(kinds) && ret == 0; i++)
		ret = check_ids_of(kinds[i].devices, kinds[i].count,
				   kinds[i].size, kinds[i].kind, err);
	return ret == 0 ? check_disk_ids(cfg, err) : ret;
}

static_assert(offsetof(struct config_disk, id) == 0 &&
		      offsetof(struct config_vhost_user, id) == 0 &&
		      offsetof(struct config_net, id) == 0 &&
		      offsetof(struct config_vsock, id) == 0 &&
		      offsetof(struct config_scsi, id) == 0 &&
		      offsetof(struct config_console, id) == 0 &&
		      offsetof(struct config_pmem, id) == 0,
	      "check_ids_of() finds ids in front");

static int check_disks(struct vm_config *cfg, struct err *err)
{
	for (unsigned i = 0; i < cfg->disk_count; i++) {
		struct config_disk *disk = &cfg->disks[i];

		if (disk->queues > CONFIG_DISK_QUEUES_MAX)
			return err_set(err, EINVAL,
				       "disk %s: %u queues: use 1 to %d",
				       disk->id, disk->queues,
				       CONFIG_DISK_QUEUES_MAX);
		if (disk->queues == 0)
			disk->queues =
				MIN(cfg->cpus, (unsigned)QUEUES_AUTO_MAX);
	}
	return 0;
}

static int check_consoles(struct vm_config *cfg, struct err *err)
{
	unsigned stdio = 0;

	for (unsigned i = 0; i < cfg->console_count; i++)
		stdio += cfg->consoles[i].kind == CONSOLE_STDIO;
	if (stdio > 1)
		return err_set(err, EINVAL,
			       "console: only one can be on stdio");
	if (cfg->console_count > 0 &&
	    (cfg->sharing == SHARING_PRIVATE || cfg->mergeable == MERGEABLE_ON))
		return err_set(err, EINVAL,
			       "console %s is a vhost-user device and needs "
			       "shared memory: use --console none with "
			       "sharing=private or mergeable=on",
			       cfg->consoles[0].id);
	return 0;
}

/* The descriptor or the name of an interface can be of one device. */
static bool nets_collide(const struct config_net *a, const struct config_net *b)
{
	return (a->tap != NULL && b->tap != NULL &&
		strcmp(a->tap, b->tap) == 0) ||
	       (a->macvtap != NULL && b->macvtap != NULL &&
		strcmp(a->macvtap, b->macvtap) == 0) ||
	       (a->tap_fd >= 0 &&
		(a->tap_fd == b->tap_fd || a->tap_fd == b->vhost_fd)) ||
	       (a->vhost_fd >= 0 &&
		(a->vhost_fd == b->tap_fd || a->vhost_fd == b->vhost_fd));
}

static int check_nets(const struct vm_config *cfg, struct err *err)
{
	for (unsigned i = 0; i < cfg->net_count; i++) {
		const struct config_net *net = &cfg->nets[i];

		if (net->queues > 1)
			return err_set(err, EINVAL,
				       "net %s: %u queues: one pair is "
				       "possible, more need a control queue, "
				       "which the monitor does not read",
				       net->id, net->queues);
		for (unsigned j = 0; j < i; j++) {
			if (nets_collide(net, &cfg->nets[j]))
				return err_set(err, EINVAL,
					       "net %s and net %s are on the "
					       "same interface or descriptor",
					       cfg->nets[j].id, net->id);
		}
	}
	return 0;
}

static int check_vsocks(const struct vm_config *cfg, struct err *err)
{
	struct sockaddr_un addr;
	int ret = 0;

	for (unsigned i = 0; i < cfg->vsock_count && ret == 0; i++) {
		const struct config_vsock *vsock = &cfg->vsocks[i];

		if (vsock->uds_path != NULL)
			ret = unix_socket_address(vsock->uds_path, &addr, err);
		/* vsock(7): not the host's 2 nor those before it nor ANY. */
		else if (vsock->cid < 3 || vsock->cid == UINT32_MAX)
			ret = err_set(err, EINVAL,
				      "cid %" PRIu32 ": use 3 to 4294967294, "
				      "or any with uds=PATH",
				      vsock->cid);
		if (ret < 0)
			err_prefix(err, ret, "vsock %s", vsock->id);
	}
	return ret;
}

static int check_scsis(struct vm_config *cfg, struct err *err)
{
	for (unsigned i = 0; i < cfg->scsi_count; i++) {
		struct config_scsi *scsi = &cfg->scsis[i];

		if (scsi->queues > CONFIG_SCSI_QUEUES_MAX)
			return err_set(err, EINVAL,
				       "scsi %s: %u queues: use 1 to %d",
				       scsi->id, scsi->queues,
				       CONFIG_SCSI_QUEUES_MAX);
		if (scsi->queues == 0)
			scsi->queues =
				MIN(cfg->cpus, (unsigned)SCSI_QUEUES_AUTO_MAX);
	}
	return 0;
}

static int check_pmem(struct vm_config *cfg, struct err *err)
{
	if (cfg->pmem_count > 0 && cfg->platform == PLATFORM_CMDLINE)
		return err_set(err, EINVAL,
			       "pmem %s: persistent memory is described by "
			       "ACPI, drop --platform cmdline",
			       cfg->pmem[0].id);
	return 0;
}

int vm_config_check_vhost_user(const struct config_vhost_user *user,
			       struct err *err)
{
	struct sockaddr_un addr;
	int ret = unix_socket_address(user->socket, &addr, err);

	if (ret < 0)
		return ret;
	if (user->tag != NULL && strcmp(user->type, "fs") != 0)
		return err_set(err, EINVAL, "tag: only fs devices have one");
	if (user->mac.given && strcmp(user->type, "net") != 0)
		return err_set(err, EINVAL, "mac: only net devices have one");
	if (user->tag != NULL && strlen(user->tag) > CONFIG_TAG_MAX)
		return err_set(err, EINVAL, "tag '%s': at most %d bytes",
			       user->tag, CONFIG_TAG_MAX);
	return 0;
}

int vm_config_check(struct vm_config *cfg, struct err *err)
{
	int ret;

	if (cfg->kernel == NULL)
		return err_set(err, EINVAL, "no kernel: give --kernel FILE");
	if (cfg->cpus < 1 || cfg->cpus > CONFIG_CPUS_MAX)
		return err_set(err, EINVAL, "%u CPUs: use 1 to %d", cfg->cpus,
			       CONFIG_CPUS_MAX);
	ret = check_ids(cfg, err);
	if (ret == 0)
		ret = check_disks(cfg, err);
	if (ret == 0)
		ret = check_nets(cfg, err);
	if (ret == 0)
		ret = check_vsocks(cfg, err);
	if (ret == 0)
		ret = check_scsis(cfg, err);
	if (ret == 0)
		ret = check_consoles(cfg, err);
	if (ret == 0)
		ret = check_pmem(cfg, err);
	if (ret == 0)
		ret = check_memory(cfg, err);
	return ret;
}

static int check_fd(const struct config_net *net, const char *key, int fd,
		    struct err *err)
{
	if (fd >= 0 && fd <= STDERR_FILENO)
		return err_set(err, EINVAL,
			       "net %s: %s=%d is standard input, output or "
			       "error: pass it as another",
			       net->id, key, fd);
	if (fd >= 0 && fcntl(fd, F_GETFD) < 0)
		return err_set(err, EBADF, "net %s: %s=%d is not open", net->id,
			       key, fd);
	return 0;
}

int vm_config_check_fds(const struct vm_config *cfg, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < cfg->net_count && ret == 0; i++) {
		ret = check_fd(&cfg->nets[i], "tapfd", cfg->nets[i].tap_fd,
			       err);
		if (ret == 0)
			ret = check_fd(&cfg->nets[i], "vhostfd",
				       cfg->nets[i].vhost_fd, err);
	}
	return ret;
}
