// SPDX-License-Identifier: Apache-2.0
/*
 * boot_source.c - PUT /boot-source: kernel, initrd, command line
 */
#include "api_internal.h"
#include "cmdline.h"
#include "fd.h"
#include "log.h"

#include <errno.h>
#include <string.h>

struct boot_source {
	const char *kernel, *initrd, *args;
};

/* A kernel told not to use ACPI finds its devices on the command line. */
static enum config_platform platform_for(const char *args)
{
	char buf[4096];
	struct cmdline line;

	if (args == NULL ||
	    cmdline_init(&line, buf, sizeof(buf) - 1, args, NULL) < 0)
		return PLATFORM_ACPI;
	return cmdline_has(&line, "acpi=off") ? PLATFORM_CMDLINE
					      : PLATFORM_ACPI;
}

static int check_args(const char *args, struct err *err)
{
	for (const char *c = args; c != NULL && *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			return err_set(err, EINVAL,
				       "The kernel command line is invalid: "
				       "character %d is not printable ASCII",
				       (int)(c - args));
	}
	return 0;
}

static void log_changes(const struct api *api, const char *args)
{
	char buf[4096];
	struct cmdline line;

	if (args == NULL ||
	    cmdline_init(&line, buf, sizeof(buf) - 1, args, NULL) < 0)
		return;
	if (cmdline_has(&line, "noapic"))
		log_write(LOG_WARN, "api", api->state.config.id,
			  "boot_args: noapic is left out, there is no PIC");
	if (cmdline_has(&line, "console=ttyS0") &&
	    !cmdline_has(&line, "console=hvc0"))
		log_write(LOG_WARN, "api", api->state.config.id,
			  "boot_args: console=hvc0 is added, there is no "
			  "serial port");
}

int api_put_boot_source(struct api *api, struct api_call *call, struct err *err)
{
	static const struct body_field table[] = {
		{ "kernel_image_path", BODY_TEXT, BODY_REQUIRED,
		  INTO(boot_source, kernel), 0, 0, NULL },
		{ "initrd_path", BODY_TEXT, BODY_NULLABLE,
		  INTO(boot_source, initrd), 0, 0, NULL },
		{ "boot_args", BODY_TEXT, BODY_NULLABLE,
		  INTO(boot_source, args), 0, 0, NULL },
	};
	struct boot_source source = { 0 };
	struct api_state next;
	int kernel_fd = -1, initrd_fd = -1;
	int ret = api_decode(call, table, ARRAY_LEN(table), &source, err);

	if (ret == 0)
		ret = check_args(source.args, err);
	if (ret == 0)
		ret = api_take_fd(call, source.kernel, &kernel_fd, err);
	if (ret == 0 && source.initrd != NULL)
		ret = api_take_fd(call, source.initrd, &initrd_fd, err);
	if (ret == 0) {
		api_state_copy(api, &next);
		next.config.kernel = source.kernel;
		next.config.kernel_fd = kernel_fd;
		next.config.initrd = source.initrd;
		next.config.initrd_fd = initrd_fd;
		next.config.platform = platform_for(source.args);
		next.boot_args = source.args;
		ret = api_apply(api, &next, err);
	}
	if (ret < 0) {
		fd_close(&kernel_fd);
		fd_close(&initrd_fd);
		return ret;
	}
	log_changes(api, source.args);
	api_document_set(api, "boot-source",
			 api_with_defaults(call->body,
					   json_pack("{sn sn}", "initrd_path",
						     "boot_args")));
	return 0;
}
