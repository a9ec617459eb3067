// SPDX-License-Identifier: Apache-2.0
/*
 * ring_area.c - where the areas of a ring lie, as every kind of backend is told it
 *
 * Backends want addresses of our process. What the areas hold is not looked at.
 */
#include "ring_area.h"
#include "util.h"

#include <errno.h>
#include <linux/virtio_config.h>

static int locate_area(const struct guest_memory *mem, unsigned index,
		       const char *name, gpa_t gpa, size_t len, __u64 *addr,
		       struct err *err)
{
	void *host = guest_memory_borrow(mem, gpa, len);

	if (host == NULL)
		return err_set(err, EFAULT,
			       "queue %u: %s area of %zu bytes at %#llx is not "
			       "in RAM",
			       index, name, len, (unsigned long long)gpa);
	*addr = (uintptr_t)host;
	return 0;
}

/*
 * Sizes: virtio 1.3, 2.7 (split) and 2.8 (packed; driver and device event
 * suppression, 2.8.10).
 */
int ring_area_locate(const struct guest_memory *mem, uint64_t features,
		     unsigned index, const struct vhost_queue *queue,
		     struct vhost_vring_addr *addr, struct err *err)
{
	bool packed = features & BIT(VIRTIO_F_RING_PACKED);
	size_t n = queue->size;
	int ret;

	*addr = (struct vhost_vring_addr){ .index = index };
	ret = locate_area(mem, index, "descriptor", queue->desc, 16 * n,
			  &addr->desc_user_addr, err);
	if (ret == 0)
		ret = locate_area(mem, index, "driver", queue->driver,
				  packed ? 4 : 6 + 2 * n,
				  &addr->avail_user_addr, err);
	if (ret == 0)
		ret = locate_area(mem, index, "device", queue->device,
				  packed ? 4 : 6 + 8 * n, &addr->used_user_addr,
				  err);
	return ret;
}

int ring_area_check_all(const struct guest_memory *mem, uint64_t features,
			const struct vhost_queue *queues, unsigned n,
			struct err *err)
{
	struct vhost_vring_addr unused;
	int ret = 0;

	for (unsigned i = 0; i < n && ret == 0; i++) {
		if (queues[i].enabled)
			ret = ring_area_locate(mem, features, i, &queues[i],
					       &unused, err);
	}
	return ret;
}
