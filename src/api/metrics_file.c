// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_file.c - the file or FIFO of PUT /metrics
 *
 * Theory of operation: there is no line under way, or one of which a part is
 * written (`line` is not NULL): a pipe takes what it has room for of a line longer
 * than PIPE_BUF. The rest goes out when the pipe says that it has room, or before
 * the next line, which is lost if the rest does not fit by then. So a reader sees
 * whole lines whatever is lost.
 */
#include "metrics_file.h"
#include "fd.h"
#include "metrics_firecracker.h"
#include "metrics_json.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct metrics_file {
	struct metrics_file_config cfg;
	char id[ID_MAX + 1];
	int fd;
	bool started;
	struct event *timer, *writable; /* writable: NULL for a plain file */
	char *line;			/* under way; NULL: none */
	size_t len, written;		/* bytes of it */
	struct firecracker_totals last; /* of the line before */
	uint64_t lost;
};

/* True when no line is under way any more. */
static bool go_on(struct metrics_file *file)
{
	while (file->line != NULL) {
		ssize_t n = write(file->fd, file->line + file->written,
				  file->len - file->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		file->written += (size_t)n;
		if (file->written == file->len) {
			free(file->line);
			file->line = NULL;
		}
	}
	return true;
}

static void handle_writable(evutil_socket_t fd, short what, void *arg)
{
	struct metrics_file *file = arg;

	(void)fd;
	(void)what;
	if (go_on(file))
		return;
	if (errno == EAGAIN) {
		event_add(file->writable, NULL);
		return;
	}
	/* It would be writable at once, and fail again: the rest is lost. */
	file->lost++;
	free(file->line);
	file->line = NULL;
}

static void handle_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	metrics_file_write(arg);
}

static json_t *make_line(struct metrics_file *file, const struct vm_metrics *vm)
{
	struct firecracker_totals now;
	json_t *line = json_object();
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	json_object_set_new(line, "utc_timestamp_ms",
			    json_integer((json_int_t)time.tv_sec * 1000 +
					 time.tv_nsec / 1000000));
	if (file->cfg.emit_id)
		json_object_set_new(line, "id", json_string(file->id));
	if (file->cfg.properties != NULL)
		json_object_set(line, "properties", file->cfg.properties);
	firecracker_totals_collect(file->cfg.api, vm, file->lost, &now);
	firecracker_groups_add(line, &now, &file->last);
	if (vm != NULL)
		json_object_set_new(line, "mote", metrics_to_brief_json(vm));
	file->last = now;
	return line;
}

/* The bytes of a line, or NULL without memory. */
static char *dump_line(struct metrics_file *file, size_t *len)
{
	struct vm_metrics *vm = malloc(sizeof(*vm));
	json_t *line = NULL;
	char *text = NULL;

	if (vm != NULL)
		line = make_line(file,
				 file->cfg.get(file->cfg.ctx, vm) ? vm : NULL);
	free(vm);
	*len = line != NULL ? json_dumpb(line, NULL, 0, JSON_COMPACT) : 0;
	if (*len > 0)
		text = malloc(*len + 1);
	if (text != NULL) {
		json_dumpb(line, text, *len, JSON_COMPACT);
		text[(*len)++] = '\n';
	}
	json_decref(line);
	return text;
}

bool metrics_file_write(struct metrics_file *file)
{
	struct firecracker_totals before = file->last;

	if (go_on(file)) {
		file->written = 0;
		file->line = dump_line(file, &file->len);
		if (file->line != NULL && (go_on(file) || file->written > 0)) {
			if (file->line != NULL && file->writable != NULL)
				event_add(file->writable, NULL);
			return true;
		}
		free(file->line);
		file->line = NULL;
		file->last = before; /* what it said belongs into the next */
	}
	file->lost++;
	return false;
}

static int create_events(struct metrics_file *file, struct err *err)
{
	const struct metrics_file_config *cfg = &file->cfg;
	struct stat info;

	file->timer = event_new(cfg->base, -1, EV_PERSIST, handle_timer, file);
	if (file->timer == NULL)
		return err_set(err, ENOMEM, "metrics: out of memory");
	/* epoll(7) does not know plain files, which always have room. */
	if (fstat(file->fd, &info) < 0 || S_ISREG(info.st_mode))
		return 0;
	file->writable =
		event_new(cfg->base, file->fd, EV_WRITE, handle_writable, file);
	return file->writable == NULL
		       ? err_set(err, ENOMEM, "metrics: out of memory")
		       : 0;
}

int metrics_file_open(const struct metrics_file_config *cfg,
		      struct metrics_file **out, struct err *err)
{
	struct metrics_file *file = calloc(1, sizeof(*file));
	int ret;

	if (file == NULL)
		return err_set(err, ENOMEM, "metrics: out of memory");
	file->cfg = *cfg;
	json_incref(file->cfg.properties);
	snprintf(file->id, sizeof(file->id), "%s", cfg->id);
	file->fd = ret = fd_open_sink(cfg->path);
	if (ret < 0)
		ret = err_set(err, -ret, "metrics_path '%s': %s", cfg->path,
			      strerror(-ret));
	else
		ret = create_events(file, err);
	if (ret < 0) {
		metrics_file_close(file);
		return ret;
	}
	*out = file;
	return 0;
}

void metrics_file_start(struct metrics_file *file)
{
	unsigned ms = file->cfg.period_ms > 0 ? file->cfg.period_ms
					      : METRICS_FILE_PERIOD_MS;
	const struct timeval period = { .tv_sec = ms / 1000,
					.tv_usec = (ms % 1000) * 1000 };

	file->started = true;
	metrics_file_write(file);
	event_add(file->timer, &period);
}

uint64_t metrics_file_lost(const struct metrics_file *file)
{
	return file->lost;
}

void metrics_file_close(struct metrics_file *file)
{
	if (file == NULL)
		return;
	if (file->started)
		metrics_file_write(file);
	if (file->timer != NULL)
		event_free(file->timer);
	if (file->writable != NULL)
		event_free(file->writable);
	fd_close(&file->fd);
	free(file->line);
	json_decref(file->cfg.properties);
	free(file);
}
