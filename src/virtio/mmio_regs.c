// SPDX-License-Identifier: Apache-2.0
/*
 * mmio_regs.c - writes to the virtio-mmio registers
 *
 * virtio 1.3, 4.2.2 "MMIO Device Register Layout": one row per register that
 * can be written, under its name in the spec, at index offset / 4. Reads are
 * served by the page (mmio_page.c). A write needs every `when` status bit and no
 * `unless` bit.
 */
#include "virtio_internal.h"
#include "fd.h"
#include "log.h"

struct mmio_reg {
	const char *name;
	void (*write)(struct virtio_mmio *dev, uint32_t value);
	uint32_t when, unless;
};

static void write_device_features_sel(struct virtio_mmio *dev, uint32_t value)
{
	dev->device_features_sel = value;
}

static void write_driver_features_sel(struct virtio_mmio *dev, uint32_t value)
{
	dev->driver_features_sel = value;
}

static void set_half(uint64_t *both, unsigned half, uint32_t value)
{
	uint64_t mask = UINT64_C(0xffffffff) << (32 * half);

	*both = (*both & ~mask) | (uint64_t)value << (32 * half);
}

static void write_driver_features(struct virtio_mmio *dev, uint32_t value)
{
	/* Bits above 63 do not exist yet; a driver writes zeros there. */
	if (dev->driver_features_sel < 2)
		set_half(&dev->driver_features, dev->driver_features_sel,
			 value);
}

static void write_queue_sel(struct virtio_mmio *dev, uint32_t value)
{
	dev->queue_sel = value;
}

/* The selected queue if it may be changed now, else NULL with a log line. */
static struct virtio_queue *queue_to_set_up(struct virtio_mmio *dev,
					    const char *reg)
{
	struct virtio_queue *queue = queue_selected(dev);
	bool live = dev->status & VIRTIO_CONFIG_S_DRIVER_OK;

	if (queue != NULL && !queue->ready && (!live || queue->was_reset))
		return queue;
	log_guest("virtio", dev->id, "queue %u: %s written while %s, dropped",
		  dev->queue_sel, reg,
		  queue == NULL ? "it does not exist" : "it is in use");
	return NULL;
}

static void write_queue_num(struct virtio_mmio *dev, uint32_t value)
{
	struct virtio_queue *queue = queue_to_set_up(dev, "QueueSize");

	if (queue != NULL) /* too large becomes 0, refused at QueueReady */
		queue->size = value <= UINT16_MAX ? (uint16_t)value : 0;
}

static void write_address(struct virtio_mmio *dev, size_t member, unsigned half,
			  uint32_t value)
{
	struct virtio_queue *queue = queue_to_set_up(dev, "queue address");

	if (queue != NULL)
		set_half((gpa_t *)(void *)((char *)queue + member), half,
			 value);
}

#define ADDRESS_WRITERS(area)                                                  \
	static void write_##area##_low(struct virtio_mmio *dev, uint32_t v)    \
	{                                                                      \
		write_address(dev, offsetof(struct virtio_queue, area), 0, v); \
	}                                                                      \
	static void write_##area##_high(struct virtio_mmio *dev, uint32_t v)   \
	{                                                                      \
		write_address(dev, offsetof(struct virtio_queue, area), 1, v); \
	}

ADDRESS_WRITERS(desc)
ADDRESS_WRITERS(driver)
ADDRESS_WRITERS(device)

/* The doorbells of existing queues are ioeventfds and never come here. */
static void write_queue_notify(struct virtio_mmio *dev, uint32_t value)
{
	dev->counts.notifies++;
	if (value >= dev->queue_count)
		log_guest("virtio", dev->id,
			  "QueueNotify %#x: no such queue, dropped", value);
	else
		eventfd_signal(dev->queues[value].kick_fd);
}

/* Plain 1 is swallowed by an ioeventfd; bit 1 is ours, interrupt_status(). */
static void write_interrupt_ack(struct virtio_mmio *dev, uint32_t value)
{
	if (value & VIRTIO_MMIO_INT_CONFIG)
		dev->config_pending = false;
}

/* There are no shared memory regions: every SHMSel finds none. */
static void write_shm_sel(struct virtio_mmio *dev, uint32_t value)
{
	(void)dev;
	(void)value;
}

#define S_DRIVER   VIRTIO_CONFIG_S_DRIVER
#define S_FEATURES VIRTIO_CONFIG_S_FEATURES_OK
#define S_RUNNING  VIRTIO_CONFIG_S_DRIVER_OK

/* clang-format off */
#define AT(reg) [VIRTIO_MMIO_##reg / 4]

static const struct mmio_reg regs[VIRTIO_MMIO_CONFIG / 4] = {
	AT(DEVICE_FEATURES_SEL) = { "DeviceFeaturesSel", write_device_features_sel, 0, 0 },
	AT(DRIVER_FEATURES)     = { "DriverFeatures",    write_driver_features,
				    S_DRIVER, S_FEATURES },
	AT(DRIVER_FEATURES_SEL) = { "DriverFeaturesSel", write_driver_features_sel, 0, 0 },
	AT(QUEUE_SEL)           = { "QueueSel",          write_queue_sel, 0, 0 },
	AT(QUEUE_NUM)           = { "QueueSize",         write_queue_num, S_FEATURES, 0 },
	AT(QUEUE_READY)         = { "QueueReady",        queue_write_ready, 0, 0 },
	AT(QUEUE_NOTIFY)        = { "QueueNotify",       write_queue_notify, S_RUNNING, 0 },
	AT(INTERRUPT_ACK)       = { "InterruptACK",      write_interrupt_ack, 0, 0 },
	AT(STATUS)              = { "Status",            status_write, 0, 0 },
	AT(QUEUE_DESC_LOW)      = { "QueueDescLow",      write_desc_low, S_FEATURES, 0 },
	AT(QUEUE_DESC_HIGH)     = { "QueueDescHigh",     write_desc_high, S_FEATURES, 0 },
	AT(QUEUE_AVAIL_LOW)     = { "QueueDriverLow",    write_driver_low, S_FEATURES, 0 },
	AT(QUEUE_AVAIL_HIGH)    = { "QueueDriverHigh",   write_driver_high, S_FEATURES, 0 },
	AT(QUEUE_USED_LOW)      = { "QueueDeviceLow",    write_device_low, S_FEATURES, 0 },
	AT(QUEUE_USED_HIGH)     = { "QueueDeviceHigh",   write_device_high, S_FEATURES, 0 },
	AT(SHM_SEL)             = { "SHMSel",            write_shm_sel, 0, 0 },
	AT(REG_QUEUE_RESET)     = { "QueueReset",        queue_write_reset, S_RUNNING, 0 },
};
/* clang-format on */

bool regs_write_needs_main(const struct virtio_mmio *dev, uint32_t offset,
			   uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_STATUS:
		return value == 0 ? dev->running
				  : value & VIRTIO_CONFIG_S_DRIVER_OK &&
					    !dev->running;
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_REG_QUEUE_RESET:
		return dev->running;
	default:
		return false;
	}
}

void regs_write(struct virtio_mmio *dev, uint32_t offset, uint32_t value)
{
	const struct mmio_reg *reg = &regs[offset / 4];

	if (reg->write == NULL) {
		log_guest("virtio", dev->id,
			  "write of %#x to read-only or "
			  "unknown register %#x dropped",
			  value, offset);
		return;
	}
	if ((dev->status & reg->when) != reg->when ||
	    (dev->status & reg->unless) != 0) {
		log_guest("virtio", dev->id,
			  "%s = %#x with Status %#x, write dropped", reg->name,
			  value, dev->status);
		return;
	}
	reg->write(dev, value);
	page_refresh(dev);
}
