# SPDX-License-Identifier: GPL-2.0-or-later
# Nova's own code judges what `vfio-claim export nova` writes: Debian 12 has release 26 (Zed),
# Debian 13 has 31 (2025.1). No virtual machine is needed; `tests/vm/lab nova` runs this alone.

load ../lib/machine

export_of() {
	"$TOOL" export nova --root "$machines/$machine" --with-hardware --config "$conf" "$@"
}

# try NAME MACHINE OPTION... <CONFIG: a case for both judges, or a line in $refused.
try() {
	local name=$1 machine=$2 conf=$work/$1.conf release version

	shift 2
	cat >"$conf"
	for version in 12 13; do
		machines=$work/$version/machines
		release=zed
		[ "$version" = 12 ] || release=2025.1
		[[ " $* " != *" --release "* ]] || release=
		write_case "$work/$version/cases/$name" "$@" ${release:+--release "$release"}
	done
}

# write_case DIRECTORY OPTION...
write_case() {
	local case=$1

	shift
	mkdir "$case"
	echo "$machine" >"$case/machine"
	"$TOOL" plan --root "$machines/$machine" --with-hardware --config "$conf" --json 2>/dev/null |
		jq -r '.devices[] | select(.verdict == "take").address' >"$case/expected"
	if ! export_of --part compute "$@" >"$case/compute.conf" 2>"$case/why"; then
		echo "${case##*/} $(grep -o 'export nova: .*' "$case/why")" >>"$refused"
		rm -r "$case"
		return
	fi
	export_of --part controller "$@" >"$case/controller.conf" 2>/dev/null
	export_of --part flavors "$@" >"$case/flavors" 2>/dev/null
}

# also NAME FILE: what is said of a case beside the devices (standard input), for both judges.
also() { tee "$work/12/cases/$1/$2" >"$work/13/cases/$1/$2"; }

golden_cases() {
	local file name

	for file in "$TESTS"/machines/golden/*.conf; do
		name=$(basename "$file" .conf)
		for release in 12 13; do
			: >"$work/$release/machines/${name%%.*}/proc/cmdline"
			[ ! -e "${file%.conf}.cmdline" ] ||
				cp "${file%.conf}.cmdline" "$work/$release/machines/${name%%.*}/proc/cmdline"
		done
		try "$name" "${name%%.*}" <"$file"
		try "$name+address" "${name%%.*}" --by address <"$file"
		try "$name+placement" "${name%%.*}" --placement <"$file"
	done
	for release in 12 13; do
		: >"$work/$release/machines/twin-gpus/proc/cmdline"
	done
}

# Those whose every detail is said by hand.
own_cases() {
	local name

	for name in twins twins+newton twins+ocata twins+address; do
		local -a options=()
		case $name in
		*+address) options=(--by address) ;;
		*+*) options=(--release "${name#*+}") ;;
		esac
		try "$name" twin-gpus "${options[@]}" <<<$'[claim p2000]\nmatch = 10de:1c30'
		also "$name" aliases <<<$'p2000 0000:01:00.0 0000:02:00.0\np2000-audio 0000:01:00.1 0000:02:00.1'
	done
	try split twin-gpus <<<$'[claim p2000]\nmatch = 02:00.0 10de:1c30\nalias = gpu\nnuma_policy = preferred'
	also split aliases <<<$'gpu 0000:02:00.0\ngpu-audio 0000:02:00.1'
	try shared twin-gpus <<<$'[claim a]\nmatch = 01:00.0\nalias = gpu\n[claim b]\nmatch = 02:00.0\nalias = gpu'
	also shared aliases <<<$'gpu 0000:01:00.0 0000:02:00.0'
	try classes twin-gpus --placement <<-END
		[claim a]
		match = 01:00.0
		resource_class = CUSTOM_SMALL
		traits = CUSTOM_RACK_7, HW_GPU_API_VULKAN
		alias = gpu
		[claim b]
		match = 02:00.0
		resource_class = PGPU
		alias = gpu
	END
	try pf sriov <<<$'[claim nic]\nmatch = 8086:1521\nfunctions = matched\nexcept = 8086:1520'
	also pf aliases <<<$'nic 0000:05:00.0 0000:05:00.1'
	try vfs sriov --placement <<<$'[claim nic]\nmatch = 8086:1520\nresource_class = CUSTOM_NIC\nmanaged = yes\nlive_migratable = no'
	also vfs aliases <<<$'nic 0000:05:10.0 0000:05:10.1 0000:05:10.4 0000:05:10.5'
	also vfs classes <<<'CUSTOM_NIC 4'
	try gpu-class twin-gpus --placement <<<$'[claim gpu]\nmatch = 10de:1c30\nresource_class = CUSTOM_P2000'
	also gpu-class classes <<<$'CUSTOM_P2000 2\nCUSTOM_PCI_10DE_10F1 2'
}

# judged RELEASE: the judge's words, made once.
judged() { cat "$work/judged-$1"; }

setup_file() {
	local table release

	bats_require_minimum_version 1.5.0
	load ../lib/machine
	[ -x "$TOOL" ] || make --no-print-directory -s -C "$REPO" BUILD="$BUILD" all
	export work=$BATS_FILE_TMPDIR
	refused=$work/refused
	for release in 12 13; do
		mkdir -p "$work/$release"/{cases,machines}
		for table in "$TESTS"/machines/*.txt; do
			"$TESTS/machines/make-tree" "$table" \
				"$work/$release/machines/$(basename "$table" .txt)"
		done
	done
	golden_cases
	own_cases
	# To see that the judge can say no: a device too many, one too few.
	mkdir -p "$work"/wrong/{cases,machines}
	cp -r "$work/13/machines/twin-gpus" "$work/wrong/machines"
	cp -r "$work/13/cases/twins" "$work/wrong/cases/too-many"
	sed -i 1d "$work/wrong/cases/too-many/expected"
	cp -r "$work/13/cases/split" "$work/wrong/cases/too-few"
	echo 0000:01:00.0 >>"$work/wrong/cases/too-few/expected"
	for release in 12 13; do
		"$TESTS/vm/lab" _call lab_nova_judge "$release" "$work/$release" \
			>"$work/judged-$release" 2>"$work/judge-$release.log" || true
		"$TESTS/vm/lab" _call lab_nova_judge "$release" "$work/$release" refusals \
			>"$work/refusals-$release" 2>>"$work/judge-$release.log" || true
	done
}

setup() {
	load ../lib/machine
	refused=$work/refused
}

accepted_by() {
	local cases

	cases=$(find "$work/$1/cases" -mindepth 1 -maxdepth 1 | wc -l)
	judged "$1" | grep '^not ok' || true
	tail -n 5 "$work/judge-$1.log"
	[ "$cases" -ge 60 ]
	[ "$(judged "$1" | grep -c '^ok ')" -eq "$cases" ]
	[ "$(judged "$1" | grep -c '^not ok ')" -eq 0 ]
}

@test "Nova 26 (Debian 12) takes the claimed devices of every machine, and no others" {
	accepted_by 12
}

@test "Nova 31 (Debian 13) takes the claimed devices of every machine, and no others" {
	accepted_by 13
}

@test "the judge says no to a device too many, and to one too few" {
	run -1 "$TESTS/vm/lab" _call lab_nova_judge 13 "$work/wrong"
	[[ $output == *"not ok too-few: Wrong: Nova takes [] too and leaves out ['0000:01:00.0']"* ]]
	[[ $output == *"not ok too-many: Wrong: Nova takes ['0000:01:00.0'] too and leaves out []"* ]]
}

@test "of the golden configurations these are refused, and no others" {
	sed 's/[ +].*//' "$refused" | sort -u >"$BATS_TEST_TMPDIR/found"
	diff -u - "$BATS_TEST_TMPDIR/found" <<-END
		amd-apu.displays
		amd-apu.usb
		amd-apu.usb-cards
		domains.all
		domains.wide
		nvswitch.cmdline
		nvswitch.ids
		nvswitch.places
		nvswitch.wildcards
		sriov.pf
		twin-gpus.cmdline-and-config
		twin-gpus.cmdline-selector
		twin-gpus.moved
		workstation.usb-only
	END
}

# What Nova makes of each thing that vfio-claim refuses (tests/export.bats has the refusals). Most
# of it Nova refuses itself; the rest it takes without a word, and then it is not what was meant.
nova_says() { diff -u - "$work/refusals-$1"; }

both="wide_address refused: PciConfigInvalidSpec
wide_ids accepted: of ['10000:e1:00.0'] takes []
function_and_virtual refused: PlacementPciDependentDeviceException
virtual_classes refused: PlacementPciMixedResourceClassException
virtual_traits refused: PlacementPciMixedTraitsException
alias_numa refused: PciInvalidAlias
alias_type refused: PciInvalidAlias"

same="alias_two_names accepted: a gets ['0000:01:00.0', '0000:02:00.0'], b gets ['0000:01:00.0', '0000:02:00.0']
alias_open accepted: a gets ['0000:01:00.0', '0000:01:00.1', '0000:02:00.0', '0000:02:00.1']
wrong_type refused: PciDeviceRequestFailed
twin_by_ids accepted: takes ['0000:01:00.0', '0000:02:00.0']
function_takes_virtual accepted: takes ['0000:05:00.0', '0000:05:10.0', '0000:05:10.4']
unknown_key accepted: keeps {'one_time_use': 'yes'}
no_socket refused: PciInvalidAlias"

@test "Nova 26 refuses what vfio-claim refuses, or does not what was meant" {
	nova_says 12 <<<"$both
alias_two_kinds accepted: this release has no pci_in_placement
$same"
}

@test "Nova 31 refuses what vfio-claim refuses, or does not what was meant" {
	nova_says 13 <<<"$both
alias_two_kinds refused: ValueError
$same"
}

@test "oslo.config reads what the quoting for INI wrote" {
	local release

	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -I"$REPO/src" -o "$BATS_TEST_TMPDIR/quote" \
		"$TESTS/tools/quote.c" "$REPO"/src/{quoting,text}.c
	python3 -B "$TESTS/tools/quotes.py" "$BATS_TEST_TMPDIR/quote" "$BATS_TEST_TMPDIR"
	for release in 12 13; do
		"$TESTS/vm/lab" _call lab_nova_judge "$release" "$BATS_TEST_TMPDIR" ini |
			grep -E '^read [0-9]{3,}$'
	done
}
