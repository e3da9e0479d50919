# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for kprobectl

# What kprobed answers, the member "name" of each line; nothing, and soon, when it does not.
__kprobectl_names() {
	timeout 3 kprobectl "$@" --json 2>/dev/null | sed -n 's/^{[^{]*"name":"\([^"]*\)".*/\1/p' | sort -u
}

__kprobectl_probes() {
	__kprobectl_names list
}

# Functions of the running kernel that begin with $1; nothing for less than two letters, which would be too many.
__kprobectl_symbols() {
	[[ $1 =~ ^[A-Za-z_][A-Za-z0-9_.]+$ ]] || return
	__kprobectl_names symbols "$1*" --type tTwW --limit 500
}

# The command in the words before the one that is completed, and whether a "--" is behind it
__kprobectl_find_command() {
	local i
	command='' separator=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			separator=$i
			return
			;;
		--socket | --color) ((i++)) ;;
		-*) ;;
		*) [[ -n $command ]] || command=${COMP_WORDS[i]} ;;
		esac
	done
}

_kprobectl() {
	local cur prev command separator options
	local commands='trace hist add check remove enable disable list watch read status metrics whoami doctor symbols describe disasm call help'
	local common='--json --socket --color --help'
	local specs='--file --name --filter --stack --max-matches --maxactive'
	local stream='--count --duration --relative --where --failed --fields --sample --rate --max-latency'
	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	__kprobectl_find_command

	if ((separator)); then
		if declare -F _command_offset >/dev/null; then
			_command_offset $((separator + 1))
		fi
		return
	fi
	case $prev in
	--socket | --file | -f | --root)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	--transport)
		mapfile -t COMPREPLY < <(compgen -W 'socket memory' -- "$cur")
		return
		;;
	--maxactive)
		mapfile -t COMPREPLY < <(compgen -W auto -- "$cur")
		return
		;;
	--by | -b)
		mapfile -t COMPREPLY < <(compgen -W 'comm tid pid' -- "$cur")
		return
		;;
	--value | -v)
		mapfile -t COMPREPLY < <(compgen -W 'duration ret' -- "$cur")
		return
		;;
	--name | --filter | --max-matches | --count | -n | --duration | -d | --where | -w | --fields | --sample | --rate | --max-latency | --cursor | --type | --limit | --slower | --linear | --interval | -i | --keys | --top) return ;;
	esac

	case $command in
	'') options="$common --version" ;;
	trace) options="$common $stream --transport --slower $specs --" ;;
	hist) options="$common --value --by --linear --filter --interval --duration --keys --top --" ;;
	add | check) options="$common $specs --disabled --pending" ;;
	list) options="$common --foreign" ;;
	watch) options="$common $stream --transport --cursor --show-cursor" ;;
	read) options="$common $stream --cursor --show-cursor" ;;
	doctor) options="$common --root" ;;
	disasm) options="$common --offset --length" ;;
	symbols) options="$common --type --module --probeable --unprobeable --regex --limit" ;;
	call) options="$common --more --oneway" ;;
	*) options=$common ;;
	esac
	if [[ $cur = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $command in
	'' | help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	trace | hist | add | check | symbols | describe | disasm) mapfile -t COMPREPLY < <(__kprobectl_symbols "$cur") ;;
	remove | enable | disable | list | watch | read)
		mapfile -t COMPREPLY < <(compgen -W "$(__kprobectl_probes)" -- "$cur")
		;;
	call)
		mapfile -t COMPREPLY < <(compgen -W 'Probes.Add Probes.Check Probes.Remove Symbols.Find Symbols.Describe
			Symbols.Disassemble Probes.Enable
			Probes.Disable Probes.List Probes.Watch Probes.Histogram Events.Subscribe Events.Read Service.Status
			Service.WhoAmI org.varlink.service.GetInfo
			org.varlink.service.GetInterfaceDescription' -- "$cur")
		;;
	esac
}

complete -F _kprobectl kprobectl
