// SPDX-License-Identifier: Apache-2.0
/*
 * mmio_page.c - the page from which the guest reads the registers
 *
 * The page is a function of the device's state: after each change all registers
 * are stored again, so none can be forgotten. A store is 32 bits wide and
 * atomic. What must change together, the configuration space and its generation
 * (virtio 1.3, 2.5.2 and 4.2.2), is built as a new page that replaces the old one
 * in a single mremap(): a guest that reads sees all of the old or all of the new.
 */
#include "virtio_internal.h"
#include "page_sync.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

/* "virt", and who made it: "mote". */
#define MAGIC  0x74726976
#define VENDOR 0x65746f6d

static void store(uint8_t *page, uint32_t offset, uint32_t value)
{
	uint32_t *at = (uint32_t *)(void *)(page + offset);

	__atomic_store_n(at, htole32(value), __ATOMIC_RELEASE);
	page_sync(at, sizeof(*at));
}

/* 64 bits seen through a selector; beyond bit 63 there is nothing. */
static uint32_t selected_word(uint64_t bits, uint32_t sel)
{
	return sel < 2 ? (uint32_t)(bits >> (32 * sel)) : 0;
}

/*
 * InterruptStatus: bit 0 always stands, because the backend raises the line
 * without telling us; a driver that looks at its rings in vain does no harm
 * (2.7.7.2).
 */
static uint32_t interrupt_status(const struct virtio_mmio *dev)
{
	return VIRTIO_MMIO_INT_VRING |
	       (dev->config_pending ? VIRTIO_MMIO_INT_CONFIG : 0);
}

static void fill(const struct virtio_mmio *dev, uint8_t *page)
{
	const struct virtio_queue *queue =
		dev->queue_sel < dev->queue_count ? &dev->queues[dev->queue_sel]
						  : NULL;
	uint64_t features = dev->lost ? 0 : dev->device_features;

	store(page, VIRTIO_MMIO_DEVICE_FEATURES,
	      selected_word(features, dev->device_features_sel));
	store(page, VIRTIO_MMIO_QUEUE_NUM_MAX,
	      queue ? vhost_queue_size_max(dev->backend) : 0);
	store(page, VIRTIO_MMIO_QUEUE_READY, queue ? queue->ready : 0);
	store(page, VIRTIO_MMIO_INTERRUPT_STATUS, interrupt_status(dev));
	store(page, VIRTIO_MMIO_STATUS, dev->status);
}

/* What never changes. SHMLen of a region that does not exist: all ones. */
static void fill_constants(const struct virtio_mmio *dev, uint8_t *page)
{
	store(page, VIRTIO_MMIO_MAGIC_VALUE, MAGIC);
	store(page, VIRTIO_MMIO_VERSION, 2);
	store(page, VIRTIO_MMIO_DEVICE_ID, dev->device_id);
	store(page, VIRTIO_MMIO_VENDOR_ID, VENDOR);
	store(page, VIRTIO_MMIO_SHM_LEN_LOW, UINT32_MAX);
	store(page, VIRTIO_MMIO_SHM_LEN_HIGH, UINT32_MAX);
	store(page, VIRTIO_MMIO_SHM_BASE_LOW, UINT32_MAX);
	store(page, VIRTIO_MMIO_SHM_BASE_HIGH, UINT32_MAX);
}

static uint32_t generation(const struct virtio_mmio *dev)
{
	uint32_t value;

	memcpy(&value, dev->window + VIRTIO_MMIO_CONFIG_GENERATION,
	       sizeof(value));
	return le32toh(value);
}

void page_create(struct virtio_mmio *dev, const uint8_t *config)
{
	fill_constants(dev, dev->window);
	fill(dev, dev->window);
	memcpy(dev->window + VIRTIO_MMIO_CONFIG, config, dev->config_size);
	page_sync(dev->window, VIRTIO_MMIO_CONFIG + dev->config_size);
}

void page_refresh(struct virtio_mmio *dev)
{
	fill(dev, dev->window);
}

int page_set_config(struct virtio_mmio *dev, const uint8_t *config,
		    struct err *err)
{
	uint8_t *page;

	if (memcmp(dev->window + VIRTIO_MMIO_CONFIG, config,
		   dev->config_size) == 0)
		return 0;
	page = mmap(NULL, VIRTIO_MMIO_WINDOW_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return err_errno(err, "register page");
	fill_constants(dev, page);
	fill(dev, page);
	store(page, VIRTIO_MMIO_CONFIG_GENERATION, generation(dev) + 1);
	memcpy(page + VIRTIO_MMIO_CONFIG, config, dev->config_size);
	page_sync(page + VIRTIO_MMIO_CONFIG, dev->config_size);
	if (mremap(page, VIRTIO_MMIO_WINDOW_SIZE, VIRTIO_MMIO_WINDOW_SIZE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, dev->window) == MAP_FAILED) {
		munmap(page, VIRTIO_MMIO_WINDOW_SIZE);
		return err_errno(err, "register page: mremap");
	}
	return 0;
}
