// SPDX-License-Identifier: Apache-2.0
/*
 * demand.c - shared guest memory that is filled from files when touched
 *
 * Theory of operation: a piece is a range of guest memory that no page exists
 * for yet, registered with userfaultfd, and a read-only mapping of the bytes
 * that belong there. Whoever touches it, vCPU or kernel, sleeps until
 * boot_demand_handle() has copied the chunk around the address. A chunk is
 * copied whole and once; so a piece is a row of chunks that are done or not.
 * boot_demand_finish() copies those that are not, after which the memory is
 * like any other.
 *
 * Until then memory gets no huge pages: one that came into being for a page next
 * to a piece would cover part of the piece with zeros.
 *
 * userfaultfd must see faults of the kernel, for that is what the guest's are:
 * UFFD_USER_MODE_ONLY, which needs no privilege, does not do.
 */
#include "boot_demand.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK_SIZE (2 * MIB)

enum { PIECES_MAX = 16 };

struct piece {
	uintptr_t host;	  /* where the bytes belong */
	uint64_t len;	  /* bytes, whole pages */
	void *map;	  /* the file around these bytes */
	size_t map_size;  /* bytes */
	uintptr_t source; /* the bytes, inside map */
	bool *done;	  /* one per chunk */
};

struct boot_demand {
	struct guest_memory *mem;
	int fd; /* userfaultfd; -1 when finished */
	uint64_t page_size;
	struct piece pieces[PIECES_MAX];
	size_t count;
};

static int open_userfaultfd(void)
{
	int device, fd;

	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	fd_close(&device);
	return fd;
}

int boot_demand_create(struct guest_memory *mem, struct boot_demand **out,
		       struct err *err)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_MISSING_SHMEM };
	struct boot_demand *demand;
	int fd, ret;

	fd = open_userfaultfd();
	if (fd < 0)
		return err_errno(err, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		ret = err_errno(err, "UFFDIO_API");
		fd_close(&fd);
		return ret;
	}
	demand = calloc(1, sizeof(*demand));
	if (demand == NULL) {
		fd_close(&fd);
		return err_set(err, ENOMEM, "loading on demand");
	}
	demand->mem = mem;
	demand->fd = fd_take(&fd);
	demand->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	guest_memory_allow_huge(mem, false);
	*out = demand;
	return 0;
}

static void release_pieces(struct boot_demand *demand)
{
	for (size_t i = 0; i < demand->count; i++) {
		munmap(demand->pieces[i].map, demand->pieces[i].map_size);
		free(demand->pieces[i].done);
	}
	demand->count = 0;
}

void boot_demand_destroy(struct boot_demand *demand)
{
	if (demand == NULL)
		return;
	fd_close(&demand->fd); /* wakes all who wait */
	release_pieces(demand);
	free(demand);
}

bool boot_demand_has_room(const struct boot_demand *demand)
{
	return demand->count < PIECES_MAX;
}

static int register_piece(const struct boot_demand *demand,
			  const struct piece *piece, struct err *err)
{
	struct uffdio_register range = {
		.range = { piece->host, piece->len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(demand->fd, UFFDIO_REGISTER, &range) < 0)
		return err_errno(err, "UFFDIO_REGISTER");
	return 0;
}

int boot_demand_add(struct boot_demand *demand, int fd, uint64_t offset,
		    uint64_t len, void *host, struct err *err)
{
	uint64_t skip = offset % demand->page_size;
	struct piece piece = { .host = (uintptr_t)host,
			       .len = len,
			       .map_size = skip + len };
	int ret;

	if (!boot_demand_has_room(demand))
		return err_set(err, ENOSPC, "too many pieces to load");
	piece.map = mmap(NULL, piece.map_size, PROT_READ, MAP_PRIVATE, fd,
			 (off_t)(offset - skip));
	if (piece.map == MAP_FAILED)
		return err_errno(err, "map");
	piece.source = (uintptr_t)piece.map + skip;
	piece.done = calloc((len + CHUNK_SIZE - 1) / CHUNK_SIZE, sizeof(bool));
	if (piece.done == NULL)
		ret = err_set(err, ENOMEM, "loading on demand");
	else
		ret = register_piece(demand, &piece, err);
	if (ret < 0) {
		munmap(piece.map, piece.map_size);
		free(piece.done);
		return ret;
	}
	demand->pieces[demand->count++] = piece;
	return 0;
}

int boot_demand_fd(const struct boot_demand *demand)
{
	return demand->fd;
}

/*
 * Copy [from, from + len) of a piece. A page that exists already was put there
 * by someone who maps the memory too, which is against the rules; it stays.
 */
static int copy(const struct boot_demand *demand, const struct piece *piece,
		uint64_t from, uint64_t len, struct err *err)
{
	struct uffdio_copy args;
	uint64_t end = from + len;

	while (from < end) {
		args = (struct uffdio_copy){ .dst = piece->host + from,
					     .src = piece->source + from,
					     .len = end - from };
		if (ioctl(demand->fd, UFFDIO_COPY, &args) == 0)
			return 0;
		if (args.copy > 0)
			from += (uint64_t)args.copy;
		else if (errno == EEXIST)
			from += demand->page_size;
		else if (errno != EAGAIN && errno != EINTR)
			return err_errno(err, "loading on demand");
	}
	return 0;
}

static int fill_chunk(const struct boot_demand *demand,
		      const struct piece *piece, size_t chunk, struct err *err)
{
	uint64_t from = chunk * CHUNK_SIZE;
	int ret;

	if (piece->done[chunk])
		return 0;
	ret = copy(demand, piece, from, MIN(CHUNK_SIZE, piece->len - from),
		   err);
	if (ret == 0)
		piece->done[chunk] = true;
	return ret;
}

/*
 * Two vCPUs may have touched the same chunk, so its second message can come
 * when it is done; the copy has woken both.
 */
static int fill_address(const struct boot_demand *demand, uintptr_t address,
			struct err *err)
{
	const struct piece *piece;

	for (size_t i = 0; i < demand->count; i++) {
		piece = &demand->pieces[i];
		if (address >= piece->host &&
		    address - piece->host < piece->len)
			return fill_chunk(demand, piece,
					  (address - piece->host) / CHUNK_SIZE,
					  err);
	}
	return 0;
}

int boot_demand_handle(struct boot_demand *demand, struct err *err)
{
	struct uffd_msg msg;
	ssize_t n;
	int ret;

	while (demand->fd >= 0) {
		n = read(demand->fd, &msg, sizeof(msg));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n != sizeof(msg))
			return err_errno(err, "read from userfaultfd");
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		ret = fill_address(demand, msg.arg.pagefault.address, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int boot_demand_finish(struct boot_demand *demand, struct err *err)
{
	const struct piece *piece;
	int ret;

	for (size_t i = 0; i < demand->count; i++) {
		piece = &demand->pieces[i];
		for (size_t chunk = 0; chunk * CHUNK_SIZE < piece->len;
		     chunk++) {
			ret = fill_chunk(demand, piece, chunk, err);
			if (ret < 0)
				return ret;
		}
	}
	fd_close(&demand->fd);
	release_pieces(demand);
	guest_memory_allow_huge(demand->mem, true);
	return 0;
}
