// SPDX-License-Identifier: Apache-2.0
/*
 * api_state.c - what requests have set so far -> the machine's configuration
 *
 * A handler changes a copy; api_apply() makes a configuration of the whole of it
 * and hands that to the machine, which takes or refuses it whole. So a refused
 * request has changed nothing.
 */
#include "api_internal.h"
#include "cmdline.h"
#include "fd.h"
#include "parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void api_state_copy(const struct api *api, struct api_state *out)
{
	*out = api->state;
	out->config = *api->target.config(api->target.ctx);
}

/* As long as Firecracker takes; what is added here comes on top. */
enum { BOOT_ARGS_MAX = 2048, CMDLINE_ROOM = 256 };

/* vda is the first disk of ours; those of vhost-user servers come behind. */
static char root_letter(const struct api_state *state)
{
	const struct vm_config *config = &state->config;
	unsigned disks = config->disk_count;

	for (unsigned i = 0; i < config->disk_count; i++) {
		if (strcmp(config->disks[i].id, state->root.id) == 0)
			return (char)('a' + i);
	}
	for (unsigned i = 0; i < config->vhost_user_count; i++) {
		if (strcmp(config->vhost_user[i].id, state->root.id) == 0)
			return (char)('a' + disks);
		disks += strcmp(config->vhost_user[i].type, "blk") == 0;
	}
	return 'a';
}

static int add_root(struct cmdline *line, const struct api_state *state,
		    struct err *err)
{
	char text[128];
	int ret;

	if (state->root.id[0] == '\0')
		return 0;
	if (state->root.partuuid != NULL)
		snprintf(text, sizeof(text), "root=PARTUUID=%.64s",
			 state->root.partuuid);
	else if (state->root.is_pmem)
		snprintf(text, sizeof(text), "root=/dev/pmem0");
	else
		snprintf(text, sizeof(text), "root=/dev/vd%c",
			 root_letter(state));
	ret = cmdline_add(line, text, err);
	if (ret < 0)
		return ret;
	return cmdline_add(line, state->root.read_only ? "ro" : "rw", err);
}

/*
 * Clients of Firecracker send parameters that would break the boot here: there
 * is no PIC to fall back to, and the console is no serial port.
 */
static int make_cmdline(const struct api_state *state, char **out,
			struct err *err)
{
	const char *args = state->boot_args != NULL ? state->boot_args
						    : CONFIG_CMDLINE_DEFAULT;
	size_t max = BOOT_ARGS_MAX + CMDLINE_ROOM;
	struct cmdline line;
	int ret;

	if (strlen(args) > BOOT_ARGS_MAX)
		return err_set(err, EINVAL,
			       "The kernel command line is longer than %d "
			       "bytes.",
			       BOOT_ARGS_MAX);
	*out = malloc(max + 1);
	if (*out == NULL)
		return err_set(err, ENOMEM, "out of memory");
	ret = cmdline_init(&line, *out, max, args, err);
	if (ret == 0) {
		cmdline_remove(&line, "noapic");
		if (cmdline_has(&line, "console=ttyS0") &&
		    !cmdline_has(&line, "console=hvc0"))
			ret = cmdline_add(&line, "console=hvc0", err);
	}
	if (ret == 0)
		ret = add_root(&line, state, err);
	if (ret < 0) {
		free(*out);
		*out = NULL;
	}
	return ret;
}

/*
 * As mote run does: the terminal, unless the user asked for memory that no
 * console can have.
 */
static void place_console(struct api_state *state)
{
	struct vm_config *config = &state->config;
	bool private = config->sharing == SHARING_PRIVATE ||
		       config->mergeable == MERGEABLE_ON;

	if (state->serial_given)
		return;
	config->console_count = private ? 0 : 1;
	config->consoles[0] = (struct config_console){
		.kind = CONSOLE_STDIO,
		.id = "console0",
	};
}

int api_apply(struct api *api, const struct api_state *next, struct err *err)
{
	struct api_state state = *next;
	struct command command = {
		.verb = COMMAND_CONFIGURE,
		.config = &state.config,
	};
	char *cmdline;
	int ret = make_cmdline(&state, &cmdline, err);

	if (ret < 0)
		return ret;
	place_console(&state);
	state.config.cmdline = cmdline;
	ret = api->target.run(api->target.ctx, &command, err);
	if (ret < 0) {
		free(cmdline);
		return ret;
	}
	free(api->cmdline);
	api->cmdline = cmdline;
	api->state = state;
	return 0;
}

int api_take_fd(struct api_call *call, const char *text, int *fd,
		struct err *err)
{
	uint64_t index;

	if (strncmp(text, "fd:", 3) != 0)
		return 0;
	if (parse_uint(text + 3, 0, 15, &index, NULL) < 0 ||
	    index >= call->fd_count || call->fds[index] < 0)
		return err_set(err, EBADF,
			       "'%.20s': %u descriptors came with the request",
			       text, call->fd_count);
	*fd = fd_take(&call->fds[index]);
	return 0;
}
