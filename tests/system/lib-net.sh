# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# lib-net.sh - networks for the cases of the system tests
#
# A case has a network namespace of its own. Network number N is the interface
# tapN with 10.99.N.1 here and ethN with 10.99.N.2 in the guest. Nobody asks for
# addresses and nobody speaks IPv6, so what flows is what the case sends.

TRAFFIC=$HELPERS/traffic	# the same program in guests: /mote/traffic

host_address()
{
	echo "10.99.$1.1"
}

guest_address()
{
	echo "10.99.$1.2"
}

mac_address()
{
	printf '02:00:00:99:00:%02x' "$1"
}

# set_up_interface NAME N: an interface that exists, as the host's end.
set_up_interface()
{
	ip link set "$1" addrgenmode none
	ip addr add "$(host_address "$2")/24" dev "$1"
	ip link set "$1" up
	ip neigh add "$(guest_address "$2")" lladdr "$(mac_address "$2")" \
		dev "$1" nud permanent
}

# What the guest's end of network N needs on the kernel's command line.
set_up_guest_end()
{
	guest_cmdline+=" guest.eth$1=$(guest_address "$1")/24"
}

# net_tap N [OPTION]: network N; adds to net, the options for mote.
net=()
net_tap()
{
	ip tuntap add dev "tap$1" mode tap
	set_up_interface "tap$1" "$1"
	set_up_guest_end "$1"
	net+=(--net "tap=tap$1,mac=$(mac_address "$1")${2:-}")
	[[ $guest_cmdline == *ipv6.disable=1* ]] ||
		guest_cmdline+=" ipv6.disable=1"
	guest_brings_traffic
}

guest_brings_traffic()
{
	mkdir -p "$T/extra/mote"
	cp "$TRAFFIC" "$T/extra/mote/traffic"
}

# guest_brings COMMAND...: of the host, with the libraries it needs.
guest_brings()
{
	local file libraries command

	for command; do
		file=$(command -v "$command") || fail "no $command here"
		libraries=$(ldd "$file" | grep -oE '/[^ ]+')
		mkdir -p "$T/extra"
		# The directories of the initramfs are no links: /usr/bin of
		# the host is copied under the name that PATH has.
		# shellcheck disable=SC2086
		cp -L --parents $libraries "$T/extra"
		mkdir -p "$T/extra/mote/bin"
		cp -L "$file" "$T/extra/mote/bin/"
	done
}

# own_device NAME MODE: /dev/NAME, in this case's own view of the files.
own_device()
{
	mkdir "$T/dev"
	mount -t tmpfs dev "$T/dev"
	cp -a "/dev/$1" "$T/dev/node"
	chmod "$2" "$T/dev/node"
	mount --bind "$T/dev/node" "/dev/$1"
	umount -l "$T/dev"	# what is mounted of it stays
	rmdir "$T/dev"
}

# start_guest [MOTE-OPTION...] <<script: start with the networks made so far.
start_guest()
{
	{ start cloud --memory 256M "${net[@]}" "$@"; } 3</dev/null
}

# guest_said TEXT [SECONDS]: wait until the script printed it.
guest_said()
{
	wait_until "${2:-90}" "the guest says '$1'" has_said "$1"
}

has_said()
{
	grep -qs -- "$1" "$T/hvc0" && return
	kill -0 "$mote_pid" || fail "the VM ended before its guest said '$1'"
	return 1
}

# A script that ends with "/mote/traffic receive tcp-listen::4999" ends now.
guest_may_end()
{
	"$TRAFFIC" send "tcp:$(guest_address 0):4999" </dev/null
}

# counter INTERFACE WHICH: rx_bytes, rx_packets, tx_bytes, tx_packets, tx_drop.
# tx is what goes to the guest.
counter()
{
	awk -v name="$1:" -v which="$2" '
		BEGIN {
			column["rx_bytes"] = 2; column["rx_packets"] = 3
			column["tx_bytes"] = 10; column["tx_packets"] = 11
			column["tx_drop"] = 13
		}
		{ sub(":", ": ") }
		$1 == name { print $column[which] }' /proc/net/dev
}

# at_least WHAT GOT WANTED, at_most ...
at_least()
{
	[ "$2" -ge "$3" ] || fail "$1: got $2, wanted at least $3"
}

at_most()
{
	[ "$2" -le "$3" ] || fail "$1: got $2, wanted at most $3"
}

sum_of()
{
	md5sum "$@" | cut -d' ' -f1
}

# The Nth checksum among what the guest's script printed.
guest_sum_number()
{
	grep -oE '^[0-9a-f]{32}' "$T/hvc0" | sed -n "$1p"
}

# What the receiving side of iperf3 counted; it stops before the last bytes.
received()
{
	python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bytes"])' "$1"
}
