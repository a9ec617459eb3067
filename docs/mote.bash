# SPDX-License-Identifier: Apache-2.0
# bash completion for mote; roles, verbs and options come from its own --help.

_mote_roles() {
	"$1" --help 2>/dev/null | sed -n 's/^  mote \([a-z-]*\).*/\1/p'
}

# _mote_options PROGRAM WORD...: of a role, or of the API server.
_mote_options() {
	"$@" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_mote_verbs() {
	"$1" ctl --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\).*/\1/p'
}

# _mote_verb_options PROGRAM VERB
_mote_verb_options() {
	"$1" ctl --help 2>/dev/null | awk -v verb="$2" '
		/^  [a-z]/ { mine = $1 == verb }
		mine && /^      --/ { print $1 }'
}

_mote_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_mote_files() {
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_mote_ctl() {
	case $COMP_CWORD in
	2) _mote_files ;;
	3) _mote_words "$(_mote_verbs "$program")" ;;
	*)
		case $cur in
		-*)
			_mote_words "$(_mote_verb_options "$program" \
				"${COMP_WORDS[3]}")"
			;;
		@*)
			mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#@}")
			;;
		*) _mote_files ;;
		esac
		;;
	esac
}

_mote_api() {
	case $prev in
	--api-sock | --config-file | --log-path | --metrics-path) _mote_files ;;
	--level) _mote_words 'Off Error Warn Info Debug Trace' ;;
	*) _mote_words "$(_mote_options "$program" --no-seccomp)" ;;
	esac
}

_mote_role() {
	case $prev in
	--kernel | --initrd | --disk | --pmem | --early-console | --log-file)
		_mote_files
		;;
	--console) _mote_words 'stdio pty file= socket= none' ;;
	--net) _mote_words 'tap= macvtap= tapfd=' ;;
	--vsock) _mote_words 'uds= cid=' ;;
	--scsi) COMPREPLY=(wwpn=naa.) ;;
	--load) _mote_words 'auto read map' ;;
	--platform) _mote_words 'acpi cmdline' ;;
	--hugepages) COMPREPLY=(2M) ;;
	--log-level) _mote_words 'error warn info debug' ;;
	*) _mote_words "$(_mote_options "$program" "${COMP_WORDS[1]}")" ;;
	esac
}

# As mote does: any option in the first place, or its other name, means the API.
_mote() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]}

	if [[ ${program##*/} == firecracker ]]; then
		_mote_api
	elif ((COMP_CWORD == 1)); then
		_mote_words "$(_mote_roles "$program")
			$(_mote_options "$program" --no-seccomp)"
	else
		case ${COMP_WORDS[1]} in
		ctl) _mote_ctl ;;
		--*) _mote_api ;;
		*) _mote_role ;;
		esac
	fi
}

complete -o nospace -F _mote mote firecracker
