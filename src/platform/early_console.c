// SPDX-License-Identifier: Apache-2.0
/*
 * early_console.c - a write-only 16550 for earlyprintk
 *
 * A driver first sets the speed: with DLAB set in LCR, port 0 is the divisor and
 * no data. That bit is all the state there is; everything else written is
 * ignored, and a probe for a chip with interrupts or FIFOs finds none.
 */
#include "early_console.h"
#include "fd.h"
#include "layout.h"

#include <linux/serial_reg.h>
#include <string.h>

enum { PORTS = 8 };

static bool is_ours(const struct early_console *con, uint16_t port)
{
	return con->fd >= 0 && port >= LAYOUT_PORT_EARLY_CONSOLE &&
	       port < LAYOUT_PORT_EARLY_CONSOLE + PORTS;
}

bool early_console_pio_read(const struct early_console *con, uint16_t port,
			    void *data, unsigned len)
{
	uint8_t value = 0;

	if (!is_ours(con, port))
		return false;
	if (port == LAYOUT_PORT_EARLY_CONSOLE + UART_LSR)
		value = UART_LSR_THRE | UART_LSR_TEMT;
	if (port == LAYOUT_PORT_EARLY_CONSOLE + UART_LCR)
		value = atomic_load(&con->line_control);
	memset(data, 0, len);
	memcpy(data, &value, sizeof(value));
	return true;
}

bool early_console_pio_write(struct early_console *con, uint16_t port,
			     const void *data, unsigned len)
{
	uint8_t value;

	(void)len;
	if (!is_ours(con, port))
		return false;
	memcpy(&value, data, sizeof(value));
	if (port == LAYOUT_PORT_EARLY_CONSOLE + UART_LCR)
		atomic_store(&con->line_control, value);
	else if (port == LAYOUT_PORT_EARLY_CONSOLE + UART_TX &&
		 !(atomic_load(&con->line_control) & UART_LCR_DLAB))
		fd_write_or_lose(con->fd, &value, sizeof(value));
	return true;
}
