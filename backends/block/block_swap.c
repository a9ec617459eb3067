// SPDX-License-Identifier: Apache-2.0
/*
 * block_swap.c - another image for a running disk, by the control socket
 *
 * Theory of operation
 *
 *   none      the control socket is listened to. A request that can be refused is
 *             refused now: the new image is opened, locked and looked at first.
 *   draining  nothing is popped from the queues; what the kernel has finishes on
 *             the old image. Without io_uring nothing is ever under way here.
 *   syncing   the old image, if it was written to, gets an fdatasync(): the guest
 *             has no way to ask for it afterwards.
 *   synced    the new image takes its place, the front end is told of a new
 *             configuration, and then the request is answered.
 *
 * Nothing waits: the loop goes on meanwhile. At the deadline, or when the old image
 * cannot be made safe, the new one is dropped and the queues go on with the old.
 * A sync that is still under way then is waited for by the next swap's draining.
 *
 * The image that is in use already (clients announce a new size so) could not be
 * locked a second time and need not be: only its size is looked at.
 */
#include "block.h"
#include "block_control.h"
#include "clock.h"
#include "fd.h"
#include "fd_packet.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void set_timer(struct block *b, uint64_t at_ms)
{
	struct itimerspec at = {
		.it_value = {
			.tv_sec = (time_t)(at_ms / 1000),
			.tv_nsec = (long)(at_ms % 1000) * 1000000,
		},
	};

	timerfd_settime(b->swap.timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Back to the old image, or on with the new one. */
static void become_idle(struct block *b)
{
	set_timer(b, 0); /* zero disarms it */
	b->swap.state = BLOCK_SWAP_NONE;
	block_image_release(&b->swap.next);
	block_resume(b);
}

/* Nobody would hear the answer: a swap that is pending is none any more. */
static void hang_up(struct block *b)
{
	vu_loop_remove(vu_server_loop(b->server), &b->swap.control);
	fd_close(&b->swap.control_fd);
	if (block_swap_is_pending(b))
		become_idle(b);
}

static void answer(struct block *b, int result)
{
	struct block_control_answer message = {
		.sequence = b->swap.sequence,
		.error = result,
	};

	if (send(b->swap.control_fd, &message, sizeof(message),
		 MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(message))
		return;
	log_write(LOG_WARN, "block", b->id,
		  "control socket: the answer is not taken (%s), closed",
		  strerror(errno));
	hang_up(b);
}

static void tell_front_end(struct block *b)
{
	log_write(LOG_INFO, "block", b->id,
		  "image changed, now %" PRIu64 " sectors, telling the guest",
		  b->image.sectors);
	vu_server_config_changed(b->server);
}

static void install(struct block *b)
{
	struct err err;

	block_image_release(&b->image);
	b->image = b->swap.next;
	b->swap.next.fd = -1;
	b->changed = false;
	b->no_zero_range = false;
	block_io_init(b);
	if (block_io_attach(b, vu_server_loop(b->server), &err) < 0) {
		log_write(LOG_WARN, "block", b->id,
			  "%s: requests are carried out one by one", err.text);
		b->async = false;
	}
	tell_front_end(b);
}

static void end(struct block *b, int result)
{
	if (result == 0)
		install(b);
	else
		log_write(LOG_WARN, "block", b->id,
			  "new image refused: %s, the old one stays in use",
			  result == -ETIMEDOUT ? "the old one is busy"
					       : strerror(-result));
	become_idle(b);
	answer(b, result);
}

bool block_swap_is_pending(const struct block *b)
{
	return b->swap.state != BLOCK_SWAP_NONE;
}

void block_swap_synced(struct block *b, int res)
{
	/* Otherwise it is one that nobody waits for any more. */
	if (b->swap.state != BLOCK_SWAP_SYNCING)
		return;
	b->swap.state = BLOCK_SWAP_SYNCED;
	b->swap.result = res;
}

void block_swap_continue(struct block *b)
{
	struct block_swap *swap = &b->swap;
	int ret = 0;

	if (swap->state == BLOCK_SWAP_DRAINING && b->submitted == 0) {
		swap->state = BLOCK_SWAP_SYNCING;
		if (b->changed)
			ret = block_io_sync(b);
		if (ret == -EINPROGRESS)
			block_io_submit(b, false);
		else
			block_swap_synced(b, ret);
	}
	if (clock_now_ms() >= swap->deadline_ms)
		end(b, -ETIMEDOUT);
	else if (swap->state == BLOCK_SWAP_SYNCED)
		end(b, swap->result);
}

/* block_swap_continue() runs after each wait, and sees what time it is. */
static void timer_ready(struct vu_watch *watch, uint32_t events)
{
	struct block *b = container_of(watch, struct block, swap.timer);

	(void)events;
	eventfd_drain(b->swap.timer_fd);
}

/* Takes image_fd over. Returns 1: what follows is in block_swap_continue(). */
static int begin(struct block *b, const struct block_control_request *request,
		 int image_fd, struct err *err)
{
	struct block_swap *swap = &b->swap;
	int ret = 0;

	swap->sequence = request->sequence;
	swap->deadline_ms = request->deadline_ms;
	if (clock_now_ms() >= request->deadline_ms)
		ret = err_set(err, ETIMEDOUT, "it is too late for it");
	else if (request->flags & BLOCK_CONTROL_READ_ONLY &&
		 !b->image.read_only)
		ret = err_set(err, EROFS,
			      "it is read-only, and the disk is not");
	if (ret < 0 || block_image_is_same(&b->image, image_fd)) {
		fd_close(&image_fd);
		return ret;
	}
	ret = block_image_open_next(&swap->next, &b->image, image_fd,
				    request->flags & BLOCK_CONTROL_DIRECT, err);
	return ret < 0 ? ret : 1;
}

/* The one judgement of a request's fields. */
static bool is_valid(const struct block_control_request *request)
{
	return request->verb == BLOCK_CONTROL_SWAP &&
	       (request->flags & ~(uint32_t)BLOCK_CONTROL_FLAGS) == 0 &&
	       request->zero == 0 && request->deadline_ms > 0 &&
	       request->deadline_ms <= clock_now_ms() + BLOCK_CONTROL_MS_MAX;
}

static void handle(struct block *b, const struct block_control_request *request,
		   int image_fd)
{
	struct err err;
	int ret = begin(b, request, image_fd, &err);

	if (ret > 0) {
		b->swap.state = BLOCK_SWAP_DRAINING;
		set_timer(b, request->deadline_ms);
		return;
	}
	if (ret == 0) {
		block_image_resized(&b->image);
		tell_front_end(b);
	} else {
		log_write(LOG_WARN, "block", b->id,
			  "new image refused: %s, the old one stays in use",
			  err.text);
	}
	answer(b, ret);
}

static void control_ready(struct vu_watch *watch, uint32_t events)
{
	struct block *b = container_of(watch, struct block, swap.control);
	struct block_control_request request;
	int image_fd, ret;

	(void)events;
	ret = fd_packet_receive(b->swap.control_fd, &request, sizeof(request),
				&image_fd);
	if (ret == -EAGAIN)
		return;
	/* A second request before the answer to the first is none either. */
	if (ret == 0 && (block_swap_is_pending(b) || !is_valid(&request))) {
		fd_close(&image_fd);
		ret = -EPROTO;
	}
	if (ret == 0) {
		handle(b, &request, image_fd);
		return;
	}
	if (ret != -ENOTCONN)
		log_write(LOG_ERROR, "block", b->id,
			  "control socket: no valid request (%s), closed; the "
			  "image stays as it is",
			  strerror(-ret));
	hang_up(b);
}

void block_swap_init(struct block *b)
{
	b->swap = (struct block_swap){
		.control_fd = -1,
		.timer_fd = -1,
		.control = VU_WATCH_NONE(control_ready),
		.timer = VU_WATCH_NONE(timer_ready),
		.next.fd = -1,
	};
}

int block_swap_attach(struct block *b, int control_fd, struct err *err)
{
	struct vu_loop *loop = vu_server_loop(b->server);
	struct block_swap *swap = &b->swap;
	socklen_t len = sizeof(int);
	int type, ret;

	swap->control_fd = control_fd;
	if (getsockopt(control_fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return err_errno(err, "--control-fd");
	if (type != SOCK_SEQPACKET)
		return err_set(err, EINVAL,
			       "--control-fd: not a SOCK_SEQPACKET socket");
	swap->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (swap->timer_fd < 0)
		return err_errno(err, "timerfd");
	ret = vu_loop_add(loop, &swap->timer, swap->timer_fd, EPOLLIN);
	if (ret == 0)
		ret = vu_loop_add(loop, &swap->control, control_fd, EPOLLIN);
	return ret < 0 ? err_set(err, -ret, "--control-fd cannot be polled")
		       : 0;
}

void block_swap_close(struct block *b)
{
	fd_close(&b->swap.control_fd);
	fd_close(&b->swap.timer_fd);
	block_image_close(&b->swap.next);
}
