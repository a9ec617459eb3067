// SPDX-License-Identifier: Apache-2.0
/*
 * vu_peer.c - the other side of a backend in tests: front end and driver
 */
#include "vu_peer.h"
#include "fd.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT_MS = 20000 };

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	(1u << VRING_PACKED_DESC_F_USED)

struct vring_desc *driver_desc(const struct driver *d)
{
	return (void *)(d->mem + d->desc);
}

struct vring_avail *driver_avail(const struct driver *d)
{
	return (void *)(d->mem + d->avail);
}

struct vring_used *driver_used(const struct driver *d)
{
	return (void *)(d->mem + d->used);
}

struct vring_packed_desc *driver_packed(const struct driver *d)
{
	return (void *)(d->mem + d->desc);
}

struct vring_packed_desc_event *driver_events(const struct driver *d)
{
	return (void *)(d->mem + d->avail);
}

struct vring_packed_desc_event *device_events(const struct driver *d)
{
	return (void *)(d->mem + d->used);
}

uint32_t driver_bytes(uint16_t size)
{
	return 16u * size + align_up(6 + 2u * size, 16) +
	       align_up(6 + 8u * size, 16);
}

void driver_init(struct driver *d, char *mem, uint32_t at, uint16_t size,
		 bool packed, bool event_idx)
{
	*d = (struct driver){
		.mem = mem,
		.packed = packed,
		.event_idx = event_idx,
		.size = size,
		.desc = at,
		.avail = at + 16u * size,
		.avail_wrap = true,
		.used_wrap = true,
	};
	d->used = d->avail + (uint32_t)align_up(6 + 2u * size, 16);
	memset(mem + at, 0, driver_bytes(size));
}

static void fill_table(struct driver *d, const struct buffer *bufs, unsigned n,
		       uint32_t table)
{
	for (unsigned i = 0; i < n; i++) {
		uint16_t flags = bufs[i].write ? VRING_DESC_F_WRITE : 0;
		struct vring_desc split = { PEER_GPA + bufs[i].at, bufs[i].len,
					    flags, 0 };
		struct vring_packed_desc packed = { PEER_GPA + bufs[i].at,
						    bufs[i].len, 0, flags };

		if (i + 1 < n) {
			split.flags |= VRING_DESC_F_NEXT;
			split.next = (uint16_t)(i + 1);
		}
		memcpy(d->mem + table + 16 * i,
		       d->packed ? (void *)&packed : (void *)&split, 16);
	}
}

static uint16_t add_split(struct driver *d, const struct buffer *bufs,
			  unsigned n, uint16_t extra)
{
	struct vring_avail *avail = driver_avail(d);
	uint16_t head = d->next_desc;

	for (unsigned i = 0; i < n; i++) {
		struct vring_desc *desc = &driver_desc(d)[d->next_desc];

		d->next_desc = (uint16_t)((d->next_desc + 1) % d->size);
		desc->addr = PEER_GPA + bufs[i].at;
		desc->len = bufs[i].len;
		desc->flags = extra;
		if (bufs[i].write)
			desc->flags |= VRING_DESC_F_WRITE;
		if (i + 1 < n)
			desc->flags |= VRING_DESC_F_NEXT;
		desc->next = d->next_desc;
	}
	avail->ring[d->avail_idx % d->size] = head;
	d->avail_idx++;
	__atomic_store_n(&avail->idx, d->avail_idx, __ATOMIC_RELEASE);
	return head;
}

static uint16_t add_packed(struct driver *d, const struct buffer *bufs,
			   unsigned n, uint16_t extra)
{
	struct vring_packed_desc *ring = driver_packed(d);
	uint16_t id = d->next_desc, head = id, first = 0;

	for (unsigned i = 0; i < n; i++) {
		struct vring_packed_desc *desc = &ring[d->next_desc];
		unsigned flags = d->avail_wrap ? F_AVAIL : F_USED;

		flags |= extra | (bufs[i].write ? VRING_DESC_F_WRITE : 0) |
			 (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		desc->addr = PEER_GPA + bufs[i].at;
		desc->len = bufs[i].len;
		desc->id = id;
		if (i == 0)
			first = (uint16_t)flags;
		else
			desc->flags = (uint16_t)flags;
		if (++d->next_desc == d->size) {
			d->next_desc = 0;
			d->avail_wrap = !d->avail_wrap;
		}
	}
	d->slots[id] = (uint16_t)n;
	__atomic_store_n(&ring[head].flags, first, __ATOMIC_RELEASE);
	return id;
}

uint16_t driver_add(struct driver *d, const struct buffer *bufs, unsigned n,
		    uint32_t table)
{
	struct buffer indirect = { table, 16 * n, false };

	if (table == 0)
		return d->packed ? add_packed(d, bufs, n, 0)
				 : add_split(d, bufs, n, 0);
	fill_table(d, bufs, n, table);
	return d->packed ? add_packed(d, &indirect, 1, VRING_DESC_F_INDIRECT)
			 : add_split(d, &indirect, 1, VRING_DESC_F_INDIRECT);
}

static bool get_split(struct driver *d, uint16_t *id, uint32_t *len)
{
	struct vring_used *used = driver_used(d);
	struct vring_used_elem *elem;

	if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == d->last_used)
		return false;
	elem = &used->ring[d->last_used++ % d->size];
	*id = (uint16_t)elem->id;
	*len = elem->len;
	if (d->event_idx)
		driver_avail(d)->ring[d->size] = d->last_used;
	return true;
}

static bool get_packed(struct driver *d, uint16_t *id, uint32_t *len)
{
	struct vring_packed_desc *desc = &driver_packed(d)[d->last_used];
	uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);

	if (!!(flags & F_AVAIL) != d->used_wrap ||
	    !!(flags & F_USED) != d->used_wrap)
		return false;
	*id = desc->id;
	*len = desc->len;
	if (*id >= PEER_RING_MAX)
		ck_abort_msg("no such buffer id: %u", *id);
	d->last_used += d->slots[*id];
	if (d->last_used >= d->size) {
		d->last_used -= d->size;
		d->used_wrap = !d->used_wrap;
	}
	if (d->event_idx) {
		driver_events(d)->off_wrap =
			(uint16_t)(d->last_used | (unsigned)d->used_wrap << 15);
		driver_events(d)->flags = VRING_PACKED_EVENT_FLAG_DESC;
	}
	return true;
}

bool driver_get(struct driver *d, uint16_t *id, uint32_t *len)
{
	bool got = d->packed ? get_packed(d, id, len) : get_split(d, id, len);

	/* Our used_event must be out before the ring is looked at again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return got;
}

static void run_role(int (*role)(int, char **), const char *const *args,
		     int sock)
{
	char fd_option[32], *argv[32];
	int argc = 0;

	while (args[argc] != NULL) {
		argv[argc] = (char *)args[argc];
		argc++;
	}
	snprintf(fd_option, sizeof(fd_option), "--fd=%d", sock);
	argv[argc++] = fd_option;
	argv[argc] = NULL;
	exit(role(argc, argv));
}

void peer_start(struct peer *p, int (*role)(int, char **),
		const char *const *args)
{
	int pair[2];

	*p = (struct peer){ .mem_next = 4096 };
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	p->mem_fd = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(p->mem_fd, PEER_MEMORY), 0);
	p->mem = mmap(NULL, PEER_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED,
		      p->mem_fd, 0);
	ck_assert_ptr_ne(p->mem, MAP_FAILED);
	for (unsigned i = 0; i < PEER_QUEUES; i++)
		p->kick[i] = p->call[i] = -1;
	p->pid = fork();
	ck_assert_int_ge(p->pid, 0);
	if (p->pid == 0) {
		close(pair[0]);
		run_role(role, args, pair[1]);
	}
	close(pair[1]);
	p->sock = pair[0];
}

int peer_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	for (int ms = 0; ms < TIMEOUT_MS; ms += 5) {
		if (connect(fd, (void *)&addr, sizeof(addr)) == 0)
			return fd;
		usleep(5000);
	}
	ck_abort_msg("nobody listens on %s", path);
	return -1;
}

int peer_wait(struct peer *p)
{
	int status = 0;

	for (int ms = 0; ms < TIMEOUT_MS; ms += 5) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : -WTERMSIG(status);
		usleep(5000);
	}
	kill(p->pid, SIGKILL);
	waitpid(p->pid, &status, 0);
	ck_abort_msg("the backend did not end");
	return 0;
}

int peer_stop(struct peer *p)
{
	int status;

	fd_close(&p->sock);
	status = peer_wait(p);
	for (unsigned i = 0; i < PEER_QUEUES; i++) {
		fd_close(&p->kick[i]);
		fd_close(&p->call[i]);
	}
	munmap(p->mem, PEER_MEMORY);
	fd_close(&p->mem_fd);
	return status;
}

void peer_send(struct peer *p, uint32_t request, uint32_t flags,
	       const void *payload, uint32_t size, const int *fds, unsigned n)
{
	struct vu_header header = { request, flags, size };
	struct iovec iov[] = { { &header, sizeof(header) },
			       { (void *)payload, size } };
	char control[CMSG_SPACE(16 * sizeof(int))]
		__attribute__((aligned(8))) = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cmsg;

	if (n > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	}
	/* A backend that has hung up is what some tests expect. */
	if (sendmsg(p->sock, &msg, MSG_NOSIGNAL) < 0)
		ck_assert_int_eq(errno, EPIPE);
}

static bool receive_part(struct peer *p, void *into, size_t len)
{
	struct pollfd pfd = { .fd = p->sock, .events = POLLIN };
	ssize_t n;

	for (size_t have = 0; have < len; have += (size_t)n) {
		ck_assert_int_eq(poll(&pfd, 1, TIMEOUT_MS), 1);
		n = recv(p->sock, (char *)into + have, len - have, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return false;
		ck_assert_int_gt(n, 0);
	}
	return true;
}

bool peer_receive(struct peer *p, struct vu_wire *wire)
{
	if (!receive_part(p, &wire->header, sizeof(wire->header)))
		return false;
	ck_assert_uint_le(wire->header.size, sizeof(wire->payload));
	ck_assert_uint_eq(wire->header.flags, VU_VERSION | VU_REPLY);
	return receive_part(p, &wire->payload, wire->header.size);
}

uint64_t peer_get_u64(struct peer *p, uint32_t request)
{
	struct vu_wire wire;

	peer_send(p, request, VU_VERSION, NULL, 0, NULL, 0);
	ck_assert(peer_receive(p, &wire));
	ck_assert_uint_eq(wire.header.request, request);
	ck_assert_uint_eq(wire.header.size, 8);
	return wire.payload.u64;
}

uint64_t peer_ack(struct peer *p, uint32_t request, const void *payload,
		  uint32_t size, const int *fds, unsigned n)
{
	struct vu_wire wire;

	peer_send(p, request, VU_VERSION | VU_NEED_REPLY, payload, size, fds,
		  n);
	ck_assert(peer_receive(p, &wire));
	ck_assert_uint_eq(wire.header.request, request);
	return wire.payload.u64;
}

void peer_negotiate(struct peer *p, uint64_t features)
{
	uint64_t protocol;

	p->features = peer_get_u64(p, VU_GET_FEATURES) & features;
	protocol = peer_get_u64(p, VU_GET_PROTOCOL_FEATURES);
	peer_send(p, VU_SET_PROTOCOL_FEATURES, VU_VERSION, &protocol, 8, NULL,
		  0);
	ck_assert_uint_eq(peer_ack(p, VU_SET_OWNER, NULL, 0, NULL, 0), 0);
	ck_assert_uint_eq(
		peer_ack(p, VU_SET_FEATURES, &p->features, 8, NULL, 0), 0);
}

void peer_share_memory(struct peer *p)
{
	struct vu_mem_table table = {
		.count = 2,
		.regions = {
			{ PEER_GPA, PEER_SPLIT, PEER_USER, 0 },
			{ PEER_GPA + PEER_SPLIT, PEER_MEMORY - PEER_SPLIT,
			  PEER_USER + PEER_SPLIT, PEER_SPLIT },
		},
	};
	int fds[] = { p->mem_fd, p->mem_fd };

	ck_assert_uint_eq(peer_ack(p, VU_SET_MEM_TABLE, &table,
				   8 + 2 * sizeof(table.regions[0]), fds, 2),
			  0);
}

uint32_t peer_alloc(struct peer *p, uint32_t len, uint32_t align)
{
	uint32_t at = (uint32_t)align_up(p->mem_next, align);

	p->mem_next = at + len;
	ck_assert_uint_le(p->mem_next, PEER_MEMORY);
	return at;
}

void peer_start_queue(struct peer *p, unsigned index, uint16_t size)
{
	bool packed = p->features >> VIRTIO_F_RING_PACKED & 1;
	bool event_idx = p->features >> VIRTIO_RING_F_EVENT_IDX & 1;
	struct driver *d = &p->queues[index];
	struct vhost_vring_state num = { index, size };
	struct vhost_vring_state base = { index, packed ? 0x80008000 : 0 };
	struct vhost_vring_state on = { index, 1 };
	struct vhost_vring_addr addr = { .index = index };
	uint64_t which = index;

	driver_init(d, p->mem, peer_alloc(p, driver_bytes(size), 4096), size,
		    packed, event_idx);
	if (packed && event_idx) {
		driver_events(d)->off_wrap = 1u << 15;
		driver_events(d)->flags = VRING_PACKED_EVENT_FLAG_DESC;
	}
	addr.desc_user_addr = PEER_USER + d->desc;
	addr.avail_user_addr = PEER_USER + d->avail;
	addr.used_user_addr = PEER_USER + d->used;
	p->kick[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->call[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	peer_ack(p, VU_SET_VRING_NUM, &num, sizeof(num), NULL, 0);
	peer_ack(p, VU_SET_VRING_BASE, &base, sizeof(base), NULL, 0);
	peer_ack(p, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	peer_ack(p, VU_SET_VRING_CALL, &which, 8, &p->call[index], 1);
	ck_assert_uint_eq(peer_ack(p, VU_SET_VRING_KICK, &which, 8,
				   &p->kick[index], 1),
			  0);
	ck_assert_uint_eq(
		peer_ack(p, VU_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0), 0);
}

uint32_t peer_stop_queue(struct peer *p, unsigned index)
{
	struct vhost_vring_state state = { index, 0 };
	struct vu_wire wire;

	peer_send(p, VU_GET_VRING_BASE, VU_VERSION, &state, sizeof(state), NULL,
		  0);
	ck_assert(peer_receive(p, &wire));
	ck_assert_uint_eq(wire.header.size, sizeof(state));
	ck_assert_uint_eq(wire.payload.state.index, index);
	fd_close(&p->kick[index]);
	fd_close(&p->call[index]);
	return wire.payload.state.num;
}

void peer_get_config(struct peer *p, uint32_t offset, void *buf, uint32_t len)
{
	struct vu_config config = { .offset = offset, .size = len };
	uint32_t size = (uint32_t)offsetof(struct vu_config, data) + len;
	struct vu_wire wire;

	peer_send(p, VU_GET_CONFIG, VU_VERSION, &config, size, NULL, 0);
	ck_assert(peer_receive(p, &wire));
	ck_assert_uint_eq(wire.header.size, size);
	memcpy(buf, wire.payload.config.data, len);
}

void peer_kick(struct peer *p, unsigned index)
{
	eventfd_signal(p->kick[index]);
}

uint32_t peer_wait_used(struct peer *p, unsigned index, uint16_t *id)
{
	struct pollfd pfd = { .fd = p->call[index], .events = POLLIN };
	uint32_t len;

	while (!driver_get(&p->queues[index], id, &len)) {
		ck_assert_msg(poll(&pfd, 1, TIMEOUT_MS) == 1,
			      "no interrupt for a used chain");
		eventfd_drain(p->call[index]);
	}
	return len;
}
