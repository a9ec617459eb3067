#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_careless.sh - command lines and descriptors that nobody should give
#
#   usage: test_careless.sh MOTE
set -u

mote=${1:?usage: test_careless.sh MOTE}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
	echo "FAIL: $*"
	failed=1
}

# A FIFO without another end is refused, it does not hang without Ctrl-C.
mkfifo "$work/fifo"
printf x >"$work/file"
for args in "--kernel $work/fifo --console none" \
	    "--kernel $work/file --initrd $work/fifo --console none" \
	    "--kernel $work/file --disk $work/fifo,ro --console none" \
	    "--kernel $work/file --console file=$work/fifo"; do
	# shellcheck disable=SC2086
	timeout -s KILL 20 "$mote" run $args >"$work/out" 2>&1
	[ $? -eq 1 ] || fail "$args: $(cat "$work/out")"
done

# With stderr closed the image must not become descriptor 2, where lines go.
truncate -s 64K "$work/image"
"$mote" block --blk-file="$work/image" --socket-path="$work/socket" 2>&- &
backend=$!
while [ ! -S "$work/socket" ] && kill -0 $backend; do
	sleep 0.05
done
[ "$(readlink /proc/$backend/fd/2)" != "$work/image" ] ||
	fail "log lines go to the image"
kill $backend
wait $backend

exit $failed
