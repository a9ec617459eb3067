// SPDX-License-Identifier: Apache-2.0
/*
 * machine.c - commands, from configuration to end
 *
 * Theory of operation: not started -> running <-> paused -> ended. While it is
 * not started there is no VM, only a configuration with its files open, which
 * CONFIGURE replaces whole. START makes a VM of a checked copy; if that fails
 * everything is as before and START may come again. The end is asked for by the
 * VM, a command or a signal, once, in any state, and leaves the event loop.
 */
#include "machine.h"
#include "fd.h"
#include "journal.h"
#include "log.h"
#include "machine_files.h"
#include "signals.h"
#include "vm_metrics.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void handle_end_signal(evutil_socket_t signo, short what, void *arg);
static void handle_power_signal(evutil_socket_t signo, short what, void *arg);

static const struct {
	int signo;
	void (*handle)(evutil_socket_t signo, short what, void *arg);
} signals[] = {
	{ SIGTERM, handle_end_signal },
	{ SIGINT, handle_end_signal },
	{ SIGHUP, handle_end_signal },
	{ SIGUSR1, handle_power_signal },
};

struct machine {
	struct event_base *base; /* borrowed, as the spawner */
	struct spawner *spawner;
	struct event *signals[ARRAY_LEN(signals)];

	enum machine_state state;
	struct vm_config config;  /* as it was asked for; owns descriptors */
	struct vm_config checked; /* what the VM was made from */
	struct vm *vm;		  /* NULL before the start */

	bool ended, stopped;
	enum vm_end end;
	int end_signal; /* 0: none */
};

static int run_command(void *ctx, const struct command *command,
		       struct err *err);

static void end(struct machine *machine, enum vm_end why)
{
	if (machine->ended)
		return;
	machine->ended = true;
	machine->end = why;
	event_base_loopbreak(machine->base);
}

static void vm_ended(void *ctx, enum vm_end why)
{
	end(ctx, why);
}

static void handle_end_signal(evutil_socket_t signo, short what, void *arg)
{
	struct machine *machine = arg;

	(void)what;
	log_write(LOG_INFO, "vm", machine->config.id, "signal %d, ending",
		  (int)signo);
	if (!machine->ended)
		machine->end_signal = (int)signo;
	end(machine, VM_END_USER);
}

static void handle_power_signal(evutil_socket_t signo, short what, void *arg)
{
	const struct command command = { .verb = COMMAND_POWER_BUTTON };
	struct machine *machine = arg;
	struct err err;

	(void)what;
	if (run_command(machine, &command, &err) < 0)
		log_write(LOG_WARN, "vm", machine->config.id, "signal %d: %s",
			  (int)signo, err.text);
}

static int watch_signals(struct machine *machine, struct err *err)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		if (signal_is_ignored(signals[i].signo))
			continue;
		machine->signals[i] =
			evsignal_new(machine->base, signals[i].signo,
				     signals[i].handle, machine);
		if (machine->signals[i] == NULL ||
		    evsignal_add(machine->signals[i], NULL) < 0)
			return err_set(err, ENOMEM,
				       "event loop: out of memory");
	}
	return 0;
}

int machine_create(struct event_base *base, struct spawner *spawner,
		   const char *id, struct machine **out, struct err *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int ret;

	if (machine == NULL)
		return err_set(err, ENOMEM, "machine: out of memory");
	machine->base = base;
	machine->spawner = spawner;
	vm_config_init(&machine->config);
	memcpy(machine->config.id, id, strlen(id) + 1);
	ret = watch_signals(machine, err);
	if (ret < 0) {
		machine_destroy(machine);
		return ret;
	}
	*out = machine;
	return 0;
}

/* Whatever can be said already; a kernel may still come. */
static int check_so_far(const struct vm_config *config, struct err *err)
{
	struct vm_config copy = *config;

	if (copy.kernel == NULL)
		copy.kernel = "";
	return vm_config_check(&copy, err);
}

static int configure(struct machine *machine, const struct command *command,
		     struct err *err)
{
	struct vm_config next = *command->config;
	int ret = check_so_far(&next, err);

	if (ret == 0)
		ret = machine_open_files(&next, &machine->config, err);
	if (ret < 0)
		return ret;
	machine_close_files(&machine->config, &next);
	machine->config = next;
	return 0;
}

static int start(struct machine *machine, const struct command *command,
		 struct err *err)
{
	const struct vm_owner owner = { vm_ended, machine };
	int ret;

	(void)command;
	ret = machine_open_files(&machine->config, &machine->config, err);
	machine->checked = machine->config;
	if (ret == 0)
		ret = vm_config_check(&machine->checked, err);
	if (ret == 0)
		ret = vm_create(&machine->checked, machine->spawner,
				machine->base, &owner, &machine->vm, err);
	if (ret == 0)
		ret = vm_start(machine->vm, err);
	if (ret < 0) {
		vm_destroy(machine->vm);
		machine->vm = NULL;
		machine_hang_up(&machine->config);
		return ret;
	}
	machine_hand_over_files(&machine->config);
	machine->state = MACHINE_RUNNING;
	journal_post("started", machine->config.id, "%s", "");
	return 0;
}

static int stop(struct machine *machine, const struct command *command,
		struct err *err)
{
	(void)command;
	(void)err;
	end(machine, VM_END_USER);
	return 0;
}

static int pause_vm(struct machine *machine, const struct command *command,
		    struct err *err)
{
	int ret;

	(void)command;
	if (machine->state == MACHINE_PAUSED)
		return 0;
	ret = vm_pause(machine->vm, err);
	if (ret < 0)
		return ret;
	machine->state = MACHINE_PAUSED;
	journal_post("paused", machine->config.id, "%s", "");
	return 0;
}

static int resume_vm(struct machine *machine, const struct command *command,
		     struct err *err)
{
	int ret;

	(void)command;
	if (machine->state == MACHINE_RUNNING)
		return 0;
	ret = vm_resume(machine->vm, err);
	if (ret < 0)
		return ret;
	machine->state = MACHINE_RUNNING;
	journal_post("resumed", machine->config.id, "%s", "");
	return 0;
}

static int press_power_button(struct machine *machine,
			      const struct command *command, struct err *err)
{
	int ret = vm_power_button(machine->vm, err);

	(void)command;
	if (ret == 0)
		journal_post("power-button", machine->config.id, "%s", "");
	return ret;
}

/* NULL: none of this id has an image of ours. */
static struct config_disk *find_disk(struct vm_config *config, const char *id)
{
	for (unsigned i = 0; i < config->disk_count; i++) {
		if (strcmp(config->disks[i].id, id) == 0)
			return &config->disks[i];
	}
	return NULL;
}

static int swap_disk(struct machine *machine, const struct command *command,
		     struct err *err)
{
	struct config_disk *disk = find_disk(&machine->config, command->id);
	struct config_disk other;
	int fd = -1, ret = 0;

	if (disk == NULL)
		return err_set(err, ENOENT,
			       "disk %s: not a disk with an image of ours",
			       command->id);
	other = *disk;
	other.path = command->path;
	if (command->fd < 0)
		ret = vm_open_disk(&other, &fd, err);
	if (ret == 0)
		ret = vm_swap_disk(machine->vm, command->id,
				   fd >= 0 ? fd : command->fd, command->path,
				   err);
	fd_close(&fd);
	if (ret < 0)
		return ret;
	disk->path = command->path;
	/* Borrowed by what the VM was made of, too. */
	find_disk(&machine->checked, command->id)->path = command->path;
	journal_post("disk-swapped", command->id, "%.100s", command->path);
	return 0;
}

static int refresh_config(struct machine *machine,
			  const struct command *command, struct err *err)
{
	return vm_refresh_config(machine->vm, command->id, err);
}

/* When a command may come. */
enum { BEFORE = 1 << 0, AFTER = 1 << 1 };

static const struct {
	int (*run)(struct machine *machine, const struct command *command,
		   struct err *err);
	unsigned when;
} verbs[] = {
	[COMMAND_CONFIGURE] = { configure, BEFORE },
	[COMMAND_START] = { start, BEFORE },
	[COMMAND_PAUSE] = { pause_vm, AFTER },
	[COMMAND_RESUME] = { resume_vm, AFTER },
	[COMMAND_POWER_BUTTON] = { press_power_button, AFTER },
	[COMMAND_STOP] = { stop, BEFORE | AFTER },
	[COMMAND_SWAP_DISK] = { swap_disk, AFTER },
	[COMMAND_REFRESH_CONFIG] = { refresh_config, AFTER },
};

static int run_command(void *ctx, const struct command *command,
		       struct err *err)
{
	struct machine *machine = ctx;
	bool started = machine->state != MACHINE_NOT_STARTED;

	if (machine->ended)
		return err_set(err, ESHUTDOWN, "The microVM has ended.");
	if (!(verbs[command->verb].when & (started ? AFTER : BEFORE)))
		return err_set(err, EPERM,
			       "The requested operation is not supported %s "
			       "starting the microVM.",
			       started ? "after" : "before");
	return verbs[command->verb].run(machine, command, err);
}

static enum machine_state get_state(void *ctx)
{
	const struct machine *machine = ctx;

	return machine->state;
}

static const struct vm_config *get_config(void *ctx)
{
	const struct machine *machine = ctx;

	return &machine->config;
}

static bool get_metrics(void *ctx, struct vm_metrics *out)
{
	const struct machine *machine = ctx;

	if (machine->vm == NULL)
		return false;
	vm_get_metrics(machine->vm, out);
	return true;
}

struct command_target machine_target(struct machine *machine)
{
	return (struct command_target){
		.run = run_command,
		.state = get_state,
		.config = get_config,
		.metrics = get_metrics,
		.ctx = machine,
	};
}

/* Once; also of a machine whose owner never got to run it. */
static void stop_vm(struct machine *machine)
{
	if (machine->vm != NULL && !machine->stopped)
		vm_stop(machine->vm);
	machine->stopped = true;
}

enum vm_end machine_run(struct machine *machine, int *signo)
{
	if (!machine->ended)
		event_base_dispatch(machine->base);
	if (!machine->ended) {
		log_write(LOG_ERROR, "vm", machine->config.id,
			  "event loop failed");
		end(machine, VM_END_ERROR);
	}
	stop_vm(machine);
	*signo = machine->end_signal;
	return machine->end;
}

void machine_destroy(struct machine *machine)
{
	if (machine == NULL)
		return;
	stop_vm(machine);
	vm_destroy(machine->vm);
	machine_close_files(&machine->config, NULL);
	for (size_t i = 0; i < ARRAY_LEN(machine->signals); i++) {
		if (machine->signals[i] != NULL)
			event_free(machine->signals[i]);
	}
	free(machine);
}
