// SPDX-License-Identifier: Apache-2.0
/*
 * test_vhost_user_real.c - the front end against servers that others wrote
 *
 * qemu-storage-daemon and virtiofsd, as Debian packages them: negotiation,
 * configuration space, two starts and stops, and a device on top. No guest: the
 * rings stay empty.
 */
#include "log.h"
#include "unit.h"
#include "util.h"
#include "vhost_user.h"
#include "virtio_mmio.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STORAGE_DAEMON "/usr/bin/qemu-storage-daemon"
#define VIRTIOFSD      "/usr/lib/qemu/virtiofsd"
#define VERSION_1      (UINT64_C(1) << VIRTIO_F_VERSION_1)

enum { IMAGE_SECTORS = 2048, SECTOR = 512, WAIT_MS = 10000 };

struct fixture {
	char dir[32], socket[64], image[64];
	pid_t server;
	struct event_base *base;
	struct guest_memory *mem;
	struct vhost *vhost;
	struct err err;
};

static pid_t spawn(char *const argv[])
{
	pid_t pid = fork();
	int null;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test kills it too */
	null = open("/dev/null", O_RDWR);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv(argv[0], argv);
	_exit(127);
}

static void set_up(struct fixture *f)
{
	struct guest_memory_config memory = {
		.size = 16 * MIB,
		.shared = true,
		.pages = MEMORY_PAGES_SMALL,
	};
	int fd;

	*f = (struct fixture){ .dir = "/tmp/mote-test-XXXXXX" };
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->socket, sizeof(f->socket), "%s/s", f->dir);
	snprintf(f->image, sizeof(f->image), "%s/image", f->dir);
	fd = open(f->image, O_CREAT | O_RDWR, 0600);
	ck_assert_int_eq(ftruncate(fd, IMAGE_SECTORS * SECTOR), 0);
	close(fd);
	f->base = event_base_new();
	ck_assert_int_eq(guest_memory_create(&memory, &f->mem, &f->err), 0);
}

static void tear_down(struct fixture *f)
{
	char pid_file[96];

	vhost_destroy(f->vhost);
	kill(f->server, SIGTERM);
	waitpid(f->server, NULL, 0);
	guest_memory_destroy(f->mem);
	event_base_free(f->base);
	unlink(f->image);
	unlink(f->socket);
	snprintf(pid_file, sizeof(pid_file), "%s.pid", f->socket);
	unlink(pid_file);
	rmdir(f->dir);
}

static void start_storage_daemon(struct fixture *f)
{
	char blockdev[128], export[192];
	char *argv[] = { STORAGE_DAEMON, "--blockdev", blockdev,
			 "--export",	 export,       NULL };

	snprintf(blockdev, sizeof(blockdev),
		 "driver=file,node-name=d,filename=%s", f->image);
	snprintf(export, sizeof(export),
		 "type=vhost-user-blk,id=e,node-name=d,addr.type=unix,"
		 "addr.path=%s,writable=on,num-queues=2",
		 f->socket);
	f->server = spawn(argv);
}

static void start_virtiofsd(struct fixture *f)
{
	char source[64], path[96];
	char *argv[] = { VIRTIOFSD,	   path, "-o", source, "-o",
			 "sandbox=chroot", "-f", NULL };

	snprintf(path, sizeof(path), "--socket-path=%s", f->socket);
	snprintf(source, sizeof(source), "source=%s", f->dir);
	f->server = spawn(argv);
}

/* Servers take a moment to listen. */
static int connect_server(struct fixture *f, struct vhost_user_config *cfg)
{
	int ret = -ENOENT;

	cfg->fd = -1;
	cfg->path = f->socket;
	cfg->queue_size = 128;
	for (int ms = 0; ms < WAIT_MS; ms += 20) {
		ret = vhost_user_create(cfg, f->mem, f->base, &f->vhost,
					&f->err);
		if (ret != -ENOENT && ret != -ECONNREFUSED)
			break;
		usleep(20000);
	}
	return ret;
}

/* As a driver does it, with one queue; then reset. */
static void live_once(struct virtio_mmio *dev, const uint8_t *window)
{
	static const struct {
		uint32_t offset, value;
	} writes[] = {
		{ VIRTIO_MMIO_STATUS, 0 },
		{ VIRTIO_MMIO_STATUS, 1 },
		{ VIRTIO_MMIO_STATUS, 3 },
		{ VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1 },
		{ VIRTIO_MMIO_DRIVER_FEATURES, 1 },
		{ VIRTIO_MMIO_STATUS, 11 },
		{ VIRTIO_MMIO_QUEUE_SEL, 0 },
		{ VIRTIO_MMIO_QUEUE_NUM, 64 },
		{ VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1000 },
		{ VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0x2000 },
		{ VIRTIO_MMIO_QUEUE_USED_LOW, 0x3000 },
		{ VIRTIO_MMIO_QUEUE_READY, 1 },
		{ VIRTIO_MMIO_STATUS, 15 },
		{ VIRTIO_MMIO_QUEUE_NOTIFY, 0 },
	};
	uint32_t status, zero = 0;

	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		virtio_mmio_write(dev, writes[i].offset, &writes[i].value, 4);
	memcpy(&status, window + VIRTIO_MMIO_STATUS, sizeof(status));
	ck_assert_uint_eq(status, 15);
	virtio_mmio_write(dev, VIRTIO_MMIO_STATUS, &zero, 4);
	memcpy(&status, window + VIRTIO_MMIO_STATUS, sizeof(status));
	ck_assert_uint_eq(status, 0);
}

static void live_as_device(struct fixture *f, uint32_t device_id,
			   const void *config, size_t size)
{
	struct virtio_mmio_config cfg = {
		.id = "real0",
		.device_id = device_id,
		.backend = f->vhost,
	};
	struct timeval moment = { .tv_usec = 50000 };
	struct virtio_mmio *dev;

	f->vhost = NULL;
	ck_assert_int_eq(main_call_create(f->base, &cfg.main_calls, NULL), 0);
	cfg.window = mmap(NULL, VIRTIO_MMIO_WINDOW_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(virtio_mmio_create(&cfg, &dev, &f->err), 0);
	ck_assert_mem_eq((uint8_t *)cfg.window + VIRTIO_MMIO_CONFIG, config,
			 size);
	live_once(dev, cfg.window);
	live_once(dev, cfg.window);
	/* A server that hung up or talks out of turn would show now. */
	event_base_loopexit(f->base, &moment);
	event_base_dispatch(f->base);
	live_once(dev, cfg.window);
	virtio_mmio_destroy(dev);
	munmap(cfg.window, VIRTIO_MMIO_WINDOW_SIZE);
	main_call_destroy(cfg.main_calls);
}

START_TEST(a_disk_of_qemu_storage_daemon)
{
	const struct vhost_user_type *type = vhost_user_type_find("blk");
	struct vhost_user_config cfg = {
		.id = "disk0",
		.device_id = type->device_id,
		.queues = 2,
		.config_size = type->config_size,
	};
	struct virtio_blk_config blk;
	struct fixture f;

	set_up(&f);
	start_storage_daemon(&f);
	ck_assert_msg(connect_server(&f, &cfg) == 0, "%s", f.err.text);
	ck_assert_uint_eq(vhost_features(f.vhost) & VERSION_1, VERSION_1);
	ck_assert_int_eq(vhost_read_config(f.vhost, 0, &blk, type->config_size,
					   &f.err),
			 0);
	ck_assert_uint_eq(blk.capacity, IMAGE_SECTORS);
	ck_assert_uint_eq(blk.num_queues, 2);
	live_as_device(&f, type->device_id, &blk, type->config_size);

	/* It accepts the next client. */
	ck_assert_msg(connect_server(&f, &cfg) == 0, "%s", f.err.text);
	tear_down(&f);
}
END_TEST

START_TEST(a_directory_of_virtiofsd)
{
	const struct vhost_user_type *type = vhost_user_type_find("fs");
	struct virtio_fs_config fs = { .tag = "share",
				       .num_request_queues = 1 };
	struct vhost_user_config cfg = {
		.id = "fs0",
		.device_id = type->device_id,
		.queues = 2,
		.config_size = type->config_size,
		.config_given = true,
	};
	struct fixture f;

	set_up(&f);
	memcpy(cfg.config, &fs, sizeof(fs));
	start_virtiofsd(&f);
	ck_assert_msg(connect_server(&f, &cfg) == 0, "%s", f.err.text);
	live_as_device(&f, type->device_id, &fs, sizeof(fs));
	tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost-user real servers");
	TCase *tc = tcase_create("real");
	bool storage = access(STORAGE_DAEMON, X_OK) == 0;
	bool fs = access(VIRTIOFSD, X_OK) == 0 && geteuid() == 0;

	if (!storage)
		printf("skipped: %s is not installed\n", STORAGE_DAEMON);
	if (!fs)
		printf("skipped: %s is not installed, or we are not root\n",
		       VIRTIOFSD);
	log_set_fd(-1);
	tcase_set_timeout(tc, 30);
	if (storage)
		tcase_add_test(tc, a_disk_of_qemu_storage_daemon);
	if (fs)
		tcase_add_test(tc, a_directory_of_virtiofsd);
	suite_add_tcase(suite, tc);
	if (!storage && !fs) {
		srunner_free(srunner_create(suite));
		return 77;
	}
	return unit_run(suite);
}
