// SPDX-License-Identifier: Apache-2.0
/*
 * fd.h - descriptors with one visible owner; "none" is -1, never 0
 */
#ifndef MOTE_FD_H
#define MOTE_FD_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Close *fd unless it is -1, and set it to -1. errno survives. */
void fd_close(int *fd);

/* One more for the same open file, close-on-exec; -1 stays -1. */
int fd_copy(int fd, int *copy, struct err *err);

/* Hand the descriptor over: returns *fd and sets it to -1. */
int fd_take(int *fd);

/*
 * Write or read exactly len bytes, through EINTR and short transfers. Return 0
 * or -errno; a read that meets the end of the file first returns -ENODATA.
 */
int fd_write_all(int fd, const void *buf, size_t len);
int fd_read_all(int fd, void *buf, size_t len);
int fd_pread_all(int fd, void *buf, size_t len, off_t offset);

/*
 * Write without waiting; what has no room now is lost, and false returned. For
 * what is put out on the side, and must hold nobody up.
 */
bool fd_write_or_lose(int fd, const void *buf, size_t len);

/*
 * Open a file or FIFO that lines are to be added to, or make it a file. Of a FIFO
 * we are a reader too, so that it needs no other one to be opened, and its
 * readers may come and go. Returns the descriptor or -errno.
 */
int fd_open_sink(const char *path);

/*
 * Lock the whole file, for writing or reading, against every other open of it.
 * The lock belongs to the open file description: whoever gets the descriptor has
 * it too, and it ends with the last of them. -EBUSY when another process has it.
 */
int fd_lock(int fd, bool write);
/* Give it up, whoever else still has the descriptor. */
void fd_unlock(int fd);

/* Add one to an eventfd; never blocks, a saturated counter stays as it is. */
void eventfd_signal(int fd);
/* Take what an eventfd or a timerfd has counted: it stops polling readable. */
void eventfd_drain(int fd);

#endif
