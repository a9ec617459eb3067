// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_main.c - `mote ctl SOCKET VERB [ARG]...`: the command line
 *
 * Tables of verbs and options are parser, --help, and what man page and
 * completion are held against.
 */
#include "ctl.h"
#include "ctl_internal.h"
#include "exit_status.h"
#include "parse.h"
#include "util.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int set_json(struct ctl *ctl, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	ctl->json = true;
	return 0;
}

static int set_timeout(struct ctl *ctl, const char *text, struct err *err)
{
	return parse_uint(text, 1, CTL_STOP_MAX_S, &ctl->timeout_s, err);
}

static int set_force(struct ctl *ctl, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	ctl->force = true;
	return 0;
}

static int set_prometheus(struct ctl *ctl, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	ctl->prometheus = true;
	return 0;
}

static int set_since(struct ctl *ctl, const char *text, struct err *err)
{
	return parse_uint(text, 0, UINT64_MAX, &ctl->since, err);
}

static int set_follow(struct ctl *ctl, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	ctl->follow = true;
	return 0;
}

/* In the order of the verbs they belong to. */
static const struct ctl_option {
	const char *verb, *name;
	const char *value; /* NULL: takes none */
	int (*set)(struct ctl *ctl, const char *text, struct err *err);
	const char *help;
} options[] = {
	{ "status", "json", NULL, set_json,
	  "as one JSON object: instance, config, devices" },
	{ "stop", "timeout", "S", set_timeout, "seconds to wait [30]" },
	{ "stop", "force", NULL, set_force,
	  "end it at once, as if its power failed" },
	{ "metrics", "prometheus", NULL, set_prometheus,
	  "as Prometheus' text, not JSON" },
	{ "events", "since", "N", set_since, "only those after number N" },
	{ "events", "follow", NULL, set_follow,
	  "and those to come, until the VM ends" },
};

static void print_options(FILE *out, const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strcmp(options[i].verb, verb) == 0)
			fprintf(out, "      --%s%s%s\n              %s\n",
				options[i].name,
				options[i].value != NULL ? " " : "",
				options[i].value != NULL ? options[i].value
							 : "",
				options[i].help);
	}
}

static void print_help(FILE *out)
{
	fprintf(out, "usage: mote ctl SOCKET VERB [ARG]...\n\n"
		     "SOCKET is the PATH of mote --api-sock.\n\n");
	for (size_t i = 0; i < ctl_verb_count; i++) {
		const struct ctl_verb *verb = &ctl_verbs[i];

		fprintf(out, "  %s%s%s\n          %s\n", verb->name,
			verb->word_count > 0 ? " " : "", verb->words,
			verb->help);
		print_options(out, verb->name);
	}
	fprintf(out, "\nJSON can be @FILE, or @- for standard input. Exit "
		     "status: 0 done, 1 failed,\n2 wrong usage. See mote(1) "
		     "and docs/api.md.\n");
}

static const struct ctl_verb *find_verb(const char *name, struct err *err)
{
	for (size_t i = 0; i < ctl_verb_count; i++) {
		if (strcmp(name, ctl_verbs[i].name) == 0)
			return &ctl_verbs[i];
	}
	err_set(err, EINVAL, "unknown verb '%s', see mote ctl --help", name);
	return NULL;
}

static int set_option(struct ctl *ctl, const char *name, const char *value,
		      struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strcmp(options[i].verb, ctl->verb->name) == 0 &&
		    strcmp(options[i].name, name) == 0)
			return err_prefix(err, options[i].set(ctl, value, err),
					  "--%s", name);
	}
	return 0;
}

/* argv[0] is the verb. */
static int parse_options(struct ctl *ctl, int argc, char **argv, bool *help,
			 struct err *err)
{
	struct option table[ARRAY_LEN(options) + 2] = { { .name = "help" } };
	size_t n = 1;
	int c, index, ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strcmp(options[i].verb, ctl->verb->name) == 0)
			table[n++] = (struct option){
				.name = options[i].name,
				.has_arg = options[i].value ? required_argument
							    : no_argument,
			};
	}
	opterr = 0;
	optind = 0;
	while (ret == 0 &&
	       (c = getopt_long(argc, argv, ":h", table, &index)) != -1) {
		if (c == 'h' || (c == 0 && index == 0)) {
			*help = true;
			return 0;
		}
		if (c == ':')
			ret = err_set(err, EINVAL, "%s needs a value",
				      argv[optind - 1]);
		else if (c != 0)
			ret = err_set(err, EINVAL,
				      "%s: unknown option '%s', see mote ctl "
				      "--help",
				      ctl->verb->name, argv[optind - 1]);
		else
			ret = set_option(ctl, table[index].name, optarg, err);
	}
	return ret;
}

static int parse_words(struct ctl *ctl, int argc, char **argv, struct err *err)
{
	const struct ctl_verb *verb = ctl->verb;

	if (argc != (int)verb->word_count)
		return err_set(err, EINVAL,
			       "expected mote ctl SOCKET %s%s%s, see mote ctl "
			       "--help",
			       verb->name, verb->word_count > 0 ? " " : "",
			       verb->words);
	for (int i = 0; i < argc; i++)
		ctl->words[i] = argv[i];
	return 0;
}

static int parse(struct ctl *ctl, int argc, char **argv, bool *help,
		 struct err *err)
{
	int ret;

	for (int i = 1; i < argc && i < 3; i++) {
		*help = strcmp(argv[i], "--help") == 0 ||
			strcmp(argv[i], "-h") == 0;
		if (*help)
			return 0;
	}
	if (argc < 3)
		return err_set(err, EINVAL,
			       "expected mote ctl SOCKET VERB, see mote ctl "
			       "--help");
	ctl->socket = argv[1];
	ctl->verb = find_verb(argv[2], err);
	if (ctl->verb == NULL)
		return -EINVAL;
	ret = parse_options(ctl, argc - 2, argv + 2, help, err);
	if (ret < 0 || *help)
		return ret;
	return parse_words(ctl, argc - 2 - optind, argv + 2 + optind, err);
}

static int run(struct ctl *ctl, struct err *err)
{
	int ret = ctl_connect(ctl->socket, CTL_ANSWER_MS, &ctl->conn, err);

	if (ret < 0)
		return ret;
	ret = ctl->verb->run(ctl, err);
	ctl_close(&ctl->conn);
	return ret;
}

/* -EPIPE: whoever has read the output has enough. */
static int fail(int ret, const struct err *err)
{
	if (ret == -EPIPE)
		return 0;
	fprintf(stderr, "mote: %s\n", err->text);
	return ret == -EINVAL ? STATUS_USAGE : STATUS_FAILURE;
}

int ctl_main(int argc, char **argv)
{
	struct ctl ctl = { .timeout_s = CTL_STOP_DEFAULT_S };
	bool help = false;
	struct err err;
	int ret;

	signal(SIGPIPE, SIG_IGN);
	ret = parse(&ctl, argc, argv, &help, &err);
	if (ret < 0)
		return fail(-EINVAL, &err);
	if (help) {
		print_help(stdout);
		return 0;
	}
	ret = run(&ctl, &err);
	return ret < 0 ? fail(ret, &err) : 0;
}
