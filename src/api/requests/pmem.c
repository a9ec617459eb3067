// SPDX-License-Identifier: Apache-2.0
/*
 * pmem.c - PUT /pmem/{id}: an image as read-only persistent memory
 */
#include "api_internal.h"
#include "fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct pmem {
	const char *id, *path;
	bool is_root, read_only;
	json_t *limiter;
};

#define FIELD(member) INTO(pmem, member)
static const struct body_field table[] = {
	{ "id", BODY_TEXT, BODY_REQUIRED, FIELD(id), 0, 0, NULL },
	{ "path_on_host", BODY_TEXT, BODY_REQUIRED, FIELD(path), 0, 0, NULL },
	{ "root_device", BODY_BOOL, 0, FIELD(is_root), 0, 0, NULL },
	{ "read_only", BODY_BOOL, 0, FIELD(read_only), 0, 0, NULL },
	{ "rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(limiter), 0, 0,
	  NULL },
};

static int check(const struct pmem *pmem, const struct api_call *call,
		 struct err *err)
{
	int ret = api_check_id(call, pmem->id, err);

	if (ret < 0)
		return ret;
	if (!pmem->read_only)
		return err_set(err, ENOTSUP,
			       "read_only must be true: mote does not write to "
			       "persistent memory.");
	return body_check_limiter("rate_limiter", pmem->limiter, err);
}

static int fill(struct vm_config *config, const struct pmem *pmem, int fd,
		struct err *err)
{
	unsigned i = 0;

	while (i < config->pmem_count &&
	       strcmp(config->pmem[i].id, pmem->id) != 0)
		i++;
	if (i == CONFIG_PMEM_MAX)
		return err_set(err, ENOSPC, "at most %d images",
			       CONFIG_PMEM_MAX);
	config->pmem_count = MAX(config->pmem_count, i + 1);
	config->pmem[i] = (struct config_pmem){ .path = pmem->path, .fd = fd };
	snprintf(config->pmem[i].id, sizeof(config->pmem[i].id), "%s",
		 pmem->id);
	return 0;
}

/* /dev/pmem0 is the first; another one cannot be the root by its name. */
static int set_root(struct api_state *state, const struct pmem *pmem,
		    struct err *err)
{
	bool was_root = strcmp(state->root.id, pmem->id) == 0;

	if (!pmem->is_root && was_root)
		state->root.id[0] = '\0';
	if (!pmem->is_root)
		return 0;
	if (state->root.id[0] != '\0' && !was_root)
		return err_set(err, EINVAL, "A root device already exists: %s.",
			       state->root.id);
	if (strcmp(state->config.pmem[0].id, pmem->id) != 0)
		return err_set(err, EINVAL,
			       "The root device must be the first of the pmem "
			       "devices.");
	snprintf(state->root.id, sizeof(state->root.id), "%s", pmem->id);
	state->root.is_pmem = true;
	state->root.read_only = true;
	state->root.partuuid = NULL;
	return 0;
}

int api_put_pmem(struct api *api, struct api_call *call, struct err *err)
{
	struct pmem pmem = { 0 };
	struct api_state next;
	int fd = -1;
	int ret = api_decode(call, table, ARRAY_LEN(table), &pmem, err);

	if (ret == 0)
		ret = check(&pmem, call, err);
	if (ret == 0)
		ret = api_take_fd(call, pmem.path, &fd, err);
	if (ret < 0)
		return ret;
	api_state_copy(api, &next);
	ret = fill(&next.config, &pmem, fd, err);
	if (ret == 0)
		ret = set_root(&next, &pmem, err);
	if (ret == 0)
		ret = api_apply(api, &next, err);
	if (ret < 0)
		fd_close(&fd);
	else
		api_document_put(api, "pmem", "id",
				 api_with_defaults(call->body,
						   json_pack("{sb sn}",
							     "root_device", 0,
							     "rate_limiter")));
	return ret;
}
