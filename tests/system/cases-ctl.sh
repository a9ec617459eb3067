# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-ctl.sh - the life of a VM by the verbs of mote ctl

ctl()
{
	"$MOTE" ctl "$T/vm.sock" "$@"
}

serve_api()
{
	"$MOTE" --api-sock "$T/vm.sock" --level Warn --log-path "$T/stderr" \
		</dev/null >/dev/null &
	mote_pid=$!
	wait_until 10 "the API answers" ctl version >"$T/version" 2>&1
}

# configure KERNEL: two CPUs, a disk, hvc0 in a file.
configure()
{
	ctl put serial "{\"serial_out_path\": \"$T/hvc0\"}"
	ctl put machine-config '{"vcpu_count": 2, "mem_size_mib": 256}'
	ctl put boot-source @- <<-JSON
	{"kernel_image_path": "$(kernel_dir "$1")/$guest_image",
	 "initrd_path": "$T/initrd",
	 "boot_args": "console=hvc0 quiet panic=-1 cryptomgr.notests"}
	JSON
	truncate -s 16M "$T/disk"
	truncate -s 24M "$T/other"
	ctl put drives/data "{\"drive_id\": \"data\", \"is_root_device\": false,
		\"path_on_host\": \"$T/disk\"}"
}

says()
{
	grep -qs "$1" "$T/hvc0"
}

types_of_events()
{
	sed -n 's/.*"type":"\([a-z-]*\)".*/\1/p' "$T/events" |
		grep -xE 'started|paused|resumed|disk-swapped|power-button|ended' |
		paste -sd ' '
}

life()
{
	local follower

	guest_modules=("${BUTTON_MODULES[@]}")
	make_initrd "$1" <<-'END'
	mkdir -p /etc/acpi/PWRF
	printf '#!/bin/sh\npoweroff -f\n' >/etc/acpi/PWRF/00000080
	chmod +x /etc/acpi/PWRF/00000080
	acpid -d &
	until ls -l /proc/$!/fd | grep -q input/event; do
		usleep 100000
	done
	echo up
	until [ "$(cat /sys/block/vda/size)" = 49152 ]; do
		usleep 100000
	done
	echo bigger
	sleep 1000
	END
	serve_api
	ctl events --follow >"$T/events" &
	follower=$!
	configure "$1"
	ctl start
	wait_until 60 "the guest is up" says up
	ctl status >"$T/status"
	grep -q "data .*$T/disk (in use)" "$T/status" || fail "$(cat "$T/status")"
	ctl pause
	expect "state" "$(ctl status | awk '/^state/ { print $2 }')" Paused
	ctl resume
	(cd "$T" && ctl swap-disk data other)
	wait_until 20 "the guest sees the other disk" says bigger
	ctl metrics --prometheus | grep -q '^mote_vcpu_exits_total' ||
		fail "no metrics"
	ctl stop --timeout 60
	wait_for_end
	expect_end 0
	wait "$follower" || fail "events ended with $?"
	expect "events" "$(types_of_events)" \
		"started paused resumed disk-swapped power-button ended"
	[ ! -e "$T/vm.sock" ] || fail "the socket is still there"
}
for kernel in cloud 6.12; do
	add_case "ctl.$kernel.life" 120 life "$kernel"
done

# A guest that does not know the button.
unseen_stop()
{
	make_initrd cloud <<-'END'
	echo up
	sleep 1000
	END
	serve_api
	configure cloud
	ctl start
	wait_until 60 "the guest is up" says up
	! ctl stop --timeout 2 2>"$T/said" || fail "stop succeeds"
	grep -q "not ended within 2 s" "$T/said" || fail "$(cat "$T/said")"
	ctl stop --force
	wait_for_end
	expect_end 0
}
add_case ctl.stop-unseen 120 unseen_stop
