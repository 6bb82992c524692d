# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # $dir and $image are those of boot()
# Runs scenarios and leaves what they showed as directories of facts.

# touches FILE MARKS: "FUNCTION COUNT" of the accesses to BARs and ROM until
# the agent has set its mark for the MARKS-th time (or ever, when it has not).
# Config space does not count: Linux itself reads it.
touches() {
	awk -v marks="$2" '
		{ count[$2] += 0 }
		$3 == "r" && $4 == 7 && $5 == "0xff" && $6 == 1 { seen[$2]++ }
		seen[$2] < marks && $4 < 7 { count[$2]++ }
		END { for (name in count) print name, count[name] }' "$1"
}

# "slot1.0 2" -> "0000:01:00.0 2"
as_addresses() { sed 's/^slot\([0-9]*\)\.\([0-7]\)/0000:0\1:00.\2/'; }

# One line a function: what the guest saw, with what the server saw.
facts_table() {
	local out=$dir/out

	touches "$dir/accesses" 1 | as_addresses >"$dir/touched"
	touches "$dir/accesses" 2 | as_addresses >"$dir/touched.late"
	awk -v touched="$dir/touched" -v late="$dir/touched.late" \
		-v late_functions="$out/functions.late" '
		BEGIN {
			while ((getline line < touched) > 0) { split(line, w, " "); t[w[1]] = w[2] }
			while ((getline line < late) > 0) { split(line, w, " "); l[w[1]] = w[2] }
			while ((getline line < late_functions) > 0) {
				split(line, w, " ")
				sub(/driver=/, "late.driver=", w[4])
				d[w[1]] = w[4]
			}
		}
		{ print $0, "touched=" ($1 in t ? t[$1] : "-"), d[$1],
			"late.touched=" ($1 in l ? l[$1] : "-") }' "$out/functions"
}

# begin_facts MACHINE IMAGE: those of its image or disk; a boot adds its own.
begin_facts() {
	local facts=$FACTS_DIR/$1 name

	rm -rf "$facts"
	mkdir -p "$facts"
	for name in build.log status files builder.log builder.status config builder.facts/.; do
		[ ! -e "$2/$name" ] || cp -r "$2/$name" "$facts/"
	done
	cp "$SCENARIOS/${1%@*}" "$facts/scenario"
}

# collect FACTS SECONDS: the facts of a boot, out of its directory.
collect() {
	local facts=$1 booted=no

	cp -r "$dir/out/." "$facts/"
	cp "$dir"/{accesses,console,spec} "$facts/" 2>/dev/null || true
	cp "$dir"/{qemu.log,monitor.log,server.log} "$facts/" 2>/dev/null || true
	if [ -s "$dir/out/functions.late" ]; then
		booted=yes
		facts_table >"$facts/facts"
	fi
	{
		echo "booted=$booted"
		echo "seconds=$2"
		echo "root=$(cat "$facts/root" 2>/dev/null)"
		echo "failed-units=$(paste -sd, "$facts/failed-units" 2>/dev/null)"
	} >"$facts/result"
	rm -rf "$dir"
	[ "$booted" = yes ]
}

# image_for MACHINE: makes its image; a failed build is worth a word, no more.
image_for() {
	local config=$LAB/run/$1.config image
	local -a words
	local -A S

	load_machine "$1"
	rm -f "$config" "$LAB/run/$1.note"
	write_config "$config"
	words=("${S[release]}" "${S[generator]}" "$(variants_of)" "${S[product]}" "$config")
	build_image "${words[@]}"
	image=$(image_of "${words[@]}")
	rm -f "$config"
	[ "$(cat "$image/status")" = 0 ] || echo "build failed" >"$LAB/run/$1.note"
}

# Which releases the machines given need; 13 always, for its QEMU.
releases_of() { printf '%s\n' 13 "$@" | sed 's/.*@//; s/-.*//' | sort -u; }

# Those that boot without GRUB, which have one disk for all machines of a release.
without_grub() {
	local machine

	for machine; do
		grep -q '^loader: *grub' "$SCENARIOS/${machine%@*}" || echo "$machine"
	done
}

# lab_image [MACHINE...]
lab_image() {
	local -a machines releases storage

	mapfile -t machines < <(machines_of "$@")
	mapfile -t releases < <(releases_of "${machines[@]}")
	mapfile -t storage < <(storage_releases "${machines[@]}")
	lab_trees "${releases[@]}"
	lab_storage_trees "${storage[@]}"
	lab_network_layers "${machines[@]}"
	lab_product
	lab_packages "${machines[@]}"
	lab_rpms "${machines[@]}"
	lab_seeds "${machines[@]}"
	lab_more_packages "${machines[@]}"
	lab_recipes "${machines[@]}"
	# The others have theirs on their disks.
	mapfile -t machines < <(without_grub "${machines[@]}")
	[ ${#machines[@]} = 0 ] ||
		in_pairs image "$VM_DIR/lab" _call image_for < <(printf '%s\n' "${machines[@]}")
}

# make_disks MACHINE...
make_disks() {
	local -a releases

	mapfile -t releases < <(printf '%s\n' "$@" | sed 's/.*@//; s/-.*//' | sort -u)
	lab_disk "${releases[@]}"
}

# shellcheck disable=SC2120  # the arguments come from the command line
lab_run() {
	local -a machines plain
	local started=$EPOCHSECONDS

	mapfile -t machines < <(machines_of "$@")
	lab_image "${machines[@]}"
	mapfile -t plain < <(without_grub "${machines[@]}")
	[ ${#plain[@]} = 0 ] || make_disks "${plain[@]}"
	lab_storage_disks "${machines[@]}"
	build_server
	in_pairs boot "$VM_DIR/lab" _call boot < <(printf '%s\n' "${machines[@]}")
	say "${#machines[@]} machines in $(seconds_since "$started") s; facts: $FACTS_DIR"
}

# What the matrix needs from Debian's archive, to be had before anything is built.
lab_prepare() {
	lab_trees
	lab_nova_layers
	lab_builder_layers
}

# Every machine, but of those that boot through GRUB only the chosen ones, then the tests that
# only read the facts, never older ones. A machine that does not come up is a failed test then,
# not the end of the run.
lab_matrix() {
	rm -rf "$LAB/facts"
	mkdir "$LAB/facts"
	# shellcheck disable=SC2119
	lab_run || true
	lab_nova_layers || true
	lab_builder_layers || true
	VFIO_CLAIM_LAB=$LAB bats --filter-tags '!long' "$VM_DIR"/*.bats
}

# run_and_test TESTS MACHINE...: these machines, and the tests on their facts.
run_and_test() {
	local tests=$1

	shift
	rm -rf "${@/#/"$LAB/facts/"}"
	lab_run "$@" || true
	VFIO_CLAIM_LAB=$LAB bats "$VM_DIR/$tests"
}

# What Nova's own code says of `export nova`.
lab_nova() {
	lab_trees "${NOVA_RELEASES[@]}"
	lab_nova_layers
	VFIO_CLAIM_LAB=$LAB bats "$VM_DIR/nova.bats"
}

# Every machine that boots through GRUB with what `vfio-claim apply` did.
lab_apply() {
	local -a machines

	mapfile -t machines < <(cd "$SCENARIOS" && machines_of apply* cut-apply tutorial)
	run_and_test apply.bats "${machines[@]}"
}

# Every machine that may not lose its storage.
lab_storage() {
	local -a machines

	mapfile -t machines < <(storage_machines)
	run_and_test storage.bats "${machines[@]}"
}

# Every machine that has vfio-claim as a package.
lab_packaged() {
	local -a machines

	mapfile -t machines < <(machines_of package power-loss rpm cloud-init cloud-init-without)
	rm -rf "${machines[@]/#/"$LAB/facts/"}"
	lab_run "${machines[@]}" || true
	VFIO_CLAIM_LAB=$LAB bats "$VM_DIR"/{package,cloud-init}.bats
}

# Every machine whose network it is about.
lab_network() {
	local -a machines

	mapfile -t machines < <(cd "$SCENARIOS" && machines_of network-* sriov-*)
	run_and_test network.bats "${machines[@]}"
}

# Every machine that neither the matrix nor another of these runs, added to the matrix's facts.
lab_rest() {
	local -a machines

	mapfile -t machines < <(
		cd "$SCENARIOS"
		for scenario in *; do
			case $scenario in
			*.md | storage* | network-* | sriov-*) ;;
			*) grep -q '^loader: *grub' "$scenario" || machines_of "$scenario" ;;
			esac
		done | grep -vxF -f <(machines_of)
	)
	rm -rf "${machines[@]/#/"$LAB/facts/"}"
	lab_run "${machines[@]}" || true
	VFIO_CLAIM_LAB=$LAB bats "$VM_DIR"/{matrix,scenarios,status}.bats
}

# The machines of the matrix once more, with vfio-claim switched off: what `vfio-claim plan` says
# of them then must be what the matrix found.
lab_forecast() {
	local -a machines

	mapfile -t machines < <(machines_of)
	mapfile -t machines < <(without_grub "${machines[@]}")
	[ -d "$LAB/facts/${machines[0]}" ] || lab_run || true
	rm -rf "$LAB/before"
	export LAB_FACTS=$LAB/before LAB_ARGUMENTS=rd.vfio-claim=0
	FACTS_DIR=$LAB_FACTS
	mkdir "$LAB_FACTS"
	lab_run "${machines[@]}" || true
	VFIO_CLAIM_LAB=$LAB bats "$VM_DIR/forecast.bats"
}

lab_clean() { rm -rf "${LAB:?}"/{trees,layers,product,images,disks,storage,network,builders,facts,before,soak,run,bin,bench,*.lock}; }
