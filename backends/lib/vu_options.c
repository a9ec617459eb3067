// SPDX-License-Identifier: Apache-2.0
/*
 * vu_options.c - command lines of backend programs, by table
 */
#include "vu_options.h"
#include "log.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int vu_option_set(const char *text, void *into, struct err *err)
{
	(void)text;
	(void)err;
	*(bool *)into = true;
	return 0;
}

int vu_option_text(const char *text, void *into, struct err *err)
{
	if (text[0] == '\0')
		return err_set(err, EINVAL, "is empty");
	*(const char **)into = text;
	return 0;
}

int vu_option_fd(const char *text, void *into, struct err *err)
{
	uint64_t fd;
	int ret = parse_uint(text, 0, INT_MAX, &fd, err);

	if (ret < 0)
		return ret;
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, "descriptor %d", (int)fd);
	*(int *)into = (int)fd;
	return 0;
}

int vu_option_queues(const char *text, void *into, struct err *err)
{
	uint64_t queues;
	int ret = parse_uint(text, 1, VU_QUEUES_MAX, &queues, err);

	if (ret == 0)
		*(unsigned *)into = (unsigned)queues;
	return ret;
}

int vu_option_log_level(const char *text, void *into, struct err *err)
{
	enum log_level level;
	int ret = log_level_parse_any(text, &level, err);

	(void)into;
	if (ret == 0)
		log_set_level(level);
	return ret;
}

static const struct vu_option *find(const char *arg, size_t len,
				    const struct vu_option *table, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		if (strlen(table[i].name) == len &&
		    strncmp(table[i].name, arg, len) == 0)
			return &table[i];
	}
	return NULL;
}

int vu_options_parse(int argc, char **argv, const struct vu_option *table,
		     size_t rows, void *into, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const struct vu_option *opt = NULL;
		const char *value = strchr(argv[i], '=');
		size_t len = strcspn(argv[i], "=");
		int ret;

		if (strncmp(argv[i], "--", 2) == 0)
			opt = find(argv[i] + 2, len - 2, table, rows);
		if (opt == NULL)
			return err_set(err, EINVAL,
				       "'%s': no such option, see --help",
				       argv[i]);
		if (opt->value == NULL && value != NULL)
			return err_set(err, EINVAL, "--%s takes no value",
				       opt->name);
		if (value != NULL)
			value++;
		else if (opt->value != NULL)
			value = argv[++i]; /* argv[argc] is NULL */
		if (opt->value != NULL && value == NULL)
			return err_set(err, EINVAL, "--%s needs a value",
				       opt->name);
		ret = opt->parse(value, (char *)into + opt->into, err);
		if (ret < 0)
			return err_prefix(err, ret, "--%s", opt->name);
	}
	return 0;
}

void vu_options_help(const char *role, const struct vu_option *table,
		     size_t rows)
{
	char left[40];

	printf("usage: mote %s OPTION...\n\n", role);
	for (size_t i = 0; i < rows; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name,
			 table[i].value ? "=" : "",
			 table[i].value ? table[i].value : "");
		printf("  %-22s %s\n", left, table[i].help);
	}
}

int vu_options_check(const struct vu_options *opts, struct err *err)
{
	if ((opts->socket_path != NULL) == (opts->fd >= 0))
		return err_set(err, EINVAL,
			       "give either --socket-path or --fd");
	return 0;
}

int vu_options_open(const struct vu_options *opts, struct vu_server *server,
		    struct err *err)
{
	if (opts->fd >= 0)
		return vu_server_use_socket(server, opts->fd, err);
	return vu_server_listen(server, opts->socket_path, err);
}
