// SPDX-License-Identifier: Apache-2.0
/*
 * vsock_main.c - `mote vsock`: options, then serve
 */
#include "backend.h"
#include "exit_status.h"
#include "log.h"
#include "parse.h"
#include "vsock.h"
#include "vu_options.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { GUEST_CID_DEFAULT = 3 };

struct vsock_options {
	struct vu_options common; /* first: as vu_options.h says */
	struct vsock_config vsock;
};
#define INTO(member) offsetof(struct vsock_options, member)

static int option_cid(const char *text, void *into, struct err *err)
{
	uint64_t cid;
	int ret = parse_uint(text, 0, UINT32_MAX, &cid, err);

	if (ret == 0)
		*(uint32_t *)into = (uint32_t)cid;
	return ret;
}

/* clang-format off */
static const struct vu_option options[] = {
	VU_COMMON_OPTIONS,
	{ "uds-path", "PATH", vu_option_text, INTO(vsock.uds_path),
	  "socket of the guest's ports; PATH_N is host port N" },
	{ "listen-fd", "N", vu_option_fd, INTO(vsock.listen_fd),
	  "socket that listens at PATH already" },
	{ "guest-cid", "N", option_cid, INTO(vsock.guest_cid),
	  "address of the guest [3]" },
};
/* clang-format on */

static int check_options(struct vsock_options *opts, struct err *err)
{
	if (opts->vsock.uds_path == NULL)
		return err_set(err, EINVAL, "give --uds-path");
	opts->vsock.id = opts->common.id;
	return vu_options_check(&opts->common, err);
}

static int serve(const struct vsock_options *opts, struct vsock *v, int *status,
		 struct err *err)
{
	struct vu_server_config cfg = {
		.type = "vsock",
		.id = opts->common.id,
		.ops = &vsock_ops,
		.device = v,
		.features = BIT(VSOCK_F_STREAM),
		.queues = VSOCK_QUEUES,
	};
	struct vu_server *server;
	int ret;

	ret = vu_server_create(&cfg, &server, err);
	if (ret < 0)
		return ret;
	ret = vsock_attach(v, server, err);
	if (ret == 0)
		ret = vu_options_open(&opts->common, server, err);
	if (ret == 0)
		*status = vu_server_run(server);
	vsock_detach(v);
	vu_server_destroy(server);
	return ret;
}

static int run(const struct vsock_options *opts, int *status, struct err *err)
{
	struct vsock *v;
	int ret = vsock_create(&opts->vsock, &v, err);

	if (ret < 0)
		return ret;
	ret = serve(opts, v, status, err);
	vsock_destroy(v);
	return ret;
}

int backend_vsock_main(int argc, char **argv)
{
	struct vsock_options opts = {
		.common.fd = -1,
		.vsock = { .listen_fd = -1, .guest_cid = GUEST_CID_DEFAULT },
	};
	int status = EXIT_FAILURE;
	struct err err;

	vu_server_block_signals();
	pthread_setname_np(pthread_self(), "vsock");
	if (vu_options_parse(argc, argv, options, ARRAY_LEN(options), &opts,
			     &err) < 0) {
		log_write(LOG_ERROR, "vsock", NULL, "%s", err.text);
		return STATUS_USAGE;
	}
	if (opts.common.help) {
		vu_options_help("vsock", options, ARRAY_LEN(options));
		return EXIT_SUCCESS;
	}
	if (opts.common.print_capabilities) {
		puts("{\"type\": \"vsock\", \"features\": []}");
		return EXIT_SUCCESS;
	}
	if (check_options(&opts, &err) < 0) {
		log_write(LOG_ERROR, "vsock", opts.common.id, "%s", err.text);
		return STATUS_USAGE;
	}
	if (run(&opts, &status, &err) < 0)
		log_write(LOG_ERROR, "vsock", opts.common.id, "%s", err.text);
	return status;
}
