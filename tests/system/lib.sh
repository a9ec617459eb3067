# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# lib.sh - what the cases of the system tests are written with
#
#   guest KERNEL [MOTE-OPTION...] <<script    boot, run script in the guest,
#                                             wait for the end of the VM
#   start KERNEL [MOTE-OPTION...] <<script    the same, but do not wait
#   guest_private, start_private              likewise, in private memory
#   expect_end STATUS                         how mote ended
#   expect_guest STATUS                       how the script ended
#
# Afterwards $T/hvc0 is what the guest's script printed, $T/reports what
# guest-init and the kernel said, $T/stderr what mote said.

MOTE=${MOTE:-$MOTE_TOP/build/release/mote}
HELPERS=$MOTE_TOP/build/guest	# static programs for guests, from tests/guest
mote_pid=''

fail()
{
	echo "FAIL: $*"
	exit 1
}

skip()
{
	echo "$*"
	exit 77
}

# expect WHAT GOT WANTED
expect()
{
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# kernel_dir NAME: as in ../testbed/kernel, or tiny, the one without ACPI.
kernel_dir()
{
	case $1 in
	tiny) "$MOTE_TOP/tests/testbed/tiny-kernel" ;;
	*) echo "$MOTE_CACHE/kernels/$1" ;;
	esac
}

# make_initrd KERNEL <script: $T/initrd. What a case put into $T/extra is in it.
make_initrd()
{
	mkdir -p "$T/extra/mote"
	cat >"$T/extra/mote/command"
	{
		cat "$(guest_initrd "$(kernel_dir "$1")" "${guest_modules[@]}")"
		cpio_of "$T/extra"
	} >"$T/initrd"
}

# Replace in a case to add to the guest's command line.
guest_cmdline="console=hvc1 quiet panic=-1 cryptomgr.notests"
# The image to boot: vmlinux or vmlinuz.
guest_image=vmlinux
# Modules to load besides those that every guest loads.
guest_modules=()
# Where hvc0 goes; a case that talks to it changes this.
guest_hvc0=''

start()
{
	local kernel=$1
	shift

	make_initrd "$kernel"
	# A shell's background jobs ignore SIGINT, and mote respects that.
	env --default-signal=INT "$MOTE" run --kernel "$(kernel_dir "$kernel")/$guest_image" \
		--initrd "$T/initrd" --cmdline "$guest_cmdline" \
		--console "${guest_hvc0:-file=$T/hvc0}" \
		--console "file=$T/reports" "$@" 2>"$T/stderr" <&3 &
	mote_pid=$!
}

# start_private KERNEL [MOTE-OPTION...] <script: a guest with private memory. It
# has no console, because consoles are vhost-user devices: what it prints is in
# $T/reports.
start_private()
{
	local kernel=$1
	shift

	mkdir -p "$T/extra/mote"
	touch "$T/extra/mote/kmsg"
	make_initrd "$kernel"
	"$MOTE" run --kernel "$(kernel_dir "$kernel")/$guest_image" \
		--initrd "$T/initrd" --console none \
		--cmdline "earlyprintk=ttyS0,keep printk.devkmsg=on printk.time=0 $(
			)quiet panic=-1 cryptomgr.notests" \
		--early-console "$T/reports" "$@" 2>"$T/stderr" </dev/null &
	mote_pid=$!
}

wait_for_end()
{
	end=0
	wait "$mote_pid" || end=$?
}

# File descriptor 3 is mote's stdin; the script comes on ours.
guest()
{
	{ start "$@"; } 3</dev/null
	wait_for_end
}

guest_private()
{
	start_private "$@"
	wait_for_end
}

expect_end()
{
	expect "exit status of mote" "$end" "$1"
}

guest_status()
{
	tr -d '\r' <"$T/reports" | sed -n 's/^mote-status: //p' | tail -n 1
}

expect_guest()
{
	expect "status of the guest's script" "$(guest_status)" "$1"
}

# Both at once: the usual good end.
expect_success()
{
	expect_guest 0
	expect_end 0
}

# wait_until SECONDS WHAT COMMAND...: poll; fail when it does not come true.
wait_until()
{
	local deadline=$((SECONDS + $1)) what=$2
	shift 2

	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || fail "timed out: $what"
		sleep 0.1
	done
}

# spawn COMMAND...: a server for the case, which has to end it (kill_spawned).
spawn()
{
	"$@" >>"$T/spawned" 2>&1 &
	echo $! >>"$T/spawned.pids"
}

kill_spawned()
{
	local pid

	while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done <"$T/spawned.pids"
	rm "$T/spawned.pids"
	wait
}

show_evidence()
{
	local file

	for file in stderr reports hvc0 spawned; do
		[ -s "$T/$file" ] || continue
		echo "--- $file"
		tail -n 25 "$T/$file" | cut -c1-200
	done
}
