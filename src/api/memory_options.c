// SPDX-License-Identifier: Apache-2.0
/*
 * memory_options.c - what the guest's memory is made of: --memory and --pmem
 */
#include "memory_options.h"
#include "parse.h"
#include "suboptions.h"

#include <errno.h>
#include <string.h>

#define INTO(type, member) offsetof(struct type, member)

static const char *const sharing_names[] = {
	[SHARING_AUTO] = "auto",
	[SHARING_PRIVATE] = "private",
	[SHARING_SHARED] = "shared",
};

static int suboption_sharing(const char *text, void *into, struct err *err)
{
	for (size_t i = 0; text != NULL && i < ARRAY_LEN(sharing_names); i++) {
		if (strcmp(text, sharing_names[i]) == 0) {
			*(enum config_sharing *)into = (enum config_sharing)i;
			return 0;
		}
	}
	return err_set(err, EINVAL, "'%s': use auto, private or shared",
		       text ? text : "");
}

/* "mergeable" alone means on, as with the other switches. */
static int suboption_mergeable(const char *text, void *into, struct err *err)
{
	enum config_mergeable *mergeable = into;
	bool on;

	if (text != NULL && strcmp(text, "auto") == 0) {
		*mergeable = MERGEABLE_AUTO;
		return 0;
	}
	if (suboption_bool(text, &on, err) < 0)
		return err_set(err, EINVAL, "'%s': use auto, on or off", text);
	*mergeable = on ? MERGEABLE_ON : MERGEABLE_OFF;
	return 0;
}

int options_set_memory(struct vm_config *cfg, char *text, struct err *err)
{
	static const struct suboption table[] = {
		{ "sharing", suboption_sharing, INTO(vm_config, sharing) },
		{ "mergeable", suboption_mergeable,
		  INTO(vm_config, mergeable) },
		{ "thp", suboption_bool, INTO(vm_config, thp) },
	};
	const char *size;
	int ret = suboptions_parse(text, &size, table, ARRAY_LEN(table), cfg,
				   err);

	return ret < 0 ? ret : parse_size(size, MIB, &cfg->memory, err);
}

int options_add_pmem(struct vm_config *cfg, char *text, struct err *err)
{
	struct pmem_options {
		struct config_pmem pmem;
		bool read_only;
	} options = { .pmem.fd = -1, .read_only = true };
	static const struct suboption table[] = {
		{ "ro", suboption_bool, INTO(pmem_options, read_only) },
		{ "id", suboption_id, INTO(pmem_options, pmem.id) },
	};
	int ret;

	if (cfg->pmem_count == CONFIG_PMEM_MAX)
		return err_set(err, EINVAL, "at most %d images",
			       CONFIG_PMEM_MAX);
	ret = suboptions_parse(text, &options.pmem.path, table,
			       ARRAY_LEN(table), &options, err);
	if (ret == 0 && options.pmem.path[0] == '\0')
		ret = err_set(err, EINVAL, "expected the path of an image");
	if (ret == 0 && !options.read_only)
		ret = err_set(err, EINVAL, "ro=off: an image can be read only");
	if (ret == 0)
		cfg->pmem[cfg->pmem_count++] = options.pmem;
	return ret;
}
