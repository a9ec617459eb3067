// SPDX-License-Identifier: Apache-2.0
/*
 * main_api.c - the API server: a VM from requests, or from a configuration file
 */
#include "main_roles.h"
#include "api.h"
#include "api_options.h"
#include "clock.h"
#include "fd.h"
#include "machine.h"
#include "spawner.h"
#include "unix_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As Firecracker ends: a reboot is how its guests say that they are done. */
static const enum exit_status api_statuses[] = {
	[VM_END_POWEROFF] = STATUS_POWEROFF,
	[VM_END_RESET] = STATUS_POWEROFF,
	[VM_END_PANIC] = STATUS_PANIC,
	[VM_END_TRIPLE_FAULT] = STATUS_FAILURE,
	[VM_END_USER] = STATUS_POWEROFF,
	[VM_END_ERROR] = STATUS_FAILURE,
};

static const char *const end_names[] = {
	[VM_END_POWEROFF] = "power-off", [VM_END_RESET] = "reset",
	[VM_END_PANIC] = "panic",	 [VM_END_TRIPLE_FAULT] = "triple-fault",
	[VM_END_USER] = "stopped",	 [VM_END_ERROR] = "error",
};

/* What the command line asks for, as if requests had asked for it. */
static int put_option(struct api *api, const char *resource, const char *key,
		      const char *value, struct err *err)
{
	char body[PATH_MAX + 64];

	if (value == NULL)
		return 0;
	if (strpbrk(value, "\"\\") != NULL || strlen(value) >= PATH_MAX)
		return err_set(err, EINVAL, "'%s': not a possible path", value);
	snprintf(body, sizeof(body), "{\"%s\":\"%s\"}", key, value);
	return api_put(api, resource, body, err);
}

/* Before anything runs: a socket that is taken must not cost the guest a start. */
static int listen_for_api(struct spawner *spawner,
			  const struct api_options *options, int *fd,
			  struct err *err)
{
	int ret;

	if (options->no_api)
		return 0;
	ret = unix_socket_listen(options->socket, fd, err);
	if (ret == 0)
		ret = spawner_unlink_at_end(spawner, options->socket, err);
	return ret < 0 ? err_prefix(err, ret,
				    "Failed to open the API socket at: %s",
				    options->socket)
		       : 0;
}

static int prepare_api(struct api *api, struct spawner *spawner,
		       const struct api_options *options, struct err *err)
{
	int fd = -1, ret = listen_for_api(spawner, options, &fd, err);

	if (ret == 0)
		ret = put_option(api, "/metrics", "metrics_path",
				 options->metrics_path, err);
	if (ret == 0 && options->config_file != NULL)
		ret = api_load_file(api, options->config_file, err);
	if (ret == 0 && fd >= 0)
		ret = api_serve(api, fd_take(&fd), err);
	fd_close(&fd);
	return ret;
}

/* The jailer says when it began, and what it and its parent have used. */
static void take_startup_times(const struct api_options *options,
			       struct api_config *config)
{
	struct timespec cpu;

	if (options->start_time_us > 0)
		config->startup_us = clock_now_us() - options->start_time_us;
	if (options->start_time_cpu_us == 0)
		return;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	config->startup_cpu_us =
		(uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000 -
		options->start_time_cpu_us + options->parent_cpu_time_us;
}

static int serve_machine(struct machine *machine, struct api *api,
			 struct spawner *spawner,
			 const struct api_options *options, int *signo)
{
	struct err err;
	enum vm_end end = VM_END_ERROR;
	int status;

	if (prepare_api(api, spawner, options, &err) == 0) {
		end = machine_run(machine, signo);
		status = (int)api_statuses[end];
	} else {
		status = fail(STATUS_FAILURE, &err);
	}
	api_end(api, end_names[end]);
	return status;
}

/* The machine goes first: its configuration borrows texts from the API. */
static int run_machine(struct event_base *base, struct machine *machine,
		       struct spawner *spawner,
		       const struct api_options *options, int *signo)
{
	struct api_config config = {
		.target = machine_target(machine),
		.payload_max = options->payload_max,
		.log_format = &options->log_format,
		.log_level = options->log_level,
		.boot_timer = options->boot_timer,
	};
	struct api *api;
	struct err err;
	int status;

	take_startup_times(options, &config);
	if (api_create(base, &config, &api, &err) < 0) {
		machine_destroy(machine);
		return fail(STATUS_FAILURE, &err);
	}
	status = serve_machine(machine, api, spawner, options, signo);
	machine_destroy(machine);
	api_destroy(api);
	return status;
}

static int run_api(const struct api_options *options, struct spawner *spawner,
		   int *signo)
{
	struct event_base *base = event_base_new();
	struct machine *machine;
	struct err err;
	int status;

	if (base == NULL) {
		err_set(&err, ENOMEM, "event loop: out of memory");
		return fail(STATUS_FAILURE, &err);
	}
	if (machine_create(base, spawner, options->id, &machine, &err) == 0)
		status = run_machine(base, machine, spawner, options, signo);
	else
		status = fail(STATUS_FAILURE, &err);
	event_base_free(base);
	return status;
}

static int open_api_log(const struct api_options *options, struct err *err)
{
	int fd = STDOUT_FILENO;

	log_set_level(options->log_level);
	log_set_format(&options->log_format);
	if (options->log_path != NULL)
		fd = fd_open_sink(options->log_path);
	if (fd < 0)
		return err_set(err, -fd, "--log-path '%s': %s",
			       options->log_path, strerror(-fd));
	log_set_fd(fd);
	return 0;
}

static int fail_options(int error, const struct err *err)
{
	static const struct {
		int error;
		enum exit_status status;
	} statuses[] = {
		{ -EINVAL, STATUS_API_USAGE },
		{ -ENOTSUP, STATUS_API_USAGE },
		{ -ERANGE, STATUS_API_LEVEL },
	};

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (statuses[i].error == error)
			return fail(statuses[i].status, err);
	}
	return fail(STATUS_FAILURE, err);
}

/* argv[0] is no option. */
int api_main(int argc, char **argv)
{
	struct api_options options;
	struct spawner *spawner;
	struct terminal terminal;
	struct err err;
	int status, signo = 0;
	int ret = api_options_parse(argc, argv, &options, &err);

	if (ret < 0)
		return fail_options(ret, &err);
	if (options.help) {
		api_options_print_help(stdout);
		return 0;
	}
	if (options.version) {
		/* Clients of Firecracker read the version off the first line. */
		printf("Firecracker v%s\nmote %s\n", API_FIRECRACKER_VERSION,
		       MOTE_VERSION);
		return 0;
	}
	if (open_api_log(&options, &err) < 0 ||
	    spawner_create(&spawner, &err) < 0)
		return fail(STATUS_FAILURE, &err);
	terminal_keep(&terminal);
	status = run_api(&options, spawner, &signo);
	spawner_destroy(spawner);
	/* Firecracker's last line, which tools look for. */
	log_write(status == 0 ? LOG_INFO : LOG_ERROR, "api", options.id,
		  "Firecracker exiting %s. exit_code=%d",
		  status == 0 ? "successfully" : "with error", status);
	terminal_restore(&terminal);
	if (signo != 0) {
		/* Whoever waits for us sees what ended us, as with Firecracker. */
		signal(signo, SIG_DFL);
		raise(signo);
	}
	return status;
}
