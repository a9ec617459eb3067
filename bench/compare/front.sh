# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# front.sh - what bench/density and bench/service share: building, the guest's
# files, and running a tool where KVM is real. Sourced, never run.
. "$(dirname "${BASH_SOURCE[0]}")/../../tests/testbed/lib.sh"
compare=$MOTE_TOP/bench/compare

build_mote()
{
	cd "$MOTE_TOP" || return
	[ -e build/release/build.ninja ] || cmake --preset release
	cmake --build --preset release --target mote
}

# build_bare OUT SOURCE: a program without a C library.
build_bare()
{
	gcc -Os -Wall -Wextra -Werror -static -nostdlib -ffreestanding \
		-fno-stack-protector -fcf-protection=none -Wl,--build-id=none \
		-Wl,-z,noseparate-code -s -o "$1" "$compare/$2"
}

build_mark()
{
	build_bare "$1" guest_mark.c
}

# guest_root DIR KERNEL MODULE...: what the guest's initramfs holds, as small as
# it can be: each link of a full busybox would be an inode in each guest.
guest_root()
{
	local dir=$1 kernel=$2 archive
	shift 2

	mkdir -p "$dir"/{bin,dev,image,proc,run}
	cp /bin/busybox "$dir/bin/busybox"
	install -m 755 "$compare/guest-init" "$dir/init"
	build_mark "$dir/mark"
	archive=$("$MOTE_TOP/tests/testbed/initramfs" "$kernel" \
		"$compare/guest-init" "$@")
	(cd "$dir" && cpio --quiet -idm 'modules/*' <"$archive")
	[ -e "$dir/modules/list" ] || { mkdir -p "$dir/modules"; : >"$dir/modules/list"; }
}

# guest_files KERNEL MODULE...: everything in $work that both tools need.
guest_files()
{
	guest_root "$work/root" "$@"
	cpio_of "$work/root" >"$work/initrd"
	cp "$1/vmlinux" "$compare"/*.py "$work"
}

# run_tool OUT COMMAND...: in $work, as root, where KVM is real; what it leaves
# in $work/out comes back into OUT, also when it fails. Sets $where, for
# captions.
run_tool()
{
	local out=$1 status=0
	shift

	mkdir -p "$work/out" "$out"
	where=''
	if [ -z "$use_bed" ] && kvm_is_real; then
		(cd "$work" && as_root "$@") || status=$?
	else
		[ -n "$use_bed" ] ||
			say "$(kvm_why_not): using the test bed"
		where="emulated CPU"
		run_in_bed "$@" || status=$?
	fi
	cp -r "$work/out/." "$out"
	return "$status"
}

run_in_bed()
{
	local bed=("$MOTE_TOP/tests/testbed/bed") id=(--id "$bed_id") status=0

	"${bed[@]}" up "${id[@]}" --mem "$bed_memory"
	"${bed[@]}" run "${id[@]}" -- rm -rf /tmp/bench
	tar -c -C "$work" --transform 's,^\.,bench,' . |
		"${bed[@]}" run "${id[@]}" -- tar -x --no-same-owner -C /tmp
	"${bed[@]}" run "${id[@]}" --timeout 36000 -- \
		sh -c "cd /tmp/bench && exec \"\$@\"" sh "$@" || status=$?
	"${bed[@]}" run "${id[@]}" -- tar -c -C /tmp/bench/out . |
		tar -x -C "$work/out"
	return "$status"
}

clean_up()
{
	as_root rm -rf "$work" || true	# the tree of an image is root's
	[ -n "$bed_keep" ] || [ ! -d "$MOTE_CACHE" ] ||
		"$MOTE_TOP/tests/testbed/bed" down --id "$bed_id"
}
bed_id=bench-$$ bed_keep='' bed_memory=4G use_bed=''
work=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
