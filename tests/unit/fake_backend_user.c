// SPDX-License-Identifier: Apache-2.0
/*
 * fake_backend_user.c - a vhost-user block device whose server is a thread of
 * the test
 */
#include "fake_backend_user.h"
#include "unit.h"

#include <dirent.h>
#include <event2/event.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

const struct vhost_user_config fake_user_blk = {
	.device_id = VIRTIO_ID_BLOCK,
	.queues = FAKE_USER_QUEUES,
	.config_size = sizeof(struct virtio_blk_config),
};

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

uint64_t fake_user_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* As the device does: look at the new configuration. */
static void config_changed(void *ctx)
{
	struct fake_user *u = ctx;
	uint64_t capacity;

	u->changes++;
	vhost_read_config(u->vhost, 0, &capacity, sizeof(capacity), NULL);
}

static void lost(void *ctx, const char *why)
{
	struct fake_user *u = ctx;

	u->losses++;
	snprintf(u->why, sizeof(u->why), "%s", why);
}

void fake_user_set_up(struct fake_user *u, uint64_t features, uint64_t protocol)
{
	struct guest_memory_config memory = {
		.size = 16 * MIB,
		.shared = true,
		.pages = MEMORY_PAGES_SMALL,
	};
	struct virtio_blk_config blk = { .capacity = 4711, .num_queues = 4 };

	memset(u, 0, sizeof(*u));
	u->timeout_ms = 5000;
	u->fds_before = count_fds();
	u->base = event_base_new();
	ck_assert_int_eq(guest_memory_create(&memory, &u->mem, &u->err), 0);
	u->call_fd = eventfd(0, EFD_CLOEXEC);
	for (unsigned i = 0; i < FAKE_USER_QUEUES; i++)
		u->queues[i] = (struct vhost_queue){
			.enabled = true,
			.size = FAKE_USER_QUEUE_SIZE,
			.desc = FAKE_USER_DESC,
			.driver = FAKE_USER_DRIVER,
			.device = FAKE_USER_DEVICE,
			.kick_fd = eventfd(0, EFD_CLOEXEC),
		};
	u->server.features = features;
	u->server.protocol = protocol;
	u->server.queue_num = 8;
	u->server.slots = 8;
	memcpy(u->server.config, &blk, sizeof(blk));
}

int fake_user_create(struct fake_user *u, const struct vhost_user_config *want)
{
	struct vhost_events events = {
		.config_changed = config_changed,
		.lost = lost,
		.ctx = u,
	};
	struct vhost_user_config cfg = *want;
	int ret;

	cfg.id = "fake0";
	cfg.queue_size = 256;
	cfg.timeout_ms = u->timeout_ms;
	cfg.fd = fake_server_start(&u->server);
	ret = vhost_user_create(&cfg, u->mem, u->base, &u->vhost, &u->err);
	if (ret == 0)
		vhost_set_events(u->vhost, &events);
	return ret;
}

int fake_user_start(struct fake_user *u, uint64_t features)
{
	return vhost_start(u->vhost, BIT(VIRTIO_F_VERSION_1) | features,
			   u->queues, FAKE_USER_QUEUES, u->call_fd, &u->err);
}

void fake_user_run_loop(struct fake_user *u, unsigned ms)
{
	struct timeval time = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	event_base_loopexit(u->base, &time);
	event_base_dispatch(u->base);
}

void fake_user_tear_down(struct fake_user *u)
{
	vhost_destroy(u->vhost);
	fake_server_end(&u->server);
	for (unsigned i = 0; i < FAKE_USER_QUEUES; i++)
		close(u->queues[i].kick_fd);
	close(u->call_fd);
	guest_memory_destroy(u->mem);
	event_base_free(u->base);
	ck_assert_int_eq(count_fds(), u->fds_before);
}
