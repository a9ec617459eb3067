// SPDX-License-Identifier: Apache-2.0
/*
 * kernel_net.c - a network device on a tap, served by /dev/vhost-net
 *
 * The interface may go down, change its MTU or vanish under us; the device stays.
 * Its link follows the interface's administrative state. Once the interface has
 * gone there is nothing to connect the rings to: a driver that starts then finds
 * the link down, and a device that works otherwise.
 */
#include "kernel_internal.h"
#include "fd.h"
#include "link_watch.h"
#include "log.h"
#include "net_features.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

enum {
	RINGS = 2,    /* receiveq1, transmitq1: virtio 1.3, 5.1.2 */
	MTU_MIN = 68, /* 5.1.4.1 */
	MTU_MAX = 65535,
};

struct net {
	struct kernel kernel;
	struct tap tap;
	struct link_watch *watch; /* NULL: not in our network namespace */
	bool gone;		  /* the interface, for good */
};

static_assert(offsetof(struct net, kernel) == 0, "release() frees both");

/* What is in use of vhost-net and what the header promises for any tap. */
static const uint64_t offered =
	BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
	BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_RESET) |
	BIT(VIRTIO_NET_F_MRG_RXBUF);

static struct net *to_net(struct kernel *kernel)
{
	return container_of(kernel, struct net, kernel);
}

static int set_backend(struct net *net, unsigned index, int fd, struct err *err)
{
	struct vhost_vring_file file = { index, fd };

	return ioctl_checked(net->kernel.fd, VHOST_NET_SET_BACKEND, &file, err);
}

static int run_ring(struct kernel *kernel, unsigned index, struct err *err)
{
	struct net *net = to_net(kernel);
	int ret = net->gone ? 0 : set_backend(net, index, net->tap.fd, err);

	/* It went, and the announcement has not reached us yet. */
	return ret < 0 && !tap_is_attached(&net->tap) ? 0 : ret;
}

/* The kernel returns when its worker is done with the ring. */
static void halt_ring(struct kernel *kernel, unsigned index)
{
	set_backend(to_net(kernel), index, VHOST_FILE_UNBIND, NULL);
}

static int run(struct kernel *kernel, struct err *err)
{
	struct net *net = to_net(kernel);
	int ret = 0;

	if (!net->gone)
		ret = tap_set_offloads(&net->tap,
				       net_offloads_of_driver(kernel->features),
				       err);
	if (ret < 0 && !tap_is_attached(&net->tap))
		ret = 0;
	for (unsigned i = 0; i < kernel->rings && ret == 0; i++) {
		if (kernel->ring_set[i])
			ret = run_ring(kernel, i, err);
	}
	return ret;
}

static void halt(struct kernel *kernel)
{
	for (unsigned i = 0; i < kernel->rings; i++)
		halt_ring(kernel, i);
}

/* vhost-net calls it an error of the ring when a frame finds no interface. */
static bool excused(struct kernel *kernel)
{
	struct net *net = to_net(kernel);

	return net->gone || !tap_is_attached(&net->tap);
}

static void release(struct kernel *kernel)
{
	struct net *net = to_net(kernel);

	link_watch_destroy(net->watch);
	tap_close(&net->tap);
	free(net);
}

static const struct kernel_kind net_kind = {
	.path = "/dev/vhost-net",
	.module = "vhost_net",
	.offered = offered,
	.run = run,
	.halt = halt,
	.run_ring = run_ring,
	.halt_ring = halt_ring,
	.excused = excused,
	.release = release,
};

static struct virtio_net_config get_config(const struct net *net)
{
	struct virtio_net_config config = { 0 };

	memcpy(&config, net->kernel.config, net->kernel.vhost.config_size);
	return config;
}

/* Says whether anything changed. Little-endian, as are the hosts we run on. */
static bool set_link(struct net *net, bool up)
{
	struct virtio_net_config config = get_config(net);
	uint16_t status = up ? VIRTIO_NET_S_LINK_UP : 0;

	if (config.status == status)
		return false;
	config.status = status;
	memcpy(net->kernel.config, &config, net->kernel.vhost.config_size);
	return true;
}

static void link_changed(void *ctx)
{
	struct net *net = ctx;
	const struct vhost_events *events = &net->kernel.vhost.events;
	struct tap_link link = { 0 };

	if (net->gone)
		return;
	if (!tap_is_attached(&net->tap)) {
		net->gone = true;
		log_write(LOG_WARN, "vhost", net->kernel.id,
			  "interface %s has gone, link down for good",
			  net->tap.name);
	} else {
		tap_get_link(&net->tap, &link);
		if (link.index == 0) /* moved elsewhere: as it was */
			return;
	}
	if (!set_link(net, link.up))
		return;
	if (!net->gone)
		log_write(LOG_INFO, "vhost", net->kernel.id, "interface %s %s",
			  net->tap.name, link.up ? "up" : "down");
	if (events->config_changed != NULL)
		events->config_changed(events->ctx);
}

static int open_port(struct net *net, const struct vhost_net_config *cfg,
		     struct err *err)
{
	switch (cfg->port) {
	case VHOST_NET_TAP:
		return tap_open(cfg->name, &net->tap, err);
	case VHOST_NET_MACVTAP:
		return tap_open_macvtap(cfg->name, &net->tap, err);
	case VHOST_NET_TAP_FD:
		return tap_adopt(cfg->tap_fd, &net->tap, err);
	}
	return err_set(err, EINVAL, "no such kind of interface");
}

/* A descriptor that somebody passed may be any device of vhost. */
static int check_is_net(const struct net *net, struct err *err)
{
	struct vhost_vring_file file = { 0, VHOST_FILE_UNBIND };
	int fd = net->kernel.fd;

	/* Unbinding what is not bound does nothing, where the ioctl exists. */
	if (ioctl_checked(fd, VHOST_NET_SET_BACKEND, &file, NULL) == 0)
		return 0;
	return err_set(err, EINVAL, "descriptor %d is not a /dev/vhost-net",
		       fd);
}

static int choose_mac(const struct net *net, const struct vhost_net_config *cfg,
		      const struct tap_link *link, uint8_t *mac,
		      struct err *err)
{
	const uint8_t *m = link->mac;

	if (!net->tap.macvtap) {
		if (cfg->mac_given)
			memcpy(mac, cfg->mac, sizeof(cfg->mac));
		else
			net_default_mac(cfg->vm_id, cfg->id, net->tap.name,
					mac);
		return 0;
	}
	/* It lets through what is for its own address. */
	if (cfg->mac_given && memcmp(cfg->mac, m, sizeof(cfg->mac)) != 0)
		return err_set(err, EINVAL,
			       "macvtap '%s' only takes frames for its own "
			       "address, give none or "
			       "mac=%02x:%02x:%02x:%02x:%02x:%02x",
			       net->tap.name, m[0], m[1], m[2], m[3], m[4],
			       m[5]);
	memcpy(mac, m, sizeof(cfg->mac));
	return 0;
}

static int choose_mtu(const struct net *net, const struct vhost_net_config *cfg,
		      const struct tap_link *link, uint16_t *mtu,
		      struct err *err)
{
	unsigned wanted = cfg->mtu > 0 ? cfg->mtu : link->mtu;

	*mtu = wanted >= MTU_MIN && wanted <= MTU_MAX ? (uint16_t)wanted : 0;
	if (cfg->mtu == 0 || link->index == 0 || cfg->mtu == link->mtu)
		return 0;
	if (net->tap.created)
		return tap_set_mtu(&net->tap, cfg->mtu, err);
	log_write(LOG_WARN, "vhost", net->kernel.id,
		  "mtu=%u, but interface %s has %u: larger packets are lost",
		  cfg->mtu, net->tap.name, link->mtu);
	return 0;
}

static int set_up_config(struct net *net, const struct vhost_net_config *cfg,
			 struct err *err)
{
	struct virtio_net_config config = { .max_virtqueue_pairs = 1 };
	struct tap_link link;
	uint16_t mtu = 0;
	int ret = 0;

	if (net->tap.created)
		ret = tap_set_up(&net->tap, err);
	if (ret < 0)
		return ret;
	tap_get_link(&net->tap, &link);
	/* Out of sight it is taken for up. */
	if (link.up || link.index == 0)
		config.status = VIRTIO_NET_S_LINK_UP;
	ret = choose_mac(net, cfg, &link, config.mac, err);
	if (ret == 0)
		ret = choose_mtu(net, cfg, &link, &mtu, err);
	if (ret < 0)
		return ret;
	config.mtu = mtu;
	net->kernel.vhost.config_size =
		offsetof(struct virtio_net_config, speed);
	memcpy(net->kernel.config, &config, net->kernel.vhost.config_size);
	net->kernel.vhost.features |= BIT(VIRTIO_NET_F_MAC) |
				      BIT(VIRTIO_NET_F_STATUS) |
				      (mtu != 0 ? BIT(VIRTIO_NET_F_MTU) : 0);
	return 0;
}

static int watch(struct net *net, struct event_base *base, struct err *err)
{
	struct tap_link link;
	int ret;

	tap_get_link(&net->tap, &link);
	if (link.index == 0) {
		log_write(LOG_INFO, "vhost", net->kernel.id,
			  "interface %s is in another network namespace, its "
			  "link is not watched",
			  net->tap.name);
		return 0;
	}
	ret = link_watch_create(link.index, base, link_changed, net,
				&net->watch, err);
	/* What happened before it listened. */
	if (ret == 0)
		link_changed(net);
	return ret;
}

static int create(struct net *net, const struct vhost_net_config *cfg,
		  int *vhost_fd, const struct guest_memory *mem,
		  struct event_base *base, struct err *err)
{
	bool given = *vhost_fd >= 0;
	int ret;

	if (given && fcntl(*vhost_fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, EBADF, "vhostfd=%d is not open", *vhost_fd);
	ret = open_port(net, cfg, err);
	if (ret == 0)
		ret = tap_use_virtio_header(&net->tap, err);
	if (ret == 0)
		ret = kernel_open(&net->kernel, fd_take(vhost_fd), mem, base,
				  err);
	if (ret == 0 && given)
		ret = check_is_net(net, err);
	if (ret < 0)
		return ret;
	net->kernel.vhost.features |=
		net_features_of_tap(tap_probe_offloads(&net->tap));
	ret = set_up_config(net, cfg, err);
	return ret < 0 ? ret : watch(net, base, err);
}

int vhost_net_create(const struct vhost_net_config *cfg,
		     const struct guest_memory *mem, struct event_base *base,
		     struct vhost **out, struct err *err)
{
	int tap_fd = cfg->port == VHOST_NET_TAP_FD ? cfg->tap_fd : -1;
	int vhost_fd = cfg->vhost_fd, ret;
	struct net *net = calloc(1, sizeof(*net));

	if (net == NULL) {
		ret = err_set(err, ENOMEM, "network device: out of memory");
		goto out;
	}
	kernel_init(&net->kernel, &net_kind, cfg->id);
	net->kernel.vhost.queue_count = RINGS;
	net->kernel.vhost.queue_size_max = cfg->queue_size;
	net->kernel.rings = RINGS;
	net->tap.fd = -1;
	ret = create(net, cfg, &vhost_fd, mem, base, err);
	if (net->tap.fd >= 0)
		tap_fd = -1;
	if (ret < 0)
		vhost_destroy(&net->kernel.vhost);
	else
		*out = &net->kernel.vhost;
out:
	fd_close(&vhost_fd);
	fd_close(&tap_fd);
	return ret;
}
