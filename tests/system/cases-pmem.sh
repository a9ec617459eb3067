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

# use_pmem COUNT: the guest loads what it needs; /mote/wait waits for the devices.
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
	guest "$kernel" --memory 256M --pmem "$T/image,ro" "$@" <<-'END'
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

# smaps_of PID FIELD: KiB of the image in this process.
smaps_of()
{
	awk -v image="$T/image" -v field="$2:" '
		/^[0-9a-f]+-[0-9a-f]+ / { ours = $6 == image }
		ours && $1 == field { kib += $2 }
		END { print kib + 0 }' "/proc/$1/smaps"
}

# Two guests that have read the same 8 MiB have them in the same pages.
two_guests_share()
{
	local first second rss pss

	make_image erofs
	root_on_pmem erofs
	{ T=$T/a start_sharing; } 3</dev/null
	first=$mote_pid
	{ T=$T/b start_sharing; } 3</dev/null
	second=$mote_pid
	wait_until 60 "both have read" grep -qs read "$T/a/hvc0"
	wait_until 60 "both have read" grep -qs read "$T/b/hvc0"
	for pid in "$first" "$second"; do
		rss=$(smaps_of "$pid" Rss)
		pss=$(smaps_of "$pid" Pss)
		echo "process $pid has $rss KiB of the image, its share $pss KiB"
		[ "$rss" -ge 8192 ] || fail "the image is not read in place"
		[ $((pss * 10)) -le $((rss * 6)) ] ||
			fail "the guests do not share the image"
		expect "private pages" "$(smaps_of "$pid" Private_Dirty)" 0
	done
	for mote_pid in "$first" "$second"; do
		kill "$mote_pid"
		wait_for_end
		expect_end 6
	done
}
start_sharing()
{
	mkdir "$T"
	cp -r "${T%/*}/extra" "$T/"
	start cloud --pmem "${T%/*}/image" <<-'END'
	md5sum </srv/data >/dev/null && echo read
	sleep 1000
	END
}
add_case pmem.shared-pages 180 two_guests_share

# Nothing in the guest can write the image: no tool, no driver, no bare hands.
read_only()
{
	local sum

	make_image ext4
	use_pmem 1
	sum=$(md5sum <"$T/image")
	cp "$HELPERS/physical" "$T/extra/"
	guest_cmdline+=" iomem=relaxed"
	guest cloud --pmem "$T/image" <<-'END'
	. /mote/wait
	blockdev --getro /dev/pmem0
	blockdev --setrw /dev/pmem0
	! dd if=/dev/zero of=/dev/pmem0 bs=4096 count=4 2>/dev/null || echo written
	! blkdiscard -f /dev/pmem0 2>/dev/null || echo discarded
	mkdir /m
	mount -t ext4 -o rw,dax /dev/pmem0 /m 2>/dev/null
	awk '$2 == "/m" { print substr($4, 1, 2) }' /proc/mounts
	! touch /m/file 2>/dev/null || echo touched
	/physical $((4 << 30)) 600
	END
	expect_success
	printf '%s\n' 1 ro "0 bytes of 600 pages changed" | cmp - "$T/hvc0" ||
		fail "the image can be written: $(cat "$T/hvc0")"
	expect "the image afterwards" "$(md5sum <"$T/image")" "$sum"
	expect "lines on stderr" "$(wc -l <"$T/stderr")" 0
}
add_case pmem.read-only 120 read_only

# What the guest sees of an image: its bytes, zeros to the next 2 MiB.
padded()
{
	local size

	size=$(stat -c %s "$1")
	head -c $((((size + (2 << 20) - 1) >> 21 << 21) - size)) /dev/zero |
		cat "$1" - | md5sum
}

# eight COMMAND FILE: as many as there can be, of sizes that fit nothing. COMMAND
# is guest or guest_private, FILE has what it prints.
eight()
{
	local sizes=(1 511 4096 4097 2097152 2097153 3145216 9437185) n images=()

	for n in 0 1 2 3 4 5 6 7; do
		head -c "${sizes[$n]}" /dev/urandom >"$T/image$n"
		images+=(--pmem "$T/image$n,id=image$n")
		padded "$T/image$n"
	done >"$T/wanted"
	use_pmem 8
	"$1" cloud "${images[@]}" <<-'END'
	. /mote/wait
	for n in 0 1 2 3 4 5 6 7; do
		md5sum </dev/pmem$n
	done
	END
	expect_success
	tr -d '\r' <"$T/$2" | grep -E '^[0-9a-f]{32}' | cmp - "$T/wanted" ||
		fail "the images are not as given"
}
add_case pmem.eight 120 eight guest hvc0
add_case pmem.private 120 eight guest_private reports

# A disk's data comes from its backend, which has none of the image; a file
# copied from one to the other arrives.
beside_a_disk()
{
	make_image erofs
	use_pmem 1
	truncate -s 16M "$T/disk"
	guest "$1" --pmem "$T/image" --disk "$T/disk" --cpus 2 <<-'END'
	set -e
	. /mote/wait
	mkdir /m
	mount -t erofs -o ro,dax /dev/pmem0 /m
	cp /m/srv/data /dev/vda
	sync
	dd if=/dev/vda bs=1M count=8 iflag=direct 2>/dev/null | cmp - /m/srv/data
	END
	expect_success
	cmp -n $((8 << 20)) "$T/disk" "$T/tree/srv/data" ||
		fail "the disk does not have the data"
}
for kernel in cloud 6.12; do
	add_case "pmem.$kernel.beside-a-disk" 120 beside_a_disk "$kernel"
done

block_device()
{
	local device

	make_image ext4
	use_pmem 1
	modprobe loop
	device=$(losetup --find --show "$T/image")
	guest cloud --pmem "$device" <<-'END'
	. /mote/wait
	md5sum </dev/pmem0
	END
	losetup -d "$device"
	expect_success
	expect "the guest's sum" "$(cat "$T/hvc0")" "$(md5sum <"$T/image")"
}
add_case pmem.block-device 120 block_device

# Who cuts the file that his guests run from loses the guests, in good order.
truncated()
{
	make_image ext4
	use_pmem 1
	{ start cloud --pmem "$T/image" <<-'END'; } 3</dev/null
	. /mote/wait
	md5sum </dev/pmem0 >/dev/null && echo read
	sleep 3
	md5sum </dev/pmem0
	END
	wait_until 60 "the guest has read" grep -qs read "$T/hvc0"
	truncate -s 4096 "$T/image"
	wait_for_end
	expect_end 1
	grep -q "host memory of the guest is not there" "$T/stderr" ||
		fail "no reason is given"
}
add_case pmem.truncated 120 truncated
