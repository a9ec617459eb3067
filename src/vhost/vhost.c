// SPDX-License-Identifier: Apache-2.0
/*
 * vhost.c - what every backend can do, by ops table
 *
 * The arguments that a driver can influence are checked here, once for all
 * kinds of backends.
 */
#include "vhost_internal.h"
#include "util.h"

#include <errno.h>

void vhost_destroy(struct vhost *vhost)
{
	if (vhost != NULL)
		vhost->ops->destroy(vhost);
}

void vhost_set_events(struct vhost *vhost, const struct vhost_events *events)
{
	vhost->events = *events;
}

uint64_t vhost_features(const struct vhost *vhost)
{
	return vhost->features;
}

unsigned vhost_queue_count(const struct vhost *vhost)
{
	return vhost->queue_count;
}

uint16_t vhost_queue_size_max(const struct vhost *vhost)
{
	return vhost->queue_size_max;
}

size_t vhost_config_size(const struct vhost *vhost)
{
	return vhost->config_size;
}

static int check_config_range(const struct vhost *vhost, size_t offset,
			      size_t len, struct err *err)
{
	if (len == 0 || !range_within(offset, len, vhost->config_size))
		return err_set(err, EINVAL,
			       "%zu bytes at %zu are not all inside the "
			       "configuration space of %zu",
			       len, offset, vhost->config_size);
	return 0;
}

int vhost_read_config(struct vhost *vhost, size_t offset, void *buf, size_t len,
		      struct err *err)
{
	int ret = check_config_range(vhost, offset, len, err);

	return ret < 0 ? ret
		       : vhost->ops->read_config(vhost, offset, buf, len, err);
}

int vhost_write_config(struct vhost *vhost, size_t offset, const void *buf,
		       size_t len, struct err *err)
{
	int ret = check_config_range(vhost, offset, len, err);

	return ret < 0 ? ret
		       : vhost->ops->write_config(vhost, offset, buf, len, err);
}

int vhost_forget_config(struct vhost *vhost, struct err *err)
{
	if (vhost->ops->forget_config == NULL)
		return err_set(err, ENOTSUP,
			       "the backend has no configuration space");
	return vhost->ops->forget_config(vhost, err);
}

static int check_queue_index(const struct vhost *vhost, unsigned index,
			     struct err *err)
{
	if (index >= vhost->queue_count)
		return err_set(err, EINVAL, "queue %u: there are %u queues",
			       index, vhost->queue_count);
	return 0;
}

int vhost_start(struct vhost *vhost, uint64_t features,
		const struct vhost_queue *queues, unsigned n, int call_fd,
		struct err *err)
{
	if (n > vhost->queue_count)
		return check_queue_index(vhost, n - 1, err);
	return vhost->ops->start(vhost, features, queues, n, call_fd, err);
}

void vhost_stop(struct vhost *vhost)
{
	vhost->ops->stop(vhost);
}

int vhost_stop_queue(struct vhost *vhost, unsigned index, struct err *err)
{
	int ret = check_queue_index(vhost, index, err);

	return ret < 0 ? ret : vhost->ops->stop_queue(vhost, index, err);
}

int vhost_start_queue(struct vhost *vhost, unsigned index,
		      const struct vhost_queue *queue, struct err *err)
{
	int ret = check_queue_index(vhost, index, err);

	return ret < 0 ? ret
		       : vhost->ops->start_queue(vhost, index, queue, err);
}
