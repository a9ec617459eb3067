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

static int set_payload(struct api_options *o, const char *text, struct err *err)
{
	uint64_t bytes;
	int ret = parse_uint(text, 1, 64 * MIB, &bytes, err);

	if (ret == 0)
		o->payload_max = bytes;
	return ret;
}

/* A limit of what mote does not have. */
static int check_number(struct api_options *o, const char *text,
			struct err *err)
{
	uint64_t number;

	(void)o;
	return parse_uint(text, 0, UINT64_MAX, &number, err);
}

static int refuse(struct api_options *o, const char *text, struct err *err)
{
	(void)o;
	(void)text;
	return err_set(err, ENOTSUP, "mote does not support this yet");
}

#define AT(member) offsetof(struct api_options, member)

/* What an option does without a function of its own. */
enum kind {
	KIND_OWN,    /* set() */
	KIND_TEXT,   /* const char * */
	KIND_FLAG,   /* bool, without a value */
	KIND_NUMBER, /* uint64_t */
	KIND_NOTHING,
};

/* clang-format off */
static const struct {
	const char *name;
	const char *value; /* NULL: takes none */
	enum kind kind;
	size_t offset; /* into struct api_options */
	int (*set)(struct api_options *o, const char *text, struct err *err);
	const char *help; /* NULL: not supported, or without effect */
} options[] = {
	{ "api-sock", "PATH", KIND_TEXT, AT(socket), NULL,
		"API socket [" API_SOCKET_DEFAULT "]" },
	{ "id", "ID", KIND_OWN, 0, set_id, "name of the microVM [anonymous-instance]" },
	{ "config-file", "FILE", KIND_TEXT, AT(config_file), NULL,
		"JSON configuration, started at once" },
	{ "no-api", NULL, KIND_FLAG, AT(no_api), NULL, "no socket; with --config-file" },
	{ "log-path", "FILE", KIND_TEXT, AT(log_path), NULL, "log lines go here [stdout]" },
	{ "level", "LEVEL", KIND_OWN, 0, set_level,
		"Off, Error, Warn, Info, Debug or Trace [Info]" },
	{ "module", "NAME", KIND_OWN, 0, set_module, "only log lines of this module" },
	{ "show-level", NULL, KIND_FLAG, AT(log_format.show_level), NULL, "levels in log lines" },
	{ "show-log-origin", NULL, KIND_FLAG, AT(log_format.show_origin), NULL,
		"modules in log lines" },
	{ "metrics-path", "FILE", KIND_TEXT, AT(metrics_path), NULL, "metrics go here" },
	{ "boot-timer", NULL, KIND_FLAG, AT(boot_timer), NULL,
		"log when the guest says that it has booted" },
	{ "http-api-max-payload-size", "BYTES", KIND_OWN, 0, set_payload,
		"limit of a request's body [51200]" },
	{ "start-time-us", "N", KIND_NUMBER, AT(start_time_us), NULL, NULL },
	{ "start-time-cpu-us", "N", KIND_NUMBER, AT(start_time_cpu_us), NULL, NULL },
	{ "parent-cpu-time-us", "N", KIND_NUMBER, AT(parent_cpu_time_us), NULL, NULL },
	{ "no-seccomp", NULL, KIND_NOTHING, 0, NULL, NULL },
	{ "seccomp-filter", "FILE", KIND_OWN, 0, refuse, NULL },
	{ "metadata", "FILE", KIND_OWN, 0, refuse, NULL },
	{ "mmds-size-limit", "BYTES", KIND_OWN, 0, check_number, NULL },
	{ "enable-pci", NULL, KIND_OWN, 0, refuse, NULL },
	{ "snapshot-version", NULL, KIND_OWN, 0, refuse, NULL },
	{ "describe-snapshot", "FILE", KIND_OWN, 0, refuse, NULL },
	{ "version", NULL, KIND_FLAG, AT(version), NULL, "print the version" },
	{ "help", NULL, KIND_FLAG, AT(help), NULL, "print this" },
};
/* clang-format on */

static int set_option(struct api_options *o, size_t index, const char *text,
		      struct err *err)
{
	void *into = (char *)o + options[index].offset;

	switch (options[index].kind) {
	case KIND_OWN:
		return options[index].set(o, text, err);
	case KIND_TEXT:
		*(const char **)into = text;
		return 0;
	case KIND_FLAG:
		*(bool *)into = true;
		return 0;
	case KIND_NUMBER:
		return parse_uint(text, 0, UINT64_MAX, into, err);
	case KIND_NOTHING:
		return 0;
	}
	return -EINVAL;
}

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
	ret = set_option(out, (size_t)i, value, err);
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
