// SPDX-License-Identifier: Apache-2.0
/*
 * machine_config.c - /machine-config: CPUs and memory
 *
 * PUT starts from the defaults, PATCH from what is set; both then take or refuse
 * the whole.
 */
#include "api_internal.h"

#include <errno.h>

enum {
	API_CPUS_MAX = 32, /* as Firecracker */
	API_MEMORY_MAX_MIB = 1 << 30,
};

static const char *const huge_pages[] = { "None", "Transparent", "2M", NULL };
static const char *const sharings[] = { "auto", "private", "shared", NULL };
static const char *const loads[] = { "auto", "read", "map", NULL };
static const char *const templates[] = { "C3",	"T2",	"T2S",	"T2CL",
					 "T2A", "V1N1", "None", NULL };
enum { HUGE_NONE, HUGE_TRANSPARENT, HUGE_2M };
enum { TEMPLATE_NONE = 6 };

struct machine_config {
	uint64_t cpus, memory_mib;
	bool smt, track_dirty_pages, mergeable, prefault;
	unsigned template, pages, sharing, load;
	json_t *affinity;
};

#define FIELD(member) INTO(machine_config, member)
static const struct body_field table[] = {
	{ "vcpu_count", BODY_UINT, BODY_REQUIRED, FIELD(cpus), 1, API_CPUS_MAX,
	  NULL },
	{ "mem_size_mib", BODY_UINT, BODY_REQUIRED, FIELD(memory_mib), 1,
	  API_MEMORY_MAX_MIB, NULL },
	{ "smt", BODY_BOOL, 0, FIELD(smt), 0, 0, NULL },
	{ "cpu_template", BODY_CHOICE, BODY_NULLABLE, FIELD(template), 0, 0,
	  templates },
	{ "track_dirty_pages", BODY_BOOL, 0, FIELD(track_dirty_pages), 0, 0,
	  NULL },
	{ "huge_pages", BODY_CHOICE, 0, FIELD(pages), 0, 0, huge_pages },
	{ "memory_sharing", BODY_CHOICE, 0, FIELD(sharing), 0, 0, sharings },
	{ "mergeable", BODY_BOOL, BODY_NULLABLE, FIELD(mergeable), 0, 0, NULL },
	{ "prefault", BODY_BOOL, 0, FIELD(prefault), 0, 0, NULL },
	{ "load", BODY_CHOICE, 0, FIELD(load), 0, 0, loads },
	{ "cpu_affinity", BODY_ARRAY, BODY_NULLABLE, FIELD(affinity), 0, 0,
	  NULL },
};

json_t *api_machine_config_defaults(void)
{
	return json_pack("{si si sb sb ss ss sn sb ss sn}", "vcpu_count", 1,
			 "mem_size_mib", 128, "smt", 0, "track_dirty_pages", 0,
			 "huge_pages", "None", "memory_sharing", "auto",
			 "mergeable", "prefault", 0, "load", "auto",
			 "cpu_affinity");
}

static int set_affinity(struct vm_config *config, const json_t *list,
			struct err *err)
{
	size_t i;
	json_t *cpu;

	config->affinity_count = 0;
	if (json_array_size(list) > config->cpus)
		return err_set(err, EINVAL,
			       "cpu_affinity: %zu host CPUs for %u vCPUs",
			       json_array_size(list), config->cpus);
	json_array_foreach((json_t *)list, i, cpu)
	{
		json_int_t number = json_integer_value(cpu);

		if (!json_is_integer(cpu) || number < 0 ||
		    number >= CONFIG_HOST_CPUS_MAX)
			return err_set(err, EINVAL,
				       "cpu_affinity: expected numbers of host "
				       "CPUs, 0 to %d",
				       CONFIG_HOST_CPUS_MAX - 1);
		config->affinity[config->affinity_count++] = (uint16_t)number;
	}
	return 0;
}

/* What Firecracker asks beyond the range of each field. */
static int check(const struct machine_config *machine, struct err *err)
{
	if (machine->smt && machine->cpus > 1 && machine->cpus % 2 != 0)
		return err_set(err, EINVAL,
			       "The vCPU number is invalid! The vCPU number "
			       "can only be 1 or an even number when SMT is "
			       "enabled.");
	if (machine->track_dirty_pages)
		return err_set(err, ENOTSUP,
			       "track_dirty_pages: mote has no snapshots yet.");
	if (machine->pages != HUGE_NONE && machine->memory_mib % 2 != 0)
		return err_set(err, EINVAL,
			       "The memory size (MiB) is not a multiple of the "
			       "page size: huge pages are of 2 MiB.");
	return 0;
}

static int fill(struct vm_config *config, const struct machine_config *machine,
		const json_t *body, struct err *err)
{
	const json_t *mergeable = json_object_get(body, "mergeable");

	config->cpus = (unsigned)machine->cpus;
	config->memory = machine->memory_mib * MIB;
	config->hugepages = machine->pages == HUGE_2M;
	/* Transparent ones are used wherever nothing else is asked for. */
	config->thp = true;
	config->sharing = (enum config_sharing)machine->sharing;
	config->mergeable = !json_is_boolean(mergeable) ? MERGEABLE_AUTO
			    : machine->mergeable	? MERGEABLE_ON
							: MERGEABLE_OFF;
	config->prefault = machine->prefault;
	config->load = (enum config_load)machine->load;
	return set_affinity(config, machine->affinity, err);
}

/* body: complete, a reference that is taken over. */
static int set(struct api *api, struct api_call *call, json_t *body,
	       struct err *err)
{
	struct machine_config machine = { .template = TEMPLATE_NONE };
	struct api_call whole = { .body = body };
	struct api_state next;
	int ret = api_decode(&whole, table, ARRAY_LEN(table), &machine, err);

	call->plain_error = whole.plain_error;
	if (ret == 0)
		ret = check(&machine, err);
	if (ret == 0) {
		api_state_copy(api, &next);
		ret = fill(&next.config, &machine, body, err);
	}
	if (ret == 0)
		ret = api_apply(api, &next, err);
	if (ret < 0) {
		json_decref(body);
		return ret;
	}
	call->deprecated =
		json_is_string(json_object_get(call->body, "cpu_template"));
	if (json_is_null(json_object_get(body, "cpu_template")))
		json_object_del(body, "cpu_template");
	api_document_set(api, "machine-config", body);
	return 0;
}

int api_put_machine_config(struct api *api, struct api_call *call,
			   struct err *err)
{
	const json_t *before = json_object_get(api->document, "machine-config");
	json_t *template = json_object_get(before, "cpu_template"), *body;
	struct machine_config machine;
	int ret = api_decode(call, table, ARRAY_LEN(table), &machine, err);

	if (ret < 0)
		return ret;
	body = api_machine_config_defaults();
	if (template != NULL)
		json_object_set(body, "cpu_template", template);
	return set(api, call, api_with_defaults(call->body, body), err);
}

int api_patch_machine_config(struct api *api, struct api_call *call,
			     struct err *err)
{
	json_t *body;

	if (json_is_object(call->body) && json_object_size(call->body) == 0)
		return err_set(err, EINVAL, "Empty PATCH request.");
	body = json_copy(json_object_get(api->document, "machine-config"));
	if (!json_is_object(call->body)) {
		json_decref(body);
		return api_decode(call, table, ARRAY_LEN(table), NULL, err);
	}
	return set(api, call, api_with_defaults(call->body, body), err);
}

int api_get_machine_config(struct api *api, struct api_call *call,
			   struct err *err)
{
	(void)err;
	call->answer =
		json_incref(json_object_get(api->document, "machine-config"));
	return 0;
}
