# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-pmem.sh - images as persistent memory: read in place, by several guests,
# written by none

# A root file system of busybox and 8 MiB that are like nothing else: $T/tree.
make_tree()
{
	local applet

	mkdir -p "$T/tree"/{bin,etc,root,srv}
	cp /bin/busybox "$T/tree/bin/"
	for applet in $(/bin/busybox --list); do
		[ -e "$T/tree/bin/$applet" ] ||
			ln -s busybox "$T/tree/bin/$applet"
	done
	echo "root:x:0:0:root:/root:/bin/sh" >"$T/tree/etc/passwd"
	head -c 8M /dev/urandom >"$T/tree/srv/data"
}

# make_image TYPE: $T/image with the tree.
make_image()
{
	make_tree
	case $1 in
	erofs) mkfs.erofs "$T/image" "$T/tree" ;;
	ext4) mkfs.ext4 -q -b 4096 -d "$T/tree" "$T/image" 24M ;;
	esac >"$T/mkfs" 2>&1 || fail "mkfs: $(cat "$T/mkfs")"
}

# use_pmem: the guest loads what it needs and waits for the devices.
use_pmem()
{
	guest_modules=("${PMEM_MODULES[@]}")
	mkdir -p "$T/extra/mote"
	cat >"$T/extra/mote/wait" <<-END
	tries=0
	while [ ! -b /dev/pmem$(($1 - 1)) ] && [ \$tries -lt 100 ]; do
		usleep 50000
		tries=\$((tries + 1))
	done
	END
}

# The image is the guest's root, with a layer in memory.
root_on_pmem()
{
	use_pmem 1
	cat >"$T/extra/mote/root" <<-END
	. /mote/wait
	mkdir /lower /upper
	mount -t $1 -o ro,dax /dev/pmem0 /lower || exit
	mount -t tmpfs tmpfs /upper
	mkdir /upper/top /upper/work
	mount -t overlay -o lowerdir=/lower,upperdir=/upper/top,workdir=/upper/work \\
		overlay /newroot
	END
}

# root KERNEL TYPE [MOTE-OPTION...]
root()
{
	local kernel=$1 type=$2 sum
	shift 2

	make_image "$type"
	root_on_pmem "$type"
	sum=$(md5sum <"$T/image")
	guest "$kernel" --pmem "$T/image,ro" "$@" <<-'END'
	set -e
	md5sum </srv/data
	echo changed >/srv/data
	cat /srv/data
	awk '$2 == "/" { print $3 }' /proc/mounts
	END
	expect_success
	{
		md5sum <"$T/tree/srv/data"
		echo changed
		echo overlay
	} | cmp - "$T/hvc0" || fail "the guest's root is not the image"
	# The kernel says so when it cannot.
	! grep -iE "dax.*(unsupported|not support|turning off)" "$T/reports" ||
		fail "the image is not used in place"
	expect "the image afterwards" "$(md5sum <"$T/image")" "$sum"
}
for kernel in cloud generic 6.12; do
	add_case "pmem.$kernel.root.erofs" 120 root "$kernel" erofs
	add_case "pmem.$kernel.root.ext4" 120 root "$kernel" ext4
done
