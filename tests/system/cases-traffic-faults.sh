# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-traffic-faults.sh - networks that vanish, come back, are passed in or
# refused; interrupts that may not be lost; a monitor that has nothing to do

# Pings the guest's address until the case ends; leaves time for other work.
ping_steadily()
{
	ping -q -i 0.02 "$(guest_address 0)" >/dev/null 2>&1 &
}

answers_ping()
{
	ping -q -c 1 -W 2 "$(guest_address 0)" >/dev/null
}

# --- what happens to the tap

# The tap is deleted under traffic in both directions: the guest sees its cable
# pulled, and everything but the network goes on.
tap_deleted()
{
	guest_hvc0=socket=$T/console.sock
	net_tap 0
	start_guest <<-END
	while :; do
		/mote/traffic flood $(host_address 0) 5002 1000 64
	done >/dev/null 2>&1 &
	echo carrier \$(cat /sys/class/net/eth0/carrier)
	read -r line
	tries=0
	while [ "\$(cat /sys/class/net/eth0/carrier)" != 0 ] &&
		[ \$tries -lt 100 ]; do
		usleep 100000
		tries=\$((tries + 1))
	done
	echo "got \$line, carrier \$(cat /sys/class/net/eth0/carrier)"
	sleep 2
	END
	wait_until 90 "the guest is ready" grep -qs mote-ready "$T/reports"
	wait_until 30 "the guest answers" answers_ping
	ping_steadily
	sleep 1
	at_least "packets from the guest" "$(counter tap0 rx_packets)" 50
	ip link del tap0
	sleep 1
	kill -0 "$mote_pid" || fail "the monitor went with the tap"
	printf '6\nhello\n0\n' |
		socat -t 20 - "UNIX-CONNECT:$T/console.sock" >"$T/client"
	wait_for_end
	expect_success
	grep -q "got hello, carrier 0" "$T/client" ||
		fail "from the guest: $(cat "$T/client")"
	expect "lines about it" "$(grep -c net0 "$T/stderr")" 1
	grep -q "net0 .*tap0 has gone" "$T/stderr" ||
		fail "nothing was said about net0"
}
add_case traffic.tap-deleted 240 tap_deleted

# Down and up again, three times, under traffic.
down_up()
{
	local round

	net_tap 0
	start_guest <<-'END'
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	ping_steadily
	for round in 1 2 3; do
		wait_until 10 "the guest answers, round $round" answers_ping
		ip link set tap0 down
		! answers_ping || fail "answers although the tap is down"
		ip link set tap0 up
		ip neigh replace "$(guest_address 0)" nud permanent dev tap0 \
			lladdr "$(mac_address 0)"
	done
	wait_until 10 "the guest answers in the end" answers_ping
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.down-up 240 down_up

# The driver goes and comes back ten times while the host pings and floods.
reload_under_traffic()
{
	net_tap 0
	start_guest <<-END
	for round in 1 2 3 4 5 6 7 8 9 10; do
		rmmod virtio_net || exit 1
		insmod /modules/virtio_net.ko || exit 1
		ip addr add $(guest_address 0)/24 dev eth0
		ip link set eth0 up
		ping -q -c 1 -W 10 $(host_address 0) >/dev/null || exit 1
		echo "round \$round"
		usleep 300000
	done
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	wait_until 90 "the guest is ready" grep -qs mote-ready "$T/reports"
	ping_steadily
	while :; do
		"$TRAFFIC" flood "$(guest_address 0)" 5001 200 1000 || true
		sleep 0.1
	done >/dev/null 2>&1 &
	guest_said ready 200
	answers_ping || fail "no answer after the last round"
	guest_may_end
	wait_for_end
	expect_success
	expect "rounds" "$(grep -c '^round' "$T/hvc0")" 10
}
add_case traffic.reload-10 300 reload_under_traffic

# --- where a tap comes from

pass_tap=$MOTE_TOP/tests/system/pass-tap

# passed OPTION...: mote gets descriptors that pass-tap opened for it.
passed()
{
	local mote=$MOTE

	net_tap 0
	guest_brings_traffic
	printf '#!/bin/sh\nexec %s tap0 %s -- %s "$@"\n' "$pass_tap" "$*" \
		"$mote" >"$T/mote"
	chmod +x "$T/mote"
	MOTE=$T/mote
	net=(--net "tapfd=10$([ $# -eq 0 ] || echo ,vhostfd=11),mac=$(
		mac_address 0)")
	start_guest <<-END
	ping -c 3 -W 5 $(host_address 0) >/dev/hvc1 || exit 1
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	answers_ping || fail "the guest does not answer"
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.tapfd 180 passed
add_case traffic.tapfd-vhostfd 180 passed --vhost

# A macvtap on one end of a pair; the other end is in a namespace of its own.
macvtap()
{
	local peer

	modprobe macvtap
	# A view of this namespace's interfaces, and a /dev entry to go with it.
	mount -t sysfs sysfs /sys
	ip link add lower type veth peer name peer
	ip link add link lower name vtap0 address "$(mac_address 0)" \
		type macvtap mode bridge
	ip link set lower up
	ip link set vtap0 up
	unshare --net sleep 600 &
	peer=$!
	wait_until 10 "the namespace of the peer" other_network "$peer"
	ip link set peer netns "$peer"
	nsenter --net="/proc/$peer/ns/net" ip addr add 10.99.0.1/24 dev peer
	nsenter --net="/proc/$peer/ns/net" ip link set peer up
	guest_brings_traffic
	set_up_guest_end 0
	net=(--net macvtap=vtap0)
	start_guest <<-END
	cat /sys/class/net/eth0/address
	ping -c 3 -W 5 10.99.0.1 >/dev/hvc1 || exit 1
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	nsenter --net="/proc/$peer/ns/net" ping -q -c 3 -W 5 10.99.0.2 ||
		fail "the guest does not answer"
	nsenter --net="/proc/$peer/ns/net" "$TRAFFIC" send tcp:10.99.0.2:4999 \
		</dev/null
	wait_for_end
	expect_success
	expect "the guest's MAC" "$(head -n 1 "$T/hvc0")" "$(mac_address 0)"
}
other_network()
{
	! [ "/proc/$1/ns/net" -ef /proc/self/ns/net ]
}
add_case traffic.macvtap 180 macvtap

# --- what is refused

# refused STATUS PATTERN PREFIX... -- OPTION...: mote ends at once, and says so.
refused()
{
	local wanted=$1 pattern=$2 prefix=() end=0
	shift 2

	while [ "$1" != -- ]; do
		prefix+=("$1")
		shift
	done
	shift
	timeout 20 "${prefix[@]}" "$MOTE" run --console none \
		--kernel "$(kernel_dir cloud)/vmlinux" "$@" \
		>"$T/refusal" 2>&1 </dev/null || end=$?
	echo "$* -> $end: $(cat "$T/refusal")"
	expect "exit status of mote run $*" "$end" "$wanted"
	grep -qE -- "$pattern" "$T/refusal" ||
		fail "mote run $*: no '$pattern' in the message"
	at_most "lines of the message" "$(wc -l <"$T/refusal")" 2
}

# May read the kernel, wherever the cache is; has no other right.
ordinary_user=(setpriv --reuid 65534 --regid 65534 --clear-groups
	--inh-caps +dac_read_search --ambient-caps +dac_read_search)

refuse_tap()
{
	local user=("${ordinary_user[@]}")
	local less=(setpriv --bounding-set -net_admin)

	chmod 755 "$T"
	ip tuntap add dev tap0 mode tap user 0
	refused 1 'lo.*(tap|TAP)' -- --net tap=lo
	refused 1 '(absent|new0).*CAP_NET_ADMIN' "${less[@]}" -- --net tap=new0
	own_device kvm 666
	own_device net/tun 666
	refused 1 'tap0.*another user' "${user[@]}" -- --net tap=tap0
	ip tuntap add dev tap1 mode tap user 65534
	refused 1 'vhost-net.*65534' "${user[@]}" -- --net tap=tap1
	refused 1 'new0.*CAP_NET_ADMIN' "${user[@]}" -- --net tap=new0
	refused 2 'tap' -- --net tap=
	refused 1 'a_name_of_16_chr.*15' -- --net tap=a_name_of_16_chr
	refused 2 'mac' -- --net tap=tap0,mac=12:34
	refused 2 'mac' -- --net tap=tap0,mac=01:00:00:00:00:01
	refused 2 'mtu' -- --net tap=tap0,mtu=12
	refused 1 'nowhere' -- --net macvtap=nowhere
	refused 1 '(99|descriptor)' -- --net tapfd=99
	exec 9</dev/null
	refused 1 '(9|descriptor)' -- --net tapfd=9
}
add_case traffic.refused.tap 120 refuse_tap

refuse_cid()
{
	local cid

	for cid in 0 1 2 4294967295 4294967296 -1 twelve ''; do
		refused 2 "cid" -- --vsock "cid=$cid"
	done
}
add_case traffic.refused.cid 60 refuse_cid

# A tap has one user: the second is told, the first is not disturbed.
tap_busy()
{
	net_tap 0
	start_guest <<-'END'
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	refused 1 'tap0.*(busy|use)' -- --net tap=tap0
	wait_until 5 "the first still answers" answers_ping
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.refused.busy 180 tap_busy

# An ordinary user whose tap it is may use it.
tap_of_user()
{
	chmod 777 "$T"
	own_device kvm 666
	own_device vhost-net 666
	own_device net/tun 666
	net_tap 0
	ip link del tap0
	ip tuntap add dev tap0 mode tap user 65534
	set_up_interface tap0 0
	printf '#!/bin/sh\nexec %s "$@"\n' "${ordinary_user[*]} $MOTE" \
		>"$T/mote"
	chmod 755 "$T/mote"
	MOTE=$T/mote
	start_guest <<-'END'
	echo ready
	/mote/traffic receive tcp-listen::4999
	END
	guest_said ready
	answers_ping || fail "the guest does not answer"
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.tap-of-user 180 tap_of_user

# --- interrupts

# Busy for a while and idle for a while, so that interrupts come to a CPU that
# works, one that sleeps, and one that is about to.
burn='while :; do
	n=0
	while [ $n -lt 500 ]; do n=$((n + 1)); done
	sleep 0.01
done'

# wakeups COUNT MOVE: one datagram under way at a time, so that each needs every
# notification and every interrupt. Nothing is sent twice, so one that is lost
# is an answer that does not come. Both sides are busy otherwise, and after
# every MOVEth answer the guest moves the interrupts to its other CPU.
wakeups()
{
	local n started

	net_tap 0
	echo "$burn" >"$T/extra/mote/burn"
	start_guest --cpus 2 <<-END
	lines=\$(awk '/virtio/ { sub(":", "", \$1); print \$1 }' /proc/interrupts)
	for cpu in 0 1; do
		nice -n 19 sh /mote/burn &
	done
	echo ready
	/mote/traffic answer 5001 $2 \$lines
	grep virtio /proc/interrupts >/dev/hvc1
	END
	guest_said ready
	for n in 0 1; do
		nice -n 19 sh -c "$burn" &
	done
	sleep 1
	started=$SECONDS
	"$TRAFFIC" ask "$(guest_address 0)" 5001 "$1" 64 5000 >"$T/asked" ||
		fail "answers were lost: $(cat "$T/asked")"
	echo "$(cat "$T/asked"), $((SECONDS - started)) s"
	wait_for_end
	expect_success
	expect "asked" "$(awk '{ print $2, $3, $4 }' "$T/asked")" "$1 lost 0"
	expect "answered" "$(awk '/^answered/ { print $2 }' "$T/hvc0")" "$1"
	at_least "moves" "$(awk '/^answered/ { print $4 }' "$T/hvc0")" \
		$(($1 / ($2 + 1)))
	# Without it the interrupts would not have been tested.
	tr -d '\r' <"$T/reports" | awk '
		/virtio/ && $2 >= 100 && $3 >= 100 { both = 1 }
		END { exit !both }' ||
		fail "the interrupts stayed on one CPU"
}
add_case traffic.wakeups.3k 600 wakeups 3000 7
long=1 add_case traffic.wakeups.100k 7200 wakeups 100000 64
long=1 add_case traffic.wakeups.1M 43200 wakeups 1000000 64

# --- the monitor

# The monitor's threads but the vCPUs and the kernel's own.
monitor_ticks()
{
	awk '{
		name = $0
		sub(/^[^(]*\(/, "", name)
		sub(/\).*/, "", name)
		sub(/^.*\) /, "")
		if (name !~ /^(vcpu|vhost)/)
			ticks += $12 + $13
	} END { print ticks + 0 }' /proc/"$mote_pid"/task/*/stat
}

start_under_load()
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
	sleep 2
}

# idle SECONDS: of iperf3, with a ping now and then; not a tick of the clock.
idle()
{
	local before how

	start_under_load
	before=$(monitor_ticks)
	for how in "" -R; do
		# shellcheck disable=SC2086
		iperf3 -J -t $(($1 / 2)) $how -c "$(guest_address 0)" \
			>"$T/iperf$how.json"
		at_least "bytes with iperf3 $how" "$(received \
			"$T/iperf$how.json")" $((10 << 20))
	done
	expect "ticks of the monitor" "$(monitor_ticks)" "$before"
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.monitor-idle.10s 240 idle 10
long=1 add_case traffic.monitor-idle.60s 400 idle 60

# No system call of any thread while packets flow: the vCPUs stay in KVM_RUN.
no_system_calls()
{
	local strace before after

	start_under_load
	ping_steadily
	strace -f -ttt -p "$mote_pid" -o "$T/strace" 2>"$T/strace.err" &
	strace=$!
	wait_until 20 "strace is attached" grep -q attached "$T/strace.err"
	sleep 2
	before=$(date +%s.%N) packets=$(counter tap0 tx_packets)
	iperf3 -t 3 -c "$(guest_address 0)" >/dev/null
	after=$(date +%s.%N)
	at_least "packets meanwhile" $(($(counter tap0 tx_packets) - packets)) \
		1000
	kill "$strace"
	wait "$strace" || true
	awk -v begin="$before" -v end="$after" \
		'$2 > begin && $2 < end' "$T/strace" >"$T/calls"
	[ ! -s "$T/calls" ] ||
		fail "system calls: $(wc -l <"$T/calls"): $(head -n 5 "$T/calls")"
	guest_may_end
	wait_for_end
	expect_success
}
add_case traffic.no-system-calls 240 no_system_calls
