#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_docs.sh MOTE - do --help, the man page and the completion say the same?
#
# Prints one line per disagreement and exits 1 if there is any.
set -euo pipefail

mote=$(realpath "$1")
top=$(cd "$(dirname "$0")/../.." && pwd)
page=$top/docs/mote.1
bad=0

say() {
	echo "check_docs: $*"
	bad=1
}

# What a role, or the API server, calls its options: one a line.
help_options() {
	"$mote" "$@" --help | grep -oE '^ +--[a-z-]+' | tr -d ' ' | sort -u
}

help_roles() {
	"$mote" --help | sed -n 's/^  mote \([a-z-]*\).*/\1/p' | sort -u
}

help_verbs() {
	"$mote" ctl --help | sed -n 's/^  \([a-z][a-z-]*\).*/\1/p' | sort -u
}

# One verb's options stand below it, further to the right.
help_verb_options() {
	"$mote" ctl --help | sed -nE "/^  $1( |\$)/,/^  [a-z]/p" |
		sed -n '1d; s/^      \(--[a-z-]*\).*/\1/p' | sort -u
}

# The lines of a section of the man page.
section() {
	awk -v name=".SH $1" '/^\.SH / { mine = $0 == name; next } mine' "$page" |
		sed 's/\\-/-/g'
}

# What heads its paragraphs: ".BR pause ", " resume" is two of them.
section_heads() {
	section "$1" | awk 'head { print } { head = /^\.TP/ }' |
		sed -E 's/^\.BR /& /; t; s/^(\.BI? +[^ ]*).*/\1/' |
		grep -oE '[ "][a-z-]+' | tr -d ' "' | sort -u
}

section_options() {
	section "$1" | grep -oE -- '--[a-z-]+' | sort -u
}

# same WHAT ONE OTHER: two sorted lists, and what they are.
same() {
	local word
	for word in $(comm -23 <(echo "$4") <(echo "$5")); do
		say "$1 $word is in $2 but not in $3"
	done
	for word in $(comm -13 <(echo "$4") <(echo "$5")); do
		say "$1 $word is in $3 but not in $2"
	done
}

# every WHAT WHERE LIST IN_LIST
every() {
	local word
	for word in $(comm -23 <(echo "$3") <(echo "$4")); do
		say "$1 $word is not in $2"
	done
}

# completed WORD...: what is offered for the last one.
completed() {
	(
		# shellcheck source=docs/mote.bash
		. "$top/docs/mote.bash"
		# shellcheck disable=SC2034 # what bash gives to completions
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_mote
		printf '%s\n' "${COMPREPLY[@]}" | sort -u
	)
}

# --- mote run

run_options=$(help_options run)
same option "'mote run --help'" docs/mote.1 "$run_options" \
	"$(section_heads 'OPTIONS OF MOTE RUN' | grep '^--')"
same option "'mote run --help'" docs/mote.bash "$run_options" \
	"$(completed "$mote" run --)"

# --- the API server; --no-seccomp is an option that does nothing

api_options=$(help_options --no-seccomp)
same option "'mote --api-sock … --help'" docs/mote.1 "$api_options" \
	"$(section_heads 'OPTIONS OF THE API SERVER' | grep '^--')"
same option "'mote --api-sock … --help'" docs/mote.bash "$api_options" \
	"$(completed "$mote" --api-sock vm.sock --)"
link=$(mktemp -d)
trap 'rm -rf "$link"' EXIT
ln -s "$mote" "$link/firecracker"
same option "'mote --api-sock … --help'" "docs/mote.bash for firecracker" \
	"$api_options" "$(completed "$link/firecracker" '')"
# Those that are taken without effect, or refused, are not in --help.
every option "docs/mote.1" \
	"$(sed -n '/^} options\[\] = {/,/^};/s/^\t{ "\([a-z-]*\)",.*/--\1/p' \
		"$top/src/api/api_options.c" | sort -u)" \
	"$(section_options 'OPTIONS OF THE API SERVER')"

# --- mote ctl

verbs=$(help_verbs)
ctl_options=$(help_options ctl)
same verb "'mote ctl --help'" docs/mote.1 "$verbs" "$(section_heads 'MOTE CTL')"
same verb "'mote ctl --help'" docs/mote.bash "$verbs" \
	"$(completed "$mote" ctl vm.sock '')"
every "option of ctl" docs/mote.1 "$ctl_options" \
	"$(section_options 'MOTE CTL')"
every "option in MOTE CTL of docs/mote.1" "'mote ctl --help'" \
	"$(section_options 'MOTE CTL')" \
	"$(printf '%s\n%s\n' "$ctl_options" "$api_options" | sort -u)"
for verb in $verbs; do
	same "option of ctl $verb" "'mote ctl --help'" docs/mote.bash \
		"$(help_verb_options "$verb")" \
		"$(completed "$mote" ctl vm.sock "$verb" --)"
done

# --- roles

roles=$(help_roles)
every role docs/mote.bash "$roles" "$(completed "$mote" '')"
for role in $roles; do
	[[ $role != --* ]] || continue
	grep -qE "^\.B \"?mote $role\b" <(sed 's/\\-/-/g' "$page") ||
		say "'mote $role' is not in the synopsis of docs/mote.1"
	"$mote" "$role" --help >/dev/null || say "'mote $role --help' fails"
done

version=$("$mote" --version)
grep -qF "\"$version\"" "$page" ||
	say "docs/mote.1 does not carry the version '$version'"

# Every exit status of a VM is a paragraph of the man page.
while read -r status; do
	grep -qx "\.B $status" "$page" ||
		say "exit status $status is not in docs/mote.1"
done < <(sed -n '/STATUS_CONSOLE_/d; s/^\tSTATUS_[A-Z_]* = \([0-9]*\),.*/\1/p' \
	"$top/src/base/exit_status.h")
while read -r status; do
	section 'EXIT STATUS OF THE API SERVER' | grep -qx "\.B $status" ||
		say "exit status $status is not in the section on the API server"
done < <(sed -n 's/^\tSTATUS_API_[A-Z_]* = \([0-9]*\),.*/\1/p' \
	"$top/src/base/exit_status.h")

# groff's own opinion, where it is installed.
if command -v groff >/dev/null; then
	warnings=$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)
	[ -z "$warnings" ] || say "groff: $warnings"
fi

exit "$bad"
