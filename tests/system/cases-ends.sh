# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-ends.sh - however a guest ends, the exit status tells; and whoever is
# killed, nothing stays behind

# ends KERNEL HOW STATUS
ends()
{
	local how=$2

	case $how in
	reboot-acpi) guest_cmdline+=" reboot=a" ;;
	reboot-i8042) guest_cmdline+=" reboot=k" ;;
	triple-fault) guest_cmdline+=" reboot=t" ;;
	panic) guest_cmdline+=" panic=0" ;;
	esac
	guest "$1" --cpus 2 --memory 256M <<-END
	case $how in
	poweroff) poweroff -f ;;
	panic) echo c >/proc/sysrq-trigger ;;
	*) reboot -f ;;
	esac
	sleep 30
	END
	expect_end "$3"
}
for kernel in cloud generic 6.12; do
	add_case "ends.$kernel.poweroff" 60 ends "$kernel" poweroff 0
	add_case "ends.$kernel.reboot-acpi" 60 ends "$kernel" reboot-acpi 3
	add_case "ends.$kernel.reboot-i8042" 60 ends "$kernel" reboot-i8042 3
	add_case "ends.$kernel.triple-fault" 60 ends "$kernel" triple-fault 5
	add_case "ends.$kernel.panic" 60 ends "$kernel" panic 4
done

# A guest that is up and idle, with a disk, for the cases below.
start_idle_guest()
{
	truncate -s 16M "$T/disk"
	{ start cloud --disk "$T/disk" <<-'END'; } 3</dev/null
	echo up
	sleep 1000
	END
	wait_until 60 "the guest is up" grep -qs up "$T/hvc0"
}

signal_ends()
{
	start_idle_guest
	kill "-$1" "$mote_pid"
	wait_for_end
	expect_end 6
}
add_case ends.sigterm 90 signal_ends TERM
add_case ends.sigint 90 signal_ends INT

# SIGUSR1 presses the power button. The guest must not see a press that nobody
# made, when its driver unmasks the interrupt, and must see each that was.
power_button()
{
	guest_modules=("${BUTTON_MODULES[@]}")
	{ start "$1" --cpus 2 --memory 256M <<-'END'; } 3</dev/null
	mkdir -p /etc/acpi/PWRF
	cat >/etc/acpi/PWRF/00000080 <<-'HANDLER'
	#!/bin/sh
	echo press >>/tmp/presses
	set -- $(cat /tmp/presses)
	echo "presses: $#" >/dev/hvc0
	[ $# -lt 3 ] || poweroff -f
	HANDLER
	chmod +x /etc/acpi/PWRF/00000080
	acpid -d &
	until ls -l /proc/$!/fd | grep -q input/event; do
		usleep 100000
	done
	awk '/ACPI:Ged/ { print "interrupts:", $2 + $3 }' /proc/interrupts
	echo up
	sleep 1000
	END
	wait_until 60 "the guest is up" grep -qs up "$T/hvc0"
	for press in 1 2; do
		kill -USR1 "$mote_pid"
		wait_until 20 "press $press is seen" \
			grep -q "presses: $press" "$T/hvc0"
	done
	kill -USR1 "$mote_pid"
	wait_for_end
	expect_end 0
	expect "interrupts before" "$(tr -d '\r' <"$T/hvc0" |
		sed -n 's/^interrupts: //p')" 0
}
for kernel in cloud generic 6.12; do
	add_case "ends.$kernel.power-button" 90 power_button "$kernel"
done

# A guest without a driver does not care, and neither do mote's processes.
unseen_power_button()
{
	local spawner

	start_idle_guest
	spawner=$(pgrep -P "$mote_pid")
	# shellcheck disable=SC2046
	kill -USR1 $(pgrep -P "$spawner") "$spawner" "$mote_pid"
	sleep 1
	kill -TERM "$mote_pid"
	wait_for_end
	expect_end 6
	expect "what mote says about it" "$(cat "$T/stderr")" ""
}
add_case ends.power-button-unseen 90 unseen_power_button

no_power_button()
{
	{ start tiny --platform cmdline <<-'END'; } 3</dev/null
	echo up
	sleep 1000
	END
	wait_until 60 "the guest is up" grep -qs up "$T/hvc0"
	kill -USR1 "$mote_pid"
	wait_until 10 "mote says so" grep -q "no power button" "$T/stderr"
	kill -TERM "$mote_pid"
	wait_for_end
	expect_end 6
}
add_case ends.power-button-without-acpi 90 no_power_button

# A service manager or Ctrl-C on a terminal reaches every process at once. That
# is no failure of any of them.
everyone_signalled()
{
	local spawner

	start_idle_guest
	spawner=$(pgrep -P "$mote_pid")
	# shellcheck disable=SC2046
	kill "-$1" $(pgrep -P "$spawner") "$spawner" "$mote_pid"
	wait_for_end
	expect_end 6
	expect "what mote says about it" "$(cat "$T/stderr")" ""
}
add_case ends.sigterm-to-all 90 everyone_signalled TERM
add_case ends.sigint-to-all 90 everyone_signalled INT

# Nobody loads a driver, so nothing was ever seen of the guest.
no_initrd()
{
	local end=0

	truncate -s 1M "$T/disk"
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --console none \
		--disk "$T/disk" --cmdline "panic=-1 cryptomgr.notests" \
		2>"$T/stderr" || end=$?
	expect "exit status of mote" "$end" 3
	grep -q -- --early-console "$T/stderr" ||
		fail "nothing says where the messages are"
}
add_case ends.no-initrd 60 no_initrd

# The processes that belong to the guest, by role: mote's children.
role_pids()
{
	pgrep -f -x ".*mote $1.*" | grep -vx "$mote_pid" || true
}

# Every backend is killed in turn. The VM may lose the device, never its life.
backend_killed()
{
	local pid

	start_idle_guest
	pid=$(role_pids "$1" | head -n 1)
	[ -n "$pid" ] || fail "no process of role $1"
	kill -9 "$pid"
	wait_until 10 "mote logs the loss" grep -q . "$T/stderr"
	sleep 1
	kill -0 "$mote_pid" || fail "the monitor went with its backend"
	kill -TERM "$mote_pid"
	wait_for_end
	expect_end 6
}
add_case ends.block-killed 90 backend_killed block
add_case ends.console-killed 90 backend_killed console

monitor_killed()
{
	start_idle_guest
	kill -9 "$mote_pid"
	wait_for_end
	expect_end 137
	wait_until 10 "its children notice" no_mote_left
}
no_mote_left()
{
	! pgrep -x mote >/dev/null
}
add_case ends.monitor-killed 90 monitor_killed
