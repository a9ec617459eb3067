// SPDX-License-Identifier: Apache-2.0
/*
 * test_vu_server.c - messages good and bad, and the life of a backend
 *
 * The server runs inside `mote block` on a small image, in a child process; what
 * the disk does is of no interest here.
 */
#include "vu_peer.h"
#include "backend.h"
#include "fd.h"

#include <linux/virtio_config.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUEUES = 2 };

static char image[] = "/tmp/mote-server-XXXXXX";

static void create_image(void)
{
	int fd = mkstemp(image);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 65536), 0);
	close(fd);
}

static void remove_image(void)
{
	unlink(image);
}

static void start(struct peer *p)
{
	char file[96];
	const char *args[] = { "block", file, "--num-queues=2",
			       "--log-level=error", NULL };

	snprintf(file, sizeof(file), "--blk-file=%s", image);
	peer_start(p, backend_block_main, args);
}

START_TEST(a_front_end_that_leaves_ends_the_backend_in_peace)
{
	struct peer p;

	start(&p);
	ck_assert_int_eq(peer_stop(&p), 0);
	start(&p);
	peer_negotiate(&p, ~0ull);
	peer_share_memory(&p);
	peer_start_queue(&p, 0, 16);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

static const int ending_signals[] = { SIGTERM, SIGINT };

START_TEST(a_signal_ends_the_backend_in_peace)
{
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	kill(p.pid, ending_signals[_i]);
	ck_assert_int_eq(peer_wait(&p), 0);
}
END_TEST

START_TEST(the_usual_questions_have_their_answers)
{
	struct peer p;
	uint64_t features, protocol;

	start(&p);
	features = peer_get_u64(&p, VU_GET_FEATURES);
	ck_assert(features >> VIRTIO_F_VERSION_1 & 1);
	ck_assert(features >> VIRTIO_F_RING_PACKED & 1);
	ck_assert(features >> VU_F_PROTOCOL_FEATURES & 1);
	protocol = peer_get_u64(&p, VU_GET_PROTOCOL_FEATURES);
	ck_assert(protocol >> VU_PROTOCOL_F_MQ & 1);
	ck_assert(protocol >> VU_PROTOCOL_F_CONFIG & 1);
	peer_negotiate(&p, ~0ull);
	ck_assert_uint_eq(peer_get_u64(&p, VU_GET_QUEUE_NUM), QUEUES);
	ck_assert_uint_eq(peer_get_u64(&p, VU_GET_MAX_MEM_SLOTS), VU_MEM_SLOTS);
	ck_assert_uint_eq(peer_ack(&p, VU_RESET_DEVICE, NULL, 0, NULL, 0), 0);
	ck_assert_uint_eq(peer_stop_queue(&p, 1), 0);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

/*
 * Messages that break the protocol. The connection ends with a line in the log,
 * and so does the process, with status 1 and not with a signal.
 */
/* clang-format off */
static const struct {
	const char *what;
	uint32_t request, flags, size;
	uint64_t payload[5];
	unsigned fds;
} bad_messages[] = {
	{ "request 0", 0, VU_VERSION, 0, { 0 }, 0 },
	{ "unknown request", 99, VU_VERSION, 0, { 0 }, 0 },
	{ "request without a row", 6, VU_VERSION, 8, { 0 }, 0 },
	{ "huge request", UINT32_MAX, VU_VERSION, 0, { 0 }, 0 },
	{ "version 0", VU_GET_FEATURES, 0, 0, { 0 }, 0 },
	{ "version 2", VU_GET_FEATURES, 2, 0, { 0 }, 0 },
	{ "a reply", VU_GET_FEATURES, VU_VERSION | VU_REPLY, 0, { 0 }, 0 },
	{ "payload too small", VU_SET_FEATURES, VU_VERSION, 4, { 0 }, 0 },
	{ "payload too large", VU_SET_FEATURES, VU_VERSION, 16, { 0 }, 0 },
	{ "payload of 4 GiB", VU_SET_FEATURES, VU_VERSION, UINT32_MAX, { 0 },
	  0 },
	{ "descriptor nobody wants", VU_GET_FEATURES, VU_VERSION, 0, { 0 },
	  1 },
	{ "more than eight descriptors", VU_SET_MEM_TABLE, VU_VERSION, 8,
	  { 9 }, 9 },
	{ "features never offered", VU_SET_FEATURES, VU_VERSION, 8,
	  { 1ull << 63 }, 0 },
	{ "protocol features never offered", VU_SET_PROTOCOL_FEATURES,
	  VU_VERSION, 8, { 1ull << 40 }, 0 },
	{ "queue beyond", VU_SET_VRING_NUM, VU_VERSION, 8, { QUEUES }, 0 },
	{ "queue far beyond", VU_SET_VRING_BASE, VU_VERSION, 8,
	  { UINT32_MAX }, 0 },
	{ "get base of a queue beyond", VU_GET_VRING_BASE, VU_VERSION, 8,
	  { QUEUES }, 0 },
	{ "address of a queue beyond", VU_SET_VRING_ADDR, VU_VERSION, 40,
	  { QUEUES }, 0 },
	{ "logging never offered", VU_SET_VRING_ADDR, VU_VERSION, 40,
	  { 1ull << 32 }, 0 },
	{ "kick without descriptor", VU_SET_VRING_KICK, VU_VERSION, 8, { 0 },
	  0 },
	{ "kick with two", VU_SET_VRING_KICK, VU_VERSION, 8, { 0 }, 2 },
	{ "no kick with descriptor", VU_SET_VRING_KICK, VU_VERSION, 8,
	  { VU_VRING_NOFD }, 1 },
	{ "kick with odd bits", VU_SET_VRING_KICK, VU_VERSION, 8, { 1 << 9 },
	  1 },
	{ "call for a queue beyond", VU_SET_VRING_CALL, VU_VERSION, 8,
	  { QUEUES }, 1 },
	{ "enable 2", VU_SET_VRING_ENABLE, VU_VERSION, 8, { 2ull << 32 }, 0 },
	{ "regions without descriptors", VU_SET_MEM_TABLE, VU_VERSION, 40,
	  { 1 }, 0 },
	{ "descriptors without regions", VU_SET_MEM_TABLE, VU_VERSION, 8,
	  { 0 }, 1 },
	{ "region beyond the payload", VU_SET_MEM_TABLE, VU_VERSION, 8,
	  { 1 }, 1 },
	{ "2^32 - 1 regions", VU_SET_MEM_TABLE, VU_VERSION, 40,
	  { UINT32_MAX }, 1 },
	{ "empty region", VU_SET_MEM_TABLE, VU_VERSION, 40,
	  { 1, 0, 0, 0, 0 }, 1 },
	{ "region beyond the file", VU_SET_MEM_TABLE, VU_VERSION, 40,
	  { 1, 0, PEER_MEMORY + 1, 0, 0 }, 1 },
	{ "region that wraps", VU_SET_MEM_TABLE, VU_VERSION, 40,
	  { 1, UINT64_MAX - 4095, 8192, 0, 0 }, 1 },
	{ "region to add, none came", VU_ADD_MEM_REG, VU_VERSION, 40, { 0 },
	  0 },
	{ "region to remove, none there", VU_REM_MEM_REG, VU_VERSION, 40,
	  { 0, 1, 2, 3, 4 }, 0 },
	{ "configuration beyond", VU_GET_CONFIG, VU_VERSION, 12,
	  { 200 | 100ull << 32 }, 0 },
	{ "configuration that wraps", VU_GET_CONFIG, VU_VERSION, 12,
	  { UINT32_MAX | 8ull << 32 }, 0 },
	{ "set configuration, half of it", VU_SET_CONFIG, VU_VERSION, 12,
	  { 8ull << 32 }, 0 },
};
/* clang-format on */

static void send_bad(struct peer *p, int i)
{
	static const char filler[64];
	uint32_t size = MIN(bad_messages[i].size, 40u);
	struct vu_header header = { bad_messages[i].request,
				    bad_messages[i].flags,
				    bad_messages[i].size };
	int fds[9];

	for (unsigned n = 0; n < ARRAY_LEN(fds); n++)
		fds[n] = p->mem_fd;
	if (bad_messages[i].size > 40) {
		fd_write_all(p->sock, &header, sizeof(header));
		send(p->sock, filler, sizeof(filler), MSG_NOSIGNAL);
		return;
	}
	peer_send(p, header.request, header.flags, bad_messages[i].payload,
		  size, fds, bad_messages[i].fds);
}

START_TEST(a_message_that_breaks_the_protocol_ends_the_connection)
{
	struct vu_wire wire;
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	send_bad(&p, _i);
	ck_assert_msg(!peer_receive(&p, &wire), "%s", bad_messages[_i].what);
	ck_assert_int_eq(peer_wait(&p), 1);
}
END_TEST

START_TEST(a_request_of_a_feature_not_negotiated_ends_the_connection)
{
	static const uint32_t requests[] = { VU_GET_QUEUE_NUM,
					     VU_GET_MAX_MEM_SLOTS,
					     VU_RESET_DEVICE };
	struct vu_wire wire;
	struct peer p;

	start(&p);
	peer_send(&p, requests[_i], VU_VERSION, NULL, 0, NULL, 0);
	ck_assert(!peer_receive(&p, &wire));
	ck_assert_int_eq(peer_wait(&p), 1);
}
END_TEST

START_TEST(with_reply_ack_a_refusal_is_an_answer)
{
	struct vu_mem_slot none = { .region = { 1, 2, 3, 4 } };
	struct vhost_vring_state odd = { 0, 2 };
	uint64_t features = 1ull << 63;
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	ck_assert_uint_eq(peer_ack(&p, VU_SET_FEATURES, &features, 8, NULL, 0),
			  1);
	ck_assert_uint_eq(
		peer_ack(&p, VU_REM_MEM_REG, &none, sizeof(none), NULL, 0), 1);
	ck_assert_uint_eq(peer_ack(&p, VU_SET_VRING_ENABLE, &odd, sizeof(odd),
				   NULL, 0),
			  1);
	ck_assert_uint_eq(peer_get_u64(&p, VU_GET_QUEUE_NUM), QUEUES);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(a_message_may_arrive_byte_by_byte)
{
	struct vu_header header = { VU_SET_OWNER, VU_VERSION | VU_NEED_REPLY,
				    0 };
	uint64_t features = 1ull << VU_F_PROTOCOL_FEATURES;
	struct {
		struct vu_header head;
		uint32_t payload[2];
	} set = { { VU_SET_FEATURES, VU_VERSION | VU_NEED_REPLY, 8 }, { 0 } };
	struct vu_wire wire;
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	for (size_t i = 0; i < sizeof(header); i++) {
		fd_write_all(p.sock, (char *)&header + i, 1);
		usleep(500);
	}
	ck_assert(peer_receive(&p, &wire));
	memcpy(set.payload, &features, 8);
	for (size_t i = 0; i < sizeof(set); i++) {
		fd_write_all(p.sock, (char *)&set + i, 1);
		usleep(500);
	}
	ck_assert(peer_receive(&p, &wire));
	ck_assert_uint_eq(wire.payload.u64, 0);
	/* Half a message and then nothing: a signal still ends it. */
	fd_write_all(p.sock, &header, 7);
	usleep(10000);
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(peer_wait(&p), 0);
}
END_TEST

/* Small numbers, ends of ranges, and sometimes anything. */
static uint64_t odd_number(unsigned *seed)
{
	static const uint64_t ends[] = { 0,	    1,		 2,
					 8,	    4096,	 PEER_GPA,
					 PEER_USER, PEER_MEMORY, UINT32_MAX,
					 UINT64_MAX };
	unsigned pick = (unsigned)rand_r(seed) % 16;

	if (pick < ARRAY_LEN(ends))
		return ends[pick];
	return (uint64_t)rand_r(seed) << 32 | (unsigned)rand_r(seed);
}

static void send_anything(struct peer *p, unsigned *seed)
{
	static const uint32_t sizes[] = { 0, 8, 8, 8, 12, 40, 40, 40 };
	uint32_t request = (uint32_t)rand_r(seed) % VU_REQUESTS;
	uint64_t payload[5];
	uint32_t size = sizes[(unsigned)rand_r(seed) % ARRAY_LEN(sizes)];
	unsigned fds = (unsigned)rand_r(seed) % 4 == 0;
	uint32_t flags = VU_VERSION;

	for (size_t i = 0; i < ARRAY_LEN(payload); i++)
		payload[i] = odd_number(seed);
	if (rand_r(seed) % 2 == 0)
		flags |= VU_NEED_REPLY;
	peer_send(p, request, flags, payload, size, &p->mem_fd, fds);
}

START_TEST(no_sequence_of_messages_ends_it_by_a_signal)
{
	unsigned seed = (unsigned)_i;
	struct peer p;
	int status;

	for (int round = 0; round < 20; round++) {
		start(&p);
		if (round % 2 == 0) {
			peer_negotiate(&p, ~0ull);
			peer_share_memory(&p);
			peer_start_queue(&p, 0, 16);
		}
		for (int i = 0; i < 30; i++)
			send_anything(&p, &seed);
		status = peer_stop(&p);
		ck_assert_msg(status == 0 || status == 1,
			      "seed %d, round %d: %d", _i, round, status);
	}
}
END_TEST

/* What a guest can do to its rings must not cost it the backend. */
START_TEST(a_ring_that_cannot_be_breaks_its_queue_only)
{
	struct vhost_vring_state num = { 0, 16 };
	struct vhost_vring_addr addr = { .index = 0,
					 .desc_user_addr = 0x1000,
					 .avail_user_addr = 0x2000,
					 .used_user_addr = 0x3000 };
	uint64_t which = 0;
	int kick = eventfd(0, EFD_CLOEXEC);
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	peer_share_memory(&p);
	peer_ack(&p, VU_SET_VRING_NUM, &num, sizeof(num), NULL, 0);
	peer_ack(&p, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	/* Once asked for an answer, once not. */
	ck_assert_uint_eq(peer_ack(&p, VU_SET_VRING_KICK, &which, 8, &kick, 1),
			  1);
	peer_send(&p, VU_SET_VRING_KICK, VU_VERSION, &which, 8, &kick, 1);
	ck_assert_uint_eq(peer_stop_queue(&p, 0), 0);
	peer_start_queue(&p, 0, 16);
	peer_start_queue(&p, 1, 16);
	close(kick);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(a_ring_whose_memory_goes_away_breaks_its_queue_only)
{
	struct vu_mem_table none = { .count = 0 };
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	peer_share_memory(&p);
	peer_start_queue(&p, 0, 16);
	ck_assert_uint_eq(peer_ack(&p, VU_SET_MEM_TABLE, &none, 8, NULL, 0), 0);
	peer_kick(&p, 0);
	ck_assert_uint_eq(peer_get_u64(&p, VU_GET_QUEUE_NUM), QUEUES);
	peer_stop_queue(&p, 0);
	peer_share_memory(&p);
	peer_start_queue(&p, 0, 16);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(memory_slots_come_and_go_one_by_one)
{
	struct vu_mem_slot slot = {
		.region = { PEER_GPA, 4096, PEER_USER, 0 },
	};
	struct peer p;

	start(&p);
	peer_negotiate(&p, ~0ull);
	for (unsigned i = 0; i < VU_MEM_SLOTS; i++) {
		slot.region.gpa = PEER_GPA + 4096 * i;
		slot.region.user_addr = PEER_USER + 4096 * i;
		slot.region.mmap_offset = 4096 * i;
		ck_assert_uint_eq(peer_ack(&p, VU_ADD_MEM_REG, &slot,
					   sizeof(slot), &p.mem_fd, 1),
				  0);
		ck_assert_uint_eq(peer_ack(&p, VU_ADD_MEM_REG, &slot,
					   sizeof(slot), &p.mem_fd, 1),
				  1);
	}
	slot.region.gpa += 1 << 20;
	slot.region.user_addr += 1 << 20;
	ck_assert_uint_eq(peer_ack(&p, VU_ADD_MEM_REG, &slot, sizeof(slot),
				   &p.mem_fd, 1),
			  1);
	slot.region.gpa = PEER_GPA;
	slot.region.user_addr = PEER_USER;
	ck_assert_uint_eq(peer_ack(&p, VU_REM_MEM_REG, &slot, sizeof(slot),
				   &p.mem_fd, 1),
			  0);
	ck_assert_uint_eq(peer_ack(&p, VU_ADD_MEM_REG, &slot, sizeof(slot),
				   &p.mem_fd, 1),
			  0);
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

START_TEST(a_queue_without_a_kick_descriptor_is_polled)
{
	struct buffer bufs[3];
	uint64_t which = VU_VRING_NOFD;
	struct peer p;
	uint16_t id;

	start(&p);
	peer_negotiate(&p, ~0ull);
	peer_share_memory(&p);
	peer_start_queue(&p, 0, 16);
	ck_assert_uint_eq(peer_ack(&p, VU_SET_VRING_KICK, &which, 8, NULL, 0),
			  0);
	for (unsigned i = 0; i < 5; i++) {
		bufs[0] = (struct buffer){ peer_alloc(&p, 16, 16), 16, false };
		bufs[1] = (struct buffer){ peer_alloc(&p, 512, 16), 512, true };
		bufs[2] = (struct buffer){ peer_alloc(&p, 1, 1), 1, true };
		driver_add(&p.queues[0], bufs, 3, 0);
		ck_assert_uint_eq(peer_wait_used(&p, 0, &id), 513);
	}
	ck_assert_int_eq(peer_stop(&p), 0);
}
END_TEST

/* The other tests use a socket they inherit. */
START_TEST(a_socket_path_is_listened_on_and_removed)
{
	char file[96], socket_option[96], path[64];
	char *argv[] = { "block", file, socket_option, NULL };
	struct stat st;
	struct peer p = { .sock = -1 };

	snprintf(path, sizeof(path), "/tmp/mote-server-%d.sock", getpid());
	snprintf(file, sizeof(file), "--blk-file=%s", image);
	snprintf(socket_option, sizeof(socket_option), "--socket-path=%s",
		 path);
	/* The second time over what a killed one has left behind. */
	for (int round = 0; round < 2; round++) {
		p.pid = fork();
		if (p.pid == 0)
			exit(backend_block_main(3, argv));
		p.sock = peer_connect(path);
		peer_get_u64(&p, VU_GET_FEATURES);
		kill(p.pid, round == 0 ? SIGKILL : SIGTERM);
		ck_assert_int_eq(peer_wait(&p), round == 0 ? -SIGKILL : 0);
		ck_assert_int_eq(stat(path, &st), round == 0 ? 0 : -1);
		close(p.sock);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vu_server");
	TCase *tc = tcase_create("vu_server");

	tcase_set_timeout(tc, 60);
	tcase_add_unchecked_fixture(tc, create_image, remove_image);
	tcase_add_test(tc, a_front_end_that_leaves_ends_the_backend_in_peace);
	tcase_add_loop_test(tc, a_signal_ends_the_backend_in_peace, 0, 2);
	tcase_add_test(tc, the_usual_questions_have_their_answers);
	tcase_add_loop_test(
		tc, a_message_that_breaks_the_protocol_ends_the_connection, 0,
		ARRAY_LEN(bad_messages));
	tcase_add_loop_test(
		tc, a_request_of_a_feature_not_negotiated_ends_the_connection,
		0, 3);
	tcase_add_test(tc, with_reply_ack_a_refusal_is_an_answer);
	tcase_add_test(tc, a_message_may_arrive_byte_by_byte);
	tcase_add_loop_test(tc, no_sequence_of_messages_ends_it_by_a_signal, 0,
			    10);
	tcase_add_test(tc, a_ring_that_cannot_be_breaks_its_queue_only);
	tcase_add_test(tc, a_ring_whose_memory_goes_away_breaks_its_queue_only);
	tcase_add_test(tc, memory_slots_come_and_go_one_by_one);
	tcase_add_test(tc, a_queue_without_a_kick_descriptor_is_polled);
	tcase_add_test(tc, a_socket_path_is_listened_on_and_removed);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
