// SPDX-License-Identifier: Apache-2.0
/*
 * tap.c - tap and macvtap interfaces of the host: open, create, ask
 */
#include "tap.h"
#include "fd.h"
#include "ioctl.h"
#include "kernel_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	OUR_FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
	TUN_MAJOR = 10, /* Documentation/admin-guide/devices.txt */
	TUN_MINOR = 200,
};

bool tap_name_is_possible(const char *name)
{
	size_t len = strlen(name);

	/* dev_valid_name(); '%' would have the kernel choose a number. */
	return len > 0 && len < IFNAMSIZ && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 &&
	       strcspn(name, "/:% \t\n\v\f\r") == len;
}

static int check_name(const char *name, struct err *err)
{
	if (tap_name_is_possible(name))
		return 0;
	return err_set(err, EINVAL,
		       "'%s' is no name of an interface (1 to %d bytes, no "
		       "blanks, '/', ':' or '%%')",
		       name, IFNAMSIZ - 1);
}

static struct ifreq request_for(const char *name)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return request;
}

/* An ioctl on interfaces: any socket will do. 0 or -errno. */
static int ask_stack(unsigned long command, struct ifreq *request)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = fd < 0 || ioctl(fd, command, request) < 0 ? -errno : 0;

	fd_close(&fd);
	return ret;
}

static unsigned index_of(const char *name)
{
	struct ifreq request = request_for(name);

	return ask_stack(SIOCGIFINDEX, &request) < 0
		       ? 0
		       : (unsigned)request.ifr_ifindex;
}

static int attach_failed(const char *name, bool exists, struct err *err)
{
	if (errno == EPERM && !exists)
		return err_set(err, EPERM,
			       "tap '%s' does not exist and creating one needs "
			       "CAP_NET_ADMIN: ip tuntap add %s mode tap user "
			       "$USER",
			       name, name);
	if (errno == EPERM)
		return err_set(err, EPERM,
			       "tap '%s' belongs to another user: make one by "
			       "ip tuntap add NAME mode tap user $USER",
			       name);
	if (errno == EBUSY)
		return err_set(err, EBUSY,
			       "tap '%s' is in use by another process", name);
	if (errno == EINVAL && exists)
		return err_set(err, EINVAL,
			       "interface '%s' is not a tap with one queue: "
			       "make one by ip tuntap add NAME mode tap",
			       name);
	return err_errno(err, "tap '%s'", name);
}

int tap_open(const char *name, struct tap *tap, struct err *err)
{
	struct ifreq request = request_for(name);
	bool exists;
	int ret = check_name(name, err);

	if (ret < 0)
		return ret;
	ret = kernel_open_path("/dev/net/tun", "tun", err);
	if (ret < 0)
		return ret;
	tap->fd = ret;
	exists = index_of(name) != 0;
	request.ifr_flags = OUR_FLAGS;
	if (ioctl(tap->fd, TUNSETIFF, &request) < 0) {
		ret = attach_failed(name, exists, err);
		tap_close(tap);
		return ret;
	}
	tap->created = !exists;
	memcpy(tap->name, request.ifr_name, sizeof(tap->name));
	return 0;
}

/*
 * There is one /dev for all network namespaces, and each counts its interfaces
 * by itself: the device with the right number may be an interface elsewhere.
 */
static int check_macvtap(const struct tap *tap, unsigned index,
			 const char *path, struct err *err)
{
	struct tap_link link;

	tap_get_link(tap, &link);
	if (link.index == index)
		return 0;
	return err_set(err, ENODEV,
		       "macvtap '%s': %s is that of another network namespace: "
		       "make it with another number (ip link add index N ...)",
		       tap->name, path);
}

int tap_open_macvtap(const char *name, struct tap *tap, struct err *err)
{
	unsigned index;
	char path[32];
	int ret = check_name(name, err);

	if (ret < 0)
		return ret;
	index = index_of(name);
	if (index == 0)
		return err_set(err, ENODEV,
			       "macvtap '%s' does not exist: ip link add link "
			       "DEVICE name %s type macvtap mode bridge",
			       name, name);
	snprintf(path, sizeof(path), "/dev/tap%u", index);
	tap->fd = open(path, O_RDWR | O_CLOEXEC);
	if (tap->fd < 0 && errno == ENOENT)
		return err_set(err, ENOENT,
			       "'%s' is not a macvtap: there is no %s", name,
			       path);
	if (tap->fd < 0 && (errno == EACCES || errno == EPERM))
		return err_errno(err,
				 "macvtap '%s': %s (user %u needs read and "
				 "write access)",
				 name, path, (unsigned)geteuid());
	if (tap->fd < 0)
		return err_errno(err, "macvtap '%s': %s", name, path);
	/* A second open would get a queue of its own, and half of the frames. */
	if (fd_lock(tap->fd, true) == -EBUSY) {
		tap_close(tap);
		return err_set(err, EBUSY,
			       "macvtap '%s' is in use by another process",
			       name);
	}
	snprintf(tap->name, sizeof(tap->name), "%s", name);
	tap->macvtap = true;
	ret = check_macvtap(tap, index, path, err);
	if (ret < 0)
		tap_close(tap);
	return ret;
}

/* A macvtap has a device of its own; the others came from /dev/net/tun. */
static bool is_macvtap(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       st.st_rdev != makedev(TUN_MAJOR, TUN_MINOR);
}

int tap_adopt(int fd, struct tap *tap, struct err *err)
{
	struct ifreq request = { 0 };

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, EBADF, "tapfd=%d is not open", fd);
	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return err_set(err, EINVAL, "tapfd=%d is not attached to a tap",
			       fd);
	if ((request.ifr_flags & IFF_TAP) == 0)
		return err_set(err, EINVAL,
			       "tapfd=%d is a tun, open it with IFF_TAP", fd);
	if (request.ifr_flags & IFF_MULTI_QUEUE)
		return err_set(err, EINVAL,
			       "tapfd=%d is one queue of several, open it "
			       "without IFF_MULTI_QUEUE",
			       fd);
	if ((request.ifr_flags & IFF_VNET_HDR) == 0 ||
	    (request.ifr_flags & IFF_NO_PI) == 0)
		return err_set(err, EINVAL,
			       "tapfd=%d: open it with IFF_VNET_HDR and "
			       "IFF_NO_PI",
			       fd);
	tap->fd = fd;
	tap->macvtap = is_macvtap(fd);
	memcpy(tap->name, request.ifr_name, sizeof(tap->name));
	return 0;
}

void tap_close(struct tap *tap)
{
	fd_close(&tap->fd);
}

int tap_use_virtio_header(const struct tap *tap, struct err *err)
{
	int size = sizeof(struct virtio_net_hdr_mrg_rxbuf), le = 1, ret;

	ret = ioctl_checked(tap->fd, TUNSETVNETHDRSZ, &size, err);
	if (ret == 0)
		ret = ioctl_checked(tap->fd, TUNSETVNETLE, &le, err);
	return ret < 0 ? err_prefix(err, ret, "'%s'", tap->name) : 0;
}

/* Without checksums there is no segmentation; USO comes as a pair. */
unsigned tap_probe_offloads(const struct tap *tap)
{
	static const unsigned groups[] = {
		TUN_F_TSO4,
		TUN_F_TSO6,
		TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
		TUN_F_UFO,
		TUN_F_USO4 | TUN_F_USO6,
	};
	unsigned known = 0;

	if (ioctl(tap->fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0)
		known = TUN_F_CSUM;
	for (size_t i = 0; known != 0 && i < ARRAY_LEN(groups); i++) {
		if (ioctl(tap->fd, TUNSETOFFLOAD, TUN_F_CSUM | groups[i]) == 0)
			known |= groups[i];
	}
	ioctl(tap->fd, TUNSETOFFLOAD, 0);
	return known;
}

int tap_set_offloads(const struct tap *tap, unsigned offloads, struct err *err)
{
	int ret = ioctl_checked(tap->fd, TUNSETOFFLOAD, offloads, err);

	return ret < 0 ? err_prefix(err, ret, "'%s'", tap->name) : 0;
}

bool tap_is_attached(const struct tap *tap)
{
	struct ifreq request = { 0 };

	return ioctl(tap->fd, TUNGETIFF, &request) == 0;
}

/*
 * The name may have changed, and in our network namespace it may be another
 * interface's: the address tells, which the descriptor can be asked for as well.
 */
void tap_get_link(const struct tap *tap, struct tap_link *link)
{
	struct ifreq request = { 0 }, own = { 0 };
	struct tap_link found = { 0 };

	*link = found;
	if (ioctl(tap->fd, TUNGETIFF, &request) < 0 ||
	    ioctl(tap->fd, SIOCGIFHWADDR, &own) < 0)
		return;
	memcpy(link->mac, own.ifr_hwaddr.sa_data, sizeof(link->mac));
	if (ask_stack(SIOCGIFHWADDR, &request) < 0 ||
	    memcmp(own.ifr_hwaddr.sa_data, request.ifr_hwaddr.sa_data,
		   sizeof(link->mac)) != 0)
		return;
	if (ask_stack(SIOCGIFFLAGS, &request) < 0)
		return;
	found.up = request.ifr_flags & IFF_UP;
	if (ask_stack(SIOCGIFMTU, &request) < 0)
		return;
	found.mtu = (unsigned)request.ifr_mtu;
	memcpy(found.mac, link->mac, sizeof(found.mac));
	found.index = index_of(request.ifr_name);
	*link = found;
}

int tap_set_mtu(const struct tap *tap, unsigned mtu, struct err *err)
{
	struct ifreq request = request_for(tap->name);
	int ret;

	request.ifr_mtu = (int)mtu;
	ret = ask_stack(SIOCSIFMTU, &request);
	return ret < 0 ? err_set(err, -ret, "tap '%s': mtu=%u: %s", tap->name,
				 mtu, strerror(-ret))
		       : 0;
}

int tap_set_up(const struct tap *tap, struct err *err)
{
	struct ifreq request = request_for(tap->name);
	int ret = ask_stack(SIOCGIFFLAGS, &request);

	request.ifr_flags |= IFF_UP;
	if (ret == 0)
		ret = ask_stack(SIOCSIFFLAGS, &request);
	return ret < 0 ? err_set(err, -ret, "tap '%s' cannot be brought up: %s",
				 tap->name, strerror(-ret))
		       : 0;
}
