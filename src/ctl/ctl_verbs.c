// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_verbs.c - the verbs of `mote ctl`, most of which are one request
 */
#include "ctl_internal.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ctl_print(const char *text, size_t len, struct err *err)
{
	int ret = fd_write_all(STDOUT_FILENO, text, len);

	return ret < 0 ? err_set(err, -ret, "standard output: %s",
				 strerror(-ret))
		       : 0;
}

int ctl_print_json(const json_t *json, struct err *err)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
	int ret;

	if (text == NULL)
		return err_set(err, ENOMEM, "out of memory");
	ret = ctl_print(text, strlen(text), err);
	free(text);
	return ret < 0 ? ret : ctl_print("\n", 1, err);
}

/* JSON in lines; any other text, such as Prometheus', as it is. */
static int print_answer(const struct ctl_answer *answer, struct err *err)
{
	json_t *json;
	int ret;

	if (answer->len == 0)
		return 0;
	json = json_loadb(answer->body, answer->len, JSON_DECODE_ANY, NULL);
	if (json == NULL)
		return ctl_print(answer->body, answer->len, err);
	ret = ctl_print_json(json, err);
	json_decref(json);
	return ret;
}

static int request(struct ctl *ctl, const char *method, const char *target,
		   const char *body, struct err *err)
{
	struct ctl_answer answer;
	int ret = ctl_request(&ctl->conn, method, target, body, &answer, err);

	if (ret < 0)
		return ret;
	ret = print_answer(&answer, err);
	ctl_answer_free(&answer);
	return ret;
}

static int simple(struct ctl *ctl, struct err *err)
{
	const struct ctl_verb *verb = ctl->verb;

	return request(ctl, verb->method, verb->target, verb->body, err);
}

static int print_version(struct ctl *ctl, struct err *err)
{
	char line[128];
	json_t *json;
	int ret = ctl_get_json(&ctl->conn, "/version", &json, err), len;

	if (ret < 0)
		return ret;
	len = snprintf(line, sizeof(line), "mote %.40s\nFirecracker %.40s\n",
		       json_string_value(json_object_get(json, "mote_version"))
			       ?: "(unknown)",
		       json_string_value(json_object_get(json, "firecracker_"
							       "version"))
			       ?: "(unknown)");
	json_decref(json);
	return ctl_print(line, (size_t)len, err);
}

static int print_metrics(struct ctl *ctl, struct err *err)
{
	return request(ctl, "GET",
		       ctl->prometheus ? "/metrics?format=prometheus"
				       : "/metrics",
		       NULL, err);
}

/* As the lines come. Without --follow there are no more once it is quiet. */
static int copy_events(struct ctl *ctl, struct err *err)
{
	char buf[4096];
	ssize_t n;
	int ret;

	do {
		ctl_set_limit(&ctl->conn, ctl->follow ? 0 : CTL_QUIET_MS);
		n = ctl_read_body(&ctl->conn, buf, sizeof(buf), err);
		ret = n > 0 ? ctl_print(buf, (size_t)n, err) : (int)n;
	} while (n > 0 && ret == 0);
	return ret == -ETIMEDOUT ? 0 : ret;
}

static int print_events(struct ctl *ctl, struct err *err)
{
	struct ctl_answer answer;
	char target[64];
	int ret;

	snprintf(target, sizeof(target), "/events?since=%ju",
		 (uintmax_t)ctl->since);
	ret = ctl_send(&ctl->conn, "GET", target, NULL, err);
	if (ret == 0)
		ret = ctl_read_head(&ctl->conn, &answer.status, err);
	if (ret < 0)
		return ret;
	if (answer.status == 200) {
		ctl->conn.output_fd = STDOUT_FILENO;
		return copy_events(ctl, err);
	}
	ret = ctl_read_all(&ctl->conn, &answer, err);
	if (ret == 0) {
		ret = ctl_set_fault(&answer, err);
		ctl_answer_free(&answer);
	}
	return ret;
}

/* "drives/a" or "/drives/a"; nothing that would end the request line. */
static int make_target(const char *prefix, const char *resource, char **out,
		       struct err *err)
{
	for (const char *c = resource; *c != '\0'; c++) {
		if (*c <= ' ' || *c == 0x7f)
			return err_set(err, EINVAL,
				       "'%s': a resource is one word of ASCII",
				       resource);
	}
	resource += strspn(resource, "/");
	if (asprintf(out, "%s%s", prefix, resource) < 0)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

/* The server's working directory is another one. */
static json_t *absolute(const char *path)
{
	char *dir = path[0] != '/' ? getcwd(NULL, 0) : NULL;
	json_t *json = json_sprintf("%s%s%s", dir != NULL ? dir : "",
				    dir != NULL ? "/" : "", path);

	free(dir);
	return json;
}

static int swap_disk(struct ctl *ctl, struct err *err)
{
	json_t *json = json_pack("{ss so*}", "drive_id", ctl->words[0],
				 "path_on_host", absolute(ctl->words[1]));
	char *body = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	char *target = NULL;
	int ret;

	if (body == NULL)
		ret = err_set(err, EINVAL, "'%s': not UTF-8", ctl->words[1]);
	else
		ret = make_target("/drives/", ctl->words[0], &target, err);
	if (ret == 0)
		ret = request(ctl, "PATCH", target, body, err);
	free(target);
	free(body);
	json_decref(json);
	return ret;
}

/* "@FILE", "@-", or the text itself. */
static int read_body(const char *word, char **out, struct err *err)
{
	struct ctl_answer text = { .len = 0 };
	FILE *in;

	if (word[0] != '@') {
		*out = strdup(word);
		return *out != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
	}
	in = strcmp(word, "@-") == 0 ? stdin : fopen(word + 1, "re");
	if (in == NULL)
		return err_errno(err, "'%s'", word + 1);
	if (getdelim(&text.body, &text.len, '\0', in) < 0) {
		free(text.body);
		text.body = NULL;
		err_set(err, EIO, "'%s': nothing in it", word + 1);
	}
	if (in != stdin)
		fclose(in);
	*out = text.body;
	return text.body != NULL ? 0 : -EIO;
}

static int send_body(struct ctl *ctl, struct err *err)
{
	char *target, *body = NULL;
	int ret = make_target("/", ctl->words[0], &target, err);

	if (ret < 0)
		return ret;
	ret = read_body(ctl->words[1], &body, err);
	if (ret == 0)
		ret = request(ctl, ctl->verb->method, target, body, err);
	free(body);
	free(target);
	return ret;
}

static int get(struct ctl *ctl, struct err *err)
{
	char *target;
	int ret = make_target("/", ctl->words[0], &target, err);

	if (ret < 0)
		return ret;
	ret = request(ctl, "GET", target, NULL, err);
	free(target);
	return ret;
}

#define ACTION(type) "PUT", "/actions", "{\"action_type\":\"" type "\"}"
#define VM(state)    "PATCH", "/vm", "{\"state\":\"" state "\"}"
#define NO_REQUEST   NULL, NULL, NULL

/* clang-format off */
const struct ctl_verb ctl_verbs[] = {
	{ "status", "", 0, ctl_status, NO_REQUEST,
	  "what the VM is, does and has" },
	{ "config", "", 0, simple, "GET", "/vm/config", NULL,
	  "its configuration, fit for --config-file" },
	{ "version", "", 0, print_version, NO_REQUEST,
	  "of mote, and of Firecracker's API" },
	{ "start", "", 0, simple, ACTION("InstanceStart"), "start the guest" },
	{ "pause", "", 0, simple, VM("Paused"), "let the guest stand still" },
	{ "resume", "", 0, simple, VM("Resumed"), "let it go on" },
	{ "stop", "", 0, ctl_stop, NO_REQUEST,
	  "press the power button and wait until the VM has ended" },
	{ "power-button", "", 0, simple, ACTION("SendCtrlAltDel"),
	  "press the power button" },
	{ "flush-metrics", "", 0, simple, ACTION("FlushMetrics"),
	  "write a line of metrics to where PUT /metrics said" },
	{ "metrics", "", 0, print_metrics, NO_REQUEST,
	  "the figures of the VM, now" },
	{ "events", "", 0, print_events, NO_REQUEST,
	  "what has happened so far, a JSON object a line" },
	{ "swap-disk", "ID PATH", 2, swap_disk, NO_REQUEST,
	  "give a drive another image" },
	{ "put", "RESOURCE JSON|@FILE", 2, send_body, "PUT", NULL, NULL,
	  "any request of the API: drives/root '{...}'" },
	{ "patch", "RESOURCE JSON|@FILE", 2, send_body, "PATCH", NULL, NULL,
	  "the same with PATCH" },
	{ "get", "RESOURCE", 1, get, NO_REQUEST, "the same with GET" },
};
/* clang-format on */
const size_t ctl_verb_count = ARRAY_LEN(ctl_verbs);
