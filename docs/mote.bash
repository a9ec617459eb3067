# SPDX-License-Identifier: Apache-2.0
# bash completion for mote; the words of a role come from its own --help.

_mote_options() {
	"$1" "$2" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_mote() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W \
			'run block console vsock --version --help' -- "$cur")
		return
	fi
	case $prev in
	--kernel | --initrd | --disk | --pmem | --early-console | --log-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--console)
		mapfile -t COMPREPLY < <(compgen -W \
			'stdio pty file= socket= none' -- "$cur")
		;;
	--net)
		mapfile -t COMPREPLY < <(compgen -W \
			'tap= macvtap= tapfd=' -- "$cur")
		;;
	--vsock) mapfile -t COMPREPLY < <(compgen -W 'uds= cid=' -- "$cur") ;;
	--scsi) COMPREPLY=(wwpn=naa.) ;;
	--load) mapfile -t COMPREPLY < <(compgen -W 'auto read map' -- "$cur") ;;
	--platform) mapfile -t COMPREPLY < <(compgen -W 'acpi cmdline' -- "$cur") ;;
	--hugepages) COMPREPLY=(2M) ;;
	--log-level)
		mapfile -t COMPREPLY < <(compgen -W \
			'error warn info debug' -- "$cur")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_mote_options "${COMP_WORDS[0]}" "${COMP_WORDS[1]}")" \
			-- "$cur")
		;;
	esac
}

complete -o nospace -F _mote mote
