// SPDX-License-Identifier: Apache-2.0
/*
 * early_console.h - a write-only 16550 for earlyprintk: opt-in, no input, no
 * interrupt
 *
 * Enough of the chip for the kernel's early serial console to send bytes. The
 * bytes go to a descriptor that is never waited for; what does not fit is lost.
 */
#ifndef MOTE_EARLY_CONSOLE_H
#define MOTE_EARLY_CONSOLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct early_console {
	int fd;			   /* borrowed; -1: there is none */
	atomic_uchar line_control; /* LCR, for its DLAB bit */
};

/*
 * Any thread. True when the port is one of ours, a read then fills data; false
 * for all ports when there is no early console.
 */
bool early_console_pio_read(const struct early_console *con, uint16_t port,
			    void *data, unsigned len);
bool early_console_pio_write(struct early_console *con, uint16_t port,
			     const void *data, unsigned len);

#endif
