// SPDX-License-Identifier: Apache-2.0
/*
 * test_metrics.c - a VM's figures as JSON, Prometheus' text, Firecracker's groups
 */
#include "metrics_fixture.h"
#include "metrics_firecracker.h"
#include "metrics_json.h"
#include "metrics_prometheus.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>

static struct vm_metrics *sample;

static void set_up(void)
{
	sample = metrics_sample();
}

static void tear_down(void)
{
	free(sample);
}

/* "a.b.1.c" inside object; arrays by number. NULL: not there. */
static json_t *at(json_t *object, const char *path)
{
	char copy[128], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", path);
	while (object != NULL && (part = strsep(&rest, ".")) != NULL)
		object = json_is_array(object)
				 ? json_array_get(object, (size_t)atoi(part))
				 : json_object_get(object, part);
	return object;
}

static const struct {
	const char *path;
	const char *value; /* as JSON; NULL: must not be there */
} full[] = {
	{ "id", "\"vm-1\"" },
	{ "time_ms", "1700000000123" },
	{ "memory",
	  "{\"size_bytes\":134217728,\"resident_bytes\":5242880,"
	  "\"shared\":true,\"mergeable\":false,\"pages\":\"small\"}" },
	{ "process.cpu_time_ns", "2500000001" },
	{ "process.pss_bytes", NULL },
	{ "ksm", "{\"rmap_items\":9,\"zero_pages\":0,\"profit_bytes\":-64}" },
	{ "log", "{\"lost_lines\":4,\"suppressed_lines\":0}" },
	{ "kvm", "{\"pages-4k\":77}" },
	{ "vcpus.0", "{\"cpu_time_ns\":1000000000,\"exits\":{\"io_in\":10,"
		     "\"mmio_write\":20,\"failure\":0},\"kvm\":{"
		     "\"halt_wait_ns\":500,\"blocking\":1}}" },
	{ "vcpus.1.kvm.halt_wait_ns", "600" },
	{ "vcpus.2", NULL },
	{ "devices.0.id", "\"disk0\"" },
	{ "devices.0.type", "\"block\"" },
	{ "devices.0.virtio_type", "2" },
	{ "devices.0.status", "15" },
	{ "devices.0.started", "true" },
	{ "devices.0.register_writes", "40" },
	{ "devices.1.start_failures", "2" },
	{ "devices.2.id", "\"net\\\"0\\\\\"" },
	{ "devices.2.lost", "true" },
	{ "devices.3", NULL },
};

static const struct {
	const char *path;
	const char *value;
} brief[] = {
	{ "vcpus", "{\"cpu_time_ns\":1000000005,\"exits\":{\"io_in\":11,"
		   "\"mmio_write\":22,\"failure\":0},\"count\":2,"
		   "\"kvm\":{\"halt_wait_ns\":1100}}" },
	{ "devices.2.type", "\"net\"" },
};

static void assert_json(json_t *object, const char *path, const char *value)
{
	json_t *found = at(object, path);
	char *text = NULL;

	if (value == NULL) {
		ck_assert_msg(found == NULL, "%s is there", path);
		return;
	}
	ck_assert_msg(found != NULL, "%s is missing", path);
	text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
	ck_assert_msg(strcmp(text, value) == 0, "%s is %s, not %s", path, text,
		      value);
	free(text);
}

START_TEST(everything_known_is_in_the_json_and_nothing_else)
{
	json_t *json = metrics_to_json(sample);

	assert_json(json, full[_i].path, full[_i].value);
	json_decref(json);
}
END_TEST

START_TEST(the_brief_json_has_sums_over_the_vcpus)
{
	json_t *json = metrics_to_brief_json(sample);

	assert_json(json, brief[_i].path, brief[_i].value);
	json_decref(json);
}
END_TEST

START_TEST(figures_beyond_json_s_integers_are_cut)
{
	json_t *json;

	sample->memory.size = METRICS_UNKNOWN - 1;
	json = metrics_to_json(sample);
	assert_json(json, "memory.size_bytes", "9223372036854775807");
	json_decref(json);
}
END_TEST

static const char *const prometheus[] = {
	"# HELP mote_info The VM.\n# TYPE mote_info gauge\n"
	"mote_info{id=\"vm-1\",version=\"" MOTE_VERSION
	"\",pages=\"small\"} 1\n",
	"# TYPE mote_memory_size_bytes gauge\nmote_memory_size_bytes "
	"134217728\n",
	"\nmote_memory_shared 1\n",
	"# TYPE mote_process_cpu_seconds_total counter\n"
	"mote_process_cpu_seconds_total 2.500000001\n",
	"\nmote_process_main_thread_cpu_seconds_total 0.000000007\n",
	"\nmote_ksm_profit_bytes -64\n",
	"# TYPE mote_vcpu_cpu_seconds_total counter\n"
	"mote_vcpu_cpu_seconds_total{vcpu=\"0\"} 1.000000000\n"
	"mote_vcpu_cpu_seconds_total{vcpu=\"1\"} 0.000000005\n",
	"\nmote_vcpu_exits_total{vcpu=\"1\",reason=\"mmio_write\"} 2\n",
	"# TYPE mote_device_started gauge\n"
	"mote_device_started{device=\"disk0\",type=\"block\"} 1\n"
	"mote_device_started{device=\"disk1\",type=\"block\"} 0\n"
	"mote_device_started{device=\"net\\\"0\\\\\",type=\"net\"} 0\n",
	"\nmote_device_status{device=\"disk0\",type=\"block\"} 15\n",
	"# TYPE mote_kvm_vm_pages_4k gauge\nmote_kvm_vm_pages_4k 77\n",
	"# HELP mote_kvm_vcpu_halt_wait_ns_total KVM's halt_wait_ns, in units "
	"of "
	"nanoseconds.\n# TYPE mote_kvm_vcpu_halt_wait_ns_total counter\n"
	"mote_kvm_vcpu_halt_wait_ns_total{vcpu=\"0\"} 500\n"
	"mote_kvm_vcpu_halt_wait_ns_total{vcpu=\"1\"} 600\n",
};

START_TEST(prometheus_text_has_every_figure)
{
	size_t len = 0;
	char *text = metrics_to_prometheus(sample, &len);

	ck_assert_uint_eq(len, strlen(text));
	ck_assert_msg(strstr(text, prometheus[_i]) != NULL, "%s\n%s",
		      prometheus[_i], text);
	ck_assert_ptr_null(strstr(text, "pss"));
	free(text);
}
END_TEST

#define NAME  "[a-zA-Z_:][a-zA-Z0-9_:]*"
#define LABEL "[a-z_]+=\"([^\"\\\\]|\\\\.)*\""
#define VALUE "-?[0-9]+(\\.[0-9]+)?"

/*
 * The grammar of text format 0.0.4, line by line: a TYPE before its samples, each
 * name in one piece.
 */
START_TEST(prometheus_text_keeps_to_the_grammar)
{
	static const char *const shapes[] = {
		"^# HELP (" NAME ") .+$",
		"^# TYPE (" NAME ") (counter|gauge)$",
		"^(" NAME ")(\\{" LABEL "(," LABEL ")*\\})? " VALUE "$",
	};
	size_t len, types = 0, samples = 0, at_line = 0;
	char *text = metrics_to_prometheus(sample, &len), *rest = text, *line;
	char name[128] = "";
	regex_t regex[ARRAY_LEN(shapes)];

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		ck_assert_int_eq(regcomp(&regex[i], shapes[i], REG_EXTENDED),
				 0);
	ck_assert(text[len - 1] == '\n');
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		regmatch_t match[2];
		size_t shape = strncmp(line, "# HELP", 6) == 0	 ? 0
			       : strncmp(line, "# TYPE", 6) == 0 ? 1
								 : 2;
		size_t size;

		ck_assert_msg(regexec(&regex[shape], line, 2, match, 0) == 0,
			      "%s", line);
		size = (size_t)(match[1].rm_eo - match[1].rm_so);
		if (shape == 0) {
			memcpy(name, line + match[1].rm_so, size);
			name[size] = '\0';
			at_line = 0;
		}
		ck_assert_msg(strlen(name) == size &&
				      strncmp(name, line + match[1].rm_so,
					      size) == 0,
			      "%s under %s", line, name);
		ck_assert_msg(shape != 1 || at_line == 1, "%s", line);
		types += shape == 1;
		samples += shape == 2;
		at_line++;
	}
	ck_assert_uint_eq(types, 1 + 4 + 7 + 2 + 1 + 2 + 2 + 11 + 1 + 2);
	ck_assert_uint_gt(samples, types);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		regfree(&regex[i]);
	free(text);
}
END_TEST

START_TEST(firecrackers_counts_are_those_since_the_last_line)
{
	struct api_metrics api = { .startup_time = 900 };
	struct firecracker_totals last = { .none = 0 }, now;
	json_t *line = json_object();

	api.put[API_DRIVE] = (struct api_requests){ 3, 1 };
	api.get[API_INSTANCE_INFO].count = 8;
	firecracker_totals_collect(&api, sample, 2, &now);
	firecracker_groups_add(line, &now, &last);
	assert_json(line, "api_server",
		    "{\"process_startup_time_us\":900,"
		    "\"process_startup_time_cpu_us\":0}");
	assert_json(line, "put_api_requests.drive_count", "3");
	assert_json(line, "put_api_requests.drive_fails", "1");
	assert_json(line, "get_api_requests.instance_info_count", "8");
	assert_json(line, "vcpu.exit_io_in", "11");
	assert_json(line, "vcpu.exit_mmio_write", "22");
	assert_json(line, "block.activate_fails", "3");
	assert_json(line, "net.activate_fails", "0");
	assert_json(line, "interrupts.config_updates", "4");
	assert_json(line, "logger",
		    "{\"missed_metrics_count\":2,\"missed_log_count\":4,"
		    "\"rate_limited_log_count\":0}");
	assert_json(line, "seccomp.num_faults", "0");
	assert_json(line, "net.rx_bytes_count", NULL);
	json_decref(line);

	line = json_object();
	last = now;
	api.put[API_DRIVE].count++;
	sample->vcpus[1].exits[0] += 5;
	sample->device_count = 1; /* totals fall */
	firecracker_totals_collect(&api, sample, 2, &now);
	firecracker_groups_add(line, &now, &last);
	assert_json(line, "api_server.process_startup_time_us", "900");
	assert_json(line, "put_api_requests.drive_count", "1");
	assert_json(line, "put_api_requests.drive_fails", "0");
	assert_json(line, "vcpu.exit_io_in", "5");
	assert_json(line, "vcpu.exit_mmio_write", "0");
	assert_json(line, "block.activate_fails", "0");
	assert_json(line, "logger.missed_metrics_count", "0");
	json_decref(line);
}
END_TEST

START_TEST(before_the_vm_only_the_api_has_figures)
{
	struct api_metrics api = { .deprecated = 1 };
	struct firecracker_totals last = { .none = 0 }, now;
	json_t *line = json_object();

	firecracker_totals_collect(&api, NULL, 0, &now);
	firecracker_groups_add(line, &now, &last);
	assert_json(line, "deprecated_api.deprecated_http_api_calls", "1");
	assert_json(line, "vcpu.exit_io_in", "0");
	json_decref(line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc,
			    everything_known_is_in_the_json_and_nothing_else, 0,
			    ARRAY_LEN(full));
	tcase_add_loop_test(tc, the_brief_json_has_sums_over_the_vcpus, 0,
			    ARRAY_LEN(brief));
	tcase_add_test(tc, figures_beyond_json_s_integers_are_cut);
	tcase_add_loop_test(tc, prometheus_text_has_every_figure, 0,
			    ARRAY_LEN(prometheus));
	tcase_add_test(tc, prometheus_text_keeps_to_the_grammar);
	tcase_add_test(tc, firecrackers_counts_are_those_since_the_last_line);
	tcase_add_test(tc, before_the_vm_only_the_api_has_figures);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
