# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # S is the scenario of the caller; SCENARIOS is of common.sh
# Many boots of the matrix's machines, each at another moment of everything: processors, load,
# udev's workers, pauses, and a card that is plugged in while the machine comes up.
#
# All that is random in boot N follows from SEED and N alone, so `lab soak-one SEED N` is that
# boot again. SEED is a number; with "-coldplug" behind it each boot has a card plugged in around
# udev's coldplug, which else few have. In $LAB/soak:
#
#   results      a line for each boot, appended; a soak that was stopped goes on after them
#   exceptions/  the facts of each boot that was not as it should be, as SEED-N
#   facts/, scenarios/  those of the boots that are running

SOAK=$LAB/soak

# Machines that claim a whole card and can always do so before its drivers come; those that are
# named twice are drawn twice as often.
SOAK_SCENARIOS=(config-only config-only cmdline-only cmdline-only stock stock-dracut hostonly
	busybox argument vfio-loaded amd)
declare -A SOAK_MACHINES=() # of each pair, once they were looked up
SOAK_PAIRS=({12,13,testing}-{initramfs-tools,dracut-systemd,dracut})

# ---- What a boot is like

# draw NAME COUNT: a number below COUNT that is always the same in boot $number of $seed.
draw() {
	local hash

	hash=$(sha256sum <<<"$seed $number $1")
	echo $((16#${hash:0:12} % $2))
}

# pick NAME WORD...: one of the words, likewise.
pick() {
	local words=("${@:2}")

	echo "${words[$(draw "$1" ${#words[@]})]}"
}

# tenths NAME MAXIMUM: seconds, up to the maximum.
tenths() {
	local n

	n=$(draw "$1" $(($2 * 10 + 1)))
	echo "$((n / 10)).$((n % 10))"
}

# soak_scenarios_of PAIR: those that have a machine for it, one a line.
soak_scenarios_of() {
	local name
	local -A S

	for name in "${SOAK_SCENARIOS[@]}"; do
		S=()
		read_scenario "$VM_DIR/scenarios/$name"
		! pairs_of | grep -qxF -- "$1" || echo "$name"
	done
}

# draw_boot SEED NUMBER: fills the caller's base, pair, cpus, load, children, pause and plug.
# Few have many processors: an emulated machine with eight takes its time on two.
draw_boot() {
	local seed=$1 number=$2 card place

	pair=${SOAK_PAIRS[$((number % ${#SOAK_PAIRS[@]}))]}
	: "${SOAK_MACHINES[$pair]:=$(soak_scenarios_of "$pair")}"
	# shellcheck disable=SC2086  # words
	base=$(pick scenario ${SOAK_MACHINES[$pair]})
	cpus=$(pick cpus 1 1 1 1 2 2 2 2 3 3 3 4 4 4 5 6 7 8)
	load=$(pick load 0 0 0 1 1 2 3 4):$((10 + $(draw load-until 31)))
	children=$(pick children - - 1 2 8 slow)
	pause=$(pick pause - - - first coldplug)
	[ "$pause" = - ] || pause+=" $(tenths pause-seconds 4)"
	card=$(pick card none none none second second second second late late late)
	place=initramfs
	[[ $pause != coldplug* ]] || place=coldplug
	place=$(pick place power-on initramfs "$place" "$place" root root)
	[[ $seed != *-coldplug ]] || {
		pause="coldplug $(tenths pause-seconds 4)"
		card=$(pick card second late)
		place=coldplug
	}
	plug="$card $place $(tenths plug-seconds 8)"
	[ "$card" != none ] || plug=-
}

# The kernel arguments of the boot that was drawn. Nobody gives up because this machine is busy.
soak_arguments() {
	echo "systemd.unit=lab-soak.target lab.soak=$load"
	echo "systemd.default_timeout_start_sec=1500 systemd.default_device_timeout_sec=1500"
	echo "udev.event_timeout=1500 rd.timeout=1500"
	case $children in
	-) ;;
	# A second before each event's module is loaded.
	slow) echo udev.exec_delay=1 ;;
	*) echo "udev.children_max=$children" ;;
	esac
}

# write_soak_scenario FILE: that of the boot that was drawn, made of its machine's own. A card
# that is late has it in the root port where it else would be from the start.
write_soak_scenario() {
	local slot=2 change=''

	case $plug in
	late*)
		slot=1
		change='s/^card: 1 /hotplug: 1 /'
		;;
	esac
	{
		sed "$change" "$VM_DIR/scenarios/$base"
		echo "cpus: $cpus"
		echo "limit: 1800"
		echo "agent: brief"
		echo "append: $(soak_arguments | paste -sd' ')"
		[ "$pause" = - ] || echo "pause: $pause"
		[ "$plug" = - ] || {
			[ "$slot" = 1 ] || echo "hotplug: 2 quadro"
			echo "plug: $slot ${plug#* }"
			echo "steps:"
			echo "    wait_for 200 test -e /sys/bus/pci/devices/0000:0$slot:00.1"
			echo "    wait_for 200 test -e /sys/bus/pci/devices/0000:0$slot:00.0"
			echo "    sleep 2"
		}
	} >"$1"
}

# soak_machine SEED NUMBER: writes the scenario, says the machine's name.
soak_machine() {
	local base pair cpus load children pause plug

	mkdir -p "$SOAK/scenarios"
	draw_boot "$1" "$2"
	write_soak_scenario "$SOAK/scenarios/soak-$1-$2"
	echo "soak-$1-$2@$pair"
}

# ---- In the machine; on the variables of boot()

# rootdelay= on the kernel's command line would say it too, but is slept through as well.
wait_long_for_root() {
	local order=scripts/init-premount/ORDER

	{
		image_file "$order" || true
		echo ROOTDELAY=600
	} | overlay_file "$order"
}

# Before everything else in the initramfs: the load, and what the pause is about.
soak_words() {
	local place='' seconds=0 order=scripts/init-top/ORDER

	read -r place seconds <<<"${S[pause]-}" || true
	overlay_file lab-load <"$VM_DIR/guest/load"
	{
		echo "/bin/sh /lab-load initramfs"
		[ "$place" != first ] || echo "sleep $seconds"
	} | first_words lab-load
	[ "${S[generator]}" != initramfs-tools ] || wait_long_for_root
	[ "$place" = coldplug ] || return 0
	case ${S[generator]} in
	initramfs-tools)
		image_file "$order" | sed "/00-vfio-claim/,/^\[/{
			/^\[/a echo at coldplug >/dev/ttyS1; sleep $seconds
		}" >"$dir/order"
		grep -q 'at coldplug' "$dir/order" || die "no vfio-claim in $order"
		overlay_file "$order" <"$dir/order"
		;;
	*) first_words lab-pause pre-trigger <<<"echo at coldplug >/dev/ttyS1; sleep $seconds" ;;
	esac
}

# plug_at PLACE: the machine is there now (the lab's host has a part of a second's delay).
plug_at() {
	local slot place seconds

	while read -r slot place seconds; do
		[ "$place" = "$1" ] || continue
		(
			sleep "$seconds"
			hotplug_now "$slot" >&7
		) &
	done <<<"${S[plug]-}"
}

# ---- What came of it

# soak_functions FACTS: the addresses of the functions that are to be claimed.
soak_functions() {
	sed -n 's/^function //p' "$1/spec" 2>/dev/null | as_addresses
}

# soak_judge FACTS: "claimed=yes|no touched=N/FUNCTIONS driver=A,B verdict=WORDS"; the verdict is
# ok, or what is wrong. Accesses that were not counted are not taken for none.
soak_judge() {
	local facts=$1 functions wrong='' touched claimed drivers

	mapfile -t functions < <(soak_functions "$facts")
	if [ ${#functions[@]} = 0 ] || ! grep -qs '^booted=yes' "$facts/result" || [ ! -s "$facts/facts" ]; then
		touched=$(touches "$facts/accesses" 1000000 2>/dev/null | awk '$2' | wc -l || true)
		[ "$touched" = 0 ] || wrong=,touched
		echo "claimed=no touched=$touched/${#functions[@]} driver=- verdict=not-booted$wrong"
		return
	fi
	printf '%s\n' "${functions[@]}" >"$facts/expected"
	touched=$(soak_count "$facts" 'v["touched"] != "0" || v["late.touched"] != "0"')
	claimed=$(soak_count "$facts" 'v["driver"] == "vfio-pci" && v["late.driver"] == "vfio-pci"')
	drivers=$(awk 'NR == FNR { want[$1]; next }
		$1 in want { sub(/.* driver=/, ""); sub(/ .*/, ""); print }' \
		"$facts/expected" "$facts/facts" | sort -u | paste -sd,)
	[ "$touched" = 0 ] || wrong+=,touched
	! grep -qE "(nouveau|snd_hda_intel) 0000:0[1-9]:00" "$facts/kmsg" || wrong+=,native-driver
	[ "$claimed" = ${#functions[@]} ] || wrong+=,not-claimed
	[ "$claimed" = ${#functions[@]} ] && claimed=yes || claimed=no
	wrong=${wrong#,}
	echo "claimed=$claimed touched=$touched/${#functions[@]} driver=${drivers:--} verdict=${wrong:-ok}"
}

# soak_count FACTS CONDITION: how many of the expected functions are like that, in awk's words on
# v[KEY]. One that the machine does not have has no values.
soak_count() {
	awk "NR == FNR { line[\$1] = \$0; next }
		{
			split(\"\", v)
			n = split(line[\$1], word)
			for (i = 2; i <= n; i++) {
				at = index(word[i], \"=\")
				v[substr(word[i], 1, at - 1)] = substr(word[i], at + 1)
			}
			if ($2) count++
		}
		END { print count + 0 }" "$1/facts" "$1/expected"
}

# soak_key: results of another vfio-claim are not this one's. It is the same one for a soak as long
# as what runs in the initramfs is: the helper, the hooks, dracut's module. A soak takes hours, and
# `status` or `apply` have no part in it.
soak_key() {
	(
		cd "$(product_layer)"
		find usr/lib/vfio-claim usr/lib/dracut usr/share/initramfs-tools -type f -print0 |
			sort -z | xargs -0 sha256sum
	) | hash_of | cut -c1-8
}

# soak_line SEED NUMBER: what the boot was like, from the drawing of it.
soak_line() {
	local base pair cpus load children pause plug

	draw_boot "$1" "$2"
	echo "seed=$1 boot=$2 product=$(soak_key) machine=$base@$pair cpus=$cpus load=$load" \
		"udev=$children pause=${pause/ /:} plug=${plug// /:}"
}

# run_soak_boot SEED NUMBER: sets the caller's facts and line.
run_soak_boot() {
	local machine started=$EPOCHSECONDS

	SCENARIOS=$SOAK/scenarios
	FACTS_DIR=$SOAK/facts
	machine=$(soak_machine "$1" "$2")
	facts=$SOAK/facts/$machine
	# One that does not come up is a result too.
	boot "$machine" || true
	rm -f "$SOAK/scenarios/${machine%@*}"
	line="$(soak_line "$1" "$2") $(soak_judge "$facts") seconds=$(seconds_since "$started")"
}

# soak_boot SEED NUMBER: and keeps its line, and its facts if they are wanted.
soak_boot() {
	local facts line

	rm -f "$LAB/run/$2.note"
	run_soak_boot "$1" "$2"
	sed 's/.* machine=//; s/ seconds=.*//' <<<"$line" >"$LAB/run/$2.note"
	if [[ $line == *' verdict=ok '* ]]; then
		rm -rf "$facts"
	else
		mkdir -p "$SOAK/exceptions"
		rm -rf "$SOAK/exceptions/$1-$2"
		mv "$facts" "$SOAK/exceptions/$1-$2"
	fi
	echo "$line" >>"$SOAK/results"
	[[ $line == *' verdict=ok '* ]]
}

# soak_results SEED BOOTS: the lines there are of these boots, with this vfio-claim; the last of
# each number.
soak_results() {
	awk -v seed="seed=$1" -v boots="$2" -v product="product=$(soak_key)" '
		$1 == seed && $3 == product {
			number = substr($2, 6)
			if (number + 0 <= boots + 0) line[number] = $0
		}
		END { for (number in line) print line[number] }' "$SOAK/results" 2>/dev/null |
		sort -t= -k3n
}

# The boots of SEED up to BOOTS that have no line yet, one a line.
soak_missing() {
	seq "$2" | grep -vxF -f <(soak_results "$1" "$2" | sed 's/.* boot=\([0-9]*\) .*/\1/') || true
}

# soak_summary SEED BOOTS: fails if one was not as it should be, or was not.
soak_summary() {
	soak_results "$@" | awk -v seed="$1" -v boots="$2" -v kept="$SOAK/exceptions" '
		function value(key,  rest) {
			rest = $0
			if (!sub(".* " key "=", "", rest)) return ""
			sub(/ .*/, "", rest)
			return rest
		}
		{
			total++
			pair = value("machine")
			sub(/.*@/, "", pair)
			if (!(pair in n)) order[++pairs] = pair
			n[pair]++
			plugged[pair] += value("plug") != "-"
			split(value("touched"), t, "/")
			functions += t[2]
			touched[pair] += t[1] > 0
			all_touched += t[1] > 0
			seconds += value("seconds")
			cpus[value("cpus")]++
			if (value("verdict") == "ok") next
			bad[pair]++
			exceptions = exceptions "  " $0 "\n    kept in " kept "/" seed "-" value("boot") "\n"
			all_bad++
		}
		END {
			printf "%-26s %6s %11s %8s %11s\n", "machines", "boots", "hot-plugged",
				"touched", "exceptions"
			for (i = 1; i <= pairs; i++) {
				p = order[i]
				printf "%-26s %6d %11d %8d %11d\n", p, n[p], plugged[p], touched[p], bad[p]
			}
			printf "processors:"
			for (i = 1; i <= 8; i++) printf " %d in %d", i, cpus[i]
			printf "\nseed %s: %d of %d boots, %d functions, %d s; touched in %d, exceptions %d\n",
				seed, total, boots, functions, seconds, all_touched, all_bad
			printf "%s", exceptions
			exit all_bad > 0 || total < boots
		}'
}

# ---- The commands

soak_number() { [[ $1 =~ ^[1-9][0-9]{0,5}$ ]] || die "soak: '$1' is no number from 1 to 999999"; }
soak_seed() { soak_number "${1%-coldplug}"; }

# lab_soak [BOOTS [SEED]]
lab_soak() {
	local boots=${1:-300} seed=${2:-1} bases
	local -a missing

	soak_number "$boots"
	soak_seed "$seed"
	mkdir -p "$SOAK"
	rm -rf "$SOAK"/{facts,scenarios}
	lab_product
	mapfile -t missing < <(soak_missing "$seed" "$boots")
	if [ ${#missing[@]} -gt 0 ]; then
		[ ${#missing[@]} = "$boots" ] ||
			say "going on after $((boots - ${#missing[@]})) boots of seed $seed"
		mapfile -t bases < <(for number in "${missing[@]}"; do soak_base "$seed" "$number"; done | sort -u)
		prepare_soak "${bases[@]}"
		in_pairs boot "$VM_DIR/lab" _call soak_boot "$seed" < <(printf '%s\n' "${missing[@]}") || true
	fi
	soak_summary "$seed" "$boots"
}

# soak_base SEED NUMBER: the machine of the matrix that it is.
soak_base() {
	local base pair cpus load children pause plug

	draw_boot "$@"
	echo "$base@$pair"
}

# prepare_soak MACHINE...: their images and disks.
prepare_soak() {
	lab_image "$@"
	make_disks "$@"
	build_server
}

# lab_soak_one SEED NUMBER: one boot again; its facts stay, and the results are left alone.
lab_soak_one() {
	local facts line

	[ $# = 2 ] || die "soak-one wants SEED and NUMBER"
	soak_seed "$1"
	soak_number "$2"
	prepare_soak "$(soak_base "$@")"
	run_soak_boot "$@"
	printf '%s\n' "${line// /$'\n'}"
	say "facts: $facts"
	[[ $line == *' verdict=ok '* ]]
}
