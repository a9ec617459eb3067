# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-boot.sh - every kernel comes up, with what it was promised

# boot KERNEL CPUS MEMORY-MIB IMAGE [MOTE-OPTION...]
boot()
{
	local kernel=$1 cpus=$2 memory=$3 total
	guest_image=$4
	shift 4

	guest "$kernel" --cpus "$cpus" --memory "${memory}M" "$@" <<-'END'
	uname -r
	cat /sys/devices/system/cpu/online
	grep -c ^processor /proc/cpuinfo
	awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo
	cat /sys/devices/system/clocksource/clocksource0/current_clocksource
	END
	expect_success
	mapfile -t said <"$T/hvc0"
	expect "release" "${said[0]}" "$(cat "$(kernel_dir "$kernel")/release")"
	expect "CPUs on-line" "${said[1]}" \
		"$([ "$cpus" -eq 1 ] && echo 0 || echo "0-$((cpus - 1))")"
	expect "CPUs found" "${said[2]}" "$cpus"
	# A kernel keeps up to 80 MiB and 3 % for itself.
	total=${said[3]}
	[ "$total" -le "$memory" ] &&
		[ "$total" -ge $((memory * 97 / 100 - 80)) ] ||
		fail "guest sees $total MiB of $memory"
	echo "clock source: ${said[4]}"
}

for kernel in cloud generic 6.12; do
	add_case "boot.$kernel.1cpu.512M.elf" 120 boot "$kernel" 1 512 vmlinux
	add_case "boot.$kernel.2cpus.512M.bzimage" 120 \
		boot "$kernel" 2 512 vmlinuz
	add_case "boot.$kernel.4cpus.5G.elf" 180 boot "$kernel" 4 5120 vmlinux
	add_case "boot.$kernel.4cpus.5G.bzimage.map" 180 \
		boot "$kernel" 4 5120 vmlinuz --load map
	add_case "boot.$kernel.load-map.elf" 120 \
		boot "$kernel" 1 256 vmlinux --load map
done
# In 64 MiB a stock kernel has 17 left for itself, and fills 9 of them with an
# entry in tracefs for each of its trace points; it then dies for want of memory
# (QEMU's microvm too). Confidential lockdown leaves those out.
boot_small()
{
	guest_cmdline+=" lockdown=confidentiality"
	boot "$@"
}
add_case boot.cloud.1cpu.64M.elf 120 boot_small cloud 1 64 vmlinux
add_case boot.cloud.2cpus.64M.elf.map 120 \
	boot_small cloud 2 64 vmlinux --load map
add_case boot.prefault 120 boot cloud 1 256 vmlinux --prefault

# The others end beyond 64 MiB once unpacked, as their headers say: the monitor
# knows, where the guest would just die.
refused()
{
	guest_image=$2
	guest "$1" --memory 64M <<<true
	expect_end 1
	expect "lines on stderr" "$(wc -l <"$T/stderr")" 1
	grep -q "$guest_image" "$T/stderr" ||
		fail "the message does not name the kernel"
}
add_case boot.generic.64M.refused 30 refused generic vmlinux
add_case boot.generic.64M.bzimage.refused 30 refused generic vmlinuz
add_case boot.6.12.64M.refused 30 refused 6.12 vmlinux

hugepages()
{
	echo 160 >/proc/sys/vm/nr_hugepages
	local have
	have=$(cat /proc/sys/vm/nr_hugepages)
	if [ "$have" -lt 160 ]; then
		echo 0 >/proc/sys/vm/nr_hugepages
		skip "no 160 huge pages to be had here, only $have"
	fi
	boot cloud 1 256 vmlinux --hugepages 2M
	expect "huge pages free again" \
		"$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)" 160
	echo 0 >/proc/sys/vm/nr_hugepages
}
add_case boot.hugepages 120 hugepages

# A kernel without a driver for its console still says why it dies. Without an
# initrd there is no root to mount: it panics, and panic=-1 makes that a reset.
early_console()
{
	local end=0

	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --console none \
		--cmdline "earlyprintk=ttyS0,keep panic=-1" \
		--early-console "$T/early" 2>"$T/stderr" || end=$?
	expect "exit status of mote" "$end" 3
	grep -q "Linux version" "$T/early" || fail "no first line"
	grep -q "Unable to mount root fs" "$T/early" || fail "no last words"
}
add_case boot.early-console 120 early_console

# The same kernel twice from one image, side by side.
two_guests()
{
	local first

	mkdir "$T/a"
	{ T=$T/a start cloud <<<'sleep 2; echo one'; } 3</dev/null
	first=$mote_pid
	guest cloud <<<'echo two'
	expect_success
	expect "second guest" "$(cat "$T/hvc0")" two
	mote_pid=$first
	wait_for_end
	expect_end 0
	expect "first guest" "$(cat "$T/a/hvc0")" one
}
add_case boot.two-at-once 120 two_guests

# Devices from the command line, CPUs from the MP table, no ACPI anywhere.
platform_cmdline()
{
	compgen -G "$MOTE_CACHE/kernels/tiny-*" >/dev/null ||
		skip "the kernel without ACPI was not built"
	guest_image=$1
	truncate -s 4M "$T/disk"
	guest tiny --platform cmdline --cpus "$2" --disk "$T/disk" <<-'END'
	set -e
	grep -o virtio_mmio.device= /proc/cmdline | wc -l
	nproc
	dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null
	dd if=/tmp/data of=/dev/vda bs=1M conv=fsync 2>/dev/null
	dd if=/dev/vda bs=1M iflag=direct 2>/dev/null | cmp - /tmp/data
	[ ! -e /sys/firmware/acpi ]
	reboot -f
	END
	expect_end 3
	expect "devices, CPUs" "$(tr '\n' ' ' <"$T/hvc0")" "3 $2 "
}
add_case boot.cmdline.1cpu.elf 120 platform_cmdline vmlinux 1
add_case boot.cmdline.4cpus.bzimage 120 platform_cmdline vmlinuz 4
