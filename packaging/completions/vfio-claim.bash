# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion of vfio-claim. Commands and options are what `vfio-claim --help` prints, formats of
# export what `vfio-claim export` prints, devices and groups are this machine's. Needs bash 4.4 and
# nothing else.

# The devices, as what starts like $1 may go on: addresses, and with $2 their IDs.
_vfio_claim_devices() {
	local sysfs=${VFIO_CLAIM_SYSFS:-/sys} device vendor id

	for device in "$sysfs"/bus/pci/devices/*; do
		[[ -e $device ]] || continue
		echo "${device##*/}"
		# Addresses may be written without the domain 0000.
		[[ $1 == 0000* ]] || echo "${device##*/0000:}"
		[[ -n $2 ]] && { read -r vendor <"$device/vendor" && read -r id <"$device/device"; } \
			2>/dev/null && echo "${vendor#0x}:${id#0x}"
	done
}

# The formats of export, by the program $1.
_vfio_claim_formats() {
	local line

	while IFS= read -r line; do
		[[ $line =~ ^'  '([a-z-]+)' ' ]] && echo "${BASH_REMATCH[1]}"
	done < <("$1" export 2>&1)
}

# What may stand behind an option: _vfio_claim_argument KIND CURRENT
_vfio_claim_argument() {
	local sysfs=${VFIO_CLAIM_SYSFS:-/sys}

	case $1 in
	--root | --dest) compopt -o filenames 2>/dev/null; compgen -d -- "$2" ;;
	--config | --snapshot | --output | --package)
		compopt -o filenames 2>/dev/null
		compgen -f -- "$2"
		;;
	--format) compgen -W "plain grub bls bootc json" -- "$2" ;;
	--by) compgen -W "auto ids address" -- "$2" ;;
	--part) compgen -W "all compute controller flavors" -- "$2" ;;
	--release)
		compgen -W "newton ocata pike queens rocky stein train ussuri victoria wallaby xena yoga
			zed 2023.1 2023.2 2024.1 2024.2 2025.1 2025.2 2026.1" -- "$2"
		;;
	--loader)
		compgen -W "grub.d grub-default grubby kernel-install uki-addon bootc rpm-ostree auto none" -- "$2"
		;;
	--class)
		compgen -W "display network storage nvme usb audio media bridge host memory comm system
			input dock processor bus wireless crypto signal accel other" -- "$2"
		;;
	--group) compgen -W "$(cd "$sysfs/kernel/iommu_groups" 2>/dev/null && echo *)" -- "$2" ;;
	--kernel) compgen -W "$(cd /lib/modules 2>/dev/null && echo *)" -- "$2" ;;
	esac
}

# Sets `words` to those of the line $1 as the shell takes them, without quotes and backslashes, and
# `cur` to the last one, which is still being written. COMP_WORDS is cut at colons, which addresses
# have.
_vfio_claim_split() {
	local line=$1 char quote='' inside=
	local -i i

	words=() cur=''
	for ((i = 0; i < ${#line}; i++)); do
		char=${line:i:1}
		if [[ $char == \\ && $quote != \' ]]; then
			i+=1
			cur+=${line:i:1} inside=1
		elif [[ -n $quote && $char == "$quote" ]]; then
			quote=
		elif [[ -z $quote && $char == [\"\'] ]]; then
			quote=$char inside=1
		elif [[ -z $quote && $char == [[:space:]] ]]; then
			[[ -z $inside ]] || words+=("$cur")
			cur='' inside=
		else
			cur+=$char inside=1
		fi
	done
}

_vfio_claim() {
	local line=${COMP_LINE:0:COMP_POINT} cur='' command='' help word option given=0
	local -a words options=() commands=()
	local -A takes=() fits=()

	_vfio_claim_split "$line"
	help=$("${words[0]}" --help 2>/dev/null) || return
	while IFS= read -r word; do
		if [[ $word =~ ^'  '(--[a-z-]+)(' '[A-Z]+)?'  '?.* ]]; then
			option=${BASH_REMATCH[1]}
			options+=("$option")
			takes[$option]=${BASH_REMATCH[2]}
			[[ $word =~ \(([a-z ]+)\)$ ]] && fits[$option]=" ${BASH_REMATCH[1]} "
		elif [[ $word =~ ^'  '([a-z]+)' ' ]]; then
			commands+=("${BASH_REMATCH[1]}")
		fi
	done <<<"$help"

	option=
	for word in "${words[@]:1}"; do
		if [[ -n $option && -n ${takes[$option]-} ]]; then
			option=
		elif [[ $word == -* ]]; then
			option=$word
		else
			option=
			[[ -z $command ]] || given=$((given + 1))
			command=${command:-$word}
		fi
	done

	COMPREPLY=()
	word=
	if [[ $cur == --*=* && -n ${takes[${cur%%=*}]-} ]]; then
		option=${cur%%=*} cur=${cur#*=}
		# readline puts what is given here behind the `=`.
		[[ $COMP_WORDBREAKS == *=* ]] || word=$option=
	fi
	if [[ -n $option && -n ${takes[$option]-} ]]; then
		mapfile -t COMPREPLY < <(_vfio_claim_argument "$option" "$cur")
		case $option in
		--root | --dest | --config | --snapshot | --output | --package) compopt -o filenames 2>/dev/null ;;
		esac
		COMPREPLY=("${COMPREPLY[@]/#/$word}")
	elif [[ $cur == -* ]]; then
		for word in "${!options[@]}"; do
			option=${options[word]}
			[[ -z $command || ${fits[$option]-" $command "} == *" $command "* ]] ||
				unset "options[$word]"
		done
		mapfile -t COMPREPLY < <(compgen -W "${options[*]}" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${commands[*]}" -- "$cur")
	elif [[ $command == export ]]; then
		[[ $given == 0 ]] || return
		mapfile -t COMPREPLY < <(compgen -W "$(_vfio_claim_formats "${words[0]}")" -- "$cur")
	else
		case $command in
		list | claim) word=ids ;;
		release) word= ;;
		*) return ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$(_vfio_claim_devices "$cur" "$word")" -- "$cur" | sort -u)
		# readline puts what is given here behind the last colon.
		if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
			COMPREPLY=("${COMPREPLY[@]#"${cur%:*}:"}")
		fi
	fi
}

complete -F _vfio_claim vfio-claim
