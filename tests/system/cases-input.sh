# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-input.sh - whatever is wrong with what the user gave: one line that
# names the thing, an exit status that is not 0, nothing left behind

# refuse STATUS PATTERN COMMAND...: the whole claim about one bad input.
refuse()
{
	local status=$1 pattern=$2 end=0
	shift 2

	timeout 20 "$@" >"$T/stdout" 2>"$T/stderr" </dev/null || end=$?
	expect "exit status" "$end" "$status"
	expect "lines on stderr" "$(wc -l <"$T/stderr")" 1
	grep -qE -- "$pattern" "$T/stderr" ||
		fail "the line does not say /$pattern/"
	! pgrep -x mote || fail "a process is left"
}

# mote with one good kernel, unless the case gives its own.
run_refused()
{
	local status=$1 pattern=$2
	shift 2

	refuse "$status" "$pattern" "$MOTE" run --console none \
		--kernel "$(kernel_dir cloud)/vmlinux" "$@"
}

# bad_kernel MAKE PATTERN: MAKE writes $T/kernel, or does not.
bad_kernel()
{
	"$1"
	refuse 1 "$T/kernel.*$2" \
		"$MOTE" run --console none --kernel "$T/kernel"
}
missing() { :; }
empty() { : >"$T/kernel"; }
directory() { mkdir "$T/kernel"; }
text() { yes 'not a kernel' | head -n 1000 >"$T/kernel" || true; }
program() { cp /bin/true "$T/kernel"; }
elf_cut_in_header()
{
	head -c 40 "$(kernel_dir cloud)/vmlinux" >"$T/kernel"
}
elf_cut_in_table()
{
	head -c 100 "$(kernel_dir cloud)/vmlinux" >"$T/kernel"
}
elf_cut_in_segment()
{
	head -c 10M "$(kernel_dir cloud)/vmlinux" >"$T/kernel"
}
elf_of_another_cpu()
{
	cp "$(kernel_dir cloud)/vmlinux" "$T/kernel"
	# e_machine = EM_AARCH64
	printf '\267\000' |
		dd of="$T/kernel" bs=1 seek=18 conv=notrunc status=none
}
elf_of_32_bits()
{
	cp "$(kernel_dir cloud)/vmlinux" "$T/kernel"
	printf '\001' | dd of="$T/kernel" bs=1 seek=4 conv=notrunc status=none
}
bzimage_cut_in_header()
{
	head -c 600 "$(kernel_dir cloud)/vmlinuz" >"$T/kernel"
}
bzimage_cut()
{
	head -c 1M "$(kernel_dir cloud)/vmlinuz" >"$T/kernel"
}
add_case input.kernel.missing 30 bad_kernel missing "No such file"
add_case input.kernel.empty 30 bad_kernel empty ""
add_case input.kernel.directory 30 bad_kernel directory ""
add_case input.kernel.text 30 bad_kernel text ""
add_case input.kernel.program 30 bad_kernel program ""
add_case input.kernel.elf-cut-in-header 30 bad_kernel elf_cut_in_header ""
add_case input.kernel.elf-cut-in-table 30 bad_kernel elf_cut_in_table ""
add_case input.kernel.elf-cut-in-segment 30 bad_kernel elf_cut_in_segment ""
add_case input.kernel.another-cpu 30 bad_kernel elf_of_another_cpu ""
add_case input.kernel.32-bit 30 bad_kernel elf_of_32_bits ""
add_case input.kernel.bzimage-cut-in-header 30 \
	bad_kernel bzimage_cut_in_header ""
add_case input.kernel.bzimage-cut 30 bad_kernel bzimage_cut ""

initrd_missing()
{
	run_refused 1 "$T/initrd.*No such file" --initrd "$T/initrd"
}
add_case input.initrd.missing 30 initrd_missing
initrd_too_big()
{
	truncate -s 200M "$T/initrd"
	run_refused 1 "$T/initrd" --memory 128M --initrd "$T/initrd"
}
add_case input.initrd.too-big 30 initrd_too_big
cmdline_too_long()
{
	run_refused 1 "command line|cmdline" \
		--cmdline "$(head -c 4000 /dev/zero | tr '\0' x)"
}
add_case input.cmdline.too-long 30 cmdline_too_long

add_case input.memory.zero 30 run_refused 2 memory --memory 0
add_case input.memory.small 30 run_refused 2 memory --memory 1M
add_case input.memory.absurd 30 run_refused 1 memory --memory 9999999T
add_case input.memory.word 30 run_refused 2 memory --memory lots
add_case input.memory.unknown-key 30 run_refused 2 colour \
	--memory 64M,colour=red
add_case input.memory.kernel-does-not-fit 30 run_refused 1 vmlinux --memory 32M
add_case input.memory.more-than-there-is 30 run_refused 1 memory \
	--memory 4T --prefault
add_case input.cpus.zero 30 run_refused 2 cpus --cpus 0
add_case input.cpus.too-many 30 run_refused 2 cpus --cpus 65
add_case input.option.unknown 30 run_refused 2 frobnicate --frobnicate

# A namespace of its own, where /dev/kvm is something else.
with_dev_kvm()
{
	local status=$1 pattern=$2 how=$3

	refuse "$status" "$pattern" unshare --mount sh -c "$how"'
		exec "$@"' sh "$MOTE" run --console none \
		--kernel "$(kernel_dir cloud)/vmlinux"
}
kvm_missing()
{
	with_dev_kvm 1 "/dev/kvm.*no KVM" 'mount -t tmpfs none /dev'
}
kvm_is_something_else()
{
	with_dev_kvm 1 "/dev/kvm" 'mount --bind /dev/null /dev/kvm'
}
kvm_forbidden()
{
	cp "$MOTE" "$T/mote"
	chmod 755 "$T"
	refuse 1 "/dev/kvm.*permission" \
		setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$T/mote" run --console none \
		--kernel "$(kernel_dir_for_all)/vmlinux"
}
# The cache may be in a home directory others cannot enter.
kernel_dir_for_all()
{
	cp "$(kernel_dir cloud)/vmlinux" "$T/"
	echo "$T"
}
add_case input.kvm.missing 30 kvm_missing
add_case input.kvm.something-else 30 kvm_is_something_else
add_case input.kvm.forbidden 30 kvm_forbidden

# Each check of a capability, answered "no" in turn.
kvm_incapable()
{
	local nth checks end refused=0 optional=0

	command -v strace >/dev/null || skip "strace is not installed"
	strace -f -e trace=ioctl -o "$T/calls" timeout 20 "$MOTE" run \
		--console none --memory 64M --cmdline panic=-1 \
		--kernel "$(kernel_dir cloud)/vmlinux" >/dev/null 2>&1 || true
	checks=$(grep -c KVM_CHECK_EXTENSION "$T/calls")
	[ "$checks" -gt 0 ] || fail "mote never asks for a capability"
	for nth in $(grep ioctl "$T/calls" | grep -n KVM_CHECK_EXTENSION |
		cut -d: -f1); do
		end=0
		timeout 60 strace -f -o /dev/null -e trace=ioctl \
			-e "inject=ioctl:retval=0:when=$nth" "$MOTE" run \
			--console none --memory 64M --cmdline panic=-1 \
			--kernel "$(kernel_dir cloud)/vmlinux" \
			2>"$T/stderr" >/dev/null || end=$?
		# What a guest can do without is no reason to refuse it: this one
		# boots, finds no root and reboots.
		if [ "$end" -eq 3 ]; then
			optional=$((optional + 1))
			continue
		fi
		refused=$((refused + 1))
		expect "exit status without capability $nth" "$end" 1
		grep -qE 'KVM_CAP_|vCPUs' "$T/stderr" ||
			fail "the line names no capability: $(cat "$T/stderr")"
	done
	[ "$refused" -ge 8 ] && [ "$optional" -le 3 ] ||
		fail "$refused capabilities needed, $optional not"
}
add_case input.kvm.incapable 120 kvm_incapable

disk_missing()
{
	run_refused 1 "$T/disk.*No such file" --disk "$T/disk"
}
disk_directory()
{
	mkdir "$T/disk"
	run_refused 1 "$T/disk" --disk "$T/disk"
}
# As root no mode forbids writing; a read-only mount does.
disk_read_only()
{
	truncate -s 1M "$T/disk"
	refuse 1 "$T/disk.*Read-only" unshare --mount sh -c '
		mount --bind "$T/disk" "$T/disk" &&
		mount -o remount,ro,bind "$T/disk" && exec "$@"' sh \
		"$MOTE" run --console none --disk "$T/disk" \
		--kernel "$(kernel_dir cloud)/vmlinux"
}
add_case input.disk.missing 30 disk_missing
add_case input.disk.directory 30 disk_directory
add_case input.disk.read-only 30 disk_read_only
add_case input.disk.unknown-key 30 run_refused 2 colour --disk x,colour=red

pmem_missing()
{
	run_refused 1 "pmem pmem0: '$T/image'.*No such file" --pmem "$T/image"
}
pmem_directory()
{
	run_refused 1 "pmem0: '$T' is neither" --pmem "$T"
}
pmem_empty()
{
	: >"$T/image"
	run_refused 1 "pmem root: '$T/image' is empty" \
		--pmem "$T/image,id=root"
}
pmem_too_big()
{
	truncate -s 4E "$T/image"
	run_refused 1 "$T/image.*more than this CPU can address" \
		--pmem "$T/image"
}
# An image that a VM has as a disk it may write.
pmem_written()
{
	truncate -s 1M "$T/image"
	run_refused 1 "'$T/image' is in use by another process" \
		--disk "$T/image" --pmem "$T/image"
}
add_case input.pmem.missing 30 pmem_missing
add_case input.pmem.directory 30 pmem_directory
add_case input.pmem.empty 30 pmem_empty
add_case input.pmem.too-big 30 pmem_too_big
add_case input.pmem.written 30 pmem_written
add_case input.pmem.needs-acpi 30 run_refused 2 "pmem pmem0.*ACPI" \
	--pmem /dev/null --platform cmdline

socket_missing()
{
	run_refused 1 "$T/no.sock" --vhost-user "blk,socket=$T/no.sock"
}
socket_is_a_file()
{
	: >"$T/file"
	run_refused 1 "$T/file" --vhost-user "blk,socket=$T/file"
}
# served BY-WHAT: a server that answers with that.
served()
{
	spawn socat "UNIX-LISTEN:$T/bad.sock,fork" "$1"
	wait_until 10 "the server listens" test -S "$T/bad.sock"
	run_refused 1 "myblk|$T/bad.sock" \
		--vhost-user "blk,socket=$T/bad.sock,id=myblk"
	kill_spawned
	rm -f "$T/bad.sock"
}
socket_garbage() { served "SYSTEM:head -c 100000 /dev/urandom"; }
socket_zeroes() { served "SYSTEM:head -c 100000 /dev/zero"; }
socket_closes() { served "SYSTEM:true"; }
socket_silent() { served "SYSTEM:sleep 1000"; }
add_case input.socket.missing 30 socket_missing
add_case input.socket.not-a-socket 30 socket_is_a_file
add_case input.socket.garbage 40 socket_garbage
add_case input.socket.zeroes 40 socket_zeroes
add_case input.socket.closes 40 socket_closes
add_case input.socket.silent 40 socket_silent
add_case input.vhost-user.unknown-type 30 run_refused 1 toaster \
	--vhost-user toaster,socket=/tmp/s

private_with_disk()
{
	truncate -s 1M "$T/disk"
	run_refused 2 "private.*mydisk|mydisk.*private" \
		--memory 128M,sharing=private --disk "$T/disk,id=mydisk"
}
add_case input.sharing.private-with-disk 30 private_with_disk
mergeable_with_disk()
{
	truncate -s 1M "$T/disk"
	run_refused 2 "mergeable.*mydisk" \
		--memory 128M,mergeable=on --disk "$T/disk,id=mydisk"
}
add_case input.mergeable.with-disk 30 mergeable_with_disk
add_case input.mergeable.with-console 30 run_refused 2 "hvc .*mergeable=on" \
	--memory 128M,mergeable=on --console pty,id=hvc
add_case input.mergeable.with-vhost-user 30 run_refused 2 "mergeable.*far" \
	--memory 128M,mergeable=on --vhost-user blk,socket=/s,id=far
