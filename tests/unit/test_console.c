// SPDX-License-Identifier: Apache-2.0
/*
 * test_console.c - buffers and keys; pipes and files as a console's stream
 *
 * The backend runs as a program in a child process; the test is its front end
 * and its driver, and sits at the other end of its stream.
 */
#include "console_peer.h"
#include "backend.h"
#include "vu_buffer.h"
#include "console_escape.h"
#include "fd.h"

#include <fcntl.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 10 << 20 };

static const uint64_t formats[] = {
	~UINT64_C(0),
	~(UINT64_C(1) << VIRTIO_F_RING_PACKED),
};

START_TEST(a_buffer_gives_back_what_was_put_in_and_in_order)
{
	struct vu_buffer buf;
	struct iovec pieces[2];
	size_t in = 0, out = 0;
	char bytes[300];
	unsigned seed = 1;

	ck_assert_int_eq(vu_buffer_create(&buf, 257), 0);
	for (int round = 0; round < 5000; round++) {
		size_t want = (size_t)rand_r(&seed) % sizeof(bytes), n;

		for (size_t i = 0; i < want; i++)
			bytes[i] = pattern_at(in + i);
		n = MIN(want, vu_buffer_room(&buf));
		ck_assert_uint_eq(vu_buffer_put(&buf, bytes, want), n);
		in += n;
		n = vu_buffer_peek(&buf, pieces);
		ck_assert_uint_eq(n > 0, buf.len > 0);
		want = (size_t)rand_r(&seed) % (buf.len + 1);
		n = MIN(want, pieces[0].iov_len);
		ck_assert(pattern_is(pieces[0].iov_base, out, n));
		ck_assert(pattern_is(pieces[1].iov_base, out + n, want - n));
		vu_buffer_drop(&buf, want);
		out += want;
		ck_assert_uint_eq(buf.len, in - out);
	}
	vu_buffer_destroy(&buf);
}
END_TEST

/* clang-format off */
static const struct {
	const char *typed, *guest;
	enum console_key key;
	size_t looked_at;
} typings[] = {
	{ "ls\r", "ls\r", CONSOLE_KEY_NONE, 3 },
	{ "\001x", "", CONSOLE_KEY_EXIT, 2 },
	{ "ab\001xcd", "ab", CONSOLE_KEY_EXIT, 4 },
	{ "\001?", "", CONSOLE_KEY_HELP, 2 },
	{ "\001\001", "\001", CONSOLE_KEY_NONE, 2 },
	{ "\001\001x", "\001x", CONSOLE_KEY_NONE, 3 },
	{ "\001l", "\001l", CONSOLE_KEY_NONE, 2 },
	{ "\003\004", "\003\004", CONSOLE_KEY_NONE, 2 },
	{ "a\001", "a", CONSOLE_KEY_NONE, 2 },
	{ "\001\001\001x", "\001", CONSOLE_KEY_EXIT, 4 },
};
/* clang-format on */

START_TEST(keys_for_the_monitor_are_found_however_they_arrive)
{
	struct console_escape esc = { false };
	const char *typed = typings[_i].typed;
	enum console_key key = CONSOLE_KEY_NONE;
	size_t len = strlen(typed), n = 0, one, at;
	char out[32] = "";

	n = console_escape_filter(&esc, typed, &len, out, &key);
	ck_assert_uint_eq(n, strlen(typings[_i].guest));
	ck_assert_mem_eq(out, typings[_i].guest, n);
	ck_assert_int_eq(key, typings[_i].key);
	ck_assert_uint_eq(len, typings[_i].looked_at);

	/* Byte by byte. */
	esc.pending = false;
	key = CONSOLE_KEY_NONE;
	for (at = 0, n = 0; key == CONSOLE_KEY_NONE && typed[at] != '\0';
	     at++) {
		one = 1;
		n += console_escape_filter(&esc, typed + at, &one, out + n,
					   &key);
	}
	ck_assert_uint_eq(n, strlen(typings[_i].guest));
	ck_assert_mem_eq(out, typings[_i].guest, n);
	ck_assert_int_eq(key, typings[_i].key);
	ck_assert_uint_eq(at, typings[_i].looked_at);
}
END_TEST

/* A process of its own that writes, or reads and checks, len bytes. */
static pid_t start_helper(int fd, bool writes, size_t len)
{
	char bytes[8000];
	pid_t pid = fork();
	size_t n;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (!writes) {
		usleep(200000); /* let the backend's buffer fill */
		pattern_read(fd, 0, len);
		_exit(0);
	}
	for (size_t at = 0; at < len; at += n) {
		n = MIN(sizeof(bytes), len - at);
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern_at(at + i);
		if (fd_write_all(fd, bytes, n) < 0)
			_exit(1);
	}
	_exit(0);
}

static void end_helper(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(ten_megabytes_pass_to_a_pipe_in_order)
{
	struct peer p;
	int out[2], in[2];
	uint32_t at;
	pid_t reader;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	console_start(&p, "--in-fd", in[0], out[1], NULL, formats[_i]);
	close(out[1]);
	reader = start_helper(out[0], false, MANY);
	at = peer_alloc(&p, 3 * CHUNK, CHUNK);
	for (size_t sent = 0; sent < MANY; sent += 2 * CHUNK)
		console_write(&p, at + 100, sent, 2 * CHUNK);
	/* What is still buffered when the machine ends gets through, too. */
	ck_assert_int_eq(peer_stop(&p), 0);
	end_helper(reader);
	close(in[1]);
}
END_TEST

START_TEST(ten_megabytes_pass_from_a_pipe_in_order)
{
	struct peer p;
	int in[2];
	uint32_t at, len;
	uint16_t id;
	pid_t writer;

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	console_start(&p, "--in-fd", in[0], -1, NULL, formats[_i]);
	at = peer_alloc(&p, CHUNK, CHUNK);
	writer = start_helper(in[1], true, MANY);
	close(in[1]);
	for (size_t got = 0; got < MANY; got += len) {
		struct buffer bufs[] = { { at, 7, true },
					 { at + 7, CHUNK - 7, true } };

		driver_add(&p.queues[RX], bufs, 2, 0);
		peer_kick(&p, RX);
		len = peer_wait_used(&p, RX, &id);
		ck_assert_uint_gt(len, 0);
		ck_assert_uint_le(got + len, MANY);
		ck_assert(pattern_is(p.mem + at, got, len));
	}
	end_helper(writer);
	/* The end of the input is not the end of the machine. */
	usleep(20000);
	ck_assert_uint_eq(peer_get_u64(&p, VU_GET_QUEUE_NUM), 2);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(a_pipe_nobody_reads_holds_the_writer_but_not_the_backend)
{
	struct buffer buf;
	struct peer p;
	int out[2];
	uint32_t len;
	uint16_t id;
	size_t written = 0;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	console_start(&p, "--out-fd", out[1], -1, NULL, ~0ull);
	close(out[1]);
	buf = (struct buffer){ peer_alloc(&p, CHUNK, CHUNK), CHUNK, false };
	do {
		for (uint32_t i = 0; i < CHUNK; i++)
			p.mem[buf.at + i] = pattern_at(written + i);
		driver_add(&p.queues[TX], &buf, 1, 0);
		peer_kick(&p, TX);
		/* It answers while the queue waits. */
		peer_get_u64(&p, VU_GET_QUEUE_NUM);
		peer_get_u64(&p, VU_GET_QUEUE_NUM);
		written += CHUNK;
	} while (driver_get(&p.queues[TX], &id, &len) && written < 8 << 20);
	ck_assert_uint_gt(written, 1 << 20);
	ck_assert_uint_lt(written, 8 << 20);
	pattern_read(out[0], 0, written);
	peer_wait_used(&p, TX, &id);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(a_file_gets_everything)
{
	char path[] = "/tmp/mote-console-XXXXXX";
	int file = mkstemp(path);
	struct peer p;
	uint32_t at;

	unlink(path);
	ck_assert_int_eq(fd_write_all(file, "before\n", 7), 0);
	console_start(&p, "--out-fd", file, -1, NULL, ~0ull);
	at = peer_alloc(&p, CHUNK, CHUNK);
	for (size_t sent = 0; sent < 100 * CHUNK; sent += CHUNK)
		console_write(&p, at, sent, CHUNK);
	ck_assert_int_eq(peer_stop(&p), 0);
	ck_assert_int_eq(lseek(file, 7, SEEK_SET), 7);
	pattern_read(file, 0, 100 * CHUNK);
	close(file);
}
END_TEST

START_TEST(a_reader_that_left_does_not_end_the_machine)
{
	struct peer p;
	int out[2];
	uint32_t at;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	close(out[0]); /* before: the child would inherit it */
	console_start(&p, "--out-fd", out[1], -1, NULL, ~0ull);
	close(out[1]);
	at = peer_alloc(&p, CHUNK, CHUNK);
	for (size_t sent = 0; sent < 4 << 20; sent += CHUNK)
		console_write(&p, at, sent, CHUNK);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

/* clang-format off */
static const struct { const char *args[5]; int status; } bad_starts[] = {
	{ { "console" }, 2 },
	{ { "console", "--stdio", "--in-fd=0" }, 2 },
	{ { "console", "--listen-fd=0", "--out-fd=1" }, 2 },
	{ { "console", "--in-fd=999" }, 2 },
	{ { "console", "--in-fd=x" }, 2 },
};
/* clang-format on */

START_TEST(bad_command_lines_end_with_a_status)
{
	struct peer p;

	peer_start(&p, backend_console_main, bad_starts[_i].args);
	ck_assert_int_eq(peer_wait(&p), bad_starts[_i].status);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("console");
	TCase *tc = tcase_create("console");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_buffer_gives_back_what_was_put_in_and_in_order);
	tcase_add_loop_test(tc,
			    keys_for_the_monitor_are_found_however_they_arrive,
			    0, ARRAY_LEN(typings));
	tcase_add_loop_test(tc, ten_megabytes_pass_to_a_pipe_in_order, 0, 2);
	tcase_add_loop_test(tc, ten_megabytes_pass_from_a_pipe_in_order, 0, 2);
	tcase_add_test(
		tc, a_pipe_nobody_reads_holds_the_writer_but_not_the_backend);
	tcase_add_test(tc, a_file_gets_everything);
	tcase_add_test(tc, a_reader_that_left_does_not_end_the_machine);
	tcase_add_loop_test(tc, bad_command_lines_end_with_a_status, 0,
			    ARRAY_LEN(bad_starts));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
