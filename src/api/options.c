// SPDX-License-Identifier: Apache-2.0
/*
 * options.c - the command line of `mote run` -> struct vm_config
 *
 * The table below is the command line: parser, --help and the test that holds
 * docs/mote.1 against them read the same rows.
 */
#include "options.h"
#include "device_options.h"
#include "memory_options.h"
#include "parse.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int set_kernel(struct vm_config *cfg, char *text, struct err *err)
{
	(void)err;
	cfg->kernel = text;
	return 0;
}

static int set_initrd(struct vm_config *cfg, char *text, struct err *err)
{
	(void)err;
	cfg->initrd = text;
	return 0;
}

static int set_cmdline(struct vm_config *cfg, char *text, struct err *err)
{
	(void)err;
	cfg->cmdline = text;
	return 0;
}

static int set_cpus(struct vm_config *cfg, char *text, struct err *err)
{
	uint64_t value;
	int ret = parse_uint(text, 1, CONFIG_CPUS_MAX, &value, err);

	if (ret == 0)
		cfg->cpus = (unsigned)value;
	return ret;
}

static int set_load(struct vm_config *cfg, char *text, struct err *err)
{
	static const char *const names[] = {
		[LOAD_AUTO] = "auto",
		[LOAD_READ] = "read",
		[LOAD_MAP] = "map",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			cfg->load = (enum config_load)i;
			return 0;
		}
	}
	return err_set(err, EINVAL, "'%s': use auto, read or map", text);
}

static int set_platform(struct vm_config *cfg, char *text, struct err *err)
{
	if (strcmp(text, "acpi") == 0)
		cfg->platform = PLATFORM_ACPI;
	else if (strcmp(text, "cmdline") == 0)
		cfg->platform = PLATFORM_CMDLINE;
	else
		return err_set(err, EINVAL, "'%s': use acpi or cmdline", text);
	return 0;
}

static int set_prefault(struct vm_config *cfg, char *text, struct err *err)
{
	(void)text;
	(void)err;
	cfg->prefault = true;
	return 0;
}

static int set_hugepages(struct vm_config *cfg, char *text, struct err *err)
{
	if (strcmp(text, "2M") != 0)
		return err_set(err, EINVAL, "'%s': only 2M is supported", text);
	cfg->hugepages = true;
	return 0;
}

static int set_early_console(struct vm_config *cfg, char *text, struct err *err)
{
	(void)err;
	cfg->early_console = text;
	return 0;
}

static int set_id(struct vm_config *cfg, char *text, struct err *err)
{
	return parse_id(text, cfg->id, err);
}

static int set_log_level(struct vm_config *cfg, char *text, struct err *err)
{
	return log_level_parse(text, &cfg->log_level, err);
}

static int set_log_file(struct vm_config *cfg, char *text, struct err *err)
{
	(void)err;
	cfg->log_file = text;
	return 0;
}

static const struct {
	const char *name;
	const char *value; /* what --help calls it; NULL: takes none */
	int (*set)(struct vm_config *cfg, char *text, struct err *err);
	const char *help;
} options[] = {
	{ "kernel", "FILE", set_kernel, "ELF vmlinux or bzImage (required)" },
	{ "initrd", "FILE", set_initrd, "initial RAM disk" },
	{ "cmdline", "TEXT", set_cmdline,
	  "kernel command line [" CONFIG_CMDLINE_DEFAULT "]" },
	{ "cpus", "N", set_cpus, "vCPUs, 1 to 64 [1]" },
	{ "memory",
	  "SIZE[,sharing=auto|private|shared][,mergeable=auto|on|off]"
	  "[,thp=on|off]",
	  options_set_memory, "guest RAM [128M]" },
	{ "disk", "PATH[,ro][,id=ID][,direct][,queues=N]", options_add_disk,
	  "raw image or block device (repeatable)" },
	{ "pmem", "PATH[,ro][,id=ID]", options_add_pmem,
	  "image as read-only persistent memory (repeatable)" },
	{ "vhost-user",
	  "TYPE,socket=PATH[,listen][,id=ID][,queues=N]"
	  "[,queue-size=N][,tag=TAG][,mac=MAC]",
	  options_add_vhost_user,
	  "device served by a vhost-user server (repeatable)" },
	{ "net",
	  "tap=NAME|macvtap=NAME|tapfd=N[,vhostfd=M]"
	  "[,mac=MAC][,mtu=N][,queues=1][,queue-size=N][,id=ID]",
	  options_add_net, "network card on vhost-net (repeatable)" },
	{ "vsock", "uds=PATH[,cid=N]|cid=N[,id=ID]", options_add_vsock,
	  "sockets between host and guest, on Unix sockets or vhost-vsock" },
	{ "scsi", "wwpn=naa.…[,tpgt=N][,queues=N][,id=ID]", options_add_scsi,
	  "disks of a vhost-scsi target (repeatable)" },
	{ "console", "stdio|pty|file=PATH|socket=PATH|none[,id=ID]",
	  options_add_console, "hvc0, hvc1, ... (repeatable) [stdio]" },
	{ "load", "auto|read|map", set_load,
	  "copy kernel and initrd, or map their files [auto]" },
	{ "platform", "acpi|cmdline", set_platform,
	  "how the kernel finds devices [acpi]" },
	{ "prefault", NULL, set_prefault, "allocate all guest RAM at start" },
	{ "hugepages", "2M", set_hugepages,
	  "guest RAM from reserved huge pages" },
	{ "early-console", "FILE|stderr", set_early_console,
	  "output of earlyprintk=ttyS0" },
	{ "id", "ID", set_id, "name in log lines [vm]" },
	{ "log-level", "error|warn|info|debug", set_log_level, "[warn]" },
	{ "log-file", "FILE", set_log_file, "append log lines here [stderr]" },
	{ "help", NULL, NULL, "print this and exit" },
};

void options_print_help(FILE *out)
{
	fprintf(out, "usage: mote run --kernel FILE [OPTION]...\n\n");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		fprintf(out, "  --%s%s%s\n          %s\n", options[i].name,
			options[i].value ? " " : "",
			options[i].value ? options[i].value : "",
			options[i].help);
	fprintf(out, "\nSizes take K, M, G or T. On a stdio console, Ctrl-A x "
		     "ends the VM.\nExit status: 0 guest powered off, 1 "
		     "failure, 2 wrong usage, 3 guest reset,\n4 guest panic, "
		     "5 triple fault, 6 ended by the user. See mote(1).\n");
}

static void make_getopt_table(struct option *table)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		table[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].value ? required_argument
						    : no_argument,
		};
}

static int bad_usage(int c, char **argv, struct err *err)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return err_set(err, EINVAL, "%s needs a value", word);
	return err_set(err, EINVAL, "unknown option '%s', see mote run --help",
		       word);
}

/*
 * A console needs shared memory. Whoever asks for private memory, and for no
 * console, gets none.
 */
static bool wants_private(const struct vm_config *cfg)
{
	return cfg->sharing == SHARING_PRIVATE ||
	       cfg->mergeable == MERGEABLE_ON;
}

int options_parse(int argc, char **argv, struct vm_config *cfg, bool *help,
		  struct err *err)
{
	struct option table[ARRAY_LEN(options) + 1] = { 0 };
	int c, index, ret;

	make_getopt_table(table);
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:h", table, &index)) != -1) {
		if (c == 'h' || (c == 0 && options[index].set == NULL)) {
			*help = true;
			return 0;
		}
		if (c != 0)
			return bad_usage(c, argv, err);
		ret = options[index].set(cfg, optarg, err);
		if (ret < 0)
			return err_prefix(err, ret, "--%s",
					  options[index].name);
	}
	if (optind < argc)
		return err_set(err, EINVAL,
			       "'%s' is not an option, see mote run --help",
			       argv[optind]);
	if (!cfg->console_given && !wants_private(cfg)) {
		cfg->consoles[0].kind = CONSOLE_STDIO;
		cfg->console_count = 1;
	}
	return 0;
}
