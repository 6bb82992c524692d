#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The boot helper on machine trees. A flat tree never reacts to `bind`: what is written, in which
# order, and what is recorded is shown here; that devices end on vfio-pci, in virtual machines.

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
}

# shellcheck disable=SC2120 # the options are bats' `run boot OPTION...`
boot() {
	"$HELPER" --root "$ROOT" "$@"
}

# Nothing but the record may have been written since $before.
nothing_claimed() {
	[ -z "$(overrides)" ]
	[ "$(record '.devices | length')" -eq 0 ]
	[ "$(tree_state | grep -v run/vfio-claim/boot.json)" = "$before" ]
}

@test "boot: overrides of the claimed devices and of no others" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0 10de:1c30'
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(overrides)" = $'0000:02:00.0 vfio-pci\n0000:02:00.1 vfio-pci' ]
}

@test "boot: writes these files and no others" {
	local changed

	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0'
	before=$(tree_state)
	boot 2>/dev/null
	changed=$(diff <(echo "$before") <(tree_state) | grep '^>' |
		sed -E 's/^> (.* )?(\.\/[^ ]*)$/\2/' | sort)
	[ "$changed" = "$(sort <<-'END'
		./run/udev/rules.d/70-vfio-claim.rules
		./run/vfio-claim/boot.json
		./run/vfio-claim/claims
		./sys/bus/pci/drivers/vfio-pci/bind
		./sys/bus/pci/drivers_probe
		./sys/devices/pci0000:00/0000:00:04.0/0000:02:00.0/driver_override
		./sys/devices/pci0000:00/0000:00:04.0/0000:02:00.1/driver_override
	END
	)" ]
	[ -z "$(find "$ROOT" -name '*.new~')" ]
	[ "$(cat "$ROOT/sys/bus/pci/drivers_probe")" = 0000:02:00.1 ]
	[ "$(cat "$ROOT/sys/bus/pci/drivers/vfio-pci/bind")" = 0000:02:00.1 ]
}

@test "boot: actions in their order: all overrides, then unbind, probe, bind" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	strace -f -e trace=openat -o "$BATS_TEST_TMPDIR/trace" \
		env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" "$HELPER" --root "$ROOT" 2>/dev/null
	# Writes to sysfs, as DEVICE/ATTRIBUTE.
	sed -nE 's/.*"sys\/bus\/pci\/(devices\/)?([^"]*)", O_WRONLY.*/\2/p' \
		"$BATS_TEST_TMPDIR/trace" >"$BATS_TEST_TMPDIR/writes"
	diff - "$BATS_TEST_TMPDIR/writes" <<-'END'
		0000:01:00.0/driver_override
		0000:01:00.1/driver_override
		0000:02:00.0/driver_override
		0000:02:00.1/driver_override
		0000:01:00.0/driver/unbind
		drivers_probe
		0000:01:00.1/driver/unbind
		drivers_probe
		drivers_probe
		drivers/vfio-pci/bind
		drivers_probe
		drivers/vfio-pci/bind
	END
	[ "$(cat "$ROOT/sys/bus/pci/drivers/nouveau/unbind")" = 0000:01:00.0 ]
	[ "$(cat "$ROOT/sys/bus/pci/drivers/snd_hda_intel/unbind")" = 0000:01:00.1 ]
	[ "$(record -c '[.devices[] | [.actions[].action]]')" = \
		'[["override","unbind","probe"],["override","unbind","probe"],["override","probe","bind"],["override","probe","bind"]]' ]
}

@test "boot: the record of a machine where nothing was bound" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30\nexpect = 3\n[claim disk]\nmatch = 03:00.0'
	append quiet
	boot 2>/dev/null
	[ "$(record 'keys_unsorted | join(" ")')" = "schema version enabled kernel cmdline started finished peak_memory_kib table devices modules messages" ]
	[ "$(record .schema)" = 1 ]
	[ "$(record .enabled)" = true ]
	[ "$(record .kernel)" = "$(uname -r)" ]
	[ "$(record .cmdline)" = "$(cat "$ROOT/proc/cmdline")" ]
	[ "$(record .table.status)" = ok ]
	[ "checksum $(record .table.checksum)" = "$(tail -n 1 "$ROOT/etc/vfio-claim/claims")" ]
	[ "$(record '.finished >= .started and .started > 0')" = true ]
	[ "$(record -c '[.devices[] | .outcome]')" = \
		'["failed","failed","failed","failed","waiting"]' ]
	[ "$(record -c '.devices[0] | [.address,.id,.class,.claim,.driver_wanted,.driver_before,.driver,.override,.iommu_group,.outcome]')" = \
		'["0000:01:00.0","10de:1c30:10de:11b3","030000","gpu","vfio-pci","nouveau","nouveau","vfio-pci",5,"failed"]' ]
	[ "$(record -c '.devices[4] | [.address,.driver,.override,.driver_wanted,.actions]')" = \
		'["0000:03:00.0","nvme",null,"vfio-pci",[]]' ]
	[ "$(record -c '[.modules[].name]')" = '["vfio_pci","vfio_iommu_type1"]' ]
	[ "$(record '.messages | length')" -eq 2 ]
	[[ $(record '.messages[0]') == "claim gpu: 0000:01:00.0 is the boot display: "* ]]
	[ "$(record '.messages[1]')" = "claim gpu: 3 cards expected, 2 found" ]
}

@test "boot: a device that vfio-pci has already is claimed, and left alone" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0\nfunctions = matched'
	ln -s ../../../../bus/pci/drivers/vfio-pci "$ROOT/$DEVICES/0000:02:00.0/driver"
	run --separate-stderr boot
	[ "$(record -c '.devices[] | [.outcome,.driver,.driver_before,.actions]')" = \
		'["claimed","vfio-pci",null,[{"action":"override","target":"vfio-pci","errno":0}]]' ]
	[ ! -s "$ROOT/sys/bus/pci/drivers_probe" ]
	[[ $stderr == *"0000:02:00.0 10de:1c30 [gpu] claimed by vfio-pci"* ]]
}

@test "boot: the reason of a failure names what is missing" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0\nfunctions = matched'
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[ "$(record .devices[0].reason)" = \
		"the module vfio_pci could not be loaded: No such file or directory; is it in the initramfs?" ]
	[[ $stderr == *"0000:02:00.0 10de:1c30 [gpu] not on vfio-pci: the module vfio_pci"* ]]
}

@test "boot: without an IOMMU the override stays and the record says why" {
	machine server-dell-matrox
	kernel_tree
	claims <<<$'[claim gpu]\nmatch = 102b:0532'
	boot 2>/dev/null
	[ "$(overrides)" = "0000:07:03.0 vfio-pci" ]
	[ "$(record .devices[0].outcome)" = failed ]
	[ "$(record .devices[0].iommu_group)" = null ]
	[[ $(record .devices[0].reason) == *"it has no IOMMU group"*"switch the IOMMU on"* ]]
}

# kernel_tree: modules for the helper, which has one kernel in a tree.
kernel_tree() {
	local module alias dir=$ROOT/lib/modules/6.1.0

	mkdir -p "$dir/kernel"
	for module in vfio_pci vfio_iommu_type1 nvgrace_gpu_vfio_pci xe-vfio-pci; do
		case $module in
		nvgrace*) alias='vfio_pci:v000010DEd00002342sv*sd*bc*sc*i*' ;;
		xe*) alias='vfio_pci:v00008086d0000E20Bsv*sd*bc*sc*i*' ;;
		*) alias= ;;
		esac
		printf 'const char n[] __attribute__((section(".modinfo"))) = "name=%s";
			const char a[] __attribute__((section(".modinfo"))) = "alias=%s";\n' \
			"${module//-/_}" "$alias" |
			gcc -x c -c -o "$dir/kernel/$module.ko" -
	done
	: >"$dir/modules.order"
	: >"$dir/modules.builtin"
	depmod -b "$ROOT" 6.1.0
	ln -s 6.1.0 "$ROOT/lib/modules/tree"
}

@test "boot: a variant driver goes before vfio-pci, which is the fallback" {
	machine domains
	kernel_tree
	claims <<<$'[claim hopper]\nmatch = 10de:2342\n[claim gpu]\nmatch = 01:00.0'
	run boot --dry-run
	[[ $output == *"0001:01:00.0  10de:2342  take    nvgrace_gpu_vfio_pci  hopper: matched"* ]]
	[[ $output == *"0000:01:00.0  10de:1c30  take    vfio-pci      gpu: matched"* ]]
	[[ $output == *"override  0001:01:00.0  nvgrace_gpu_vfio_pci"* ]]
	boot 2>/dev/null
	# The flat tree binds nothing, so 0001: falls back in the end.
	[ "$(record -c '.devices[] | select(.address == "0001:01:00.0") | [.actions[] | [.action, .target]]')" = \
		'[["override","nvgrace_gpu_vfio_pci"],["probe","nvgrace_gpu_vfio_pci"],["bind","nvgrace_gpu_vfio_pci"],["override","vfio-pci"],["probe","vfio-pci"],["bind","vfio-pci"]]' ]
	[ "$(record -c '[.modules[] | [.name, .errno]]')" = \
		'[["vfio_pci",0],["nvgrace_gpu_vfio_pci",0],["vfio_iommu_type1",0]]' ]
}

# The kernel compares driver_override with the driver's name letter by letter.
@test "boot: a variant driver that is not named as its module is" {
	ROOT=$BATS_TEST_TMPDIR/tree
	"$TESTS/machines/make-tree" /dev/stdin "$ROOT" <<-'END'
		0000:00:00.0 8086:29c0 -:- 060000 - 0 -1 - - -
		0000:00:01.0 8086:2f04 -:- 060400 pcieport 1 -1 - - -
		0000:03:00.0 8086:e20b 8086:1100 030000 - 2 -1 - - - 0000:00:01.0
	END
	kernel_tree
	claims <<<$'[claim b580]\nmatch = 8086:e20b'
	run boot --dry-run
	[[ $output == *"0000:03:00.0  8086:e20b  take    xe-vfio-pci   b580: matched"* ]]
	boot 2>/dev/null
	[ "$(record -c '.devices[0].actions | map(select(.target == "xe-vfio-pci").action)')" = \
		'["override","probe","bind"]' ]
	[ "$(record '.modules[0] | .name, .errno' | tr '\n' ' ')" = "xe_vfio_pci 0 " ]
	run "$TOOL" image --modules --kernel 6.1.0 --root "$ROOT"
	[[ $output == *xe_vfio_pci* ]]
}

@test "boot: the fallback loads vfio_pci when nothing else did" {
	machine domains
	kernel_tree
	claims <<<$'[claim hopper]\nmatch = 0001:01:00.0'
	# Its list is vfio-pci's, and nobody's here.
	append vfio-pci.ids=1002:67df
	boot 2>/dev/null
	[ "$(record -c '[.modules[].name]')" = \
		'["nvgrace_gpu_vfio_pci","vfio_iommu_type1","vfio_pci"]' ]
}

@test "boot: a named driver has no fallback" {
	machine domains
	kernel_tree
	claims <<<$'[claim hopper]\nmatch = 10de:2342\ndriver = nvgrace_gpu_vfio_pci'
	boot 2>/dev/null
	[ "$(record -c '[.devices[] | .driver_wanted] | unique')" = '["nvgrace_gpu_vfio_pci"]' ]
}

@test "boot: rd.vfio-claim=0 changes nothing and says so" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	append "vfio-pci.ids=10de:1c30 rd.vfio-claim=0 rd.driver.blacklist=nouveau"
	before=$(tree_state)
	run --separate-stderr boot --rd-driver
	[ "$status" -eq 0 ]
	[[ $stderr == *"switched off for this boot by rd.vfio-claim=0 on the kernel command line"* ]]
	nothing_claimed
	[ "$(record .enabled)" = false ]
	run boot --dry-run
	[ "$output" = "switched off by rd.vfio-claim=0" ]
}

@test "boot: no claims, no changes, no udev rule" {
	machine twin-gpus
	claims </dev/null
	before=$(tree_state)
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	nothing_claimed
	[ "$(record .table.status)" = ok ]
}

# damaged STATUS REASON: the table claims nothing, the boot goes on.
damaged() {
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[[ $stderr == *"the claims table of this initramfs claims nothing: $2"* ]]
	nothing_claimed
	[ "$(record .table.status)" = "$1" ]
	[ "$(record .table.checksum)" = null ]
	[[ $(record .table.reason) == "$2"* ]]
}

@test "boot: a damaged claims table claims nothing" {
	local table content

	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	table=$ROOT/etc/vfio-claim/claims
	content=$(cat "$table")

	: >"$table"
	before=$(tree_state)
	damaged bad "it is empty"
	rm -r "$ROOT/run"
	head -c 60 <<<"$content" >"$table"
	before=$(tree_state)
	damaged bad "its last line is missing"
	rm -r "$ROOT/run"
	sed 's/1c30/1c31/' <<<"$content" >"$table"
	before=$(tree_state)
	damaged bad "its checksum is wrong"
	rm -r "$ROOT/run"
	sed 's/table 1/table 2/' <<<"$content" >"$table"
	before=$(tree_state)
	damaged bad "it has version 2, this helper reads version 1"
	rm -r "$ROOT/run"
	head -c 65536 /dev/urandom >"$table"
	before=$(tree_state)
	damaged bad "it does not begin like a claims table"
	rm -r "$ROOT/run"
	truncate -s 2M "$table"
	before=$(tree_state)
	damaged bad "/etc/vfio-claim/claims cannot be read"
	rm -r "$ROOT/run"
	rm "$table"
	before=$(tree_state)
	damaged missing "/etc/vfio-claim/claims is not there"
	rm -r "$ROOT/run"
	mkdir "$table"
	before=$(tree_state)
	damaged bad "/etc/vfio-claim/claims cannot be read"
}

@test "boot: a damaged table does not spoil what the command line claims" {
	machine twin-gpus
	mkdir -p "$ROOT/etc/vfio-claim"
	echo rubbish >"$ROOT/etc/vfio-claim/claims"
	append "rd.vfio-claim=02:00.0"
	boot 2>/dev/null
	[ "$(overrides)" = $'0000:02:00.0 vfio-pci\n0000:02:00.1 vfio-pci' ]
}

@test "boot: vfio-pci.ids= takes exactly what it names" {
	machine twin-gpus
	claims </dev/null
	append "rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30"
	boot 2>/dev/null
	[ "$(overrides)" = $'0000:01:00.0 vfio-pci\n0000:02:00.0 vfio-pci' ]
	[ "$(record -c '[.devices[].claim] | unique')" = '["vfio-pci.ids"]' ]
}

@test "boot: vfio-pci.ids= names NVSwitches, and vfio-pci keeps its list" {
	machine nvswitch
	claims <<<''
	append vfio-pci.ids=10de:2330,10de:22a3
	run boot --dry-run
	[ "$(grep -c '  take  ' <<<"$output")" -eq 4 ]
	[[ $output == *$'\nload      vfio_pci\n'* ]]
	# With the header of a bridge vfio-pci does not take it, and neither do we.
	: >"$ROOT/$DEVICES/0000:9d:00.0/secondary_bus_number"
	run boot --dry-run
	[[ $output == *"0000:9d:00.0  10de:22a3  refuse  -             vfio-pci.ids: a bridge is never claimed"* ]]
	[[ $output == *"0000:9e:00.0  10de:22a3  take    "* ]]
}

@test "boot: what is wrong on the command line is told, the rest counts" {
	machine twin-gpus
	claims </dev/null
	append 'rd.vfio-claim=rubbish "rd.vfio-claim=10de:1c30 nth=2" rd.driver.pre=../x'
	run --separate-stderr boot
	[[ $stderr == *"rd.vfio-claim=rubbish: "* ]]
	[ "$(record '.messages | length')" -eq 2 ]
	[ "$(overrides)" = $'0000:02:00.0 vfio-pci\n0000:02:00.1 vfio-pci' ]
}

@test "boot: no /proc/cmdline: the table counts" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0'
	rm "$ROOT/proc/cmdline"
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[[ $stderr == *"/proc/cmdline cannot be read"* ]]
	[ "$(overrides | wc -l)" -eq 2 ]
	[ "$(record .cmdline)" = null ]
}

@test "boot: bytes of the command line that are no text are valid JSON" {
	machine twin-gpus
	claims </dev/null
	printf 'ro x="\\\x01\xff\xc3\xa9" quiet\nsecond line\n' >"$ROOT/proc/cmdline"
	boot
	record . >/dev/null
	run ! env LC_ALL=C grep -q '[^ -~]' "$ROOT/run/vfio-claim/boot.json"
	[[ $(record .cmdline) == *"quiet"*"second line" ]]
}

@test "boot: words behind a newline or a no-break space of the command line count, as the kernel's" {
	local blank

	for blank in '\n' '\t' '\xa0' '\n\n'; do
		machine twin-gpus
		claims <<<$'[claim gpu]\nmatch = 10de:1c30'
		printf "root=/dev/sda1 ro quiet${blank}rd.vfio-claim=0\n" >"$ROOT/proc/cmdline"
		run boot
		[ -z "$(overrides)" ]
		[ "$(record .enabled)" = false ]
	done
}

@test "boot: no list of IDs but vfio-pci.ids= is left to vfio-pci" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 0000:01:00.0'
	run boot --dry-run
	[[ $output == *$'\nload      vfio_pci  ids=\n'* ]]
	append vfio-pci.ids=10de:1c30
	run boot --dry-run
	[[ $output == *$'\nload      vfio_pci\n'* ]]
	# Nor to what loads it after a variant: rd.driver.pre=vfio-pci, or the variant's fallback.
	rm -r "$ROOT"
	machine domains
	kernel_tree
	claims <<<$'[claim hopper]\nmatch = 0001:01:00.0'
	run boot --dry-run
	[[ $output == *$'\nload      nvgrace_gpu_vfio_pci\nload      vfio_pci  ids=\n'* ]]
}

@test "boot: no PCI devices, no sysfs" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	rm -r "$ROOT/sys"
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[[ $stderr == *"the PCI devices in sysfs cannot be read"* ]]
	[ "$(record '.devices | length')" -eq 0 ]
	mkdir -p "$ROOT/$DEVICES"
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[[ $stderr == *"nothing matches '10de:1c30'"* ]]
}

@test "boot: odd attributes spoil their device alone" {
	local dir

	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30\nmatch = 10de:10f1'
	dir=$ROOT/$DEVICES
	printf 'PCI_CLASS=30000\nPCI_ID=10DE\n' >"$dir/0000:01:00.0/uevent"
	rm "$dir/0000:01:00.1/uevent"
	rm "$dir/0000:02:00.0/driver_override"
	rm "$dir/0000:02:00.1/iommu_group"
	mkdir "$dir/nonsense" "$dir/0000:zz:00.0"
	head -c 5000 /dev/zero | tr '\0' x >"$dir/0000:00:1f.0/uevent"
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	# Never created: an attribute that is not there must fail.
	[ ! -e "$dir/0000:02:00.0/driver_override" ]
	[ "$(record -c '[.devices[] | [.address, .outcome, .iommu_group]]')" = \
		'[["0000:02:00.0","failed",6],["0000:02:00.1","failed",null]]' ]
	[[ $(record .devices[0].reason) == "driver_override could not be written: No such file"* ]]
	[ "$(overrides)" = "0000:02:00.1 vfio-pci" ]
}

@test "boot: a device that does not say what it is is not claimed by its address" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0\n[claim other]\nmatch = 01:00.*'
	printf 'PCI_CLASS=30000\n' >"$ROOT/$DEVICES/0000:02:00.0/uevent"
	rm "$ROOT/$DEVICES/0000:01:00.0/uevent"
	boot 2>/dev/null
	[ "$(overrides)" = "0000:01:00.1 vfio-pci" ]
	[ "$(record -c '.devices[1] | [.address, .outcome, .id, .reason]')" = \
		'["0000:02:00.0","refused",null,"there is no device at this address"]' ]
}

@test "boot: one device that cannot be written does not stop the others" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	rm "$ROOT/$DEVICES/0000:01:00.0/driver_override"
	mkdir "$ROOT/$DEVICES/0000:01:00.0/driver_override"
	boot 2>/dev/null
	[ "$(record -c '[.devices[].actions[0].errno]')" = "[21,0,0,0]" ]
	[ "$(attribute 0000:02:00.0 driver_override)" = vfio-pci ]
}

@test "boot: a run directory that cannot be written is told, exit 0" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0'
	: >"$ROOT/run"
	run --separate-stderr boot
	[ "$status" -eq 0 ]
	[[ $stderr == *"/run/vfio-claim/boot.json cannot be written"* ]]
	[ "$(overrides | wc -l)" -eq 2 ]
}

@test "boot: twice is as once" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0'
	boot 2>/dev/null
	before=$(tree_state | grep -v boot.json)
	boot 2>/dev/null
	[ "$before" = "$(tree_state | grep -v boot.json)" ]
}

@test "boot: the udev rule and the claims in force" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30\nfunctions = matched'
	append "vfio-pci.ids=8086:1520"
	boot 2>/dev/null
	grep -qF 'ATTR{vendor}=="0x10de", ATTR{device}=="0x1c30", GOTO="vfio_claim_0_take"' \
		"$ROOT/run/udev/rules.d/70-vfio-claim.rules"
	grep -qF 'ATTR{vendor}=="0x8086", ATTR{device}=="0x1520", GOTO="vfio_claim_1_take"' \
		"$ROOT/run/udev/rules.d/70-vfio-claim.rules"
	grep -qF 'ATTR{driver_override}="vfio-pci"' "$ROOT/run/udev/rules.d/70-vfio-claim.rules"
	# Every GOTO has its LABEL, behind it.
	awk -F'"' '/LABEL=/ {label[$(NF-1)] = NR}
		match($0, /GOTO="[^"]*"/) {goto_line[substr($0, RSTART + 6, RLENGTH - 7)] = NR}
		END {for (l in goto_line) if (label[l] <= goto_line[l]) exit 1}' \
		"$ROOT/run/udev/rules.d/70-vfio-claim.rules"
	grep -qx "claim gpu" "$ROOT/run/vfio-claim/claims"
	grep -qx "origin vfio-pci.ids" "$ROOT/run/vfio-claim/claims"
}

@test "device: is it claimed in this boot? by this claim?" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0\n[claim disk]\nmatch = 03:00.0'
	append "rd.vfio-claim=00:1f.3"
	boot 2>/dev/null
	before=$(tree_state)
	run --separate-stderr boot --device 0000:02:00.0
	[ "$status" -eq 0 ]
	[ "$output" = vfio-pci ]
	run boot --device 0000:02:00.1 --claim gpu
	[ "$status" -eq 0 ]
	run boot --device 02:00.1 --claim other
	[ "$status" -eq 1 ]
	run boot --device 0000:00:1f.3 --claim rd.vfio-claim-1
	[ "$status" -eq 0 ]
	# Refused, not matched, not there.
	run boot --device 0000:03:00.0
	[ "$status" -eq 1 ]
	run boot --device 0000:01:00.0
	[ "$status" -eq 1 ]
	run boot --device 0000:77:00.0
	[ "$status" -eq 1 ]
	[ "$before" = "$(tree_state)" ]
}

@test "device: a question is answered quietly" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0\nmatch = 1002:*'
	append "rd.vfio-claim=02:00.0 rd.vfio-claim=rubbish"
	boot 2>/dev/null
	run --separate-stderr boot --device 0000:02:00.0
	[ "$status" -eq 0 ]
	[ "$output" = vfio-pci ]
	[ -z "$stderr" ]
}

@test "device: without a record of this boot nothing is claimed" {
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0'
	run boot --device 0000:02:00.0
	[ "$status" -ne 0 ]
}

@test "rd-driver: the lists of initramfs-tools, and only when asked" {
	machine twin-gpus
	claims </dev/null
	append "rd.driver.blacklist=nouveau,snd_hda_intel rd.driver.post=late rd.driver.pre=early"
	boot 2>/dev/null
	[ ! -e "$ROOT/etc/modprobe.d" ]
	run --separate-stderr boot --rd-driver
	[ "$status" -eq 0 ]
	diff - "$ROOT"/etc/modprobe.d/*.conf <<-'END'
		blacklist nouveau
		blacklist snd_hda_intel
		blacklist late
	END
	[[ $stderr == *"rd.driver.pre: the module early could not be loaded"* ]]
	run --separate-stderr boot --post
	[ "$status" -eq 0 ]
	[[ $stderr == *"rd.driver.post: the module late could not be loaded"* ]]
}

@test "rd-driver: rd.vfio-claim=0 leaves rd.driver.post alone too" {
	machine twin-gpus
	claims </dev/null
	append "rd.vfio-claim=0 rd.driver.post=late"
	before=$(tree_state)
	run --separate-stderr boot --post
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(tree_state)" = "$before" ]
}

@test "usage: help, version, and what is wrong" {
	local words

	machine arm64-cloud
	run --separate-stderr "$HELPER" --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: vfio-claim-boot "* ]]
	run --separate-stderr "$HELPER" --version
	[ "$status" -eq 0 ]
	before=$(tree_state)
	for words in "extra" "--dry" "-n" "--root" "--claim x" "--dry-run=1" "--device x" \
		"--device 0000:01:00.*"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$HELPER" --root "$ROOT" $words
		echo "'$words' gives $status: $stderr"
		[ "$status" -eq 2 ]
		[ -n "$stderr" ]
	done
	run --separate-stderr "$HELPER" --root "$ROOT" --dry-rn
	[[ $stderr == *"did you mean --dry-run?"* ]]
	[ "$before" = "$(tree_state)" ]
	run "$HELPER" --root "$ROOT/none"
	[ "$status" -eq 5 ]
}
