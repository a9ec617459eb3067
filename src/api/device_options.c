// SPDX-License-Identifier: Apache-2.0
/*
 * device_options.c - one device of the command line -> struct vm_config
 */
#include "device_options.h"
#include "suboptions.h"

#include <errno.h>
#include <string.h>

#define INTO(type, member) offsetof(struct type, member)

int options_add_disk(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "ro", suboption_bool, INTO(config_disk, read_only) },
		{ "id", suboption_id, INTO(config_disk, id) },
		{ "direct", suboption_bool, INTO(config_disk, direct) },
		{ "queues", suboption_queues, INTO(config_disk, queues) },
	};
	struct config_disk *disk = &cfg->disks[cfg->disk_count];
	int ret;

	if (cfg->disk_count == CONFIG_DISKS_MAX)
		return err_set(err, EINVAL, "at most %d disks",
			       CONFIG_DISKS_MAX);
	ret = suboptions_parse(text, &disk->path, table, ARRAY_LEN(table), disk,
			       err);
	if (ret == 0 && disk->path[0] == '\0')
		ret = err_set(err, EINVAL, "expected the path of an image");
	if (ret == 0)
		cfg->disk_count++;
	return ret;
}

int options_add_vhost_user(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "socket", suboption_text, INTO(config_vhost_user, socket) },
		{ "listen", suboption_bool, INTO(config_vhost_user, listen) },
		{ "id", suboption_id, INTO(config_vhost_user, id) },
		{ "queues", suboption_queues, INTO(config_vhost_user, queues) },
		{ "queue-size", suboption_queue_size,
		  INTO(config_vhost_user, queue_size) },
		{ "tag", suboption_text, INTO(config_vhost_user, tag) },
		{ "mac", suboption_mac, INTO(config_vhost_user, mac) },
	};
	struct config_vhost_user *user;
	int ret;

	if (cfg->vhost_user_count == CONFIG_VHOST_USER_MAX)
		return err_set(err, EINVAL, "at most %d vhost-user devices",
			       CONFIG_VHOST_USER_MAX);
	user = &cfg->vhost_user[cfg->vhost_user_count];
	user->queue_size = CONFIG_QUEUE_SIZE;
	ret = suboptions_parse(text, &user->type, table, ARRAY_LEN(table), user,
			       err);
	if (ret == 0 && user->socket == NULL)
		ret = err_set(err, EINVAL, "expected TYPE,socket=PATH");
	if (ret == 0)
		ret = vm_config_check_vhost_user(user, err);
	if (ret == 0)
		cfg->vhost_user_count++;
	return ret;
}

static int set_console_kind(struct config_console *console, const char *text,
			    struct err *err)
{
	static const struct {
		const char *name;
		enum config_console_kind kind;
		bool path;
	} kinds[] = {
		{ "stdio", CONSOLE_STDIO, false },
		{ "pty", CONSOLE_PTY, false },
		{ "file=", CONSOLE_FILE, true },
		{ "socket=", CONSOLE_SOCKET, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (strncmp(text, kinds[i].name, len) != 0 ||
		    kinds[i].path != (text[len] != '\0'))
			continue;
		console->kind = kinds[i].kind;
		console->path = text + len;
		return 0;
	}
	return err_set(err, EINVAL,
		       "'%s': use stdio, pty, file=PATH, socket=PATH or none",
		       text);
}

int options_add_console(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "id", suboption_id, INTO(config_console, id) },
	};
	struct config_console *console = &cfg->consoles[cfg->console_count];
	const char *kind;
	int ret;

	cfg->console_given = true;
	if (strcmp(text, "none") == 0)
		return 0;
	if (cfg->console_count == CONFIG_CONSOLES_MAX)
		return err_set(err, EINVAL, "at most %d consoles",
			       CONFIG_CONSOLES_MAX);
	ret = suboptions_parse(text, &kind, table, ARRAY_LEN(table), console,
			       err);
	if (ret == 0)
		ret = set_console_kind(console, kind, err);
	if (ret == 0)
		cfg->console_count++;
	return ret;
}

static int suboption_mtu(const char *text, void *into, struct err *err)
{
	/* virtio 1.3, 5.1.4.1 */
	return suboption_uint(text, 68, 65535, into, err);
}

int options_add_net(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "tap", suboption_text, INTO(config_net, tap) },
		{ "macvtap", suboption_text, INTO(config_net, macvtap) },
		{ "tapfd", suboption_fd, INTO(config_net, tap_fd) },
		{ "vhostfd", suboption_fd, INTO(config_net, vhost_fd) },
		{ "mac", suboption_mac, INTO(config_net, mac) },
		{ "mtu", suboption_mtu, INTO(config_net, mtu) },
		{ "queues", suboption_queues, INTO(config_net, queues) },
		{ "queue-size", suboption_queue_size,
		  INTO(config_net, queue_size) },
		{ "id", suboption_id, INTO(config_net, id) },
	};
	struct config_net *net;
	int ret;

	if (cfg->net_count == CONFIG_NETS_MAX)
		return err_set(err, EINVAL, "at most %d network cards",
			       CONFIG_NETS_MAX);
	net = &cfg->nets[cfg->net_count];
	*net = (struct config_net){
		.tap_fd = -1,
		.vhost_fd = -1,
		.queues = 1,
		.queue_size = CONFIG_QUEUE_SIZE,
	};
	ret = suboptions_parse(text, NULL, table, ARRAY_LEN(table), net, err);
	if (ret == 0 &&
	    (net->tap != NULL) + (net->macvtap != NULL) + (net->tap_fd >= 0) !=
		    1)
		ret = err_set(err, EINVAL,
			      "expected one of tap=NAME, macvtap=NAME, "
			      "tapfd=N");
	if (ret == 0 && net->vhost_fd >= 0 && net->tap_fd < 0)
		ret = err_set(err, EINVAL, "vhostfd goes with tapfd=N");
	if (ret == 0 && net->tap_fd >= 0 && net->tap_fd == net->vhost_fd)
		ret = err_set(err, EINVAL,
			      "tapfd and vhostfd are the same descriptor");
	if (ret == 0)
		cfg->net_count++;
	return ret;
}

struct vsock_options {
	struct config_vsock vsock;
	bool cid_given;
};

static int suboption_cid(const char *text, void *into, struct err *err)
{
	struct vsock_options *options = into;

	options->cid_given = true;
	return suboption_uint(text, 0, UINT32_MAX, &options->vsock.cid, err);
}

int options_add_vsock(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "uds", suboption_text, INTO(vsock_options, vsock.uds_path) },
		{ "cid", suboption_cid, 0 },
		{ "id", suboption_id, INTO(vsock_options, vsock.id) },
	};
	struct vsock_options options = {
		.vsock = { .cid = CONFIG_VSOCK_CID, .listen_fd = -1 },
	};
	int ret;

	if (cfg->vsock_count == CONFIG_VSOCKS_MAX)
		return err_set(err, EINVAL, "a guest can have one");
	ret = suboptions_parse(text, NULL, table, ARRAY_LEN(table), &options,
			       err);
	if (ret == 0 && options.vsock.uds_path == NULL && !options.cid_given)
		ret = err_set(err, EINVAL, "expected uds=PATH or cid=N");
	if (ret == 0)
		cfg->vsocks[cfg->vsock_count++] = options.vsock;
	return ret;
}

static int suboption_tpgt(const char *text, void *into, struct err *err)
{
	return suboption_uint(text, 0, UINT16_MAX, into, err);
}

int options_add_scsi(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "wwpn", suboption_text, INTO(config_scsi, wwpn) },
		{ "tpgt", suboption_tpgt, INTO(config_scsi, tpgt) },
		{ "queues", suboption_queues, INTO(config_scsi, queues) },
		{ "id", suboption_id, INTO(config_scsi, id) },
	};
	struct config_scsi *scsi;
	int ret;

	if (cfg->scsi_count == CONFIG_SCSIS_MAX)
		return err_set(err, EINVAL, "at most %d controllers",
			       CONFIG_SCSIS_MAX);
	scsi = &cfg->scsis[cfg->scsi_count];
	scsi->tpgt = 1;
	ret = suboptions_parse(text, NULL, table, ARRAY_LEN(table), scsi, err);
	if (ret == 0 && scsi->wwpn == NULL)
		ret = err_set(err, EINVAL, "expected wwpn=naa.…");
	if (ret == 0 && strlen(scsi->wwpn) > CONFIG_WWPN_MAX)
		ret = err_set(err, EINVAL, "wwpn: at most %d bytes",
			      CONFIG_WWPN_MAX);
	if (ret == 0)
		cfg->scsi_count++;
	return ret;
}
