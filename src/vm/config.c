// SPDX-License-Identifier: Apache-2.0
/*
 * config.c - defaults and checks of what a user asks for
 *
 * Everything here can be said without opening a file or a device.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { QUEUES_AUTO_MAX = 8 };

void vm_config_init(struct vm_config *cfg)
{
	*cfg = (struct vm_config){
		.id = "vm",
		.cmdline = CONFIG_CMDLINE_DEFAULT,
		.cpus = 1,
		.memory = 128 * MIB,
		.thp = true,
		.log_level = LOG_WARN,
	};
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
	if (cfg->console_count > 0)
		return cfg->consoles[0].id;
	return NULL;
}

static int check_memory(struct vm_config *cfg, struct err *err)
{
	const char *device = first_vhost_user_device(cfg);
	bool mergeable = cfg->mergeable == MERGEABLE_ON;

	if (cfg->memory < 16 * MIB || cfg->memory % (2 * MIB) != 0)
		return err_set(err, EINVAL,
			       "memory %" PRIu64 " KiB: use 16M or more, a "
			       "multiple of 2M",
			       cfg->memory / KIB);
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

/* Every device's id in one list, in the order of the bus. */
static size_t collect_ids(struct vm_config *cfg, char **ids)
{
	size_t n = 0;

	for (unsigned i = 0; i < cfg->disk_count; i++)
		ids[n++] = cfg->disks[i].id;
	for (unsigned i = 0; i < cfg->vhost_user_count; i++)
		ids[n++] = cfg->vhost_user[i].id;
	for (unsigned i = 0; i < cfg->console_count; i++)
		ids[n++] = cfg->consoles[i].id;
	for (unsigned i = 0; i < cfg->pmem_count; i++)
		ids[n++] = cfg->pmem[i].id;
	return n;
}

static int check_ids(struct vm_config *cfg, struct err *err)
{
	char *ids[CONFIG_DISKS_MAX + CONFIG_VHOST_USER_MAX +
		  CONFIG_CONSOLES_MAX + CONFIG_PMEM_MAX];
	size_t n;

	for (unsigned i = 0; i < cfg->disk_count; i++) {
		if (cfg->disks[i].id[0] == '\0')
			snprintf(cfg->disks[i].id, ID_MAX + 1, "disk%u", i);
	}
	for (unsigned i = 0; i < cfg->vhost_user_count; i++) {
		if (cfg->vhost_user[i].id[0] == '\0')
			snprintf(cfg->vhost_user[i].id, ID_MAX + 1, "%.32s%u",
				 cfg->vhost_user[i].type, i);
	}
	for (unsigned i = 0; i < cfg->console_count; i++) {
		if (cfg->consoles[i].id[0] == '\0')
			snprintf(cfg->consoles[i].id, ID_MAX + 1, "console%u",
				 i);
	}
	for (unsigned i = 0; i < cfg->pmem_count; i++) {
		if (cfg->pmem[i].id[0] == '\0')
			snprintf(cfg->pmem[i].id, ID_MAX + 1, "pmem%u", i);
	}
	n = collect_ids(cfg, ids);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(ids[i], ids[j]) == 0)
				return err_set(err, EINVAL,
					       "device id '%s' is used twice",
					       ids[i]);
		}
	}
	return 0;
}

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
		ret = check_consoles(cfg, err);
	if (ret == 0)
		ret = check_pmem(cfg, err);
	if (ret == 0)
		ret = check_memory(cfg, err);
	return ret;
}
