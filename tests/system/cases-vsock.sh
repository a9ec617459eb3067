# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-vsock.sh - sockets between host and guest on Unix sockets (mote vsock);
# those of the kernel's vhost-vsock are in cases-net.sh and cases-traffic.sh

# dial PATH PORT <data: what the guest's port sends back. Its first line, from
# the backend, goes to $T/ok; it is empty when the guest refuses.
dial()
{
	{
		echo "CONNECT $2"
		cat
	} | socat -t 120 - "UNIX-CONNECT:$1" | {
		IFS= read -r line || true
		echo "$line" >"$T/ok"
		cat
	}
}

# uds_echo KERNEL MIB: a connection from the host brings it and takes it back.
# Nobody is behind other ports, on either side.
uds_echo()
{
	local back

	guest_brings_traffic
	head -c "${2}M" /dev/urandom >"$T/data"
	{
		start "$1" --memory 256M --vsock "uds=$T/v" <<-'END'
		set -e
		! /mote/traffic send vsock:2:9 </dev/null || exit 1
		echo ready
		/mote/traffic echo vsock-listen::5001 2>&1
		END
	} 3</dev/null
	guest_said ready
	sleep 1
	dial "$T/v" 6666 </dev/null >"$T/refused"
	expect "answer of a port nobody has" "$(cat "$T/ok" "$T/refused")" ""
	back=$(dial "$T/v" 5001 <"$T/data" | sum_of)
	wait_for_end
	expect_success
	grep -qE '^OK [0-9]+$' "$T/ok" || fail "answer: $(cat "$T/ok")"
	expect "bytes in the guest" \
		"$(sed -n 's/^bytes //p' "$T/hvc0")" $(($2 << 20))
	expect "checksum" "$back" "$(sum_of "$T/data")"
	[ ! -e "$T/v" ] || fail "the socket is still there"
}
add_case vsock.uds.echo-100M 300 uds_echo cloud 100
add_case vsock.uds.echo-6.12 240 uds_echo 6.12 8

# uds_from_guest MIB: connections from the guest, one for each direction.
uds_from_guest()
{
	guest_brings_traffic
	head -c "${1}M" /dev/urandom >"$T/data"
	socat -u "FILE:$T/data" "UNIX-LISTEN:$T/v_5001" &
	socat -u "UNIX-LISTEN:$T/v_5002" "CREATE:$T/back" &
	start_guest --vsock "uds=$T/v,cid=0" <<-END
	/mote/traffic receive vsock:2:5001 | md5sum
	mkfifo /tmp/copy
	md5sum </tmp/copy &
	dd if=/dev/urandom bs=1M count=$1 iflag=fullblock | tee /tmp/copy |
		/mote/traffic send vsock:2:5002
	wait
	END
	wait_for_end
	expect_success
	expect "checksum in the guest" "$(guest_sum_number 1)" \
		"$(sum_of "$T/data")"
	expect "checksum from the guest" "$(sum_of "$T/back")" \
		"$(guest_sum_number 2)"
	expect "bytes from the guest" "$(stat -c %s "$T/back")" $(($1 << 20))
}
add_case vsock.uds.from-guest-100M 300 uds_from_guest 100

# Two VMs with the same address: each has its own socket.
uds_same_cid()
{
	local first

	guest_brings_traffic
	start_listener
	first=$mote_pid
	mkdir "$T/second"
	T=$T/second
	guest_brings_traffic
	start_listener
	guest_said ready
	T=${T%/second} mote_pid=$first guest_said ready
	sleep 1
	echo "for the second" | dial "$T/v" 5001
	wait_for_end
	expect_success
	grep -q 'for the second' "$T/hvc0" || fail "not in the second guest"
	T=${T%/second} mote_pid=$first
	echo "for the first" | dial "$T/v" 5001
	wait_for_end
	expect_success
	grep -q 'for the first' "$T/hvc0" || fail "not in the first guest"
}
start_listener()
{
	start_guest --vsock "uds=$T/v,cid=3" <<-'END'
	echo ready
	/mote/traffic receive vsock-listen::5001 2>/dev/null
	END
}
add_case vsock.uds.same-cid 200 uds_same_cid

# The device is lost, the VM is not.
uds_killed()
{
	local pid lines

	guest_brings_traffic
	start_guest --vsock "uds=$T/v" <<-'END'
	echo ready
	/mote/traffic echo vsock-listen::5001 >/dev/null 2>&1 &
	while sleep 0.2; do echo tick; done
	END
	guest_said tick
	sleep 1
	mkfifo "$T/input"
	dial "$T/v" 5001 <"$T/input" >"$T/output" &
	exec 8>"$T/input"
	echo hello >&8
	wait_until 30 "the guest answers" grep -qs hello "$T/output"
	pid=$(pgrep -f -x '.*mote vsock.*|vsock .*' | head -n 1)
	[ -n "$pid" ] || fail "no process of role vsock"
	kill -9 "$pid"
	wait_until 10 "mote logs the loss" grep -q vsock0 "$T/stderr"
	lines=$(wc -l <"$T/hvc0")
	sleep 3
	at_least "lines of the guest since" \
		$(($(wc -l <"$T/hvc0") - lines)) 2
	! socat -u /dev/null "UNIX-CONNECT:$T/v" 2>/dev/null ||
		fail "somebody still listens"
	kill -TERM "$mote_pid"
	wait_for_end
	expect_end 6
}
add_case vsock.uds.killed 150 uds_killed
