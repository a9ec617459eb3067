// SPDX-License-Identifier: Apache-2.0
/*
 * api_options.c - the command line of the API server: Firecracker's
 *
 * Its own parser is stricter and simpler than getopt(3), and clients rely on
 * that: a value never begins with "--" and is never joined by "=".
 */
#include "api_options.h"
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int set_socket(struct api_options *o, const char *text, struct err *err)
{
	(void)err;
	o->socket = text;
	return 0;
}

/* Letters, digits and '-', as Firecracker has it. */
static int set_id(struct api_options *o, const char *text, struct err *err)
{
	size_t len = strlen(text);

	for (const char *c = text; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-')
			return err_set(err, EINVAL,
				       "Invalid instance ID: Invalid char (%c) "
				       "at position %td",
				       *c, c - text);
	}
	if (len < 1 || len > ID_MAX)
		return err_set(err, EINVAL,
			       "Invalid instance ID: Invalid len (%zu);  the "
			       "length must be between 1 and %d",
			       len, ID_MAX);
	memcpy(o->id, text, len + 1);
	return 0;
}

static int set_no_api(struct api_options *o, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	o->no_api = true;
	return 0;
}

static int set_config_file(struct api_options *o, const char *text,
			   struct err *err)
{
	(void)err;
	o->config_file = text;
	return 0;
}

static int set_log_path(struct api_options *o, const char *text,
			struct err *err)
{
	(void)err;
	o->log_path = text;
	return 0;
}

static int set_level(struct api_options *o, const char *text, struct err *err)
{
	int ret = log_level_parse_any(text, &o->log_level, err);

	return ret < 0 ? -ERANGE : 0;
}

static int set_module(struct api_options *o, const char *text, struct err *err)
{
	if (strlen(text) > LOG_MODULE_MAX)
		return err_set(err, EINVAL, "at most %d bytes", LOG_MODULE_MAX);
	memcpy(o->log_format.module, text, strlen(text) + 1);
	return 0;
}

static int set_show_level(struct api_options *o, const char *text,
			  struct err *err)
{
	(void)text;
	(void)err;
	o->log_format.show_level = true;
	return 0;
}

static int set_show_origin(struct api_options *o, const char *text,
			   struct err *err)
{
	(void)text;
	(void)err;
	o->log_format.show_origin = true;
	return 0;
}

static int set_metrics_path(struct api_options *o, const char *text,
			    struct err *err)
{
	(void)err;
	o->metrics_path = text;
	return 0;
}

static int set_payload(struct api_options *o, const char *text, struct err *err)
{
	uint64_t bytes;
	int ret = parse_uint(text, 1, 64 * MIB, &bytes, err);

	if (ret == 0)
		o->payload_max = bytes;
	return ret;
}

static int set_boot_timer(struct api_options *o, const char *text,
			  struct err *err)
{
	(void)text;
	(void)err;
	o->boot_timer = true;
	return 0;
}

static int set_start_time(struct api_options *o, const char *text,
			  struct err *err)
{
	return parse_uint(text, 0, UINT64_MAX, &o->start_time_us, err);
}

static int set_start_time_cpu(struct api_options *o, const char *text,
			      struct err *err)
{
	return parse_uint(text, 0, UINT64_MAX, &o->start_time_cpu_us, err);
}

static int set_parent_cpu_time(struct api_options *o, const char *text,
			       struct err *err)
{
	return parse_uint(text, 0, UINT64_MAX, &o->parent_cpu_time_us, err);
}

/* A limit of what mote does not have. */
static int check_number(struct api_options *o, const char *text,
			struct err *err)
{
	uint64_t number;

	(void)o;
	return parse_uint(text, 0, UINT64_MAX, &number, err);
}

static int accept(struct api_options *o, const char *text, struct err *err)
{
	(void)o;
	(void)text;
	(void)err;
	return 0;
}

static int refuse(struct api_options *o, const char *text, struct err *err)
{
	(void)o;
	(void)text;
	return err_set(err, ENOTSUP, "mote does not support this yet");
}

static int set_help(struct api_options *o, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	o->help = true;
	return 0;
}

static int set_version(struct api_options *o, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	o->version = true;
	return 0;
}

static const struct {
	const char *name;
	const char *value; /* NULL: takes none */
	int (*set)(struct api_options *o, const char *text, struct err *err);
	const char *help; /* NULL: not supported, or without effect */
} options[] = {
	{ "api-sock", "PATH", set_socket,
	  "API socket [" API_SOCKET_DEFAULT "]" },
	{ "id", "ID", set_id, "name of the microVM [anonymous-instance]" },
	{ "config-file", "FILE", set_config_file,
	  "JSON configuration, started at once" },
	{ "no-api", NULL, set_no_api, "no socket; with --config-file" },
	{ "log-path", "FILE", set_log_path, "log lines go here [stdout]" },
	{ "level", "LEVEL", set_level,
	  "Off, Error, Warn, Info, Debug or Trace [Info]" },
	{ "module", "NAME", set_module, "only log lines of this module" },
	{ "show-level", NULL, set_show_level, "levels in log lines" },
	{ "show-log-origin", NULL, set_show_origin, "modules in log lines" },
	{ "metrics-path", "FILE", set_metrics_path, "metrics go here" },
	{ "boot-timer", NULL, set_boot_timer,
	  "log when the guest says that it has booted" },
	{ "http-api-max-payload-size", "BYTES", set_payload,
	  "limit of a request's body [51200]" },
	{ "start-time-us", "N", set_start_time, NULL },
	{ "start-time-cpu-us", "N", set_start_time_cpu, NULL },
	{ "parent-cpu-time-us", "N", set_parent_cpu_time, NULL },
	{ "no-seccomp", NULL, accept, NULL },
	{ "seccomp-filter", "FILE", refuse, NULL },
	{ "metadata", "FILE", refuse, NULL },
	{ "mmds-size-limit", "BYTES", check_number, NULL },
	{ "enable-pci", NULL, refuse, NULL },
	{ "snapshot-version", NULL, refuse, NULL },
	{ "describe-snapshot", "FILE", refuse, NULL },
	{ "version", NULL, set_version, "print the version" },
	{ "help", NULL, set_help, "print this" },
};

void api_options_print_help(FILE *out)
{
	fprintf(out,
		"usage: mote --api-sock PATH [OPTION]...\n"
		"       mote --config-file FILE [--no-api] [OPTION]...\n\n");
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (options[i].help != NULL)
			fprintf(out, "  --%s%s%s\n          %s\n",
				options[i].name, options[i].value ? " " : "",
				options[i].value ? options[i].value : "",
				options[i].help);
	}
	fprintf(out, "\nThe API is Firecracker's: see docs/api.md and "
		     "mote(1).\n");
}

static int find_option(const char *word, struct err *err)
{
	if (strcmp(word, "-h") == 0)
		word = "--help";
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strncmp(word, "--", 2) == 0 &&
		    strcmp(word + 2, options[i].name) == 0)
			return (int)i;
	}
	return err_set(err, EINVAL,
		       "Found argument '%s' which wasn't expected, or isn't "
		       "valid in this context.",
		       word);
}

static int parse_one(int argc, char **argv, int *at, bool *seen,
		     struct api_options *out, struct err *err)
{
	int i = find_option(argv[*at], err), ret;
	const char *value = NULL;

	if (i < 0)
		return i;
	if (seen[i])
		return err_set(err, EINVAL,
			       "The argument '%s' was provided more than once.",
			       options[i].name);
	seen[i] = true;
	if (options[i].value != NULL) {
		value = *at + 1 < argc ? argv[++*at] : NULL;
		if (value == NULL || strncmp(value, "--", 2) == 0)
			return err_set(err, EINVAL,
				       "The argument '%s' requires a value, "
				       "but none was supplied.",
				       options[i].name);
	}
	ret = options[i].set(out, value, err);
	return ret < 0 ? err_prefix(err, ret, "--%s", options[i].name) : 0;
}

int api_options_parse(int argc, char **argv, struct api_options *out,
		      struct err *err)
{
	bool seen[ARRAY_LEN(options)] = { false };
	int ret = 0;

	*out = (struct api_options){
		.socket = API_SOCKET_DEFAULT,
		.id = "anonymous-instance",
		.log_level = LOG_INFO,
		.payload_max = 51200,
		.log_format.shape = LOG_SHAPE_FIRECRACKER,
	};
	for (int i = 1; i < argc && ret == 0; i++)
		ret = parse_one(argc, argv, &i, seen, out, err);
	if (ret == 0 && out->no_api && out->config_file == NULL)
		ret = err_set(err, EINVAL,
			      "The argument 'no-api' requires 'config-file', "
			      "which was not provided.");
	memcpy(out->log_format.id, out->id, sizeof(out->id));
	return ret;
}
