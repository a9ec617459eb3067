// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_machine.c - takes and refuses commands as src/vm/machine.c does
 */
#include "fuzz_machine.h"
#include "fd.h"
#include "fuzz.h"
#include "metrics.h"

#include <errno.h>
#include <string.h>

enum {
	FDS_MAX = 2 + CONFIG_DISKS_MAX + CONFIG_VHOST_USER_MAX +
		  CONFIG_PMEM_MAX + CONFIG_NETS_MAX,
	TEXTS_MAX = 3 + CONFIG_DISKS_MAX + CONFIG_PMEM_MAX +
		    3 * CONFIG_VHOST_USER_MAX + 2 * CONFIG_NETS_MAX +
		    CONFIG_VSOCKS_MAX + CONFIG_CONSOLES_MAX,
};

static size_t list_fds(struct vm_config *config, int *fds[FDS_MAX])
{
	size_t n = 0;

	fds[n++] = &config->kernel_fd;
	fds[n++] = &config->initrd_fd;
	for (unsigned i = 0; i < config->disk_count; i++)
		fds[n++] = &config->disks[i].fd;
	for (unsigned i = 0; i < config->vhost_user_count; i++)
		fds[n++] = &config->vhost_user[i].fd;
	for (unsigned i = 0; i < config->pmem_count; i++)
		fds[n++] = &config->pmem[i].fd;
	for (unsigned i = 0; i < config->net_count; i++)
		fds[n++] = &config->nets[i].tap_fd;
	return n;
}

static size_t list_texts(const struct vm_config *config,
			 const char *texts[TEXTS_MAX])
{
	size_t n = 0;

	texts[n++] = config->kernel;
	texts[n++] = config->initrd;
	texts[n++] = config->cmdline;
	for (unsigned i = 0; i < config->disk_count; i++)
		texts[n++] = config->disks[i].path;
	for (unsigned i = 0; i < config->pmem_count; i++)
		texts[n++] = config->pmem[i].path;
	for (unsigned i = 0; i < config->vhost_user_count; i++) {
		texts[n++] = config->vhost_user[i].type;
		texts[n++] = config->vhost_user[i].socket;
		texts[n++] = config->vhost_user[i].tag;
	}
	for (unsigned i = 0; i < config->net_count; i++) {
		texts[n++] = config->nets[i].tap;
		texts[n++] = config->nets[i].macvtap;
	}
	for (unsigned i = 0; i < config->vsock_count; i++)
		texts[n++] = config->vsocks[i].uds_path;
	for (unsigned i = 0; i < config->console_count; i++)
		texts[n++] = config->consoles[i].path;
	return n;
}

static bool has_bad_text(const struct vm_config *config, const char *word)
{
	const char *texts[TEXTS_MAX];
	size_t n = list_texts(config, texts);

	for (size_t i = 0; i < n; i++) {
		if (texts[i] != NULL && strstr(texts[i], word) != NULL)
			return true;
	}
	return false;
}

/* The descriptors of config, but those that are in keep as well. */
static void close_fds(struct vm_config *config, const struct vm_config *keep)
{
	struct vm_config copy = *keep;
	int *fds[FDS_MAX], *kept[FDS_MAX];
	size_t n = list_fds(config, fds), m = list_fds(&copy, kept);

	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < m && *kept[j] != *fds[i])
			j++;
		if (j == m)
			fd_close(fds[i]);
	}
}

static int configure(struct fuzz_machine *machine,
		     const struct command *command, struct err *err)
{
	struct vm_config checked = *command->config;
	int ret;

	if (checked.kernel == NULL)
		checked.kernel = "";
	ret = vm_config_check(&checked, err);
	if (ret == 0 && has_bad_text(command->config, "bad"))
		ret = err_set(err, ENOENT, "no such file");
	if (ret < 0)
		return ret;
	close_fds(&machine->config, command->config);
	machine->config = *command->config;
	return 0;
}

static int start(struct fuzz_machine *machine, const struct command *command,
		 struct err *err)
{
	struct vm_config checked = machine->config;
	int ret = vm_config_check(&checked, err);

	(void)command;
	if (ret == 0 && strstr(checked.cmdline, "fail") != NULL)
		ret = err_set(err, ENOEXEC, "not a kernel");
	machine->refused_start = ret < 0;
	if (ret == 0)
		machine->state = MACHINE_RUNNING;
	return ret;
}

static int pause_machine(struct fuzz_machine *machine,
			 const struct command *command, struct err *err)
{
	(void)command;
	(void)err;
	machine->state = MACHINE_PAUSED;
	return 0;
}

static int run_machine(struct fuzz_machine *machine,
		       const struct command *command, struct err *err)
{
	(void)command;
	(void)err;
	machine->state = MACHINE_RUNNING;
	return 0;
}

static int do_nothing(struct fuzz_machine *machine,
		      const struct command *command, struct err *err)
{
	(void)machine;
	(void)command;
	(void)err;
	return 0;
}

static int swap_disk(struct fuzz_machine *machine,
		     const struct command *command, struct err *err)
{
	struct vm_config *config = &machine->config;

	if (strstr(command->path, "bad") != NULL)
		return err_set(err, ENOENT, "no such file");
	for (unsigned i = 0; i < config->disk_count; i++) {
		if (strcmp(config->disks[i].id, command->id) == 0) {
			config->disks[i].path = command->path;
			return 0;
		}
	}
	return err_set(err, ENOENT, "no such disk");
}

enum { BEFORE = 1 << 0, AFTER = 1 << 1 };

static const struct {
	int (*run)(struct fuzz_machine *machine, const struct command *command,
		   struct err *err);
	unsigned when;
} verbs[] = {
	[COMMAND_CONFIGURE] = { configure, BEFORE },
	[COMMAND_START] = { start, BEFORE },
	[COMMAND_PAUSE] = { pause_machine, AFTER },
	[COMMAND_RESUME] = { run_machine, AFTER },
	[COMMAND_POWER_BUTTON] = { do_nothing, AFTER },
	[COMMAND_STOP] = { do_nothing, BEFORE | AFTER },
	[COMMAND_SWAP_DISK] = { swap_disk, AFTER },
	[COMMAND_REFRESH_CONFIG] = { do_nothing, AFTER },
};

static int run_command(void *ctx, const struct command *command,
		       struct err *err)
{
	struct fuzz_machine *machine = ctx;
	bool started = machine->state != MACHINE_NOT_STARTED;

	if (!(verbs[command->verb].when & (started ? AFTER : BEFORE)))
		return err_set(err, EPERM, "not now");
	return verbs[command->verb].run(machine, command, err);
}

static enum machine_state get_state(void *ctx)
{
	return ((const struct fuzz_machine *)ctx)->state;
}

static const struct vm_config *get_config(void *ctx)
{
	return &((const struct fuzz_machine *)ctx)->config;
}

static bool get_metrics(void *ctx, struct vm_metrics *out)
{
	(void)ctx;
	(void)out;
	return false;
}

void fuzz_machine_init(struct fuzz_machine *machine)
{
	memset(machine, 0, sizeof(*machine));
	vm_config_init(&machine->config);
}

struct command_target fuzz_machine_target(struct fuzz_machine *machine)
{
	return (struct command_target){
		.run = run_command,
		.state = get_state,
		.config = get_config,
		.metrics = get_metrics,
		.ctx = machine,
	};
}

void fuzz_machine_read_texts(const struct fuzz_machine *machine)
{
	static volatile size_t length;
	const char *texts[TEXTS_MAX];
	size_t n = list_texts(&machine->config, texts);

	for (size_t i = 0; i < n; i++)
		length = texts[i] != NULL ? strlen(texts[i]) : 0;
	(void)length;
}

void fuzz_machine_release(struct fuzz_machine *machine)
{
	struct vm_config none;

	vm_config_init(&none);
	close_fds(&machine->config, &none);
}
