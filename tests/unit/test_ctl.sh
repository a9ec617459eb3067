#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_ctl.sh - `mote ctl` and a real server, before a VM is started; then with
# servers that only play one
#
#   usage: test_ctl.sh MOTE
set -u

mote=$(realpath "${1:?usage: test_ctl.sh MOTE}")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
server=
trap 'kill ${server:+"$server"} 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

fail() {
	echo "FAIL: $*"
	failed=1
}

# expect STATUS TEXT VERB...: the exit status, and a text in what is said.
expect() {
	local status=$1 text=$2 out ret
	shift 2
	out=$(timeout 60 "$mote" ctl vm.sock "$@" 2>&1)
	ret=$?
	[ "$ret" -eq "$status" ] || fail "$*: status $ret, not $status: $out"
	[[ $out == *"$text"* ]] || fail "$*: '$out' lacks '$text'"
}

start_server() {
	"$mote" --api-sock vm.sock --id vm-1 --level Off </dev/null >/dev/null &
	server=$!
	until timeout 5 "$mote" ctl vm.sock version >/dev/null 2>&1 ||
		! kill -0 "$server" 2>/dev/null; do
		sleep 0.02
	done
}

# No server, wrong usage.
expect 1 "'vm.sock': there is none" status
: >vm.sock
expect 1 "'vm.sock': nobody listens there" status
rm vm.sock
expect 2 "unknown verb 'halt'" halt
expect 2 "ctl SOCKET swap-disk ID PATH" swap-disk root
expect 2 "unknown option '--force'" start --force
expect 2 "needs a value" stop --timeout
expect 2 "--since: 'x'" events --since x
expect 0 "usage: mote ctl" --help
expect 0 "usage: mote ctl" stop --help
"$mote" ctl >/dev/null 2>&1
[ $? -eq 2 ] || fail "no socket: status $?"

start_server
truncate -s 1M image

# Looking.
expect 0 "Not started" status
expect 0 "devices  none" status
expect 0 '"state": "Not started"' status --json
expect 0 '"mem_size_mib": 128' config
expect 0 "$("$mote" --version)" version
expect 0 '"vcpu_count": 1' get machine-config
expect 0 '"vcpu_count": 1' get /machine-config
expect 0 '"type":"api-ready"' events
expect 0 "" events --since 1
[ -z "$("$mote" ctl vm.sock events --since 1)" ] || fail "events are repeated"
expect 2 "one word" get "a b"
expect 1 "Invalid request method and/or path: GET nothing." get nothing

# Changing: words, a file, standard input.
expect 0 "" put machine-config '{"vcpu_count":2,"mem_size_mib":64}'
echo '{"mem_size_mib":96}' >patch.json
expect 0 "" patch machine-config @patch.json
expect 0 '"mem_size_mib": 96' get machine-config
expect 0 "" put drives/root @- <<-'JSON'
	{"drive_id": "root", "is_root_device": true, "path_on_host": "image",
	 "is_read_only": true}
JSON
expect 0 "root           drive      image, root, read-only" status
expect 0 "96 MiB" status
expect 1 "'none.json': No such file" put drives/a @none.json
expect 1 "at line 1" put machine-config '{"vcpu_count":'
expect 1 "Empty PUT request." put machine-config ""

# What is configured is a configuration file.
"$mote" ctl vm.sock config >config.json
python3 -m json.tool config.json >/dev/null || fail "config is no JSON"

# Not before the start: one line each.
for verb in pause resume power-button flush-metrics stop metrics \
	"metrics --prometheus" "swap-disk root image"; do
	# shellcheck disable=SC2086
	expect 1 "before starting" $verb
done
expect 1 "without kernel" start
[ "$("$mote" ctl vm.sock start 2>&1 | wc -l)" -eq 1 ] || fail "not one line"

# Whoever reads no more ends it quietly, also while nothing happens.
"$mote" ctl vm.sock config 2>errors | :
timeout 30 bash -c "'$mote' ctl vm.sock events --follow 2>>errors | head -n 1" \
	>/dev/null || fail "events does not end with its reader"
[ -s errors ] && fail "broken pipe: $(cat errors)"
"$mote" ctl vm.sock config 2>errors >/dev/full
[ $? -eq 1 ] || fail "a full disk goes unnoticed"
grep -q "standard output: No space" errors || fail "full: $(cat errors)"

# The end: seen by those who follow, and over when stop returns.
: >events
"$mote" ctl vm.sock events --follow >>events 2>errors &
follower=$!
until grep -q api-ready events; do
	sleep 0.02
done
expect 0 "" stop --force --timeout 20
kill -0 "$server" 2>/dev/null && [ "$(ps -o stat= -p "$server")" != Z ] &&
	fail "stop has not waited"
[ ! -e vm.sock ] || fail "stop returns before the socket is gone"
wait "$server"
[ $? -eq 0 ] || fail "the server ends with $?"
wait "$follower"
[ $? -eq 0 ] || fail "events ends with $?: $(cat errors)"
grep -q '"type":"ended"' events || fail "no end: $(cat events)"

# Killed: those who follow learn that something is missing.
start_server
: >events
"$mote" ctl vm.sock events --follow >>events 2>errors &
follower=$!
until grep -q api-ready events; do
	sleep 0.02
done
{ kill -KILL "$server" && wait "$server"; } 2>/dev/null
server=
wait "$follower"
[ $? -eq 1 ] || fail "events of a killed server ends with $?"
grep -q "closed before" errors || fail "killed: $(cat errors)"

# play PART STATUS TEXT VERB...: as expect, with a server that plays that part.
play() {
	local part=$1
	shift
	rm -f vm.sock
	python3 -B "$here/ctl_server.py" vm.sock "$part" 2>/dev/null &
	server=$!
	until [ -S vm.sock ] && timeout 5 python3 -c 'import socket
socket.socket(socket.AF_UNIX).connect("vm.sock")' 2>/dev/null; do
		sleep 0.02
	done
	expect "$@"
	kill "$server"
	wait "$server" 2>/dev/null
	server=
}

play garbage 1 "does not speak HTTP" status
play array 1 "is no JSON object" status
play no-json 1 "is no JSON object" status
play close 1 "closed before the answer" config
play full 1 "Too many open connections." config
play split 0 "Firecracker 2" version
play stream 0 '{"seq":1
{}' events --follow
play stuck 1 "has not ended within 1 s; " stop --timeout 1
play stuck 1 "has not ended within 1 s" stop --force --timeout 1
play running 0 "kernel   /boot/vm?[2Jlinuz
devices  a              drive      /srv/a (in use)
         b              drive      /run/b (lost: its backend is gone)
         eth0           network    tap0 (not in use)
         console0       console (in use)" status

exit $failed
