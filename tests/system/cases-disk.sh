# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-disk.sh - what is written to a disk is there when it is read back, by
# the guest and by the host, through mote block and through other servers

# In the guest: fill /dev/vda with random data while summing it, flush, read it
# back from the disk itself (O_DIRECT), and report both sums.
write_and_read_back()
{
	cat <<-END
	set -e
	mkfifo /tmp/copy
	dd if=/dev/vda of=/dev/null bs=1 count=1
	md5sum </tmp/copy >/tmp/written &
	dd if=/dev/urandom bs=1M count=$1 | tee /tmp/copy |
		dd of=/dev/vda bs=1M iflag=fullblock oflag=direct conv=fsync
	wait
	dd if=/dev/vda bs=1M count=$1 iflag=direct | md5sum >/tmp/read
	cut -d' ' -f1 /tmp/written /tmp/read >/dev/hvc1
	cmp /tmp/written /tmp/read
	END
}

# The sum the guest reported.
guest_sum()
{
	tr -d '\r' <"$T/reports" | grep -xE '[0-9a-f]{32}' | head -n 1
}

# mote_block KERNEL MIB OPTIONS-OF-DISK [MOTE-OPTION...]
mote_block()
{
	local kernel=$1 mib=$2 how=$3
	shift 3

	truncate -s "${mib}M" "$T/disk"
	guest "$kernel" --memory 256M --disk "$T/disk$how" "$@" \
		< <(write_and_read_back "$mib")
	expect_success
	expect "what is in the image" \
		"$(md5sum <"$T/disk" | cut -d' ' -f1)" "$(guest_sum)"
}
for kernel in cloud generic 6.12; do
	add_case "disk.$kernel.mote-block.256M" 480 mote_block "$kernel" 256 ""
done
add_case disk.queues 180 mote_block cloud 16 ,queues=4 --cpus 4

# tmpfs has no O_DIRECT; a file system of its own has.
direct()
{
	local T=$T/ext4

	truncate -s 128M "$T.image"
	mkfs.ext4 -q "$T.image"
	mkdir "$T"
	modprobe loop
	mount -o loop "$T.image" "$T"
	mote_block cloud 64 ,direct
	umount "$T"
}
add_case disk.direct 120 direct

# A qcow2 overlay on a base image, served by qemu-storage-daemon.
storage_daemon()
{
	local sock=$T/qsd.sock sum disk

	disk=type=vhost-user-blk,id=e,node-name=d,writable=on
	disk+=,addr.type=unix,addr.path=$sock
	truncate -s "${2}M" "$T/base.raw"
	qemu-img create -q -f qcow2 -b "$T/base.raw" -F raw "$T/top.qcow2"
	spawn qemu-storage-daemon \
		--blockdev "driver=file,node-name=f,filename=$T/top.qcow2" \
		--blockdev driver=qcow2,node-name=d,file=f \
		--export "$disk"
	wait_until 20 "qemu-storage-daemon listens" test -S "$sock"
	guest "$1" --memory 256M --vhost-user "blk,socket=$sock" \
		< <(write_and_read_back "$2")
	expect_success
	kill_spawned
	rm -f "$sock"
	sum=$(qemu-img convert -f qcow2 -O raw "$T/top.qcow2" "$T/out.raw" &&
		md5sum <"$T/out.raw" | cut -d' ' -f1)
	expect "what is in the overlay" "$sum" "$(guest_sum)"
	cmp -n $((1 << 20)) "$T/base.raw" /dev/zero ||
		fail "the base image was written"
}
for kernel in cloud generic 6.12; do
	add_case "disk.$kernel.storage-daemon.256M" 480 \
		storage_daemon "$kernel" 256
done

# Disk number N starts with "disk N"; odd ones may be written.
eight_disks()
{
	local n disks=()

	for n in 0 1 2 3 4 5 6 7; do
		printf 'disk %d\n' "$n" >"$T/disk$n"
		truncate -s "$((n + 1))M" "$T/disk$n"
		if [ $((n % 2)) -eq 1 ]; then
			disks+=(--disk "$T/disk$n,id=d$n")
		else
			disks+=(--disk "$T/disk$n,ro")
		fi
	done
	guest "$1" --memory 256M "${disks[@]}" <<-'END'
	n=0
	for disk in a b c d e f g h; do
		head -n 1 /dev/vd$disk
		echo "$(blockdev --getsize64 /dev/vd$disk)" \
			"$(blockdev --getro /dev/vd$disk)"
		if [ $((n % 2)) -eq 1 ]; then
			echo "seen $n" | dd of=/dev/vd$disk bs=512 conv=sync,fsync
		fi
		n=$((n + 1))
	done 2>/dev/null
	END
	expect_success
	for n in 0 1 2 3 4 5 6 7; do
		echo "disk $n"
		echo "$(((n + 1) << 20)) $(((n + 1) % 2))"
	done >"$T/wanted"
	cmp "$T/wanted" "$T/hvc0" || fail "the disks are not as given"
	for n in 1 3 5 7; do
		expect "disk $n afterwards" "$(head -n 1 "$T/disk$n")" \
			"seen $n"
	done
}
for kernel in cloud generic 6.12; do
	add_case "disk.$kernel.eight" 120 eight_disks "$kernel"
done

# Holes come back as holes; the guest sees zeroes.
discard()
{
	head -c 16M /dev/urandom >"$T/disk"
	guest cloud --disk "$T/disk" <<-'END'
	set -e
	blkdiscard -o 4194304 -l 8388608 /dev/vda
	blkdiscard -z -o 0 -l 1048576 /dev/vda 2>/dev/null || true
	dd if=/dev/vda bs=1M skip=4 count=8 iflag=direct 2>/dev/null | md5sum
	END
	expect_success
	expect "what the guest reads" "$(cut -c1-32 "$T/hvc0" | tail -n 1)" \
		"$(head -c 8M /dev/zero | md5sum | cut -c1-32)"
	[ "$(du -k "$T/disk" | cut -f1)" -le $((8 << 10)) ] ||
		fail "the image did not shrink"
}
add_case disk.discard 120 discard

# A second VM may not write the same image.
locked()
{
	truncate -s 1M "$T/disk"
	{ start cloud --disk "$T/disk" <<<'echo up; sleep 5'; } 3</dev/null
	wait_until 60 "the first is up" grep -qs up "$T/hvc0"
	local end=0
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --console none \
		--disk "$T/disk" 2>"$T/second" || end=$?
	expect "exit status of the second" "$end" 1
	grep -q "$T/disk" "$T/second" ||
		fail "the image is not named: $(cat "$T/second")"
	wait_for_end
	expect_end 0
}
add_case disk.locked 120 locked

# request_swap PATH: and wait for the answer. fd 4 leads to swap-image.
request_swap()
{
	echo "$1" >&4
	wait_until 60 "an answer for $1" grep -qs "^$1: " "$T/spawned"
	expect "answer for $1" "$(sed -n "s|^$1: ||p" "$T/spawned")" 0
}

# swap KERNEL IMAGE: an empty file stands in for an image that is named later and
# taken away again. IMAGE begins with the 4 MiB whose sum is in $T/sum.
swap()
{
	local sock=$T/block.sock image=$2

	: >"$T/empty"
	: >"$T/empty-again"
	mkfifo "$T/requests"
	spawn "$MOTE_TOP/tests/system/swap-image" "$MOTE" "$sock" "$T/empty" \
		"$T/requests"
	exec 4>"$T/requests"
	wait_until 20 "mote block listens" test -S "$sock"
	{ start "$1" --vhost-user "blk,socket=$sock" <<-'END'; } 3</dev/null
	size()
	{
		blockdev --getsize64 /dev/vda
	}
	echo "at first $(size)"
	until [ "$(size)" -gt 0 ]; do sleep 0.1; done
	echo "then $(size) $(md5sum </dev/vda | cut -c1-32)"
	echo "seen" | dd of=/dev/vda bs=512 count=1 conv=sync oflag=direct \
		2>/dev/null
	echo "written"
	until [ "$(size)" -eq 0 ]; do sleep 0.1; done
	echo "at last $(size)"
	END
	wait_until 60 "the guest sees the empty disk" \
		grep -qs "at first 0" "$T/hvc0"
	request_swap "$image"
	wait_until 60 "the guest has written" grep -qs written "$T/hvc0"
	request_swap "$T/empty-again"
	wait_for_end
	exec 4>&-
	wait
	expect_success
	expect "what the guest saw" "$(tr -d '\r' <"$T/hvc0")" "at first 0
then $((4 << 20)) $(cut -c1-32 "$T/sum")
written
at last 0"
	expect "what the image holds" "$(head -n 1 "$image")" seen
}
# Its size is no number of sectors: the guest does not see the rest.
swap_file()
{
	head -c 4M /dev/urandom >"$T/image"
	md5sum <"$T/image" >"$T/sum"
	echo 'no whole sector' >>"$T/image"
	swap "$1" "$T/image"
}
for kernel in cloud 6.12; do
	add_case "disk.$kernel.swap" 180 swap_file "$kernel"
done

# The guest has been told of blocks of 512 bytes and keeps to it.
swap_larger_blocks()
{
	local device

	head -c 4M /dev/urandom >"$T/image"
	md5sum <"$T/image" >"$T/sum"
	modprobe loop
	device=$(losetup --find --show --sector-size 4096 "$T/image")
	expect "size of a block" "$(blockdev --getss "$device")" 4096
	swap cloud "$device"
	losetup -d "$device"
}
add_case disk.swap-larger-blocks 180 swap_larger_blocks
