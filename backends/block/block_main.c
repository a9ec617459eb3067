// SPDX-License-Identifier: Apache-2.0
/*
 * block_main.c - `mote block`: options, then serve
 */
#include "backend.h"
#include "exit_status.h"
#include "block.h"
#include "log.h"
#include "vu_options.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct block_options {
	struct vu_options common; /* first: as vu_options.h says */
	const char *file;
	int fd;
	int control_fd;
	bool read_only;
	bool direct;
	const char *serial;
	unsigned queues;
};
#define INTO(member) offsetof(struct block_options, member)

/* clang-format off */
static const struct vu_option options[] = {
	VU_COMMON_OPTIONS,
	{ "blk-file", "PATH", vu_option_text, INTO(file),
	  "image file or block device" },
	{ "blk-fd", "N", vu_option_fd, INTO(fd),
	  "the same, inherited open" },
	{ "control-fd", "N", vu_option_fd, INTO(control_fd),
	  "socket for requests to use another image" },
	{ "read-only", NULL, vu_option_set, INTO(read_only),
	  "the guest cannot write" },
	{ "direct", NULL, vu_option_set, INTO(direct),
	  "past the page cache, where it can be" },
	{ "serial", "TEXT", vu_option_text, INTO(serial),
	  "up to 20 bytes (default: the id)" },
	{ "num-queues", "N", vu_option_queues, INTO(queues),
	  "1 (default) to 64" },
};
/* clang-format on */

static int check_options(const struct block_options *opts, struct err *err)
{
	if ((opts->file != NULL) == (opts->fd >= 0))
		return err_set(err, EINVAL,
			       "give either --blk-file or --blk-fd");
	return vu_options_check(&opts->common, err);
}

static int serve(const struct block_options *opts, struct block *b, int *status,
		 struct err *err)
{
	struct vu_server_config cfg = {
		.type = "block",
		.id = opts->common.id,
		.ops = &block_ops,
		.device = b,
		.features = block_features(b),
		.queues = opts->queues,
	};
	struct vu_server *server;
	int ret;

	ret = vu_server_create(&cfg, &server, err);
	if (ret < 0)
		return ret;
	ret = block_attach(b, server, err);
	if (ret == 0 && opts->control_fd >= 0)
		ret = block_swap_attach(b, opts->control_fd, err);
	if (ret == 0)
		ret = vu_options_open(&opts->common, server, err);
	if (ret == 0)
		*status = vu_server_run(server);
	vu_server_destroy(server);
	return ret;
}

static int run(const struct block_options *opts, int *status, struct err *err)
{
	const char *serial = opts->serial;
	struct block_image image;
	struct block *b;
	int ret;

	if (serial == NULL)
		serial = opts->common.id != NULL ? opts->common.id : "";
	ret = block_image_open(&image, opts->common.id, opts->file, opts->fd,
			       opts->read_only, opts->direct, err);
	if (ret < 0)
		return ret;
	ret = block_create(&image, serial, opts->queues, &b, err);
	if (ret < 0) {
		block_image_close(&image);
		return ret;
	}
	b->id = opts->common.id;
	ret = serve(opts, b, status, err);
	block_destroy(b);
	return ret;
}

int backend_block_main(int argc, char **argv)
{
	struct block_options opts = {
		.common.fd = -1,
		.fd = -1,
		.control_fd = -1,
		.queues = 1,
	};
	int status = EXIT_FAILURE;
	struct err err;

	vu_server_block_signals();
	pthread_setname_np(pthread_self(), "block");
	if (vu_options_parse(argc, argv, options, ARRAY_LEN(options), &opts,
			     &err) < 0) {
		log_write(LOG_ERROR, "block", NULL, "%s", err.text);
		return STATUS_USAGE;
	}
	if (opts.common.help) {
		vu_options_help("block", options, ARRAY_LEN(options));
		return EXIT_SUCCESS;
	}
	if (opts.common.print_capabilities) {
		puts("{\"type\": \"block\", "
		     "\"features\": [\"read-only\", \"blk-file\"]}");
		return EXIT_SUCCESS;
	}
	if (check_options(&opts, &err) < 0) {
		log_write(LOG_ERROR, "block", opts.common.id, "%s", err.text);
		return STATUS_USAGE;
	}
	if (run(&opts, &status, &err) < 0)
		log_write(LOG_ERROR, "block", opts.common.id, "%s", err.text);
	return status;
}
