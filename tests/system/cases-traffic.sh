# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-traffic.sh - much traffic, small and large, both ways: all of it
# arrives, or is counted where it was dropped

# --- streams

# Both directions. Large segments cross the tap in one piece (TSO): otherwise
# a packet would have at most 1,514 bytes.
iperf()
{
	net_tap 0
	guest_brings iperf3
	start_guest <<-'END'
	/mote/bin/iperf3 -s >/dev/hvc1 2>&1 &
	sleep 1
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	large_packets tx
	large_packets rx -R
	guest_may_end
	wait_for_end
	expect_success
}
# large_packets tx|rx OPTION...: iperf3, and what the tap saw of it.
large_packets()
{
	local which=$1 bytes packets
	shift

	bytes=$(counter tap0 "${which}_bytes")
	packets=$(counter tap0 "${which}_packets")
	iperf3 -J -n 16M "$@" -c "$(guest_address 0)" >"$T/iperf"
	bytes=$(($(counter tap0 "${which}_bytes") - bytes))
	packets=$(($(counter tap0 "${which}_packets") - packets))
	echo "$which: $bytes bytes in $packets packets"
	at_least "bytes by iperf3 $*" "$(received "$T/iperf")" $((8 << 20))
	at_least "bytes on the tap" "$bytes" $((8 << 20))
	at_least "bytes per packet" $((bytes / packets)) 4000
}
add_case traffic.iperf3 240 iperf

# transfer MIB: so much random data to the guest and as much from it, over TCP.
transfer()
{
	local to_host

	net_tap 0
	start_guest <<-END
	/mote/traffic receive tcp-listen::5001 | md5sum
	mkfifo /tmp/copy
	md5sum </tmp/copy >/tmp/sum &
	dd if=/dev/urandom bs=1M count=$1 iflag=fullblock | tee /tmp/copy |
		/mote/traffic send tcp:$(host_address 0):5002
	wait
	cat /tmp/sum
	END
	head -c "${1}M" /dev/urandom >"$T/data"
	"$TRAFFIC" send "tcp:$(guest_address 0):5001" <"$T/data"
	to_host=$(socat -u TCP-LISTEN:5002 - | tee >(wc -c >"$T/bytes") | sum_of)
	wait_for_end
	expect_success
	expect "checksum in the guest" "$(guest_sum_number 1)" \
		"$(sum_of "$T/data")"
	expect "checksum from the guest" "$to_host" \
		"$(guest_sum_number 2)"
	expect "bytes from the guest" "$(cat "$T/bytes")" $(($1 << 20))
}
add_case traffic.transfer.128M 400 transfer 128
long=1 add_case traffic.transfer.1G 1200 transfer 1024

# --- datagrams

# The guest's counters of what was dropped, as "NAME NUMBER" lines.
guest_drops='
udp_drops()
{
	awk '"'"'/^Udp:/ && $2 ~ /[0-9]/ { print $4 }'"'"' /proc/net/snmp
}
nic_drops()
{
	cat /sys/class/net/eth0/statistics/rx_dropped
}
'

# flood SIZE COUNT: each datagram arrives or is in a counter of drops.
flood()
{
	local sent received lost

	net_tap 0
	start_guest <<-END
	$guest_drops
	/mote/traffic count 5001 2000 >/tmp/count &
	sleep 1
	echo ready
	wait
	cat /tmp/count
	echo "drops \$(udp_drops) \$(nic_drops)"
	/mote/traffic flood $(host_address 0) 5002 $2 $1
	END
	"$TRAFFIC" count 5002 3000 >"$T/count" &
	guest_said ready
	"$TRAFFIC" flood "$(guest_address 0)" 5001 "$2" "$1" >"$T/flood"
	wait_for_end
	wait
	expect_success

	sent=$(awk '{ print $2 }' "$T/flood")
	received=$(awk '/^received/ { print $2 }' "$T/hvc0")
	lost=$(awk '/^drops/ { print $2 + $3 }' "$T/hvc0")
	expect "sent by the host" "$sent" "$2"
	echo "to the guest: $received of $sent, the guest dropped $lost," \
		"the tap $(counter tap0 tx_drop)"
	expect "to the guest, received and dropped" \
		$((received + lost + $(counter tap0 tx_drop))) "$sent"
	at_least "received by the guest" "$received" $((sent / 100))

	sent=$(awk '/^sent/ { print $2 }' "$T/hvc0")
	received=$(awk '{ print $2 }' "$T/count")
	lost=$(awk '/^Udp:/ && $2 ~ /[0-9]/ { print $4 }' /proc/net/snmp)
	echo "to the host: $received of $sent, dropped $lost"
	expect "sent by the guest" "$sent" "$2"
	expect "to the host, received and dropped" $((received + lost)) "$sent"
	at_least "received by the host" "$received" $((sent / 100))
}
add_case traffic.udp.1-byte 240 flood 1 20000
add_case traffic.udp.64-bytes 240 flood 64 20000

# --- packets of other sizes

# mtu BYTES: the guest is told; as much passes and not a byte more.
mtu()
{
	local payload=$(($1 - 28)) ping=(ping -c 3 -W 5 -M "do")

	net_tap 0 ",mtu=$1"
	ip link set tap0 mtu "$1"
	guest_brings ping
	start_guest <<-END
	set -e
	cat /sys/class/net/eth0/mtu
	ping="/mote/bin/ping -c 3 -W 5 -M do"
	\$ping -s $payload $(host_address 0)
	! \$ping -s $((payload + 1)) $(host_address 0) || exit 1
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	"${ping[@]}" -s "$payload" "$(guest_address 0)" ||
		fail "$1 bytes do not pass"
	! "${ping[@]}" -s $((payload + 1)) "$(guest_address 0)" ||
		fail "$(($1 + 1)) bytes pass"
	guest_may_end
	wait_for_end
	expect_success
	expect "the guest's MTU" "$(head -n 1 "$T/hvc0")" "$1"
	expect "answers in the guest" "$(grep -c 'bytes from' "$T/hvc0")" 3
	grep -qiE 'message too long|frag needed' "$T/hvc0" ||
		fail "the larger ping did not fail for its size"
}
add_case traffic.mtu.1400 180 mtu 1400
add_case traffic.mtu.9000 180 mtu 9000

# --- more than one

# nics COUNT: each has its own tap, its own address, its own traffic.
nics()
{
	local n

	for ((n = 0; n < $1; n++)); do
		net_tap "$n"
	done
	start_guest <<-END
	set -e
	n=0
	while [ \$n -lt $1 ]; do
		cat /sys/class/net/eth\$n/address
		ping -c 3 -W 5 -I eth\$n 10.99.\$n.1 >/dev/hvc1
		n=\$((n + 1))
	done
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	for ((n = 0; n < $1; n++)); do
		ping -q -c 3 -W 5 -I "tap$n" "$(guest_address "$n")" ||
			fail "network $n does not answer"
		expect "MAC of eth$n" "$(sed -n "$((n + 1))p" "$T/hvc0")" \
			"$(mac_address "$n")"
		# ARP goes nowhere: what was counted is what was sent.
		at_least "packets on tap$n" "$(counter "tap$n" rx_packets)" 6
	done
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.nics.2 180 nics 2
add_case traffic.nics.8 240 nics 8

# --- vsock

# A context identifier belongs to the whole host, not to a namespace.
free_cid()
{
	echo $((RANDOM + 100000))
}

# vsock_echo MIB: a connection from the host brings it and takes it back.
vsock_echo()
{
	local cid back

	cid=$(free_cid)
	guest_brings_traffic
	head -c "${1}M" /dev/urandom >"$T/data"
	start_guest --vsock "cid=$cid" <<-'END'
	echo ready
	/mote/traffic echo vsock-listen::5001 2>&1
	END
	guest_said ready
	sleep 1
	back=$("$TRAFFIC" exchange "vsock:$cid:5001" <"$T/data" | sum_of)
	wait_for_end
	expect_success
	expect "bytes in the guest" \
		"$(sed -n 's/^bytes //p' "$T/hvc0")" $(($1 << 20))
	expect "checksum" "$back" "$(sum_of "$T/data")"
}
add_case traffic.vsock.echo-100M 300 vsock_echo 100

# vsock_from_guest MIB: connections from the guest, one for each direction.
vsock_from_guest()
{
	local back

	guest_brings_traffic
	head -c "${1}M" /dev/urandom >"$T/data"
	socat -u "FILE:$T/data" VSOCK-LISTEN:5001 &
	socat -u VSOCK-LISTEN:5002 "CREATE:$T/back" &
	start_guest --vsock "cid=$(free_cid)" <<-END
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
add_case traffic.vsock.from-guest-100M 300 vsock_from_guest 100
