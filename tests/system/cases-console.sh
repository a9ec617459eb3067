# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-console.sh - what is written to a console arrives, all of it, unchanged

ten_megabytes=$((10 << 20))

# md5 of stdin alone
sum()
{
	md5sum | cut -d' ' -f1
}

output()
{
	guest "$1" --memory 256M <<-END
	head -c $ten_megabytes /dev/urandom >/tmp/data
	md5sum </tmp/data >/dev/hvc1
	cat /tmp/data
	END
	expect_success
	expect "bytes" "$(stat -c %s "$T/hvc0")" "$ten_megabytes"
	grep -q "$(sum <"$T/hvc0")" "$T/reports" ||
		fail "the bytes are not those the guest wrote"
}

# hvc0 on stdio, fed through a pipe in frames, as ./try does it.
input()
{
	head -c "$ten_megabytes" /dev/urandom >"$T/data"
	: >"$T/reports"
	guest_hvc0=stdio
	"$MOTE_TOP/tests/testbed/frame-stdin" "$T/reports" <"$T/data" | {
		exec 3<&0
		start "$1" --memory 256M <<<md5sum >"$T/stdout"
		wait_for_end
		expect_end 0
	}
	expect_guest 0
	expect "checksum seen by the guest" "$(cut -d' ' -f1 "$T/stdout")" \
		"$(sum <"$T/data")"
}

for kernel in cloud generic 6.12; do
	add_case "console.$kernel.10M-out" 120 output "$kernel"
	add_case "console.$kernel.10M-in" 240 input "$kernel"
done

# A console nobody reads must not stop the guest: the socket has no client.
unread()
{
	guest_hvc0=socket=$T/console.sock
	guest cloud <<-END
	head -c $ten_megabytes /dev/zero
	echo written >/dev/hvc1
	END
	expect_success
	grep -q written "$T/reports" || fail "the guest was held up"
}
add_case console.nobody-reads 120 unread

# A client of the socket console talks to the guest.
socket_client()
{
	guest_hvc0=socket=$T/console.sock
	{ start cloud <<-'END'; } 3</dev/null
	read -r line
	echo "got $line"
	sleep 2
	END
	wait_until 60 "the guest is ready" grep -qs mote-ready "$T/reports"
	# One frame, then the end, as guest-init reads its input.
	printf '6\nhello\n0\n' |
		socat -t 5 - "UNIX-CONNECT:$T/console.sock" >"$T/client"
	wait_for_end
	expect_success
	grep -q "got hello" "$T/client" || fail "no answer from the guest"
}
add_case console.socket 120 socket_client

# On a terminal: size, its change, Ctrl-C, job control, Ctrl-A x.
terminal()
{
	command expect -f "$MOTE_TOP/tests/system/terminal.exp" "$1" \
		"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" \
		--initrd "$(guest_initrd "$(kernel_dir cloud)")" \
		--cmdline "$guest_cmdline" --console stdio \
		--console "file=$T/reports"
	cmp before after || fail "the terminal was not restored"
}
add_case console.terminal.shell 120 terminal shell
add_case console.terminal.escape 120 terminal escape
