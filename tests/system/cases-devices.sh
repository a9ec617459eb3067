# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-devices.sh - devices that come, go and come again: file sharing, driver
# reload, kexec, interrupts that move while they fly

virtiofsd=/usr/lib/qemu/virtiofsd

# virtiofs KERNEL: a directory of the host, read and written by the guest.
virtiofs()
{
	local sock=$T/fs.sock

	mkdir -p "$T/shared/sub"
	head -c 4M /dev/urandom >"$T/shared/data"
	echo deep >"$T/shared/sub/file"
	spawn "$virtiofsd" "--socket-path=$sock" -o "source=$T/shared" \
		-o cache=auto -o sandbox=chroot -f
	wait_until 20 "virtiofsd listens" test -S "$sock"
	guest "$1" --memory 256M --vhost-user "fs,socket=$sock,tag=share" <<-'END'
	set -e
	mkdir /mnt
	mount -t virtiofs share /mnt
	md5sum </mnt/data
	cat /mnt/sub/file
	cp /mnt/data /mnt/sub/copy
	ln -s data /mnt/link
	umount /mnt
	END
	expect_success
	expect "what the guest reads" "$(head -n 1 "$T/hvc0" | cut -c1-32)" \
		"$(md5sum <"$T/shared/data" | cut -c1-32)"
	expect "a file below" "$(sed -n 2p "$T/hvc0")" deep
	cmp "$T/shared/data" "$T/shared/sub/copy" || fail "the copy differs"
	expect "a link" "$(readlink "$T/shared/link")" data
	kill_spawned
	rm -f "$sock"
}
for kernel in cloud generic 6.12; do
	add_case "devices.$kernel.virtiofs" 120 virtiofs "$kernel"
done

# The drivers are taken out and put back, five times; the disk stays right.
reload()
{
	head -c 8M /dev/urandom >"$T/disk"
	guest cloud --memory 256M --cpus 2 --disk "$T/disk" <<-'END'
	set -e
	for round in 1 2 3 4 5; do
		md5sum </dev/vda
		rmmod virtio_blk
		insmod /modules/virtio_blk.ko
		while [ ! -b /dev/vda ]; do usleep 10000; done
	done
	END
	expect_success
	expect "checksums" "$(sort -u "$T/hvc0" | cut -c1-32 | grep -xE '.{32}')" \
		"$(md5sum <"$T/disk" | cut -c1-32)"
}
add_case devices.reload 120 reload

# Another kernel takes over without anybody having stopped the devices.
kexec()
{
	mkdir -p "$T/extra/mote/next"
	cp "$HELPERS/kexec" "$T/extra/mote/"
	cp "$(kernel_dir cloud)/vmlinuz" "$T/extra/mote/next/"
	head -c 4M /dev/urandom >"$T/disk"
	guest cloud --memory 512M --disk "$T/disk" <<-'END'
	if grep -q second /proc/cmdline; then
		md5sum </dev/vda
		exit 0
	fi
	dd if=/dev/vda of=/dev/null bs=64k count=8
	# This very initramfs again, without the kernel inside.
	rm -f /mote/stdin
	mv /mote/next /tmp
	cd / && find . -xdev | cpio -o -H newc >/tmp/next.cpio
	/mote/kexec /tmp/next/vmlinuz /tmp/next.cpio \
		"console=hvc1 quiet panic=-1 second"
	END
	expect_success
	expect "what the second kernel reads" "$(grep -oE '^[0-9a-f]{32}' \
		"$T/hvc0")" "$(md5sum <"$T/disk" | cut -c1-32)"
}
add_case devices.kexec 180 kexec

# Interrupts change CPU and vector while they fly; none may be lost.
affinity()
{
	head -c 4M /dev/urandom >"$T/disk"
	guest cloud --memory 256M --cpus 4 --disk "$T/disk,queues=1" <<-'END'
	set -e
	# With several devices, every line of an MMIO device is moved.
	lines=$(awk '/IO-APIC.*virtio/ { sub(":", "", $1); print $1 }' \
		/proc/interrupts)
	[ -n "$lines" ]
	(
		while [ ! -e /tmp/stop ]; do
			for cpu in 1 2 4 8 f; do
				for line in $lines; do
					echo $cpu >/proc/irq/$line/smp_affinity
				done
				usleep 1000
			done
		done
	) &
	for round in 1 2 3 4; do
		dd if=/dev/vda bs=4k count=512 iflag=direct 2>/dev/null | md5sum
	done
	touch /tmp/stop
	wait
	grep virtio /proc/interrupts >/dev/hvc1
	END
	expect_success
	expect "checksums" "$(sort -u "$T/hvc0" | cut -c1-32)" \
		"$(head -c 2M "$T/disk" | md5sum | cut -c1-32)"
}
add_case devices.affinity 240 affinity

# A vCPU that goes off-line and comes back.
hotplug_cpu()
{
	guest cloud --memory 256M --cpus 4 <<-'END'
	set -e
	for cpu in 1 2 3; do
		echo 0 >/sys/devices/system/cpu/cpu$cpu/online
	done
	cat /sys/devices/system/cpu/online
	for cpu in 1 2 3; do
		echo 1 >/sys/devices/system/cpu/cpu$cpu/online
	done
	cat /sys/devices/system/cpu/online
	END
	expect_success
	expect "CPUs" "$(tr '\n' ' ' <"$T/hvc0")" "0 0-3 "
}
add_case devices.cpu-offline-online 120 hotplug_cpu

# The guest's clock keeps time with ours; both measure one sleep.
clock()
{
	guest cloud --cpus 2 <<-'END'
	cat /sys/devices/system/clocksource/clocksource0/current_clocksource
	date +%s
	END
	expect_success
	local now guest_now
	now=$(date +%s)
	guest_now=$(sed -n 2p "$T/hvc0")
	expect "clock source" "$(head -n 1 "$T/hvc0")" kvm-clock
	[ $((now - guest_now)) -le 10 ] && [ $((guest_now - now)) -le 2 ] ||
		fail "the guest thinks it is $guest_now, here it is $now"
}
add_case devices.clock 60 clock
