#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_docs.sh MOTE - do --help, the man page and the completion say the same?
#
# Prints one line per disagreement and exits 1 if there is any.
set -euo pipefail

mote=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
bad=0

say() {
	echo "check_docs: $*"
	bad=1
}

# The options of a role, one a line, from its own --help.
help_options() {
	"$mote" "$1" --help | grep -oE '^ +--[a-z-]+' | tr -d ' ' | sort -u
}

# The options that head a paragraph in the section on mote run.
man_options() {
	sed -n '/^\.SH OPTIONS OF MOTE RUN/,/^\.SH EXIT/p' "$top/docs/mote.1" |
		sed 's/\\//g' | sed -n 's/^\.BI\{0,1\} *\(--[a-z-]*\).*/\1/p' | sort -u
}

for option in $(comm -23 <(help_options run) <(man_options)); do
	say "$option is in 'mote run --help' but not in docs/mote.1"
done
for option in $(comm -13 <(help_options run) <(man_options)); do
	say "$option is in docs/mote.1 but not in 'mote run --help'"
done

for role in block console vsock; do
	"$mote" "$role" --help >/dev/null || say "'mote $role --help' fails"
done

version=$("$mote" --version)
grep -qF "\"$version\"" "$top/docs/mote.1" ||
	say "docs/mote.1 does not carry the version '$version'"

# Every exit status of the header is a paragraph of the man page.
while read -r status; do
	grep -qx "\.B $status" "$top/docs/mote.1" ||
		say "exit status $status is not in docs/mote.1"
done < <(sed -n 's/^\tSTATUS_[A-Z_]* = \([0-9]\),.*/\1/p' \
	"$top/src/base/exit_status.h")

# groff's own opinion, where it is installed.
if command -v groff >/dev/null; then
	warnings=$(groff -man -Tutf8 -ww "$top/docs/mote.1" 2>&1 >/dev/null)
	[ -z "$warnings" ] || say "groff: $warnings"
fi

exit "$bad"
