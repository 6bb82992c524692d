#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-claim export: what it prints, when it refuses, and that exports agree with each other.
# Whether Nova takes what `nova` prints is tests/vm/nova.bats's question.

setup() {
	bats_require_minimum_version 1.5.0
	load lib/machine.bash
	export PYTHONDONTWRITEBYTECODE=1
	conf=$BATS_TEST_TMPDIR/claim.conf
	# As machine() has it; export_on may run in a pipe.
	ROOT=$BATS_TEST_TMPDIR/tree
}

# export_on TABLE FORMAT OPTION... <CONFIG: on that machine.
export_on() {
	local table=$1

	shift
	cat >"$conf"
	machine "$table"
	"$TOOL" export "$@" --root "$ROOT" --with-hardware --config "$conf"
}

# export_image FORMAT OPTION... <CONFIG: without any machine.
export_image() {
	cat >"$conf"
	mkdir -p "$BATS_TEST_TMPDIR/image"
	"$TOOL" export "$@" --root "$BATS_TEST_TMPDIR/image" --config "$conf"
}

# refuses REASON COMMAND...: exit code 4, the reason, nothing on standard output.
refuses() {
	local reason=$1

	shift
	run -4 --separate-stderr "$@"
	[ -z "$output" ]
	# shellcheck disable=SC2154 # bats sets stderr
	[[ $stderr == *"$reason"* ]] || { echo "$stderr"; return 1; }
}

p2000=$'[claim p2000]\nmatch = 10de:1c30'

# ---- The command

@test "export: no format, or an unknown one, names them all" {
	run -2 "$TOOL" export
	[[ $output == *"needs a format"*"  nova "* ]]
	run -2 "$TOOL" export nowa
	[[ $output == *"no format 'nowa'; did you mean 'nova'?"*"  nova "* ]]
	run -2 "$TOOL" export nova again
	[[ $output == *"'again' is one word too many"* ]]
}

@test "export: options that a format does not have, and values that there are not" {
	run -2 export_on twin-gpus nova --part all --release vienna <<<"$p2000"
	[[ $output == *"no release 'vienna'"*"newton "*" 2026.1"* ]]
	run -2 export_on twin-gpus nova --by name <<<"$p2000"
	[[ $output == *"--by is auto, ids or address"* ]]
	run -2 export_on twin-gpus nova --part middle <<<"$p2000"
	[[ $output == *"--part is all, compute, controller or flavors"* ]]
	run -2 export_on twin-gpus nova --placement --release yoga <<<"$p2000"
	[[ $output == *"in Placement since zed"* ]]
	run -2 "$TOOL" plan --part all
	[[ $output == *"--part goes with: export"* ]]
}

@test "export: an invalid configuration is exit code 3, with file and line" {
	run -3 --separate-stderr export_on twin-gpus nova <<<$'[claim a]\nmatch = 10de:1c30\nalias = a b'
	[ -z "$output" ]
	[[ $stderr == *"claim.conf:3: error: alias: 'a b' is not a name"* ]]
}

@test "export: --output writes a whole file or leaves the old one" {
	echo before >"$BATS_TEST_TMPDIR/out"
	run -4 export_on twin-gpus nova --output "$BATS_TEST_TMPDIR/out" <<<$'[claim a]\nmatch = 1234:5678'
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = before ]
	export_on twin-gpus nova --output "$BATS_TEST_TMPDIR/out" <<<"$p2000"
	export_on twin-gpus nova <<<"$p2000" | diff -u - "$BATS_TEST_TMPDIR/out"
	[ "$(find "$BATS_TEST_TMPDIR" -name 'out*' | wc -l)" -eq 1 ]
}

@test "export: --snapshot is another machine" {
	machine twin-gpus
	"$TOOL" snapshot --root "$ROOT" --with-hardware >"$BATS_TEST_TMPDIR/snapshot"
	echo "$p2000" >"$conf"
	"$TOOL" export nova --snapshot "$BATS_TEST_TMPDIR/snapshot" --config "$conf" |
		diff -u <("$TOOL" export nova --root "$ROOT" --with-hardware --config "$conf") -
}

# ---- nova

# lines OPTION: its values in an INI text.
lines() { sed -n "s/^$1 = //p"; }

@test "nova: the whole of it, for a card with audio" {
	run -0 --separate-stderr export_on twin-gpus nova --release 2025.1 --part compute <<<"$p2000"
	grep -v '^#' <<<"$output" | diff -u - <(cat <<-'END'
		[pci]
		device_spec = {"vendor_id": "10de", "product_id": "1c30", "managed": "no"}
		device_spec = {"vendor_id": "10de", "product_id": "10f1", "managed": "no"}
		alias = {"name": "p2000", "vendor_id": "10de", "product_id": "1c30", "device_type": "type-PCI"}
		alias = {"name": "p2000-audio", "vendor_id": "10de", "product_id": "10f1", "device_type": "type-PCI"}
	END
	)
	[[ $output == *"OpenStack 2025.1 (epoxy)"* ]]
}

@test "nova: of two identical cards, one goes by its address, and a comment says why" {
	run -0 export_on twin-gpus nova <<<$'[claim gpu]\nmatch = 02:00.0'
	[[ $output == *'device_spec = {"address": "0000:02:00.0", "vendor_id": "10de", "product_id": "1c30"'* ]]
	[[ $(tr '\n' ' ' <<<"$output" | sed 's/ # / /g') == *"since 0000:01:00.0 has the same IDs and is left to the host."* ]]
	refuses "0000:02:00.0 of claim gpu stands for 0000:01:00.0 too, which is left to the host" \
		export_on twin-gpus nova --by ids <<<$'[claim gpu]\nmatch = 02:00.0'
}

@test "nova: --by address names every device" {
	export_on twin-gpus nova --by address <<<"$p2000" | lines device_spec | jq -r .address |
		diff -u - <(printf '0000:%s\n' 01:00.0 01:00.1 02:00.0 02:00.1)
}

@test "nova: the names of options, from newton to the newest" {
	local release names

	while read -r release names; do
		export_on twin-gpus nova --part compute --release "$release" <<<"$p2000" |
			grep -oE '^(\[[a-zA-Z]+\]|[a-z_]+)' | uniq | paste -sd' ' |
			diff -u <(echo "$names") -
	done <<-END
		newton [DEFAULT] pci_passthrough_whitelist pci_alias
		ocata [pci] passthrough_whitelist alias
		yoga [pci] passthrough_whitelist alias
		zed [pci] device_spec alias
		antelope [pci] device_spec alias
		2026.1 [pci] device_spec alias
	END
}

@test "nova: managed, live_migratable and one_time_use, where a release knows them" {
	local config

	config=$p2000$'\nlive_migratable = no\none_time_use = no'
	export_on twin-gpus nova --release 2024.2 <<<"$config" | lines device_spec |
		jq -c 'keys' | uniq | diff -u <(echo '["product_id","vendor_id"]') -
	export_on twin-gpus nova --release 2025.1 <<<"$config" | lines device_spec |
		jq -c '[.managed, .live_migratable, .one_time_use]' | uniq |
		diff -u <(echo '["no","no",null]') -
	export_on twin-gpus nova --release 2025.2 --placement <<<"$config"$'\nmanaged = yes' |
		lines device_spec | jq -c '[.managed, .live_migratable, .one_time_use]' | uniq |
		diff -u <(echo '["yes","no","no"]') -
	refuses "live_migratable = yes, which Nova has since 2025.1" export_on twin-gpus nova \
		--release 2024.2 <<<"$p2000"$'\nlive_migratable = yes'
	refuses "one_time_use = yes, which Nova has since 2025.2" export_on twin-gpus nova \
		--release 2025.1 <<<"$p2000"$'\none_time_use = yes'
	refuses "needs Placement; add --placement" export_on twin-gpus nova \
		<<<"$p2000"$'\none_time_use = yes'
	refuses "for a virtual function" export_on sriov nova --placement \
		<<<$'[claim nic]\nmatch = 8086:1520\none_time_use = yes'
	refuses "numa_policy, which Nova has since queens" export_on twin-gpus nova \
		--release pike <<<"$p2000"$'\nnuma_policy = required'
	refuses "socket, which Nova has since wallaby" export_on twin-gpus nova \
		--release victoria <<<"$p2000"$'\nnuma_policy = socket'
}

@test "nova: Placement's class and traits, and the order of enabling" {
	local config

	config=$p2000$'\nresource_class = CUSTOM_P2000\ntraits = CUSTOM_A HW_B'
	run -0 export_on twin-gpus nova --placement <<<"$config"
	[[ $output == *'"resource_class": "CUSTOM_P2000", "traits": "CUSTOM_A,HW_B"'* ]]
	[[ $output == *"report_in_placement = True"*"1. Every host"*"3. Only then"*"pci_in_placement = True"* ]]
	# The audio function is no P2000.
	lines device_spec <<<"$output" | jq -r 'select(.product_id == "10f1") | keys[]' |
		diff -u <(printf '%s\n' managed product_id vendor_id) -
	run -0 export_on twin-gpus nova <<<"$config"
	[[ $output != *CUSTOM_P2000* ]]
	[[ $output == *"Claim p2000 has a resource_class or traits: --placement adds them."* ]]
	run -0 export_on twin-gpus nova --placement --release zed --part controller <<<"$config"
	[[ $output != *"pci_in_placement = True"* ]]
}

@test "nova: what is for controllers and flavors" {
	export_on twin-gpus nova --part controller --placement <<<"$p2000" >"$BATS_TEST_TMPDIR/out"
	lines enabled_filters <"$BATS_TEST_TMPDIR/out" | grep -q 'Filter,PciPassthroughFilter$'
	[ "$(lines pci_in_placement <"$BATS_TEST_TMPDIR/out")" = True ]
	[ "$(lines pci_weight_multiplier <"$BATS_TEST_TMPDIR/out")" = 1.0 ]
	[ "$(lines alias <"$BATS_TEST_TMPDIR/out" | wc -l)" -eq 2 ]
	export_on twin-gpus nova --part flavors <<<"$p2000" | grep -v '^#' |
		diff -u <(echo "openstack flavor set FLAVOR --property 'pci_passthrough:alias=p2000:1' # at most 2 on this host") -
	export_on twin-gpus nova --part flavors <<<$'[claim a]\nmatch = 01:00.0' | sh -n
}

@test "export: the keys for clouds change nothing on the host" {
	local config keys

	config=$p2000$'\nexpect = 2'
	keys=$'\nalias = x\ndevice_type = type-PF\nnuma_policy = socket\nresource_class = PGPU'
	keys+=$'\ntraits = CUSTOM_A\nmanaged = yes\nlive_migratable = yes\none_time_use = yes'
	machine twin-gpus
	claims <<<"$config"
	cp "$ROOT/etc/vfio-claim/claims" "$BATS_TEST_TMPDIR/table"
	"$TOOL" cmdline --root "$ROOT" --with-hardware >"$BATS_TEST_TMPDIR/cmdline"
	claims <<<"$config$keys"
	cmp "$BATS_TEST_TMPDIR/table" "$ROOT/etc/vfio-claim/claims"
	"$TOOL" cmdline --root "$ROOT" --with-hardware | cmp - "$BATS_TEST_TMPDIR/cmdline"
}

@test "nova: what stands in comments is not told twice, and no line is left bare" {
	run -0 export_on twin-gpus nova --placement <<<"$p2000"
	grep -vE '^(#|$|\[pci\]$|device_spec = \{|alias = \{|report_in_placement = True$)' <<<"$output" && false
	[ "$(grep -c '^\[' <<<"$output")" -eq 1 ]
}

# The names below are those of tests/vm/nova/judge.py, which gives Nova the same by hand.
@test "nova: refused as Nova would refuse it, or would do something else" {
	# wide_address, wide_ids
	refuses "beyond FFFF:FF:1F.7" export_on domains nova <<<$'[claim a]\nmatch = 10001:01:00.*'
	refuses "beyond FFFF:FF:1F.7" export_on domains nova <<<$'[claim a]\nmatch = 10de:1c30'
	refuses "beyond FFFF:FF:1F.7" export_image nova <<<$'[claim a]\nmatch = 10001:01:00.0 10de:1c30'
	# function_and_virtual
	refuses "0000:05:00.0 and its virtual function 0000:05:10.0 are both claimed" \
		export_on sriov nova <<<$'[claim a]\nmatch = 8086:1520\n[claim b]\nmatch = 0000:05:00.0\nwhen = early'
	# virtual_classes, virtual_traits
	refuses "virtual functions of one device and need the same resource_class and traits" \
		export_on sriov nova --placement <<-END
			[claim a]
			match = 05:10.0
			resource_class = CUSTOM_A
			[claim b]
			match = 05:10.4
			resource_class = CUSTOM_B
		END
	refuses "virtual functions of one device and need the same resource_class and traits" \
		export_on sriov nova --placement <<-END
			[claim a]
			match = 05:10.0
			traits = CUSTOM_A
			alias = x
			[claim b]
			match = 05:10.4
			alias = x
		END
}

@test "nova: aliases that clash" {
	# alias_numa
	refuses "share the alias x and differ in numa_policy" export_on twin-gpus nova \
		<<<$'[claim a]\nmatch = 01:00.0\nalias = x\nnuma_policy = required\n[claim b]\nmatch = 02:00.0\nalias = x'
	# alias_type
	refuses "the alias x would stand for type-PF and type-VF" export_on sriov nova \
		<<<$'[claim a]\nmatch = 05:00.0\nwhen = early\nalias = x\n[claim b]\nmatch = 05:10.1\nalias = x'
	# alias_two_kinds
	refuses "the alias x stands for 10de:1c30 and 144d:a80a, and with Placement it can for one kind" \
		export_on twin-gpus nova --placement \
		<<<$'[claim a]\nmatch = 10de:1c30\nalias = x\n[claim b]\nmatch = 0000:03:00.0\nwhen = early\nalias = x'
	# alias_two_names
	refuses "the aliases a and b are both for 10de:1c30" export_on twin-gpus nova \
		<<<$'[claim a]\nmatch = 01:00.0\n[claim b]\nmatch = 02:00.0'
	machine twin-gpus
	append rd.vfio-claim=02:00.0
	echo $'[claim a]\nmatch = 01:00.0' >"$conf"
	refuses "a and rd.vfio-claim-1 both claim 10de:1c30, one of them on the kernel command line" \
		"$TOOL" export nova --root "$ROOT" --with-hardware --config "$conf"
	refuses "the alias a-audio of claim a-audio is also the name for further functions of claim a's cards" \
		export_on twin-gpus nova <<<$'[claim a]\nmatch = 10de:1c30\n[claim a-audio]\nmatch = 00:1f.3'
	# wrong_type
	refuses "says device_type = type-PF, but Nova will see 0000:01:00.0 as type-PCI" \
		export_on twin-gpus nova <<<"$p2000"$'\ndevice_type = type-PF'
}

@test "nova: without a machine, by IDs or addresses alone" {
	run -0 export_image nova --release zed --part compute \
		<<<"$p2000"$'\ndevice_type = type-PF\nmatch = 83:00.* 10de:1bb0'
	grep -v '^#' <<<"$output" | diff -u - <(cat <<-'END'
		[pci]
		device_spec = {"vendor_id": "10de", "product_id": "1c30"}
		device_spec = {"address": "0000:83:00.*", "vendor_id": "10de", "product_id": "1bb0"}
		alias = {"name": "p2000", "vendor_id": "10de", "product_id": "1c30", "device_type": "type-PF"}
		alias = {"name": "p2000", "vendor_id": "10de", "product_id": "1bb0", "device_type": "type-PF"}
	END
	)
	[[ $output == *"functions = all) are not here"* ]]
	local words

	for words in class=0300 '10de:1c30 nth=2' path=00:03.0/00.0; do
		refuses "goes by class, path or nth, which Nova does not know" export_image nova \
			<<<"[claim a]"$'\n'"match = $words"
	done
	refuses "has no vendor and device ID" export_image nova <<<$'[claim a]\nmatch = 83:00.0'
	refuses "goes by the subsystem's IDs" export_image nova <<<$'[claim a]\nmatch = 10de:1c30:0001:0002'
	refuses "leaves an ID open" export_image nova <<<$'[claim a]\nmatch = 10de:*'
	refuses "has an except line" export_image nova <<<"$p2000"$'\nexcept = 01:00.0'
	refuses "--by address needs the machine" export_image nova --by address <<<"$p2000"
	refuses "--by ids would give every such device" export_image nova --by ids \
		<<<$'[claim a]\nmatch = 83:00.0 10de:1bb0'
	refuses "the configuration has no claim" export_image nova <<<""
	refuses "no claim takes a device of this machine" export_on twin-gpus nova \
		<<<$'[claim a]\nmatch = 1234:5678'
}

# ---- The others, which carry what nova says

facts_of() { python3 "$TESTS/tools/export-facts.py" "$1"; }

# agrees FORMAT TABLE RELEASE OPTION...: with `nova` and with `cmdline`.
agrees() {
	local format=$1 table=$2 release=$3 config

	shift 3
	config=$(cat)
	export_on "$table" "$format" --release "$release" "$@" <<<"$config" |
		facts_of "$format" >"$BATS_TEST_TMPDIR/found"
	export_on "$table" nova --release "$release" --part compute "$@" <<<"$config" |
		facts_of nova >"$BATS_TEST_TMPDIR/wanted"
	# A format without arguments leaves the boot loader to apply.
	if [ "$format" != charms ]; then
		"$TOOL" cmdline --json --root "$ROOT" --with-hardware --config "$conf" |
			jq -r '.arguments[] | "argument \(.)"' >>"$BATS_TEST_TMPDIR/wanted"
	fi
	diff -u <(sort "$BATS_TEST_TMPDIR/wanted") <(sort "$BATS_TEST_TMPDIR/found")
	[ "$(grep -c '^spec' "$BATS_TEST_TMPDIR/found")" -ge 1 ]
}

every_config() {
	agrees "$1" twin-gpus "$2" <<<"$p2000"
	agrees "$1" twin-gpus "$2" <<<$'[claim gpu]\nmatch = 02:00.0\nfunctions = matched\nalias = x'
	agrees "$1" sriov "$2" --by address <<<$'[claim nic]\nmatch = 8086:1520\n[host]\nextra_args = hugepages=4'
	agrees "$1" vm-nvidia-p100 "$2" <"$TESTS/machines/golden/vm-nvidia-p100.gpu.conf"
	agrees "$1" many-functions "$2" <"$TESTS/machines/golden/many-functions.all.conf"
}

@test "edpm agrees with nova and cmdline" { every_config edpm 2023.1; }
@test "genestack agrees with nova and cmdline" { every_config genestack 2025.1; }
@test "charms agrees with nova" { every_config charms 2024.1; }
@test "bright agrees with nova and cmdline" { every_config bright newton; }

@test "every ID on the kernel command line is one of a device spec" {
	local table

	for table in twin-gpus sriov vm-nvidia-p100 many-functions workstation; do
		cat "$TESTS/machines/golden/$table".[bvgad]*.conf >"$BATS_TEST_TMPDIR/config" 2>/dev/null
		[ "$table" != twin-gpus ] || echo "$p2000" >"$BATS_TEST_TMPDIR/config"
		[ "$table" != workstation ] ||
			cp "$TESTS/machines/golden/workstation.display.conf" "$BATS_TEST_TMPDIR/config"
		export_on "$table" nova <"$BATS_TEST_TMPDIR/config" | lines device_spec |
			jq -r '"\(.vendor_id):\(.product_id)"' | sort -u >"$BATS_TEST_TMPDIR/specs"
		"$TOOL" cmdline --root "$ROOT" --with-hardware --config "$conf" |
			grep -oE 'vfio-pci\.ids=[^ ]*' | cut -d= -f2 | tr ',' '\n' |
			cut -d: -f1,2 | sort -u >"$BATS_TEST_TMPDIR/ids"
		[ -s "$BATS_TEST_TMPDIR/ids" ] || { echo "$table: no IDs"; false; }
		comm -23 "$BATS_TEST_TMPDIR/ids" "$BATS_TEST_TMPDIR/specs" >"$BATS_TEST_TMPDIR/only"
		diff /dev/null "$BATS_TEST_TMPDIR/only"
	done
}

@test "Placement in every format that has it" {
	local config=$p2000$'\nresource_class = CUSTOM_P2000'

	export_on twin-gpus edpm --placement <<<"$config" >"$BATS_TEST_TMPDIR/edpm"
	[ "$(grep -c 'pci_in_placement = True' "$BATS_TEST_TMPDIR/edpm")" -eq 4 ]
	[ "$(grep -c 'report_in_placement = True' "$BATS_TEST_TMPDIR/edpm")" -eq 1 ]
	export_on twin-gpus genestack --placement <<<"$config" >"$BATS_TEST_TMPDIR/genestack"
	grep -qx '      pci_in_placement: true' "$BATS_TEST_TMPDIR/genestack"
	grep -qx '                report_in_placement: true' "$BATS_TEST_TMPDIR/genestack"
	export_on twin-gpus charms --placement <<<"$config" >"$BATS_TEST_TMPDIR/charms"
	grep -qx '      pci-in-placement: true' "$BATS_TEST_TMPDIR/charms"
	grep -qx '      pci-report-in-placement: true' "$BATS_TEST_TMPDIR/charms"
	run -2 export_on twin-gpus bright --placement <<<"$config"
	[[ $output == *"export bright has no --placement"* ]]
}

@test "what nova refuses, the others refuse too" {
	local format

	for format in edpm genestack charms bright; do
		refuses "export $format: the aliases a and b are both for 10de:1c30" \
			export_on twin-gpus "$format" <<<$'[claim a]\nmatch = 01:00.0\n[claim b]\nmatch = 02:00.0'
	done
}

# ---- What comes from outside: the file's own text, names of devices and of the host

nasty=$'it\'s "quoted" \\ $HOME `id` {{ lookup("pipe", "id") }} {% x %} %s %n #: - ? & ]]> \tEND\n---\n...\nEND\nEOF'

@test "no text of the configuration breaks out of YAML" {
	local config

	config=$p2000$'\n# '${nasty//$'\n'/$'\n# '}$'\n#\u2028 \u0085 \ufeff \U1F600 \x01 \x7f'
	export_on twin-gpus edpm <<<"$config" >"$BATS_TEST_TMPDIR/out"
	facts_of files <"$BATS_TEST_TMPDIR/out" | jq -j '."/etc/vfio-claim.conf"' | cmp - "$conf"
	refuses "a file of the configuration is not UTF-8" \
		export_on twin-gpus edpm <<<"$p2000"$'\n# \xff'
	# The others do not carry it.
	for format in nova genestack charms bright; do
		export_on twin-gpus "$format" <<<"$config" >"$BATS_TEST_TMPDIR/out"
		export_on twin-gpus "$format" <<<"$p2000" | cmp - "$BATS_TEST_TMPDIR/out"
	done
}

@test "no name of a device or a host breaks out of a comment" {
	local format

	for format in nova edpm genestack charms bright; do
		machine twin-gpus
		mkdir -p "$ROOT/usr/share/misc" "$ROOT/proc/sys/kernel"
		printf '10de  Nasty %s\n\t1c30  %s\x1b[31m \xff \xc2\x85 [x]\n' "${nasty%%$'\n'*}" \
			"${nasty%%$'\n'*}" >"$ROOT/usr/share/misc/pci.ids"
		printf 'node"\x1b[31m: {{ x }} \xff $(id)' >"$ROOT/proc/sys/kernel/hostname"
		echo "$p2000" >"$conf"
		"$TOOL" export "$format" --root "$ROOT" --with-hardware --config "$conf" \
			>"$BATS_TEST_TMPDIR/out"
		facts_of "$format" <"$BATS_TEST_TMPDIR/out" | grep -v ^argument |
			sort >"$BATS_TEST_TMPDIR/nasty"
		[ -s "$BATS_TEST_TMPDIR/nasty" ]
		export_on twin-gpus "$format" <<<"$p2000" | facts_of "$format" | grep -v ^argument |
			sort | diff -u - "$BATS_TEST_TMPDIR/nasty"
		[ "$format" = charms ] || grep -qF 'quoted' "$BATS_TEST_TMPDIR/out"
		LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/out" && false
	done
	sh -n "$BATS_TEST_TMPDIR/out"
}
