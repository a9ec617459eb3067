# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-net.sh - devices of the kernel's vhost: network cards on taps, sockets,
# SCSI targets

# make_tap NAME ADDRESS: up, with an address of the host.
make_tap()
{
	ip tuntap add "$1" mode tap
	ip addr add "$2" dev "$1"
	ip link set "$1" up
}

# The guest's half of it, for the beginning of a script.
net_up='ip link set eth0 up && ip addr add 10.77.0.2/24 dev eth0'

# Tell the guest, which waits in "nc -l -p 7", to go on.
release_guest()
{
	busybox nc -w 5 10.77.0.2 7 </dev/null || true
}

reports_have()
{
	grep -q "$1" "$T/reports"
}

# ping_both_ways KERNEL
ping_both_ways()
{
	make_tap mote0 10.77.0.1/24
	{
		start "$1" --net tap=mote0 <<-END
		set -e
		$net_up
		ping -c 5 10.77.0.1
		cat /sys/class/net/eth0/address >/dev/hvc1
		echo net-up >/dev/hvc1
		nc -l -p 7
		END
	} 3</dev/null
	wait_until 90 "the guest's ping" reports_have net-up
	busybox ping -c 5 10.77.0.2 || fail "no answer from the guest"
	release_guest
	wait_for_end
	expect_success
	grep -q '5 packets received' "$T/hvc0" || fail "packets of the guest"
	reports_have '^02:' || fail "the address is not a local one"
}
for kernel in cloud generic 6.12; do
	add_case "net.$kernel.ping" 150 ping_both_ways "$kernel"
done

# No vhost-user device at all: memory is anonymous.
private_memory()
{
	local answer=''

	make_tap mote0 10.77.0.1/24
	make_initrd cloud <<-END
	$net_up
	nc -l -p 7
	END
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" \
		--initrd "$T/initrd" --cmdline "quiet panic=-1" \
		--memory 128M,sharing=private --net tap=mote0 2>"$T/stderr" &
	mote_pid=$!
	wait_until 120 "the guest answers" busybox ping -c 1 -W 1 10.77.0.2
	! grep -q memfd "/proc/$mote_pid/maps" || fail "memory is a memfd"
	release_guest
	wait_for_end
	expect_end 0
}
add_case net.private 180 private_memory

# The guest's link follows the interface's; when that goes, all else goes on.
link_follows()
{
	make_tap mote0 10.77.0.1/24
	{
		start cloud --net tap=mote0 <<-END
		set -e
		$net_up
		changes=0 last=x
		while [ \$changes -lt 4 ]; do
			now=\$(cat /sys/class/net/eth0/carrier)
			if [ "\$now" != "\$last" ]; then
				changes=\$((changes + 1))
				echo "change-\$changes-\$now" >/dev/hvc1
			fi
			last=\$now
			usleep 20000
		done
		rmmod virtio_net
		insmod /modules/virtio_net.ko
		ip link set eth0 up
		cat /sys/class/net/eth0/carrier
		END
	} 3</dev/null
	wait_until 90 "link up" reports_have change-1-1
	ip link set mote0 down
	wait_until 30 "link down" reports_have change-2-0
	ip link set mote0 up
	wait_until 30 "link up again" reports_have change-3-1
	ip link del mote0
	wait_until 30 "link down for good" reports_have change-4-0
	wait_for_end
	expect_success
	expect "link of a driver loaded later" "$(cat "$T/hvc0")" 0
	expect "lines about it" "$(grep -c 'has gone' "$T/stderr")" 1
}
add_case net.link 180 link_follows

# The driver goes and comes while frames keep arriving.
reload_driver()
{
	make_tap mote0 10.77.0.1/24
	ip neigh replace 10.77.0.2 lladdr 02:00:00:00:00:02 dev mote0
	spawn bash -c 'while :; do
		printf %1000d 0 >/dev/udp/10.77.0.2/9
	done'
	guest cloud --net tap=mote0,mtu=1400,mac=02:00:00:00:00:02 <<-END
	set -e
	for round in 1 2 3 4 5; do
		$net_up
		cat /sys/class/net/eth0/mtu
		ping -c 2 10.77.0.1 >/dev/null
		rmmod virtio_net
		insmod /modules/virtio_net.ko
	done
	END
	kill_spawned
	expect_success
	expect "MTU each time" "$(sort -u "$T/hvc0")" 1400
	expect "rounds" "$(wc -l <"$T/hvc0")" 5
}
add_case net.reload 150 reload_driver

# A macvtap, by its name or as descriptors that mote inherits.
macvtap()
{
	local index status=0

	# A view of this namespace's interfaces.
	mount -t sysfs sysfs /sys
	ip link add mote0 type veth peer name mote1
	ip addr add 10.77.0.1/24 dev mote1
	ip link set mote0 up
	ip link set mote1 up
	ip link add link mote0 name mote2 type macvtap mode bridge
	ip link set mote2 up
	# Whoever has it open gets some of the frames.
	index=$(cat /sys/class/net/mote2/ifindex)
	case $1 in
	tapfd=*) exec 5<>"/dev/tap$index" 6<>/dev/vhost-net ;;
	esac
	guest cloud --net "$1" <<-END
	set -e
	$net_up
	ping -c 3 10.77.0.1 >/dev/null
	cat /sys/class/net/eth0/address
	END
	expect_success
	expect "address" "$(cat "$T/hvc0")" "$(cat /sys/class/net/mote2/address)"
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --console none \
		--net macvtap=mote2,mac=02:00:00:00:00:01 2>"$T/stderr" || status=$?
	expect "exit status for another address" "$status" 1
	grep -q "only takes frames for its own" "$T/stderr" ||
		fail "message: $(cat "$T/stderr")"
}
add_case net.macvtap 120 macvtap macvtap=mote2
add_case net.tapfd 120 macvtap tapfd=5,vhostfd=6

# /dev/tap60 is the first one's, and connects to its network.
macvtap_elsewhere()
{
	local made="ip link add mote0 index 50 type veth peer mote1 index 51 &&
		ip link add link mote0 name mote2 index 60 type macvtap &&
		ip link set mote0 up && ip link set mote2 up"

	spawn unshare --net sh -c "$made && : >'$T/made' && exec sleep 1000"
	wait_until 10 "a macvtap elsewhere" test -e "$T/made"
	sh -c "$made" || fail "a macvtap here"
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --console none \
		--cmdline panic=-1 --net macvtap=mote2 2>"$T/stderr" &&
		fail "the macvtap of another namespace was taken"
	grep -q "mote2.*/dev/tap60 is that of another" "$T/stderr" ||
		fail "message: $(cat "$T/stderr")"
	kill_spawned
}
add_case net.macvtap.elsewhere 60 macvtap_elsewhere

# What a user without privileges is told, and what works for one.
permissions()
{
	local as=(setpriv --reuid 1000 --regid 1000 --clear-groups)
	local end=0

	cp "$(kernel_dir cloud)/vmlinux" "$T/vmlinux"
	chmod 755 "$T"
	chmod 644 "$T/vmlinux"
	own_device kvm 666
	own_device net/tun 666
	own_device vhost-net 666
	own_device vhost-vsock 600
	ip tuntap add mote0 mode tap user 0
	ip tuntap add mote1 mode tap user 1000

	refused()
	{
		"${as[@]}" "$MOTE" run --kernel "$T/vmlinux" --console none \
			"${@:2}" 2>"$T/stderr" && fail "accepted: ${*:2}"
		grep -qF -- "$1" "$T/stderr" ||
			fail "${*:2}: $(cat "$T/stderr")"
	}
	refused "creating one needs CAP_NET_ADMIN: ip tuntap add mote7" \
		--net tap=mote7
	refused "belongs to another user" --net tap=mote0
	refused "/dev/vhost-vsock (user 1000 needs" --vsock cid=77
	refused "not a tap" --net tap=lo
	refused "is not a macvtap" --net macvtap=lo
	refused "does not exist: ip link add" --net macvtap=mote7
	refused "tapfd=2 is standard" --net tapfd=2
	refused "tapfd=3 is not open" --net tapfd=3	# the monitor's, later
	refused "is not attached to a tap" --net tapfd=9 9</dev/null
	refused "tapfd=77 is not open" --net tapfd=77
	chmod 600 /dev/vhost-net
	refused "/dev/vhost-net (user 1000 needs" --net tap=mote1
	chmod 666 /dev/vhost-net
	# The kernel panics for want of a root file system.
	"${as[@]}" "$MOTE" run --kernel "$T/vmlinux" --console none \
		--cmdline "panic=-1" --net tap=mote1 2>"$T/stderr" || end=$?
	expect "exit status with one's own tap" "$end" 3
}
add_case net.permissions 90 permissions

# The kernel's side alone, with a unit test for a driver.
kernel_units()
{
	"$MOTE_TOP/build/release/tests/test_vhost_kernel"
}
add_case net.kernel-units 60 kernel_units

# Connections from either side, each with data both ways.
vsock_echo()
{
	guest_brings_traffic
	head -c 300k /dev/urandom >"$T/data"
	{
		start cloud --vsock cid=77 <<-'END'
		/mote/traffic echo vsock-listen::5 2>/dev/null
		head -c 100k /dev/urandom >/tmp/data
		md5sum </tmp/data
		/mote/traffic exchange vsock:2:6 </tmp/data 2>/dev/null | md5sum
		END
	} 3</dev/null
	spawn "$TRAFFIC" echo vsock-listen::6
	wait_until 90 "the guest is ready" reports_have mote-ready
	"$TRAFFIC" exchange vsock:77:5 <"$T/data" | cmp - "$T/data" ||
		fail "what comes back from the guest"
	wait_for_end
	kill_spawned
	expect_success
	expect "checksums of the guest" "$(wc -l <"$T/hvc0")" 2
	expect "checksums that differ" "$(sort -u "$T/hvc0" | wc -l)" 1
}
add_case vsock.echo 150 vsock_echo

cid_clash()
{
	local status=0

	{
		start cloud --vsock cid=77 --log-level info <<-'END'
		true
		END
	} 3</dev/null
	wait_until 30 "the first VM runs" grep -q running "$T/stderr"
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --vsock cid=77 \
		--console none 2>"$T/second" || status=$?
	expect "exit status" "$status" 1
	grep -q 'cid 77 is in use by another VM' "$T/second" ||
		fail "message: $(cat "$T/second")"
	wait_for_end
	expect_success
}
add_case vsock.cid-clash 90 cid_clash

scsi_disk()
{
	truncate -s 32M "$T/image"
	make_target "$T/image" 33554432
	guest cloud --cpus 2 --scsi "wwpn=$wwpn" <<-'END'
	set -e
	while [ ! -b /dev/sda ]; do usleep 20000; done
	head -c 4m /dev/urandom >/tmp/data
	dd if=/tmp/data of=/dev/sda bs=64k oflag=direct conv=fsync
	md5sum </tmp/data >/dev/hvc1
	rmmod sd_mod virtio_scsi
	insmod /modules/virtio_scsi.ko
	insmod /modules/sd_mod.ko
	while [ ! -b /dev/sda ]; do usleep 20000; done
	dd if=/dev/sda bs=64k count=64 iflag=direct | cmp - /tmp/data
	END
	expect_success
	reports_have "$(head -c 4M "$T/image" | md5sum | cut -c1-32)" ||
		fail "the image holds something else"
	remove_target
}
add_case scsi.disk 150 scsi_disk

scsi_no_target()
{
	local status=0

	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" --console none \
		--scsi wwpn=naa.1 2>"$T/stderr" || status=$?
	expect "exit status" "$status" 1
	grep -q 'target naa.1 does not exist' "$T/stderr" ||
		fail "message: $(cat "$T/stderr")"
}
add_case scsi.no-target 30 scsi_no_target
