// SPDX-License-Identifier: Apache-2.0
/*
 * test_vhost_user_socket.c - connecting to a path, and listening on one
 */
#include "fake_backend_server.h"
#include "fd.h"
#include "log.h"
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* SHORT_MS where it is to run out; otherwise machines can be slow. */
enum { SHORT_MS = 200, TIMEOUT_MS = 10000 };

struct fixture {
	struct event_base *base;
	struct guest_memory *mem;
	struct vhost *vhost;
	struct err err;
	unsigned timeout_ms;
	char dir[32];
	char path[64];
};

static void set_up(struct fixture *f)
{
	struct guest_memory_config memory = {
		.size = 16 * MIB,
		.shared = true,
		.pages = MEMORY_PAGES_SMALL,
	};

	*f = (struct fixture){
		.dir = "/tmp/mote-test-XXXXXX",
		.timeout_ms = TIMEOUT_MS,
	};
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	f->base = event_base_new();
	ck_assert_int_eq(guest_memory_create(&memory, &f->mem, &f->err), 0);
}

static void tear_down(struct fixture *f)
{
	vhost_destroy(f->vhost);
	guest_memory_destroy(f->mem);
	event_base_free(f->base);
	unlink(f->path);
	ck_assert_int_eq(rmdir(f->dir), 0);
}

static int create(struct fixture *f, const char *path, bool listens)
{
	struct vhost_user_config cfg = {
		.id = "rng0",
		.device_id = VIRTIO_ID_RNG,
		.fd = -1,
		.path = path,
		.listen = listens,
		.queue_size = 256,
		.timeout_ms = f->timeout_ms,
	};

	return vhost_user_create(&cfg, f->mem, f->base, &f->vhost, &f->err);
}

static struct sockaddr_un address(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, f->path, strlen(f->path) + 1);
	return addr;
}

static int bound_socket(const struct fixture *f)
{
	struct sockaddr_un addr = address(f);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void plain_file(const struct fixture *f)
{
	close(open(f->path, O_CREAT | O_WRONLY, 0600));
}

static void dead_socket(const struct fixture *f)
{
	close(bound_socket(f));
}

static void nothing(const struct fixture *f)
{
	(void)f;
}

static const struct {
	void (*prepare)(const struct fixture *f);
	int ret;
	const char *says;
} no_server[] = {
	{ nothing, -ENOENT, "is the vhost-user server running?" },
	{ dead_socket, -ECONNREFUSED, "is the vhost-user server running?" },
	{ plain_file, -ECONNREFUSED, "is the vhost-user server running?" },
};

START_TEST(a_server_that_is_not_there_is_asked_after)
{
	struct fixture f;

	set_up(&f);
	no_server[_i].prepare(&f);
	ck_assert_int_eq(create(&f, f.path, false), no_server[_i].ret);
	ck_assert_ptr_nonnull(strstr(f.err.text, no_server[_i].says));
	ck_assert_ptr_nonnull(strstr(f.err.text, f.path));
	tear_down(&f);
}
END_TEST

START_TEST(a_path_that_cannot_be_one_is_named)
{
	char path[200];
	struct fixture f;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	set_up(&f);
	ck_assert_int_eq(create(&f, path, _i == 1), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(f.err.text, "1 to 107 bytes"));
	ck_assert_int_eq(create(&f, "", _i == 1), -ENAMETOOLONG);
	ck_assert_int_eq(create(&f, NULL, _i == 1), -EINVAL);
	tear_down(&f);
}
END_TEST

START_TEST(a_server_with_a_full_backlog_is_not_waited_for_for_ever)
{
	struct sockaddr_un addr;
	struct fixture f;
	int listener, first;

	set_up(&f);
	f.timeout_ms = SHORT_MS;
	listener = bound_socket(&f);
	addr = address(&f);
	ck_assert_int_eq(listen(listener, 0), 0);
	first = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(first, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	ck_assert_int_eq(create(&f, f.path, false), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(f.err.text, "not accepted within 200 ms"));
	close(first);
	close(listener);
	tear_down(&f);
}
END_TEST

START_TEST(a_server_that_accepts_but_says_nothing_times_out)
{
	struct fixture f;
	int listener;

	set_up(&f);
	f.timeout_ms = SHORT_MS;
	listener = bound_socket(&f);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(create(&f, f.path, false), -ENOTCONN);
	ck_assert_ptr_nonnull(strstr(f.err.text, "GET_FEATURES"));
	close(listener);
	tear_down(&f);
}
END_TEST

/* A backend that comes as soon as somebody listens. */
struct visitor {
	const struct fixture *f;
	struct fake_server server;
	mode_t mode; /* of the socket's file */
};

static void *visit(void *arg)
{
	struct visitor *v = arg;
	struct sockaddr_un addr = address(v->f);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	for (int ms = 0; ms < TIMEOUT_MS; ms++) {
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
			break;
		usleep(1000);
	}
	if (stat(v->f->path, &st) == 0)
		v->mode = st.st_mode;
	fake_server_serve(&v->server, fd);
	fake_server_end(&v->server);
	return NULL;
}

static const struct {
	void (*prepare)(const struct fixture *f);
} free_paths[] = { { nothing }, { dead_socket } };

START_TEST(a_backend_may_come_to_us)
{
	struct visitor v = { 0 };
	pthread_t thread;
	struct fixture f;
	struct stat st;
	mode_t mask;

	set_up(&f);
	free_paths[_i].prepare(&f);
	v.f = &f;
	v.server.features = UINT64_C(1) << VIRTIO_F_VERSION_1;
	mask = umask(0);
	pthread_create(&thread, NULL, visit, &v);
	ck_assert_msg(create(&f, f.path, true) == 0, "%s", f.err.text);
	umask(mask);
	vhost_destroy(f.vhost);
	f.vhost = NULL;
	pthread_join(thread, NULL);
	ck_assert_uint_eq(v.mode & 07777, 0600);
	ck_assert_int_eq(stat(f.path, &st), -1); /* removed */
	tear_down(&f);
}
END_TEST

START_TEST(a_backend_that_never_comes_is_not_waited_for_for_ever)
{
	struct fixture f;
	struct stat st;

	set_up(&f);
	f.timeout_ms = SHORT_MS;
	ck_assert_int_eq(create(&f, f.path, true), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(f.err.text, "no backend came"));
	ck_assert_int_eq(stat(f.path, &st), -1);
	tear_down(&f);
}
END_TEST

static int live_socket(const struct fixture *f)
{
	int fd = bound_socket(f);

	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(what_is_in_use_is_not_taken_away)
{
	struct fixture f;
	struct stat st;
	int live = -1;

	set_up(&f);
	if (_i == 0)
		live = live_socket(&f);
	else
		plain_file(&f);
	ck_assert_int_eq(create(&f, f.path, true),
			 _i == 0 ? -EADDRINUSE : -EEXIST);
	ck_assert_ptr_nonnull(strstr(f.err.text, "another"));
	ck_assert_int_eq(stat(f.path, &st), 0);
	fd_close(&live);
	tear_down(&f);
}
END_TEST

START_TEST(private_memory_is_refused)
{
	struct guest_memory_config memory = {
		.size = 16 * MIB,
		.pages = MEMORY_PAGES_SMALL,
	};
	struct fixture f;

	set_up(&f);
	guest_memory_destroy(f.mem);
	ck_assert_int_eq(guest_memory_create(&memory, &f.mem, &f.err), 0);
	ck_assert_int_eq(create(&f, f.path, false), -EINVAL);
	ck_assert_ptr_nonnull(strstr(f.err.text, "shared"));
	tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost-user sockets");
	TCase *tc = tcase_create("sockets");

	log_set_fd(-1);
	tcase_set_timeout(tc, 20);
	tcase_add_loop_test(tc, a_server_that_is_not_there_is_asked_after, 0,
			    ARRAY_LEN(no_server));
	tcase_add_loop_test(tc, a_path_that_cannot_be_one_is_named, 0, 2);
	tcase_add_test(tc,
		       a_server_with_a_full_backlog_is_not_waited_for_for_ever);
	tcase_add_test(tc, a_server_that_accepts_but_says_nothing_times_out);
	tcase_add_loop_test(tc, a_backend_may_come_to_us, 0,
			    ARRAY_LEN(free_paths));
	tcase_add_test(tc,
		       a_backend_that_never_comes_is_not_waited_for_for_ever);
	tcase_add_loop_test(tc, what_is_in_use_is_not_taken_away, 0, 2);
	tcase_add_test(tc, private_memory_is_refused);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
