// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_prometheus.c - a VM's figures in Prometheus' text format
 *
 * All samples of one name stand together behind its HELP and TYPE lines, which
 * the format demands; so the outer loop is over names, not over vCPUs or devices.
 * Durations are seconds and counters end with _total, as is the custom; KVM's own
 * statistics keep the kernel's names and units.
 */
#include "metrics_prometheus.h"
#include "metrics_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* For the help of names that are KVM's, and the label values. */
static void put_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void put_head(FILE *out, const char *name, const char *help,
		     bool counter)
{
	fprintf(out, "# HELP mote_%s %s\n# TYPE mote_%s %s\n", name, help, name,
		counter ? "counter" : "gauge");
}

static void put_field_head(FILE *out, const struct metrics_field *field)
{
	put_head(out, field->name, field->help,
		 field->kind == METRICS_COUNTER ||
			 field->kind == METRICS_NANO_COUNTER);
}

static void put_value(FILE *out, enum metrics_kind kind, uint64_t value)
{
	if (kind == METRICS_NANO_COUNTER)
		fprintf(out, " %" PRIu64 ".%09" PRIu64 "\n", value / 1000000000,
			value % 1000000000);
	else
		fprintf(out, " %" PRIu64 "\n", value);
}

static void put_info(FILE *out, const struct vm_metrics *metrics)
{
	put_head(out, "info", "The VM.", false);
	fputs("mote_info{id=\"", out);
	put_escaped(out, metrics->id);
	fputs("\",version=\"" MOTE_VERSION "\"", out);
	if (metrics->memory.pages != NULL)
		fprintf(out, ",pages=\"%s\"", metrics->memory.pages);
	fputs("} 1\n", out);
}

static void put_sections(FILE *out, const struct vm_metrics *metrics)
{
	for (size_t i = 0; i < METRICS_SECTIONS; i++) {
		const struct metrics_section *section = &metrics_sections[i];

		for (size_t n = 0; n < section->count; n++) {
			const struct metrics_field *field = &section->fields[n];
			uint64_t value;

			if (!metrics_field_value(field, metrics, &value))
				continue;
			put_field_head(out, field);
			fprintf(out, "mote_%s", field->name);
			put_value(out, field->kind, value);
		}
	}
	if (metrics->ksm.has_profit) {
		put_head(out, "ksm_profit_bytes",
			 "Memory saved, less what KSM itself takes.", false);
		fprintf(out, "mote_ksm_profit_bytes %" PRId64 "\n",
			metrics->ksm.profit);
	}
}

static void put_vcpus(FILE *out, const struct vm_metrics *metrics)
{
	if (metrics->vcpu_count > 0)
		put_head(out, "vcpu_cpu_seconds_total",
			 "CPU time of the vCPU, guest and host.", true);
	for (unsigned i = 0; i < metrics->vcpu_count; i++) {
		if (metrics->vcpus[i].cpu_time == METRICS_UNKNOWN)
			continue;
		fprintf(out, "mote_vcpu_cpu_seconds_total{vcpu=\"%u\"}", i);
		put_value(out, METRICS_NANO_COUNTER,
			  metrics->vcpus[i].cpu_time);
	}
	if (metrics->vcpu_count > 0)
		put_head(out, "vcpu_exits_total",
			 "Exits of the vCPU to the monitor.", true);
	for (unsigned i = 0; i < metrics->vcpu_count; i++) {
		for (unsigned n = 0; n < metrics->exit_count; n++)
			fprintf(out,
				"mote_vcpu_exits_total{vcpu=\"%u\","
				"reason=\"%s\"} %" PRIu64 "\n",
				i, metrics->exit_names[n],
				metrics->vcpus[i].exits[n]);
	}
}

static void put_device_labels(FILE *out, const struct metrics_device *device)
{
	fputs("{device=\"", out);
	put_escaped(out, device->id);
	fprintf(out, "\",type=\"%s\"}", metrics_device_type(device->type));
}

static void put_devices(FILE *out, const struct vm_metrics *metrics)
{
	for (size_t n = 0;
	     n < METRICS_DEVICE_FIELDS && metrics->device_count > 0; n++) {
		const struct metrics_field *field = &metrics_device_fields[n];

		put_field_head(out, field);
		for (unsigned i = 0; i < metrics->device_count; i++) {
			uint64_t value;

			if (!metrics_field_value(field, &metrics->devices[i],
						 &value))
				continue;
			fprintf(out, "mote_%s", field->name);
			put_device_labels(out, &metrics->devices[i]);
			put_value(out, field->kind, value);
		}
	}
}

/* Names of the kernel's, with what a name may not hold replaced. */
static void kvm_name(char *name, size_t size, const char *whose,
		     const struct metrics_stat *stat)
{
	snprintf(name, size, "kvm_%s_%s%s", whose, stat->name,
		 stat->cumulative ? "_total" : "");
	for (char *c = name; *c != '\0'; c++) {
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9')))
			*c = '_';
	}
}

static void put_kvm_head(FILE *out, const char *name,
			 const struct metrics_stat *stat)
{
	fprintf(out, "# HELP mote_%s KVM's ", name);
	put_escaped(out, stat->name);
	fprintf(out, "%s%s.\n# TYPE mote_%s %s\n",
		stat->unit != NULL ? ", in units of " : "",
		stat->unit != NULL ? stat->unit : "", name,
		stat->cumulative ? "counter" : "gauge");
}

static void put_kvm(FILE *out, const struct vm_metrics *metrics)
{
	char name[METRICS_STAT_NAME_SIZE + 32];

	for (unsigned n = 0; n < metrics->vm_stats.count; n++) {
		const struct metrics_stat *stat = &metrics->vm_stats.stats[n];

		kvm_name(name, sizeof(name), "vm", stat);
		put_kvm_head(out, name, stat);
		fprintf(out, "mote_%s %" PRIu64 "\n", name, metrics->vm_kvm[n]);
	}
	for (unsigned n = 0; n < metrics->vcpu_stats.count; n++) {
		const struct metrics_stat *stat = &metrics->vcpu_stats.stats[n];

		kvm_name(name, sizeof(name), "vcpu", stat);
		put_kvm_head(out, name, stat);
		for (unsigned i = 0; i < metrics->vcpu_count; i++) {
			if (!metrics->vcpus[i].has_kvm)
				continue;
			fprintf(out, "mote_%s{vcpu=\"%u\"} %" PRIu64 "\n", name,
				i, metrics->vcpus[i].kvm[n]);
		}
	}
}

char *metrics_to_prometheus(const struct vm_metrics *metrics, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	bool failed;

	if (out == NULL)
		return NULL;
	put_info(out, metrics);
	put_sections(out, metrics);
	put_vcpus(out, metrics);
	put_devices(out, metrics);
	put_kvm(out, metrics);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
