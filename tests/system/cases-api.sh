# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-api.sh - VMs that are made by requests to the API (tests/api has the
# clients), with a stock kernel

# What every guest does: a power button reboots it; who connects to port 10789
# says what to do.
agent()
{
	cat <<-'END'
	mkdir -p /etc/acpi/PWRF
	cat >/etc/acpi/PWRF/00000080 <<-'HANDLER'
	#!/bin/sh
	echo "button pressed" >/dev/hvc0
	reboot -f
	HANDLER
	chmod +x /etc/acpi/PWRF/00000080
	acpid -d >/dev/null 2>&1 &
	until ls -l /proc/$!/fd | grep -q input/event; do
		usleep 100000
	done
	echo "agent up"
	until [ -e /dev/vsock ]; do
		sleep 1
	done
	while :; do
		/mote/traffic receive vsock-listen::10789 >/tmp/order \
			2>/dev/null
		sh /tmp/order
	done
	END
}

# api SCRIPT NAME: tests/api/SCRIPT NAME, in the case's directory
api()
{
	guest_modules=("${BUTTON_MODULES[@]}")
	guest_brings_traffic
	make_initrd cloud < <(agent)
	ip tuntap add dev tap0 mode tap
	python3 -B "$MOTE_TOP/tests/api/$1" "$2" "$MOTE" \
		"$(kernel_dir cloud)/vmlinux" "$T/initrd"
}
for client in go-sdk firectl kata-go kata-rust containerd; do
	add_case "api.replay.$client" 150 api replay.py "$client"
done
for name in pause drives power-button config-file events metrics \
	backend-killed; do
	add_case "api.$name" 150 api cases.py "$name"
done
add_case api.ends 200 api cases.py ends
