// SPDX-License-Identifier: Apache-2.0
/*
 * api_document.c - what GET /vm/config answers, and what holds every text that
 * the configuration borrows
 *
 * The sections are those of Firecracker's configuration file, all of them always
 * there. Changed only after a command has succeeded: what it replaces is let go
 * then, and not before.
 */
#include "api_internal.h"

#include <string.h>

json_t *api_document_create(void)
{
	return json_pack("{s[] s[] s[] s[] so sn sn sn sn sn sn sn sn sn sn}",
			 "drives", "network-interfaces", "pmem", "vhost-user",
			 "machine-config", api_machine_config_defaults(),
			 "boot-source", "vsock", "logger", "metrics", "serial",
			 "balloon", "cpu-config", "mmds-config", "entropy",
			 "memory-hotplug");
}

void api_document_set(struct api *api, const char *section, json_t *value)
{
	json_object_set_new(api->document, section, value);
}

static bool is_root(const json_t *value)
{
	return json_is_true(json_object_get(value, "is_root_device")) ||
	       json_is_true(json_object_get(value, "root_device"));
}

/* Its index, or the length of the list. */
static size_t find(const json_t *list, const char *id_key, const char *id)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *value = json_array_get(list, i);

		if (strcmp(id, json_string_value(
				       json_object_get(value, id_key))) == 0)
			break;
	}
	return i;
}

json_t *api_document_find(const struct api *api, const char *section,
			  const char *id_key, const char *id)
{
	const json_t *list = json_object_get(api->document, section);

	return json_array_get(list, find(list, id_key, id));
}

void api_document_put(struct api *api, const char *section, const char *id_key,
		      json_t *value)
{
	json_t *list = json_object_get(api->document, section);
	const char *id = json_string_value(json_object_get(value, id_key));
	size_t i = find(list, id_key, id);

	if (i < json_array_size(list))
		json_array_remove(list, i);
	json_array_insert_new(list, is_root(value) ? 0 : i, value);
}

json_t *api_with_defaults(const json_t *body, json_t *defaults)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value)
		json_object_set(defaults, name, value);
	return defaults;
}
