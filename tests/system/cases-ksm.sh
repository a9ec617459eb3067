# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# cases-ksm.sh - private memory of two guests is merged by the host's KSM, and
# stays what its guest made it

ksm=/sys/kernel/mm/ksm

# As fast as leaves the guests some of one CPU. The machine may be somebody's, and
# the case may end anywhere: run-case puts back what $T/ksm holds.
start_ksm()
{
	mkdir "$T/ksm"
	cp "$ksm"/{pages_to_scan,sleep_millisecs,run} "$T/ksm"
	echo 500 >"$ksm/pages_to_scan"
	echo 20 >"$ksm/sleep_millisecs"
	echo 1 >"$ksm/run"
}

after_case()
{
	local setting

	for setting in "$T"/ksm/*; do
		[ ! -e "$setting" ] || cat "$setting" >"$ksm/${setting##*/}"
	done
}

merged_of()
{
	cat "/proc/$1/ksm_merging_pages"
}

# start_pair PROGRAM [MOTE-OPTION...]: two guests that run it with their number
# behind; $T/1 and $T/2 are their directories, ${pids[1]} and ${pids[2]} the VMs.
start_pair()
{
	local program=$1 n
	shift

	for n in 1 2; do
		mkdir -p "$T/$n/extra"
		cp "$HELPERS/samepages" "$T/$n/extra/"
		T=$T/$n start_private cloud "$@" <<<"$program $n"
		pids[n]=$mote_pid
	done
}

# both_say SECONDS WORDS
both_say()
{
	local n

	for n in 1 2; do
		wait_until "$1" "guest $n: $2" grep -aqs "$2" "$T/$n/reports"
	done
}

end_pair()
{
	local n

	for n in 1 2; do
		mote_pid=${pids[n]}
		wait_for_end
		(
			T=$T/$n
			expect_success
		) || show_pair
	done
}

show_pair()
{
	tail -n 20 "$T"/?/{stderr,reports}
	fail "a guest did not end well"
}

at_least()
{
	[ "$("${@:2}")" -ge "$1" ]
}

# Of 8192 pages in each guest, half are the same in both, and a quarter are the
# same among themselves. They are merged and broken again while the guests look.
merge()
{
	local n pids=()

	[ -e "$ksm/run" ] || skip "this kernel has no KSM"
	start_pair "/samepages 32 $1 $2" --memory 160M,mergeable=on
	both_say 120 "pages filled"
	start_ksm
	for n in 1 2; do
		wait_until 60 "pages of guest $n are merged" \
			at_least 4000 merged_of "${pids[n]}"
	done
	at_least 4000 cat "$ksm/pages_sharing" ||
		fail "only $(cat "$ksm/pages_sharing") pages were saved"
	echo "pages saved $(cat "$ksm/pages_sharing")," \
		"guests' share $(merged_of "${pids[1]}")" \
		"and $(merged_of "${pids[2]}")"
	end_pair
}
add_case ksm.merge 600 merge 4 6
long=1
add_case ksm.merge.long 1800 merge 100 10
long=''

# flags_of_ram: the VmFlags of the largest mapping, which is the guest's.
flags_of_ram()
{
	awk '/^Size:/ { size = $2 } /^VmFlags:/ && size > max {
		max = size; flags = $0 } END { print flags " " }' \
		"/proc/$mote_pid/smaps"
}

# Kernel and initrd are those of the page cache, one copy for all guests.
mapped_files()
{
	local file

	start_private cloud --memory 96M,mergeable=on <<-'END'
	echo up
	sleep 1000
	END
	wait_until 60 "the guest is up" grep -aqs ^up "$T/reports"
	for file in "$(kernel_dir cloud)/vmlinux" "$T/initrd"; do
		grep -qE " rw-p .* $file\$" "/proc/$mote_pid/maps" ||
			fail "$file is not mapped"
	done
	case $(flags_of_ram) in
	*" mg "*) ;;
	*) fail "the guest's memory is not mergeable" ;;
	esac
	kill "$mote_pid"
	wait_for_end
	expect_end 6
}
add_case ksm.mapped-files 90 mapped_files

# inherited MERGEABLE OFFERED: started with PR_SET_MEMORY_MERGE, is the guest's
# memory offered to KSM?
inherited()
{
	local offered=no

	"$HELPERS/mergeable" true 2>"$T/why" || skip "$(cat "$T/why")"
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' \
		"$HELPERS/mergeable" "$MOTE" >"$T/mote"
	chmod +x "$T/mote"
	MOTE=$T/mote
	start_private cloud --memory "96M,mergeable=$1" <<-'END'
	echo up
	sleep 1000
	END
	wait_until 60 "the guest is up" grep -aqs ^up "$T/reports"
	case $(flags_of_ram) in
	*" mg "*) offered=yes ;;
	esac
	kill "$mote_pid"
	wait_for_end
	expect_end 6
	expect "memory offered to KSM" "$offered" "$2"
}
add_case ksm.inherited.auto 90 inherited auto yes
add_case ksm.inherited.off 90 inherited off no
