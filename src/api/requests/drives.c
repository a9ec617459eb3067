// SPDX-License-Identifier: Apache-2.0
/*
 * drives.c - /drives/{id}: a file behind `mote block`, or a vhost-user server
 *
 * The root device goes first among the disks; the rest keep the order in which
 * they came. Files are opened when they are named.
 */
#include "api_internal.h"
#include "fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A GUID has 36 characters, the rest is for "/PARTNROFF=N". */
enum { PARTUUID_MAX = 64 };
#define PARTUUID_CHARS                                                         \
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-/="

struct drive {
	const char *id, *partuuid, *path, *socket;
	bool is_root, read_only, direct;
	unsigned cache_type, io_engine;
	uint64_t queues;
	json_t *limiter;
};

static const char *const cache_types[] = { "Unsafe", "Writeback", NULL };
static const char *const io_engines[] = { "Sync", "Async", NULL };

#define FIELD(member) INTO(drive, member)
static const struct body_field put_table[] = {
	{ "drive_id", BODY_TEXT, BODY_REQUIRED, FIELD(id), 0, 0, NULL },
	{ "partuuid", BODY_TEXT, BODY_NULLABLE, FIELD(partuuid), 0, 0, NULL },
	{ "is_root_device", BODY_BOOL, BODY_REQUIRED, FIELD(is_root), 0, 0,
	  NULL },
	{ "cache_type", BODY_CHOICE, 0, FIELD(cache_type), 0, 0, cache_types },
	{ "is_read_only", BODY_BOOL, BODY_NULLABLE, FIELD(read_only), 0, 0,
	  NULL },
	{ "path_on_host", BODY_TEXT, BODY_NULLABLE, FIELD(path), 0, 0, NULL },
	{ "rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(limiter), 0, 0,
	  NULL },
	{ "io_engine", BODY_CHOICE, BODY_NULLABLE, FIELD(io_engine), 0, 0,
	  io_engines },
	{ "socket", BODY_TEXT, BODY_NULLABLE, FIELD(socket), 0, 0, NULL },
	{ "direct", BODY_BOOL, BODY_NULLABLE, FIELD(direct), 0, 0, NULL },
	{ "queues", BODY_UINT, BODY_NULLABLE, FIELD(queues), 1,
	  CONFIG_DISK_QUEUES_MAX, NULL },
};

static const struct body_field patch_table[] = {
	{ "drive_id", BODY_TEXT, BODY_REQUIRED, FIELD(id), 0, 0, NULL },
	{ "path_on_host", BODY_TEXT, BODY_NULLABLE, FIELD(path), 0, 0, NULL },
	{ "rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(limiter), 0, 0,
	  NULL },
};

static int check(const struct api *api, const struct drive *drive,
		 const struct api_call *call, struct err *err)
{
	bool file_fields =
		drive->path != NULL || drive->limiter != NULL ||
		drive->direct ||
		json_is_string(json_object_get(call->body, "io_engine")) ||
		json_is_boolean(json_object_get(call->body, "is_read_only"));

	int ret = api_check_id(call, drive->id, err);

	if (ret < 0)
		return ret;
	if ((drive->path == NULL) == (drive->socket == NULL) ||
	    (drive->socket != NULL && file_fields))
		return err_set(err, EINVAL,
			       "Unable to create the block device: Invalid "
			       "block config.");
	if (api_document_find(api, "vhost-user", "id", drive->id) != NULL)
		return err_set(err, EINVAL,
			       "The ID is that of a vhost-user device: %s",
			       drive->id);
	if (drive->partuuid != NULL &&
	    (strlen(drive->partuuid) > PARTUUID_MAX ||
	     drive->partuuid[strspn(drive->partuuid, PARTUUID_CHARS)] != '\0'))
		return err_set(err, EINVAL,
			       "partuuid: expected a partition's GUID");
	return body_check_limiter("rate_limiter", drive->limiter, err);
}

/* Of both kinds; returns where among the disks it was, or their number. */
static unsigned remove_drive(struct vm_config *config, const char *id)
{
	unsigned at = 0, i = 0;

	while (at < config->disk_count && strcmp(config->disks[at].id, id) != 0)
		at++;
	if (at < config->disk_count) {
		config->disk_count--;
		memmove(&config->disks[at], &config->disks[at + 1],
			(config->disk_count - at) * sizeof(config->disks[0]));
	}
	while (i < config->vhost_user_count &&
	       strcmp(config->vhost_user[i].id, id) != 0)
		i++;
	if (i < config->vhost_user_count) {
		config->vhost_user_count--;
		memmove(&config->vhost_user[i], &config->vhost_user[i + 1],
			(config->vhost_user_count - i) *
				sizeof(config->vhost_user[0]));
	}
	return at;
}

static int insert_file(struct vm_config *config, const struct drive *drive,
		       unsigned at, int fd, struct err *err)
{
	struct config_disk *disk = &config->disks[at];

	if (config->disk_count == CONFIG_DISKS_MAX)
		return err_set(err, ENOSPC, "at most %d drives",
			       CONFIG_DISKS_MAX);
	memmove(disk + 1, disk,
		(config->disk_count - at) * sizeof(config->disks[0]));
	config->disk_count++;
	*disk = (struct config_disk){
		.path = drive->path,
		.read_only = drive->read_only,
		.direct = drive->direct,
		.fd = fd,
		.queues = (unsigned)drive->queues,
	};
	snprintf(disk->id, sizeof(disk->id), "%s", drive->id);
	return 0;
}

static int insert_socket(struct vm_config *config, const struct drive *drive,
			 int fd, struct err *err)
{
	struct config_vhost_user *user =
		&config->vhost_user[config->vhost_user_count];

	if (config->vhost_user_count == CONFIG_VHOST_USER_MAX)
		return err_set(err, ENOSPC, "at most %d vhost-user devices",
			       CONFIG_VHOST_USER_MAX);
	config->vhost_user_count++;
	*user = (struct config_vhost_user){
		.type = "blk",
		.socket = drive->socket,
		.fd = fd,
		.fd_given = fd >= 0,
		.queue_size = CONFIG_QUEUE_SIZE,
		.queues = (unsigned)drive->queues,
	};
	snprintf(user->id, sizeof(user->id), "%s", drive->id);
	return vm_config_check_vhost_user(user, err);
}

static int set_root(struct api_state *state, const struct drive *drive,
		    struct err *err)
{
	bool was_root = strcmp(state->root.id, drive->id) == 0;

	if (!drive->is_root && was_root)
		state->root.id[0] = '\0';
	if (!drive->is_root)
		return 0;
	if (state->root.id[0] != '\0' && !was_root)
		return err_set(err, EINVAL,
			       "Unable to create the block device: A root "
			       "block device already exists!");
	snprintf(state->root.id, sizeof(state->root.id), "%s", drive->id);
	state->root.is_pmem = false;
	state->root.read_only = drive->read_only;
	state->root.partuuid = drive->partuuid;
	return 0;
}

/* A drive by socket has none of a file's fields. */
static json_t *complete(const struct drive *drive, const json_t *body)
{
	json_t *defaults = json_pack("{sn sn ss sn sn sn sn sn}", "partuuid",
				     "path_on_host", "cache_type", "Unsafe",
				     "is_read_only", "rate_limiter", "socket",
				     "io_engine", "queues");

	if (drive->socket == NULL) {
		json_object_set_new(defaults, "is_read_only", json_false());
		json_object_set_new(defaults, "io_engine",
				    json_string("Async"));
	}
	return api_with_defaults(body, defaults);
}

int api_put_drive(struct api *api, struct api_call *call, struct err *err)
{
	struct drive drive = { 0 };
	struct api_state next;
	unsigned at;
	int fd = -1;
	int ret =
		api_decode(call, put_table, ARRAY_LEN(put_table), &drive, err);

	if (ret == 0)
		ret = check(api, &drive, call, err);
	if (ret == 0)
		ret = api_take_fd(
			call, drive.path != NULL ? drive.path : drive.socket,
			&fd, err);
	if (ret < 0)
		return ret;
	api_state_copy(api, &next);
	at = remove_drive(&next.config, drive.id);
	ret = set_root(&next, &drive, err);
	if (ret == 0 && drive.socket != NULL)
		ret = insert_socket(&next.config, &drive, fd, err);
	else if (ret == 0)
		ret = insert_file(&next.config, &drive, drive.is_root ? 0 : at,
				  fd, err);
	if (ret == 0)
		ret = api_apply(api, &next, err);
	if (ret < 0)
		fd_close(&fd);
	else
		api_document_put(api, "drives", "drive_id",
				 complete(&drive, call->body));
	return ret;
}

/* In the document too; its old path is no longer borrowed by anybody. */
static int swap(struct api *api, struct api_call *call,
		const struct drive *drive, json_t *entry, struct err *err)
{
	struct command command = {
		.verb = COMMAND_SWAP_DISK,
		.id = drive->id,
		.path = drive->path,
		.fd = -1,
	};
	int ret = api_take_fd(call, drive->path, &command.fd, err);

	if (ret == 0)
		ret = api->target.run(api->target.ctx, &command, err);
	fd_close(&command.fd);
	if (ret == 0)
		json_object_set(entry, "path_on_host",
				json_object_get(call->body, "path_on_host"));
	return ret;
}

int api_patch_drive(struct api *api, struct api_call *call, struct err *err)
{
	struct command refresh = { .verb = COMMAND_REFRESH_CONFIG };
	struct drive drive = { 0 };
	json_t *entry;
	int ret = api_decode(call, patch_table, ARRAY_LEN(patch_table), &drive,
			     err);

	if (ret == 0)
		ret = api_check_id(call, drive.id, err);
	if (ret == 0)
		ret = body_check_limiter("rate_limiter", drive.limiter, err);
	if (ret < 0)
		return ret;
	entry = api_document_find(api, "drives", "drive_id", drive.id);
	if (entry == NULL)
		return err_set(err, ENOENT,
			       "Unable to patch the block device: "
			       "invalid block device ID: %s",
			       drive.id);
	if (json_is_string(json_object_get(entry, "socket")) !=
	    (drive.path == NULL && drive.limiter == NULL))
		return err_set(err, EINVAL,
			       "Unable to patch the block device: Running "
			       "method expected different backend.");
	if (drive.path != NULL)
		return swap(api, call, &drive, entry, err);
	refresh.id = drive.id;
	return drive.limiter != NULL
		       ? 0
		       : api->target.run(api->target.ctx, &refresh, err);
}
