# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Scenarios: one file each, "key: value" lines; lines that are indented belong
# to the key above them. See ../scenarios/README.md for the keys.
#
# `release` and `generator` may name several; each pair of them is a machine of
# its own, called SCENARIO@RELEASE-GENERATOR; or `machines` names the pairs.

SCENARIO_KEYS=" about release generator image product iommu config append card
	device disk boot claims-table preload steps after hotplug limit memory
	loader boots prepare builder cpus journal seed matrix machines storage root
	agent plug pause packages built "

declare -A DEFAULTS=(
	[release]=13 [generator]=initramfs-tools [image]=stock [product]=yes
	[iommu]=intel [limit]=300 [memory]=1536 [disk]=virtio [boot]=yes
	[loader]=none [cpus]=1 [root]=LABEL
)

# read_scenario FILE: fills the caller's associative array S.
read_scenario() {
	local line key='' number=0

	while IFS= read -r line || [ -n "$line" ]; do
		number=$((number + 1))
		case $line in
		'#'* | '') ;;
		[$' \t']*)
			[ -n "$key" ] || die "$1:$number: nothing to belong to: $line"
			S[$key]+=${S[$key]:+$'\n'}${line#"${line%%[! $'\t']*}"}
			;;
		*:*)
			key=${line%%:*}
			[[ $SCENARIO_KEYS == *[[:space:]]"${key%%@*}"[[:space:]]* ]] ||
				die "$1:$number: unknown key '$key'"
			line=${line#*:}
			S[$key]=${S[$key]:+${S[$key]}$'\n'}${line#"${line%%[! ]*}"}
			;;
		*) die "$1:$number: neither 'key: value' nor indented: $line" ;;
		esac
	done <"$1"
	for key in "${!DEFAULTS[@]}"; do
		: "${S[$key]=${DEFAULTS[$key]}}"
	done
}

# load_machine NAME@RELEASE-GENERATOR: S, with that release and generator only.
load_machine() {
	local file=$SCENARIOS/${1%@*} pair=${1#*@} key

	[ -e "$file" ] || die "no scenario '${1%@*}' in $SCENARIOS"
	S=()
	read_scenario "$file"
	S[release]=${pair%%-*}
	S[generator]=${pair#*-}
	for key in "${!S[@]}"; do
		[ "${key#*@}" != "$pair" ] || S[${key%@*}]=${S[$key]}
	done
}

# pairs_of: RELEASE-GENERATOR of each machine of the scenario S, one a line.
pairs_of() {
	local release generator

	if [ -n "${S[machines]-}" ]; then
		tr -s ' ' '\n' <<<"${S[machines]}"
		return
	fi
	for release in ${S[release]}; do
		for generator in ${S[generator]}; do
			echo "$release-$generator"
		done
	done
}

# variants_of: what the image of the scenario S has inside.
variants_of() { echo "${S[image]}${S[storage]+ storage-${S[storage]}}"; }

# boot_names: the boots of the scenario S, in order; [NAME*3] is NAME-1, NAME-2, NAME-3.
boot_names() {
	sed -n 's/^\[\([a-z0-9-]*\)\(\*[0-9]*\)\{0,1\}\]$/\1 \2/p' <<<"${S[boots]-}" |
		awk '{ sub(/^\*/, "", $2) }
			$2 == "" { print $1 }
			$2 != "" { for (i = 1; i <= $2 + 0; i++) print $1 "-" i }'
}

# boot_commands NAME: what the guest does in that boot, after its facts are gathered.
boot_commands() {
	awk -v name="$1" '
		/^\[[a-z0-9-]*(\*[0-9]+)?\]$/ {
			of = $0
			gsub(/[][]|\*.*/, "", of)
			in_it = of == name || ($0 ~ /\*/ && index(name, of "-") == 1)
			next
		}
		in_it' <<<"${S[boots]-}"
}

# The machines of the scenarios storage and storage-*, one a line.
storage_machines() {
	local -a scenarios

	mapfile -t scenarios < <(cd "$SCENARIOS" && ls -d -- storage*)
	machines_of "${scenarios[@]}"
}

# in_matrix PAIR: whether that machine of the scenario S is one that runs when none was named.
in_matrix() {
	[ -z "${S[matrix]+set}" ] || [[ " ${S[matrix]} " == *" $1 "* ]]
}

# The machines of every scenario given (by default all, but of long ones only those that their
# key `matrix` names), one a line.
machines_of() {
	local scenario pair chosen=true
	local -A S

	if [ $# = 0 ]; then
		set -- "$SCENARIOS"/*
		set -- "${@##*/}"
		chosen=in_matrix
	fi
	for scenario; do
		case $scenario in
		*.md) continue ;;
		*@*)
			echo "$scenario"
			continue
			;;
		esac
		[ -e "$SCENARIOS/$scenario" ] || die "no scenario '$scenario'"
		S=()
		read_scenario "$SCENARIOS/$scenario"
		for pair in $(pairs_of); do
			! "$chosen" "$pair" || echo "$scenario@$pair"
		done
	done
}

# write_config FILE: the scenario's config; no `config` key, no file.
write_config() {
	[ -n "${S[config]+set}" ] || return 0
	printf '%s\n' "${S[config]}" >"$1"
}
