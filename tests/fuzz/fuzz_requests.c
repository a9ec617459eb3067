// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_requests.c - requests -> the handlers of src/api/requests
 *
 * Each line of the input is a request: method, path, body. "&" in front sends
 * descriptors with it. The machine is a fake that checks what it is given as
 * src/vm does and opens nothing; a path with "bad" in it cannot be opened, and a
 * kernel with "fail" on its command line does not start.
 *
 * After every request each text that the machine's configuration borrows must
 * be there; what was refused must have changed nothing; and what GET /vm/config
 * answers must be a configuration file that makes the same machine.
 */
#include "api_internal.h"
#include "fd.h"
#include "fuzz.h"
#include "fuzz_machine.h"
#include "log.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FDS = 2, STREAM_ROOM = 4096 };

static struct event_base *base;

/* Opens no file of this machine; the linker puts it in the place of fd.c's. */
int __wrap_fd_open_sink(const char *path);
int __wrap_fd_open_sink(const char *path)
{
	if (strstr(path, "bad") != NULL) {
		errno = ENOENT;
		return -ENOENT;
	}
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static struct api *create(struct fuzz_machine *machine)
{
	static const struct log_format format = { .show_level = true };
	const struct api_config config = {
		.target = fuzz_machine_target(machine),
		.payload_max = 51200,
		.log_format = &format,
	};
	struct api *api = NULL;
	struct err err;

	fuzz_machine_init(machine);
	FUZZ_REQUIRE(api_create(base, &config, &api, &err) == 0);
	return api;
}

static size_t list_length(const struct api *api, const char *section)
{
	return json_array_size(json_object_get(api->document, section));
}

/* Every device is in the document once. */
static void require_same_devices(const struct api *api,
				 const struct vm_config *config)
{
	FUZZ_REQUIRE(list_length(api, "drives") +
			     list_length(api, "vhost-user") ==
		     config->disk_count + config->vhost_user_count);
	FUZZ_REQUIRE(list_length(api, "network-interfaces") ==
		     config->net_count);
	FUZZ_REQUIRE(list_length(api, "pmem") == config->pmem_count);
}

static void require_answer(struct api_call *call)
{
	char buf[STREAM_ROOM];
	char *text;

	if (call->answer != NULL) {
		text = json_dumps(call->answer, JSON_COMPACT);
		FUZZ_REQUIRE(text != NULL);
		free(text);
	}
	if (call->streams)
		call->stream.next(call->stream.ctx, &call->stream.cursor, buf,
				  sizeof(buf));
	json_decref(call->answer);
	free(call->text);
}

static void send_request(struct api *api, struct fuzz_machine *machine,
			 const char *method, const char *target,
			 const char *body, bool with_fds)
{
	int fds[FDS] = { -1, -1 };
	struct api_call call = { .fds = fds, .fd_count = with_fds ? FDS : 0 };
	struct vm_config before = machine->config;
	char *document = json_dumps(api->document, JSON_COMPACT), *after;
	struct err err = { "" };

	for (unsigned i = 0; i < call.fd_count; i++)
		fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (api_dispatch(api, method, target, body,
			 body != NULL ? strlen(body) : 0, &call, &err) < 0) {
		after = json_dumps(api->document, JSON_COMPACT);
		FUZZ_REQUIRE(strcmp(document, after) == 0);
		FUZZ_REQUIRE(
			memcmp(&before, &machine->config, sizeof(before)) == 0);
		FUZZ_REQUIRE(err.text[0] != '\0');
		free(after);
	}
	require_answer(&call);
	for (int i = 0; i < FDS; i++)
		fd_close(&fds[i]);
	free(document);
	fuzz_machine_read_texts(machine);
	require_same_devices(api, &machine->config);
}

/* METHOD PATH BODY, of which the last two may be missing. */
static void send_line(struct api *api, struct fuzz_machine *machine, char *line)
{
	bool with_fds = line[0] == '&';
	char *method = line + with_fds, *target = NULL, *body = NULL;

	target = strchr(method, ' ');
	if (target == NULL)
		return;
	*target++ = '\0';
	body = strchr(target, ' ');
	if (body != NULL)
		*body++ = '\0';
	send_request(api, machine, method, target, body, with_fds);
}

/* Descriptors have no names that a file could hold. */
static bool can_be_a_file(const struct api *api, const char *text)
{
	return api->state.config.kernel != NULL && strstr(text, "fd:") == NULL;
}

static void require_good_file(const struct api *api)
{
	char *text = json_dumps(api->document, JSON_COMPACT), *again, path[64];
	struct fuzz_machine machine;
	struct api *other;
	struct err err = { "" };
	int fd, ret;

	if (can_be_a_file(api, text)) {
		fd = memfd_create("config", MFD_CLOEXEC);
		FUZZ_REQUIRE(fd_write_all(fd, text, strlen(text)) == 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		other = create(&machine);
		ret = api_load_file(other, path, &err);
		if (ret < 0 && !machine.refused_start)
			fprintf(stderr, "%s\n%s\n", text, err.text);
		FUZZ_REQUIRE(ret == 0 || machine.refused_start);
		again = json_dumps(other->document, JSON_COMPACT);
		FUZZ_REQUIRE(strcmp(text, again) == 0);
		free(again);
		api_destroy(other);
		fuzz_machine_release(&machine);
		close(fd);
	}
	free(text);
}

static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	close(fd);
	return fd;
}

static void prepare(void)
{
	if (base != NULL)
		return;
	base = event_base_new();
	FUZZ_REQUIRE(base != NULL);
	log_set_level(LOG_OFF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_machine machine;
	char *text = malloc(size + 1), *rest = text, *line;
	struct api *api;
	int fd;

	prepare();
	memcpy(text, data, size);
	text[size] = '\0';
	log_set_fd(-1);
	fd = lowest_free_fd();
	api = create(&machine);
	while ((line = strsep(&rest, "\n")) != NULL)
		send_line(api, &machine, line);
	require_good_file(api);
	api_end(api, "fuzzed");
	api_destroy(api);
	fuzz_machine_release(&machine);
	log_set_fd(-1);
	FUZZ_REQUIRE(lowest_free_fd() == fd);
	free(text);
	return 0;
}
