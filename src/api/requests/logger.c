// SPDX-License-Identifier: Apache-2.0
/*
 * logger.c - PUT /logger: where log lines go, which, and how they look
 */
#include "api_internal.h"
#include "fd.h"
#include "log_format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct logger {
	const char *path, *level, *module;
	bool show_level, show_origin;
};

#define FIELD(member) INTO(logger, member)

/* Everything that can fail, first. */
static int prepare(const struct logger *logger, struct log_format *format,
		   enum log_level *level, int *fd, struct err *err)
{
	int ret = 0;

	*level = LOG_INFO;
	if (logger->level != NULL)
		ret = log_level_parse_any(logger->level, level, err);
	if (ret == 0 && logger->module != NULL &&
	    strlen(logger->module) > LOG_MODULE_MAX)
		ret = err_set(err, EINVAL, "module: at most %d bytes",
			      LOG_MODULE_MAX);
	if (ret < 0)
		return ret;
	if (logger->module != NULL)
		memcpy(format->module, logger->module,
		       strlen(logger->module) + 1);
	if (logger->path == NULL)
		return 0;
	*fd = fd_open_sink(logger->path);
	return *fd < 0 ? err_errno(err, "'%s'", logger->path) : 0;
}

int api_put_logger(struct api *api, struct api_call *call, struct err *err)
{
	static const struct body_field table[] = {
		{ "log_path", BODY_TEXT, BODY_NULLABLE, FIELD(path), 0, 0,
		  NULL },
		{ "level", BODY_TEXT, BODY_NULLABLE, FIELD(level), 0, 0, NULL },
		{ "show_level", BODY_BOOL, BODY_NULLABLE, FIELD(show_level), 0,
		  0, NULL },
		{ "show_log_origin", BODY_BOOL, BODY_NULLABLE,
		  FIELD(show_origin), 0, 0, NULL },
		{ "module", BODY_TEXT, BODY_NULLABLE, FIELD(module), 0, 0,
		  NULL },
	};
	struct log_format format = api->log_format;
	struct logger logger = {
		.show_level = format.show_level,
		.show_origin = format.show_origin,
	};
	struct api_state next;
	enum log_level level;
	int fd = -1,
	    ret = api_decode(call, table, ARRAY_LEN(table), &logger, err);

	if (ret == 0)
		ret = prepare(&logger, &format, &level, &fd, err);
	if (ret == 0) {
		api_state_copy(api, &next);
		next.config.log_level = level;
		ret = api_apply(api, &next, err);
	}
	if (ret < 0) {
		fd_close(&fd);
		return ret;
	}
	format.show_level = logger.show_level;
	format.show_origin = logger.show_origin;
	api->log_format = format;
	log_set_level(level);
	log_set_format(&api->log_format);
	if (fd >= 0)
		log_set_fd(fd);
	api_document_set(api, "logger", json_incref(call->body));
	return 0;
}
