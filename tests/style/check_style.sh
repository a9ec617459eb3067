#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_style.sh - the rules of the house that a machine can check
#
# Takes no arguments and runs from anywhere in the tree. Prints one line per
# finding, "FILE[:LINE]: what is wrong", and exits 1 if there is any. Each rule
# is one function; a rule that has exceptions lists them with their reason.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Limits, in lines and columns.
FILE_MAX=500
HEADER_MAX=120
FUNCTION_MAX=80
COLUMN_MAX=100
BYTES_MAX=$((256 * 1024))

# Headers that may be longer, and why.
HEADERS_LONGER=(
	backends/lib/vu_proto.h		# the protocol's numbers, one a line
	tests/unit/boot_fixture.h	# a header-only test fixture
)

# Which folders of src/ a folder may include from: the arrows of ARCHITECTURE.md.
# src/api sees of src/vm only configuration, commands and figures: plain data.
declare -A MAY_INCLUDE=(
	[src/base]=""
	[src/memory]="src/base"
	[src/vcpu]="src/base src/memory"
	[src/boot]="src/base src/memory"
	[src/platform]="src/base src/memory"
	[src/sandbox]="src/base"
	[src/vhost]="src/base src/memory"
	[src/virtio]="src/base src/memory src/vhost"
	[src/vm]="src/base src/memory src/vcpu src/boot src/platform src/sandbox
		src/vhost src/virtio"
	[src/api]="src/base src/vm/config.h src/vm/metrics.h src/vm/command.h"
	[src/api/requests]="src/api src/base src/vm/config.h src/vm/metrics.h
		src/vm/command.h"
	[src/ctl]="src/base"
	[src]="src/base src/api src/ctl src/vm src/sandbox backends"
	[backends]="src/base"
	[backends/lib]="src/base"
	[backends/block]="src/base backends backends/lib"
	[backends/console]="src/base backends backends/lib"
	[backends/vsock]="src/base backends backends/lib"
)

findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

say() {
	echo "$*" >>"$findings"
}

# Tracked files and those about to be, that match any of the patterns.
files() {
	git ls-files --cached --others --exclude-standard -- "$@" |
		while read -r file; do
			[ ! -f "$file" ] || echo "$file"
		done
}

# report TEXT: "FILE:LINE:code" on stdin becomes a finding each.
report() {
	sed -E "s|^([^:]+:[0-9]+):.*|\1: $1|" >>"$findings"
}

# search PATTERN FILE...: extended regular expression, comments left out.
search() {
	local pattern=$1
	shift
	[ $# -eq 0 ] || awk -v pattern="$pattern" '
		FNR == 1 { comment = 0 }
		{
			code = $0
			gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", code)
			if (comment && sub(/.*\*\//, "", code))
				comment = 0
			else if (comment)
				next
			if (sub(/\/\*.*/, "", code))
				comment = 1
			sub(/\/\/.*/, "", code)
			gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
			if (code ~ pattern)
				print FILENAME ":" FNR ":" $0
		}' "$@"
}

is_script() {
	local first
	IFS= read -r first <"$1" 2>/dev/null || return 1
	[[ $first == '#!'*sh ]]
}

mapfile -t c_files < <(files '*.c' '*.h')
mapfile -t product < <(files 'src/*.[ch]' 'backends/*.[ch]')
mapfile -t src_files < <(files 'src/*.[ch]')
mapfile -t scripts < <(files | while read -r file; do
	if [[ $file == *.sh ]] || is_script "$file"; then echo "$file"; fi
done)

# Nothing but text that people wrote: no core files, images, built programs.
check_tracked_files() {
	mapfile -t all < <(files)
	stat -c '%s %n' "${all[@]}" | awk -v max="$BYTES_MAX" '
		$1 > max { print $2 ": " $1 " bytes, " max " are the limit" }
	' >>"$findings"
	# -I: what looks binary does not match; neither does an empty file.
	{ grep -LI '' "${all[@]}" || true; } | sed 's/$/: is binary, or empty/' \
		>>"$findings"
}

check_spdx() {
	mapfile -t licensed < <(files '*.c' '*.h' '*.S' '*.py' '*CMakeLists.txt' \
		'*.cmake')
	awk -v line='SPDX-License-Identifier: Apache-2.0' '
		FNR <= 3 && index($0, line) { found[FILENAME] = 1 }
		END {
			for (i = 1; i < ARGC; i++)
				if (!found[ARGV[i]])
					print ARGV[i] ": no SPDX line"
		}' "${licensed[@]}" "${scripts[@]}" >>"$findings"
}

check_lengths() {
	local file lines
	for file in "${c_files[@]}" "${scripts[@]}"; do
		lines=$(wc -l <"$file")
		[ "$lines" -le "$FILE_MAX" ] ||
			say "$file: $lines lines, $FILE_MAX are the limit"
		[[ $file == *.h && $lines -gt $HEADER_MAX ]] || continue
		[[ " ${HEADERS_LONGER[*]} " == *" $file "* ]] ||
			say "$file: $lines lines, $HEADER_MAX are the limit"
	done
}

check_columns() {
	awk -v max="$COLUMN_MAX" '
		length($0) > max / 8 {
			columns = 0
			n = split($0, part, "\t")
			for (i = 1; i < n; i++) {
				columns += length(part[i])
				columns += 8 - columns % 8
			}
			columns += length(part[n])
			if (columns > max)
				print FILENAME ":" FNR ": " columns \
					" columns, " max " are the limit"
		}' "${c_files[@]}" "${scripts[@]}" >>"$findings"
}

# A function's body begins and ends with a brace in the first column.
check_functions() {
	awk -v max="$FUNCTION_MAX" '
		FNR == 1 { start = 0 }
		/^{/ { start = FNR }
		/^}/ && start {
			if (FNR - start + 1 > max)
				print FILENAME ":" start ": function of " \
					FNR - start + 1 " lines, " max \
					" are the limit"
			start = 0
		}' "${c_files[@]}" >>"$findings"
}

# CPUs and features are chosen by CMake, by file; only include guards are left.
check_conditionals() {
	grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)\b' \
		"${product[@]}" |
		grep -vE ':#ifndef MOTE_[A-Z0-9_]+_H$' |
		report 'conditional compilation' || true
	search '__(x86_64|i386|aarch64|arm|amd64)__' "${c_files[@]}" |
		report 'asks for the CPU'
}

# The monitor never reads a virtqueue: no ring structure is known in src/, and
# what turns a queue's address into a pointer only passes it on.
check_virtqueues() {
	search '(^|[^_a-z])(struct vring|vring_[a-z]|virtq)' "${src_files[@]}" |
		report 'knows what is in a virtqueue'
	search 'guest_memory_(read|write|borrow)' src/v{irtio,host}/*.c |
		grep -v '^src/vhost/ring_area.c:' |
		report 'device code reads guest memory' || true
	[ "$(search 'guest_memory_(read|write|borrow)' \
		src/vhost/ring_area.c | wc -l)" -eq 1 ] ||
		say 'src/vhost/ring_area.c: one place may locate a queue'
}

check_exit() {
	search '(^|[^_a-zA-Z0-9])(exit|abort|quick_exit)[[:space:]]*\(' \
		"${product[@]}" | grep -v '^src/main.c:' |
		report 'ends the process outside src/main.c' || true
}

check_leftovers() {
	grep -nwE 'TODO|FIXME|XXX|HACK' "${c_files[@]}" "${scripts[@]}" |
		grep -v '^tests/style/check_style.sh:' |
		report 'unfinished work' || true
	search '__attribute__\(\((constructor|destructor|section)' \
		"${product[@]}" | report 'hidden control flow'
	search '^(static )?struct [a-z_]+_ops [a-z_]+ = ' "${product[@]}" |
		report 'ops table that is not const'
}

# folder FILE: without the CPU's own subfolder.
folder() {
	local dir=${1%/*}
	echo "${dir%/@(x86_64|aarch64)}"
}

check_includes() {
	local -A home=()
	local file dir header from
	shopt -s extglob
	while read -r file; do
		home[${file##*/}]+="$file "
	done < <(files 'src/*.h' 'backends/*.h')
	for file in "${product[@]}"; do
		dir=$(folder "$file")
		if [ -z "${MAY_INCLUDE[$dir]+set}" ]; then
			say "$file: folder $dir has no arrows in check_style.sh"
			continue
		fi
		while read -r header; do
			check_include "$file" "$dir" "$header" \
				"${home[$header]:-}"
		done < <(sed -nE 's/^#include "([^"]+)".*/\1/p' "$file")
	done
}

# check_include FILE ITS_FOLDER HEADER WHERE_THE_HEADER_IS...
check_include() {
	local file=$1 dir=$2 header=$3 candidate from allowed
	for candidate in $4; do
		from=$(folder "$candidate")
		[ "$from" != "$dir" ] || return 0
		for allowed in ${MAY_INCLUDE[$dir]}; do
			[ "$from" != "$allowed" ] || return 0
			[ "$candidate" != "$allowed" ] || return 0
		done
	done
	say "$file: includes $header, against the arrows of ARCHITECTURE.md"
}

check_format() {
	local file
	if ! clang-format --version | grep -q 'version 14\.'; then
		say '.clang-format: needs clang-format 14 to be checked'
		return
	fi
	for file in "${c_files[@]}"; do
		clang-format --dry-run -Werror "$file" 2>/dev/null ||
			say "$file: not as clang-format leaves it"
	done
}

check_scripts() {
	local file
	for file in "${scripts[@]}"; do
		# busybox is not a shell that shellcheck has heard of.
		if head -n 1 "$file" | grep -q busybox; then
			shellcheck -x -S warning -s dash -e SC3040 -f gcc "$file"
		else
			shellcheck -x -S warning -f gcc "$file"
		fi >>"$findings" || true
	done
}

check_tracked_files
check_spdx
check_lengths
check_columns
check_functions
check_conditionals
check_virtqueues
check_exit
check_leftovers
check_includes
check_format
check_scripts

sort -u -V "$findings"
[ ! -s "$findings" ]
