// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_status.c - mote ctl status: what a VM is, does and has, for people
 *
 * Made of GET /, GET /vm/config and, once there is a VM, the devices of GET
 * /metrics. What the answers lack is left out: the server may be another version.
 */
#include "ctl_internal.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status {
	json_t *instance, *config;
	json_t *devices; /* array; NULL: not started */
};

static void free_status(struct status *status)
{
	json_decref(status->instance);
	json_decref(status->config);
	json_decref(status->devices);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static int get_devices(struct ctl *ctl, struct status *status, struct err *err)
{
	json_t *metrics;
	int ret;

	if (strcmp(text_of(status->instance, "state"), "Not started") == 0)
		return 0;
	ret = ctl_get_json(&ctl->conn, "/metrics", &metrics, err);
	if (ret < 0)
		return ret;
	status->devices = json_incref(json_object_get(metrics, "devices"));
	json_decref(metrics);
	return 0;
}

static int get_status(struct ctl *ctl, struct status *status, struct err *err)
{
	int ret = ctl_get_json(&ctl->conn, "/", &status->instance, err);

	if (ret == 0)
		ret = ctl_get_json(&ctl->conn, "/vm/config", &status->config,
				   err);
	return ret < 0 ? ret : get_devices(ctl, status, err);
}

/* A line: its name stands in a column of its own, or it goes on with the last. */
static void print_line(FILE *out, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void print_line(FILE *out, const char *name, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	/* Paths of others could hold what a terminal obeys. */
	for (char *c = text; *c != '\0'; c++) {
		if (iscntrl((unsigned char)*c))
			*c = '?';
	}
	while (len > 0 && text[len - 1] == ' ')
		text[--len] = '\0';
	fprintf(out, "%-8s %s\n", name, text);
	free(text);
}

static const struct device_kind {
	const char *section; /* of the configuration: a list, or one object */
	const char *id_key, *id_default;
	const char *type;
	const char *what[2]; /* keys of the texts that say what it is */
} kinds[] = {
	{ "drives", "drive_id", "", "drive", { "path_on_host", "socket" } },
	{ "network-interfaces",
	  "iface_id",
	  "",
	  "network",
	  { "host_dev_name" } },
	{ "pmem", "id", "", "pmem", { "path_on_host" } },
	{ "vsock", "vsock_id", "vsock0", "vsock", { "uds_path" } },
	{ "vhost-user", "id", "", "vhost-user", { "type", "socket" } },
};

static const char *state_of(const json_t *device)
{
	static const struct {
		const char *key, *state;
	} states[] = {
		{ "lost", "lost: its backend is gone" },
		{ "needs_reset", "failed: needs a reset by its driver" },
		{ "started", "in use" },
	};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		const json_t *flag = json_object_get(device, states[i].key);

		if (json_is_true(flag) || json_integer_value(flag) != 0)
			return states[i].state;
	}
	return device != NULL ? "not in use" : "";
}

/* Taken out of the list, so that those are left that no request asked for. */
static json_t *take_device(json_t *devices, const char *id)
{
	json_t *device;
	size_t i;

	json_array_foreach(devices, i, device)
	{
		if (strcmp(text_of(device, "id"), id) != 0)
			continue;
		json_incref(device);
		json_array_remove(devices, i);
		return device;
	}
	return NULL;
}

/* "drive /srv/root.img, root, read-only" */
static void describe(const struct device_kind *kind, const json_t *config,
		     char *buf, size_t room)
{
	static const struct {
		const char *key, *text;
	} flags[] = {
		{ "is_root_device", ", root" },
		{ "root_device", ", root" },
		{ "is_read_only", ", read-only" },
	};
	size_t len = (size_t)snprintf(buf, room, "%-10s", kind->type);

	for (size_t i = 0; i < ARRAY_LEN(kind->what); i++) {
		const char *text = kind->what[i] != NULL
					   ? text_of(config, kind->what[i])
					   : "";

		if (text[0] != '\0')
			len += (size_t)snprintf(buf + len, room - len,
						" %.1000s", text);
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (json_is_true(json_object_get(config, flags[i].key)))
			len += (size_t)snprintf(buf + len, room - len, "%s",
						flags[i].text);
	}
}

static void print_device(FILE *out, bool *first, const char *id,
			 const char *what, const char *state)
{
	print_line(out, *first ? "devices" : "", "%-14s %s%s%s%s", id, what,
		   state[0] != '\0' ? " (" : "", state,
		   state[0] != '\0' ? ")" : "");
	*first = false;
}

static void print_kind(FILE *out, const struct status *status,
		       const struct device_kind *kind, bool *first)
{
	json_t *section = json_object_get(status->config, kind->section);
	size_t n = json_is_object(section) ? 1 : json_array_size(section);
	char what[4096];

	for (size_t i = 0; i < n; i++) {
		const json_t *config = json_is_object(section)
					       ? section
					       : json_array_get(section, i);
		const char *id = text_of(config, kind->id_key);
		json_t *device;

		if (id[0] == '\0')
			id = kind->id_default;
		device = take_device(status->devices, id);
		describe(kind, config, what, sizeof(what));
		print_device(out, first, id, what, state_of(device));
		json_decref(device);
	}
}

static void print_devices(FILE *out, const struct status *status)
{
	bool first = true;
	json_t *device;
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		print_kind(out, status, &kinds[i], &first);
	json_array_foreach(status->devices, i, device)
		print_device(out, &first, text_of(device, "id"),
			     text_of(device, "type"), state_of(device));
	if (first)
		print_line(out, "devices", "%s", "none");
}

static void print_status(FILE *out, const struct status *status)
{
	const json_t *machine =
		json_object_get(status->config, "machine-config");
	const json_t *boot = json_object_get(status->config, "boot-source");
	const char *kernel = text_of(boot, "kernel_image_path");

	print_line(out, "id", "%s", text_of(status->instance, "id"));
	print_line(out, "state", "%s", text_of(status->instance, "state"));
	print_line(out, "vCPUs", "%" JSON_INTEGER_FORMAT,
		   json_integer_value(json_object_get(machine, "vcpu_count")));
	print_line(
		out, "memory", "%" JSON_INTEGER_FORMAT " MiB",
		json_integer_value(json_object_get(machine, "mem_size_mib")));
	print_line(out, "kernel", "%s",
		   kernel[0] != '\0' ? kernel : "none so far");
	print_devices(out, status);
}

static int print_text(const struct status *status, struct err *err)
{
	size_t len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);
	int ret;

	if (out == NULL)
		return err_set(err, ENOMEM, "out of memory");
	print_status(out, status);
	if (fclose(out) != 0)
		ret = err_set(err, ENOMEM, "out of memory");
	else
		ret = ctl_print(text, len, err);
	free(text);
	return ret;
}

static int print_json(const struct status *status, struct err *err)
{
	json_t *all =
		json_pack("{sO sO sO?}", "instance", status->instance, "config",
			  status->config, "devices", status->devices);
	int ret = ctl_print_json(all, err);

	json_decref(all);
	return ret;
}

int ctl_status(struct ctl *ctl, struct err *err)
{
	struct status status = { .devices = NULL };
	int ret = get_status(ctl, &status, err);

	if (ret == 0)
		ret = ctl->json ? print_json(&status, err)
				: print_text(&status, err);
	free_status(&status);
	return ret;
}
