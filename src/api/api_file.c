// SPDX-License-Identifier: Apache-2.0
/*
 * api_file.c - a configuration file: the requests of a whole VM in one
 *
 * Each section is put as if it had come by the socket, in an order in which none
 * needs a later one; then the VM is started. Sections that are not known are
 * ignored, as Firecracker does; unknown fields inside of one are not.
 */
#include "api_internal.h"
#include "fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *id_key;   /* a list: its objects' id; else NULL */
	const char *resource; /* NULL: its name */
} sections[] = {
	{ "logger", NULL, NULL },
	{ "metrics", NULL, NULL },
	{ "machine-config", NULL, NULL },
	{ "cpu-config", NULL, NULL },
	{ "boot-source", NULL, NULL },
	{ "drives", "drive_id", NULL },
	{ "network-interfaces", "iface_id", NULL },
	{ "vsock", NULL, NULL },
	{ "pmem", "id", NULL },
	{ "vhost-user", "id", NULL },
	{ "serial", NULL, NULL },
	{ "balloon", NULL, NULL },
	{ "mmds-config", NULL, "mmds/config" },
	{ "entropy", NULL, NULL },
	{ "memory-hotplug", NULL, "hotplug/memory" },
};

static int put(struct api *api, const char *name, const char *id,
	       const json_t *value, struct err *err)
{
	char target[64 + ID_MAX];
	char *body = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	int ret;

	if (body == NULL)
		return err_set(err, ENOMEM, "out of memory");
	snprintf(target, sizeof(target), "/%s%s%s", name, id != NULL ? "/" : "",
		 id != NULL ? id : "");
	ret = api_put(api, target, body, err);
	free(body);
	return ret < 0 ? err_prefix(err, ret, "%s", name) : 0;
}

static int put_list(struct api *api, const char *name, const char *id_key,
		    const json_t *list, struct err *err)
{
	size_t i;
	json_t *value;
	int ret = 0;

	if (!json_is_array(list))
		return err_set(err, EINVAL, "%s: expected a list", name);
	json_array_foreach((json_t *)list, i, value)
	{
		const char *id =
			json_string_value(json_object_get(value, id_key));

		if (id == NULL)
			return err_set(err, EINVAL, "%s: missing field `%s`",
				       name, id_key);
		ret = put(api, name, id, value, err);
		if (ret < 0)
			break;
	}
	return ret;
}

static int put_all(struct api *api, const json_t *file, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(sections) && ret == 0; i++) {
		const char *name = sections[i].name;
		const json_t *value = json_object_get(file, name);

		if (value == NULL || json_is_null(value))
			continue;
		ret = sections[i].id_key != NULL
			      ? put_list(api, name, sections[i].id_key, value,
					 err)
			      : put(api,
				    sections[i].resource != NULL
					    ? sections[i].resource
					    : name,
				    NULL, value, err);
	}
	return ret;
}

int api_load_file(struct api *api, const char *path, struct err *err)
{
	json_error_t error;
	json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	int ret;

	if (file == NULL && error.line < 0)
		return err_set(err, EINVAL, "configuration file '%s': %s", path,
			       error.text);
	if (file == NULL)
		return err_set(err, EINVAL,
			       "configuration file '%s': %s at line %d column "
			       "%d",
			       path, error.text, error.line, error.column);
	if (json_is_object(file))
		ret = put_all(api, file, err);
	else
		ret = err_set(err, EINVAL, "expected an object");
	json_decref(file);
	if (ret == 0)
		ret = api_put(api, "/actions",
			      "{\"action_type\":\"InstanceStart\"}", err);
	return ret < 0 ? err_prefix(err, ret, "configuration file '%s'", path)
		       : 0;
}
