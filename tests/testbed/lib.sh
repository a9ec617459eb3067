# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# lib.sh - what ./try, ./check and the scripts of the test bed share: where
# things are kept, messages, Debian packages. Sourced, never run.

MOTE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MOTE_CACHE=${MOTE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mote}
export MOTE_CACHE
# depmod and ip live where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin
export PATH

# What each job needs installed, as Debian 12 names it. Each list is complete
# for a minimal installation: build-essential brings gcc and make.
PACKAGES_BUILD=(build-essential cmake ninja-build pkg-config libevent-dev
	libjansson-dev liburing-dev)
PACKAGES_KERNELS=(busybox-static cpio debian-archive-keyring kmod lz4
	python3-minimal xz-utils zstd)
PACKAGES_BED=(dropbear-bin qemu-system-x86)
# What bench/density and bench/service need besides.
PACKAGES_DENSITY=(erofs-utils fonts-dejavu-core gnuplot-nox mmdebstrap python3
	wrk)
PACKAGES_CHECK=(acpica-tools bc bison check clang clang-format curl e2fsprogs
	erofs-utils expect flex iperf3 iproute2 iputils-ping
	libclang-rt-14-dev libelf-dev python3-jsonschema python3-minimal
	python3-yaml qemu-system-common
	qemu-utils shellcheck socat strace)

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# One sh word, whatever it holds: for command lines another shell reads.
sh_quote()
{
	local word

	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

# step WHAT COMMAND...: run a step that may take long. Its output goes to a
# log that is shown only when it fails; a terminal sees the seconds pass. Not to
# be called as a condition: 'set -e' would not reach into COMMAND.
step()
{
	local what=$1 start=$SECONDS log ticker='' status
	shift

	log=$(mktemp)
	if [ -t 2 ]; then
		step_ticker "$what" &
		ticker=$!
	else
		say "$what"
	fi
	set +e
	(set -e; "$@") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [ -n "$ticker" ]; then
		kill "$ticker"
		wait "$ticker" 2>/dev/null || true
		printf '\r\033[K' >&2
	fi
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$log" >&2
		rm -f "$log"
		die "$what: failed with status $status (its last lines are above)"
	fi
	rm -f "$log"
	if [ $((SECONDS - start)) -gt 0 ]; then
		say "$what: done in $((SECONDS - start)) s"
	fi
}

step_ticker()
{
	local start=$SECONDS

	while :; do
		printf '\r\033[K%s: %s (%d s)' "${0##*/}" "$1" \
			$((SECONDS - start)) >&2
		sleep 1
	done
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# need_packages PACKAGE...: install those that are missing; says nothing and
# asks nobody when none is.
need_packages()
{
	local missing=() package

	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" \
			2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	say "installing with apt: ${missing[*]}"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "cannot install packages: neither root nor sudo"
		sudo -v || die "cannot install packages without root"
	fi
	# A broken third-party source must not stop us: what matters is
	# whether the packages can be had, which the next step tells.
	step "apt-get update" as_root sh -c 'apt-get update -q || true'
	step "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Whether this machine's KVM runs an ordinary kernel: without VMX or SVM,
# /dev/kvm may be there and still only emulate guest kernel code.
kvm_is_real()
{
	[ -r /dev/kvm ] && [ -w /dev/kvm ] &&
		grep -qwE 'vmx|svm' /proc/cpuinfo
}

# One line: why kvm_is_real said no.
kvm_why_not()
{
	if [ ! -e /dev/kvm ]; then
		echo "there is no /dev/kvm"
	elif ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
		echo "the CPU shows neither VMX nor SVM"
	else
		echo "/dev/kvm may not be opened by user $(id -un)" \
			"(group kvm may)"
	fi
}

# cpio_of DIR: its files as a cpio archive a kernel unpacks, on stdout. Several
# of them in a row are one initramfs.
cpio_of()
{
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --quiet -o0 -H newc -R 0:0 --reproducible)
}

# What a guest needs for file systems in persistent memory.
PMEM_MODULES=(crc32c_generic nfit nd_pmem erofs ext4 overlay)

# What a guest needs to hear of its power button, with acpid.
BUTTON_MODULES=(button evdev)

# guest_initrd KERNEL [MODULE...]: the archive guests start from, for a kernel
# directory, with these modules besides the usual; made if it is not in the cache
# yet.
guest_initrd()
{
	local modules=(virtio_mmio virtio_console virtio_blk virtio_net virtiofs
		pvpanic-mmio 19:vmw_vsock_virtio_transport 8:virtio_scsi
		8:sd_mod "${@:2}")

	# Nothing that could be loaded: all built in.
	[ -s "$1/lib/modules/$(cat "$1/release")/modules.dep" ] || modules=()
	"$MOTE_TOP/tests/testbed/initramfs" "$1" \
		"$MOTE_TOP/tests/testbed/guest-init" "${modules[@]}"
}
