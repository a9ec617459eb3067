# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-hostile.sh - guests that mean harm do it to themselves alone

# hostile SEED COUNT CPUS [MOTE-OPTION...]: random accesses to all the monitor shows,
# and rings that attack the backends. At the end every device must still come up;
# an option is a device more.
hostile()
{
	local end=0 accesses more=("${@:4}") windows=$(($# - 1))

	mkdir "$T/root"
	cp "$HELPERS/hostile" "$T/root/init"
	cpio_of "$T/root" >"$T/initrd"
	truncate -s 16M "$T/disk"
	"$MOTE" run --kernel "$(kernel_dir cloud)/vmlinux" \
		--initrd "$T/initrd" --memory 128M --cpus "$3" \
		--cmdline "quiet panic=-1 iomem=relaxed hostile.seed=$1 $(
			)hostile.count=$2 hostile.windows=$windows" \
		--disk "$T/disk" "${more[@]}" --console "file=$T/hvc0" \
		--early-console "$T/said" \
		2>"$T/stderr" </dev/null || end=$?
	# What the guest wrote to the port at random is in there too.
	grep -aE '^(hostile: |HOSTILE-DONE )' "$T/said" || true
	expect "exit status of mote" "$end" 0
	accesses=$(sed -n 's/^HOSTILE-DONE count=\([0-9]*\) alive='"$(
		)$windows\/$windows"'.*/\1/p' "$T/said")
	[ -n "$accesses" ] || fail "not every device came up after the attack"
	[ "$accesses" -ge "$2" ] || fail "only $accesses accesses of $2"
	# Ten lines a second of each process are allowed.
	[ "$(wc -c <"$T/stderr")" -lt $((4 << 20)) ] ||
		fail "the guest fills the log: $(wc -c <"$T/stderr") bytes"
}

add_case hostile.mmio.million 900 hostile 1 1000000 1
for seed in 2 3 4; do
	add_case "hostile.mmio.seed$seed" 120 hostile "$seed" 100000 1
done
# The same with workers of the host's kernel behind two of the devices.
for seed in 5 6; do
	add_case "hostile.kernel.seed$seed" 240 hostile "$seed" 100000 1 \
		--net=tap=tap0 --vsock=cid=77
done
hostile_scsi()
{
	truncate -s 16M "$T/image"
	make_target "$T/image" 16777216
	hostile "$@" "--scsi=wwpn=$wwpn"
	remove_target
}
add_case hostile.scsi.seed7 240 hostile_scsi 7 100000 1
long=1
for seed in 11 12 13 14 15 16 17 18; do
	add_case "hostile.mmio.long.seed$seed" 600 hostile "$seed" 2000000 2
done
long=''
