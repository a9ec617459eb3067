#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# qemu_frontend.sh - `mote block` under a front end nobody here wrote: QEMU
#
# A stock kernel under QEMU (TCG) writes 64 MB to a vhost-user disk, syncs, drops
# its caches, reads everything back and compares checksums; once with split and
# once with packed rings. The file on the host must hold the same bytes.
#
# QEMU 7.2 has no vhost-user console device, so `mote console` is not tested here.
#
#   usage: [KERNEL=DIRECTORY] qemu_frontend.sh MOTE
#
# KERNEL is a directory that tests/testbed/kernel prints; without it, that of the
# cloud kernel in the cache. Exit status 77 when something needed is missing.
set -eu

mote=${1:?usage: qemu_frontend.sh MOTE}
cache=${MOTE_CACHE:-$HOME/.cache/mote}
MB=64
TIMEOUT=300

skip() {
	echo "SKIP: $*"
	exit 77
}

kernel=${KERNEL:-$cache/kernels/cloud}
modules=$kernel/lib/modules
[ -r "$kernel/vmlinuz" ] || skip "no kernel: run tests/testbed/kernel cloud"
busybox=$(command -v busybox) || skip "no busybox"
command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64"
command -v cpio >/dev/null || skip "no cpio"

work=$(mktemp -d)
backend=
cleanup() {
	[ -z "$backend" ] || kill "$backend" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# The modules a PCI virtio disk needs, in the order of loading.
mkdir -p "$work/root/bin" "$work/root/modules"
cp "$busybox" "$work/root/bin/busybox"
n=10
for name in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev \
	    virtio_pci virtio_blk; do
	file=$(find "$modules" -name "$name.ko*" | head -n 1)
	[ -n "$file" ] || continue		# built in
	cp "$file" "$work/root/modules/$n-$(basename "$file")"
	n=$((n + 1))
done

cat >"$work/root/init" <<INIT
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for m in /modules/*; do insmod \$m; done
i=0
while [ ! -b /dev/vda ] && [ \$i -lt 50 ]; do sleep 0.1; i=\$((i + 1)); done
dd if=/dev/urandom of=/data bs=1M count=8 2>/dev/null
i=0
while [ \$i -lt $((MB / 8)) ]; do
	dd if=/data of=/dev/vda bs=64k seek=\$((i * 128)) conv=notrunc,fsync 2>/dev/null
	i=\$((i + 1))
done
sync
echo 3 >/proc/sys/vm/drop_caches
want=\$(i=0; while [ \$i -lt $((MB / 8)) ]; do cat /data; i=\$((i + 1)); done | sha256sum)
got=\$(dd if=/dev/vda bs=4k count=$((MB * 256)) 2>/dev/null | sha256sum)
one=\$(dd if=/dev/vda bs=4k count=64 iflag=direct 2>/dev/null | cmp -n 262144 - /data && echo same)
echo "size: \$(cat /sys/block/vda/size) serial: \$(cat /sys/block/vda/serial)"
[ "\$want" = "\$got" ] && [ "\$one" = same ] && echo "GUEST-SUM \$got"
poweroff -f
INIT
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc 2>/dev/null) >"$work/initrd"

# run NAME DEVICE-OPTIONS BACKEND-OPTIONS
run() {
	rm -f "$work/disk"
	truncate -s ${MB}M "$work/disk"
	"$mote" block --socket-path="$work/sock" --blk-file="$work/disk" \
		--serial=QEMUTEST --num-queues=2 $3 2>"$work/log" &
	backend=$!
	i=0
	while [ ! -S "$work/sock" ] && [ $i -lt 100 ]; do
		sleep 0.05
		i=$((i + 1))
	done
	timeout $TIMEOUT qemu-system-x86_64 -M q35 -accel tcg -cpu max -m 256 \
		-smp 2 -nodefaults -no-user-config -display none -no-reboot \
		-object memory-backend-memfd,id=mem,size=256M,share=on \
		-numa node,memdev=mem \
		-chardev socket,id=vu,path="$work/sock" \
		-device "vhost-user-blk-pci,chardev=vu,num-queues=2$2" \
		-kernel "$kernel/vmlinuz" -initrd "$work/initrd" -serial stdio \
		-append "console=ttyS0 quiet panic=-1" \
		</dev/null >"$work/console" 2>&1 || true
	status=0
	wait "$backend" || status=$?
	backend=
	guest=$(sed -n 's/.*GUEST-SUM \([0-9a-f]*\).*/\1/p' "$work/console")
	host=$(sha256sum "$work/disk" | cut -d' ' -f1)
	if [ -n "$guest" ] && [ "$guest" = "$host" ] && [ $status = 0 ] &&
	   grep -q "size: $((MB * 2048)) serial: QEMUTEST" "$work/console"; then
		echo "PASS: $1"
		return 0
	fi
	echo "FAIL: $1: guest sum '$guest', host sum '$host', backend status $status"
	tail -n 20 "$work/console" "$work/log"
	return 1
}

failed=0
run "split rings" "" "" || failed=1
run "packed rings" ",packed=on" "" || failed=1
run "packed rings, direct" ",packed=on" "--direct" || failed=1
exit $failed
