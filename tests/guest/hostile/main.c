// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - the init of a guest that abuses every register it can reach
 *
 * From user space, through /dev/mem and port I/O, so that no kernel driver is
 * between: a seeded mix of garbage and of plausible accesses with single wrong
 * steps, on all virtio-mmio windows, the IOAPIC and the I/O ports. In the end
 * only correct sequences, to see that the devices still work. It checks nothing
 * else; what must survive is the monitor.
 *
 * It means to hit the monitor and the backends and not the kernel it runs on.
 * Hence queues and buffers lie either in pages of this process (struct arena) or
 * outside RAM, and an unmasked line of the IOAPIC gets a vector the kernel shrugs
 * at. The guest may have at most 3 GiB: all above that counts as outside.
 *
 * Kernel parameters, numbers in any C notation:
 *   hostile.windows=4  hostile.base=0xc0000000  hostile.stride=0x1000
 *   hostile.count=1000000	accesses, the first 90 % of them hostile
 *   hostile.seed=1
 *   hostile.ioapic=1 hostile.ports=1	0 leaves them alone
 *
 * Messages go to the serial port at 0x3f8 and never to a console of the kernel,
 * which may be one of the devices. Drivers are unbound first; do not give
 * console=hvc0. The last line is one of
 *   HOSTILE-DONE count=N alive=A/W	A of W devices came up in the end
 *   HOSTILE-FAIL what: why		could not start or not power off
 * and the VM ends by the ACPI sleep register after the first, by a reboot after
 * the second.
 */
#include "hostile.h"

#include <errno.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>
#include <linux/virtio_mmio.h>

/* Whatever the queues are by now, and while they change. */
static void put_to_work(unsigned window)
{
	for (unsigned i = 0; i < 8; i++) {
		stir_arena();
		set(window, VIRTIO_MMIO_QUEUE_NOTIFY, below(2));
	}
}

static void hostile_step(void)
{
	unsigned window = (unsigned)below(opt.windows);

	switch (below(200)) {
	case 0 ... 1:
		bring_up(4u << below(5), window);
		put_to_work(window);
		break;
	case 2:
		storm(window);
		break;
	case 3 ... 12:
		stir_arena();
		break;
	case 13 ... 40:
		poke_ioapic();
		break;
	case 41 ... 70:
		if (opt.ports)
			poke_port();
		break;
	case 71 ... 110:
		poke_anywhere();
		break;
	default:
		poke_register(window);
		break;
	}
}

/* Every device stopped, and the memory they obeyed wiped. */
static void make_peace(void)
{
	for (unsigned window = 0; window < opt.windows; window++) {
		set(window, VIRTIO_MMIO_STATUS, 0);
		status_becomes(window, 0);
	}
	for (unsigned i = 0; i < arena.runs; i++)
		memset(arena.at[i], 0, RUN_SIZE);
}

/* One round over all devices; how many of them came up. */
static unsigned honest_round(bool complain)
{
	unsigned alive = 0;

	for (unsigned window = 0; window < opt.windows; window++) {
		if (bring_up(HONEST, window)) {
			set(window, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
			set(window, VIRTIO_MMIO_INTERRUPT_ACK,
			    get(window, VIRTIO_MMIO_INTERRUPT_STATUS));
			alive++;
		} else if (complain) {
			say("hostile: window %u does not come up: device %u, "
			    "status %#x",
			    window, get(window, VIRTIO_MMIO_DEVICE_ID),
			    get(window, VIRTIO_MMIO_STATUS));
		}
		set(window, VIRTIO_MMIO_STATUS, 0);
	}
	return alive;
}

static void run(void)
{
	uint64_t hostile = opt.count - opt.count / 10;
	uint64_t report = opt.count / 10 + 1, next = report;
	unsigned alive;

	while (done < hostile) {
		hostile_step();
		if (done >= next) {
			say("hostile: %lu of %lu accesses", done, opt.count);
			next += report;
		}
	}
	make_peace();
	say("hostile: honest from now on");
	while (done < opt.count)
		honest_round(false);
	alive = honest_round(true);
	say("HOSTILE-DONE count=%lu alive=%u/%lu", done, alive, opt.windows);
}

int main(void)
{
	prepare();
	say("hostile: seed %lu, %lu accesses to %lu windows of %#lx at %#lx, "
	    "%u runs of memory",
	    opt.seed, opt.count, opt.windows, opt.stride, opt.base, arena.runs);
	run();
	outb(SLEEP_S5, PORT_ACPI_SLEEP);
	sleep(5);
	errno = ETIME;
	fail("power-off by the sleep register");
}
