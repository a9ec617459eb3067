// SPDX-License-Identifier: Apache-2.0
/*
 * test_block.c - what each request does to an image, on both ring formats
 *
 * The backend runs as a program in a child process; the test is its front end
 * and its driver.
 */
#include "disk_peer.h"

#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(what_was_written_is_read_back_and_in_the_file)
{
	struct disk f;
	struct peer *p = &f.peer;
	uint32_t out, in, written;
	struct disk_request r;

	disk_begin(&f, formats[_i].without);
	out = peer_alloc(p, 65536, 4096);
	in = peer_alloc(p, 65536, 4096);
	for (uint32_t i = 0; i < 65536; i++)
		p->mem[out + i] = (char)(i * 31 >> 3);
	/* Enough rounds for the rings and their wrap counters to turn. */
	for (uint64_t round = 0; round < 200; round++) {
		uint32_t len = (uint32_t)(round % 16 + 1) * 4096;

		r = (struct disk_request){ .type = VIRTIO_BLK_T_OUT,
					   .sector = round * 8,
					   .data = { { out, len, false } },
					   .buffers = 1 };
		ck_assert_uint_eq(disk_run(p, &r, &written), VIRTIO_BLK_S_OK);
		ck_assert_uint_eq(written, 1);
		ck_assert(disk_same(&f, round * 8, out, len));
		memset(p->mem + in, 0, len);
		r.type = VIRTIO_BLK_T_IN;
		r.data[0] = (struct buffer){ in, len, true };
		ck_assert_uint_eq(disk_run(p, &r, &written), VIRTIO_BLK_S_OK);
		ck_assert_uint_eq(written, len + 1);
		ck_assert_mem_eq(p->mem + in, p->mem + out, len);
	}
	ck_assert_uint_eq(disk_simple(p, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			  VIRTIO_BLK_S_OK);
	disk_finish(&f);
}
END_TEST

/* virtio 1.3, 2.7.4: the device must not assume how buffers are cut. */
START_TEST(buffers_may_be_cut_anywhere)
{
	struct disk f;
	struct peer *p = &f.peer;
	struct disk_request r = { .type = VIRTIO_BLK_T_IN,
				  .sector = 3,
				  .header_cut = 5,
				  .buffers = 4 };
	uint32_t at;

	disk_begin(&f, formats[_i].without);
	at = peer_alloc(p, 4096, 4096);
	r.data[0] = (struct buffer){ at, 1, true };
	r.data[1] = (struct buffer){ at + 1, 510, true };
	r.data[2] = (struct buffer){ at + 511, 1000, true };
	r.data[3] = (struct buffer){ at + 1511, 2048 - 1511, true };
	ck_assert_uint_eq(disk_run(p, &r, NULL), VIRTIO_BLK_S_OK);
	ck_assert(disk_same(&f, 3, at, 2048));

	r.table = peer_alloc(p, 256, 16);
	r.header_cut = 11;
	memset(p->mem + at, 0, 2048);
	ck_assert_uint_eq(disk_run(p, &r, NULL), VIRTIO_BLK_S_OK);
	ck_assert(disk_same(&f, 3, at, 2048));
	disk_finish(&f);
}
END_TEST

START_TEST(a_buffer_may_lie_across_two_memory_regions)
{
	struct disk f;

	disk_begin(&f, formats[_i].without);
	ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_IN, 16,
				      PEER_SPLIT - 1024, 4096),
			  VIRTIO_BLK_S_OK);
	ck_assert(disk_same(&f, 16, PEER_SPLIT - 1024, 4096));
	disk_finish(&f);
}
END_TEST

/* The status of requests a driver should not send. len 0: no data buffer. */
/* clang-format off */
static const struct {
	const char *what;
	uint32_t type;
	uint64_t sector;
	uint32_t len;
	uint8_t status;
} odd_requests[] = {
	{ "last sector", VIRTIO_BLK_T_IN, IMAGE_BYTES / SECTOR - 1, 512,
	  VIRTIO_BLK_S_OK },
	{ "one beyond", VIRTIO_BLK_T_IN, IMAGE_BYTES / SECTOR, 512,
	  VIRTIO_BLK_S_IOERR },
	{ "across the end", VIRTIO_BLK_T_IN, IMAGE_BYTES / SECTOR - 1, 1024,
	  VIRTIO_BLK_S_IOERR },
	{ "write across the end", VIRTIO_BLK_T_OUT, IMAGE_BYTES / SECTOR - 1,
	  1024, VIRTIO_BLK_S_IOERR },
	{ "sector that wraps", VIRTIO_BLK_T_OUT, UINT64_MAX, 512,
	  VIRTIO_BLK_S_IOERR },
	{ "sector whose offset wraps", VIRTIO_BLK_T_OUT, BIT(55), 512,
	  VIRTIO_BLK_S_IOERR },
	{ "part of a sector", VIRTIO_BLK_T_IN, 0, 511, VIRTIO_BLK_S_IOERR },
	{ "more than a sector", VIRTIO_BLK_T_OUT, 0, 513, VIRTIO_BLK_S_IOERR },
	{ "no data", VIRTIO_BLK_T_IN, 0, 0, VIRTIO_BLK_S_OK },
	{ "unknown type", 77, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ "secure erase", VIRTIO_BLK_T_SECURE_ERASE, 0, 16,
	  VIRTIO_BLK_S_UNSUPP },
	{ "discard without a range", VIRTIO_BLK_T_DISCARD, 0, 0,
	  VIRTIO_BLK_S_IOERR },
	{ "discard of half a range", VIRTIO_BLK_T_DISCARD, 0, 8,
	  VIRTIO_BLK_S_IOERR },
	{ "id into too small a buffer", VIRTIO_BLK_T_GET_ID, 0, 0,
	  VIRTIO_BLK_S_IOERR },
};
/* clang-format on */

START_TEST(odd_requests_get_a_status_and_the_queue_goes_on)
{
	struct disk f;
	uint32_t at;

	disk_begin(&f, formats[_i].without);
	at = peer_alloc(&f.peer, 4096, 4096);
	for (size_t i = 0; i < ARRAY_LEN(odd_requests); i++)
		ck_assert_msg(disk_simple(&f.peer, odd_requests[i].type,
					  odd_requests[i].sector, at,
					  odd_requests[i].len) ==
				      odd_requests[i].status,
			      "%s", odd_requests[i].what);
	ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_IN, 0, at, 4096),
			  VIRTIO_BLK_S_OK);
	ck_assert(disk_same(&f, 0, at, 4096));
	disk_finish(&f);
}
END_TEST

START_TEST(the_id_is_the_serial)
{
	struct disk f;
	struct disk_request r = { .type = VIRTIO_BLK_T_GET_ID, .buffers = 1 };

	disk_begin(&f, formats[_i].without);
	r.data[0] = (struct buffer){ peer_alloc(&f.peer, 20, 1), 20, true };
	ck_assert_uint_eq(disk_run(&f.peer, &r, NULL), VIRTIO_BLK_S_OK);
	ck_assert_mem_eq(f.peer.mem + r.data[0].at,
			 "SN0123\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	disk_finish(&f);
}
END_TEST

/* clang-format off */
static const struct {
	uint32_t type, flags;
	uint64_t sector;
	uint32_t sectors;
	uint8_t status;
} ranges[] = {
	{ VIRTIO_BLK_T_DISCARD, 0, 64, 64, VIRTIO_BLK_S_OK },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 64, 64, VIRTIO_BLK_S_OK },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 1, 64, 64, VIRTIO_BLK_S_OK },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 3, 1, VIRTIO_BLK_S_OK },
	{ VIRTIO_BLK_T_DISCARD, 1, 64, 64, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 2, 64, 64, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_DISCARD, 0, 0, 0, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, IMAGE_BYTES / SECTOR - 1, 2,
	  VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, UINT64_MAX, 2, VIRTIO_BLK_S_IOERR },
};
/* clang-format on */

static bool is_zero(const char *bytes, size_t len)
{
	while (len > 0 && bytes[len - 1] == 0)
		len--;
	return len == 0;
}

static void check_ranges(const char *dir)
{
	struct disk f;
	uint32_t at;

	disk_create(&f, dir);
	disk_start(&f, ALL_FEATURES, NULL, 1);
	at = peer_alloc(&f.peer, 65536, 4096);
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		ck_assert_uint_eq(
			disk_range(&f.peer, ranges[i].type, ranges[i].sector,
				   ranges[i].sectors, ranges[i].flags),
			ranges[i].status);
		if (ranges[i].status != VIRTIO_BLK_S_OK)
			continue;
		ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_IN,
					      ranges[i].sector, at,
					      ranges[i].sectors * SECTOR),
				  VIRTIO_BLK_S_OK);
		ck_assert(is_zero(f.peer.mem + at, ranges[i].sectors * SECTOR));
		/* The neighbours are untouched. */
		ck_assert_uint_eq(
			disk_simple(&f.peer, VIRTIO_BLK_T_IN,
				    ranges[i].sector + ranges[i].sectors, at,
				    SECTOR),
			VIRTIO_BLK_S_OK);
		ck_assert(!is_zero(f.peer.mem + at, SECTOR));
	}
	disk_finish(&f);
}

START_TEST(discarded_and_zeroed_ranges_read_as_zeroes)
{
	check_ranges("/tmp");
	check_ranges("/dev/shm");
}
END_TEST

START_TEST(a_read_only_disk_refuses_every_change)
{
	struct disk f;
	struct stat st;
	uint32_t at;

	disk_create(&f, "/tmp");
	ck_assert_int_eq(fchmod(f.fd, 0444), 0);
	disk_start(&f, ALL_FEATURES, "--read-only", 1);
	at = peer_alloc(&f.peer, 4096, 4096);
	memset(f.peer.mem + at, 0, 4096);
	ck_assert(f.peer.features & BIT(VIRTIO_BLK_F_RO));
	ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_OUT, 0, at, 4096),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_range(&f.peer, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			  VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk_simple(&f.peer, VIRTIO_BLK_T_IN, 0, at, 4096),
			  VIRTIO_BLK_S_OK);
	ck_assert(disk_same(&f, 0, at, 4096));
	ck_assert_int_eq(fstat(f.fd, &st), 0);
	ck_assert_int_eq(st.st_size, IMAGE_BYTES);
	disk_finish(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block");
	TCase *tc = tcase_create("block");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_was_written_is_read_back_and_in_the_file,
			    0, FORMATS);
	tcase_add_loop_test(tc, buffers_may_be_cut_anywhere, 0, FORMATS);
	tcase_add_loop_test(tc, a_buffer_may_lie_across_two_memory_regions, 0,
			    FORMATS);
	tcase_add_loop_test(tc, odd_requests_get_a_status_and_the_queue_goes_on,
			    0, FORMATS);
	tcase_add_loop_test(tc, the_id_is_the_serial, 0, FORMATS);
	tcase_add_test(tc, discarded_and_zeroed_ranges_read_as_zeroes);
	tcase_add_test(tc, a_read_only_disk_refuses_every_change);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
