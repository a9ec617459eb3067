#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_boot_iasl.sh PROGRAM: the ACPI tables that `PROGRAM --dump DIR` writes
# must be disassembled by iasl, and compiled again without a warning into the
# same bytes (after the header, where the compiler puts its own name).
set -eu

if ! command -v iasl >/dev/null; then
	echo "skipped: no iasl (Debian package acpica-tools)"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" --dump "$dir"
cd "$dir"

status=0
fail() {
	echo "FAILED: $*"
	status=1
}

for table in XSDT FACP APIC NFIT DSDT; do
	iasl -p "$table" -d "$table.aml" >"$table.log" 2>&1 ||
		fail "$table: disassembly"
	iasl -p "$table-again" -tc "$table.dsl" >>"$table.log" 2>&1 ||
		fail "$table: compilation"
	if grep -E '^(Error|Warning)|[1-9][0-9]* (Errors|Warnings)|rror:|arning:' \
			"$table.log"; then
		fail "$table: iasl complains, see above"
	fi
	tail -c +37 "$table.aml" >before
	tail -c +37 "$table-again.aml" >after
	cmp before after || fail "$table: other bytes"
done

# The power button, which has one interrupt and one meaning.
for words in 'Name (_HID, "PNP0C0C"' 'Name (_HID, "ACPI0013"' \
	'Method (_EVT, 1, Serialized)' 'Notify (PWRB, 0x80)'; do
	grep -qF "$words" DSDT.dsl || fail "DSDT: no $words"
done
grep -A 3 'Interrupt (ResourceConsumer, Edge, ActiveHigh' DSDT.dsl |
	grep -q 0x00000009 || fail "DSDT: the power button has no interrupt"
[ "$status" = 0 ] || cat ./*.log
exit "$status"
