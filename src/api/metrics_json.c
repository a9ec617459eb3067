// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_json.c - a VM's figures as JSON
 *
 * Functions of jansson that are given NULL, for want of memory, do nothing and
 * free what they were to take: a figure may then be missing, and nothing worse.
 */
#include "metrics_json.h"
#include "metrics_fields.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX));
}

static json_t *fields_to_json(const struct metrics_field *fields, size_t n,
			      const void *base)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++) {
		uint64_t value;

		if (!metrics_field_value(&fields[i], base, &value))
			continue;
		json_object_set_new(object, fields[i].key,
				    fields[i].kind == METRICS_FLAG
					    ? json_boolean(value)
					    : number(value));
	}
	return object;
}

static json_t *kvm_to_json(const struct metrics_stats *stats,
			   const uint64_t *values)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < stats->count; i++)
		json_object_set_new(object, stats->stats[i].name,
				    number(values[i]));
	return object;
}

static json_t *vcpu_to_json(const struct vm_metrics *metrics,
			    const struct metrics_vcpu *vcpu)
{
	json_t *object = json_object(), *exits = json_object();

	if (vcpu->cpu_time != METRICS_UNKNOWN)
		json_object_set_new(object, "cpu_time_ns",
				    number(vcpu->cpu_time));
	for (unsigned i = 0; i < metrics->exit_count; i++)
		json_object_set_new(exits, metrics->exit_names[i],
				    number(vcpu->exits[i]));
	json_object_set_new(object, "exits", exits);
	if (vcpu->has_kvm)
		json_object_set_new(object, "kvm",
				    kvm_to_json(&metrics->vcpu_stats,
						vcpu->kvm));
	return object;
}

static json_t *vcpus_to_json(const struct vm_metrics *metrics)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < metrics->vcpu_count; i++)
		json_array_append_new(list, vcpu_to_json(metrics,
							 &metrics->vcpus[i]));
	return list;
}

/* Only what grows has a sum that means something. */
static json_t *kvm_sums_to_json(const struct vm_metrics *metrics)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < metrics->vcpu_stats.count; i++) {
		const struct metrics_stat *stat = &metrics->vcpu_stats.stats[i];
		uint64_t sum = 0;

		if (!stat->cumulative)
			continue;
		for (unsigned n = 0; n < metrics->vcpu_count; n++) {
			if (metrics->vcpus[n].has_kvm)
				sum += metrics->vcpus[n].kvm[i];
		}
		json_object_set_new(object, stat->name, number(sum));
	}
	return object;
}

static json_t *vcpu_sums_to_json(const struct vm_metrics *metrics)
{
	struct metrics_vcpu sum = { .cpu_time = 0 };
	json_t *object;

	for (unsigned n = 0; n < metrics->vcpu_count; n++) {
		const struct metrics_vcpu *vcpu = &metrics->vcpus[n];

		if (vcpu->cpu_time == METRICS_UNKNOWN)
			sum.cpu_time = METRICS_UNKNOWN;
		else if (sum.cpu_time != METRICS_UNKNOWN)
			sum.cpu_time += vcpu->cpu_time;
		for (unsigned i = 0; i < metrics->exit_count; i++)
			sum.exits[i] += vcpu->exits[i];
	}
	object = vcpu_to_json(metrics, &sum);
	json_object_set_new(object, "count", number(metrics->vcpu_count));
	if (metrics->vcpu_stats.count > 0)
		json_object_set_new(object, "kvm", kvm_sums_to_json(metrics));
	return object;
}

static json_t *devices_to_json(const struct vm_metrics *metrics)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < metrics->device_count; i++) {
		const struct metrics_device *device = &metrics->devices[i];
		json_t *figures = fields_to_json(metrics_device_fields,
						 METRICS_DEVICE_FIELDS, device);
		json_t *object = json_object();

		json_object_set_new(object, "id", json_string(device->id));
		json_object_set_new(
			object, "type",
			json_string(metrics_device_type(device->type)));
		json_object_set_new(object, "virtio_type",
				    number(device->type));
		json_object_update_new(object, figures);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *to_json(const struct vm_metrics *metrics, json_t *vcpus)
{
	json_t *all = json_object();

	json_object_set_new(all, "id", json_string(metrics->id));
	json_object_set_new(all, "time_ms", number(metrics->time));
	for (size_t i = 0; i < METRICS_SECTIONS; i++) {
		const struct metrics_section *section = &metrics_sections[i];

		json_object_set_new(all, section->key,
				    fields_to_json(section->fields,
						   section->count, metrics));
	}
	if (metrics->memory.pages != NULL)
		json_object_set_new(json_object_get(all, "memory"), "pages",
				    json_string(metrics->memory.pages));
	if (metrics->ksm.has_profit)
		json_object_set_new(json_object_get(all, "ksm"), "profit_bytes",
				    json_integer(metrics->ksm.profit));
	if (metrics->vm_stats.count > 0)
		json_object_set_new(all, "kvm",
				    kvm_to_json(&metrics->vm_stats,
						metrics->vm_kvm));
	json_object_set_new(all, "vcpus", vcpus);
	json_object_set_new(all, "devices", devices_to_json(metrics));
	return all;
}

json_t *metrics_to_json(const struct vm_metrics *metrics)
{
	return to_json(metrics, vcpus_to_json(metrics));
}

json_t *metrics_to_brief_json(const struct vm_metrics *metrics)
{
	return to_json(metrics, vcpu_sums_to_json(metrics));
}
