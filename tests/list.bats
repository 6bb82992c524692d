#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-claim list: the table, the tree, JSON and the drawing of recorded machines.

# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

setup() {
	load lib/machine.bash
	load lib/kernel.bash
	bats_require_minimum_version 1.5.0
}

# conf < CONFIG: the tree's configuration.
conf() {
	cat >"$ROOT/etc/vfio-claim.conf"
}

list() {
	run --separate-stderr "$TOOL" list --root "$ROOT" --with-hardware "$@"
	printf 'status %s; stderr: %s; output:\n%s\n' "$status" "$stderr" "$output"
}

# json FILTER [OPTION]...: what jq makes of the list; the status is that of jq.
json() {
	local filter=$1

	shift
	"$TOOL" list --root "$ROOT" --with-hardware --json "$@" | jq -r "$filter"
}

# addresses: those of the table that `list` printed.
addresses() {
	awk 'NR > 1 && $1 != "note:" { print $1 }' <<<"$output" | paste -sd' '
}

# absent GREP-WORD...: no line matches. A `!` before grep would not fail a test.
absent() {
	if grep -q "$@"; then
		return 1
	fi
}

# golden TABLE: table and tree are as recorded, with claims on every display and every disk.
golden() {
	local form file

	recorded_machine "$1"
	conf <<-'END'
		[claim gpus]
		match = class=03
		[claim disks]
		match = class=0108
	END
	for form in table tree; do
		file=$TESTS/machines/golden/list/$1.$form
		if [ "$form" = table ]; then list; else list "--$form"; fi
		[ "$status" -eq 0 ]
		[ -z "${UPDATE_GOLDEN:-}" ] || printf '%s\n' "$output" >"$file"
		diff -u "$file" <(printf '%s\n' "$output")
	done
}

@test "list: a cloud machine without a GPU" { golden arm64-cloud; }
@test "list: a laptop, companions on the root bus" { golden laptop-alderlake; }
@test "list: a server with its Matrox display and network cards" { golden server-dell-matrox; }
@test "list: a virtual machine with a P100" { golden vm-nvidia-p100; }
@test "list: two identical GPUs" { golden twin-gpus; }
@test "list: a card of four functions behind a switch" { golden workstation; }
@test "list: domains other than 0, 32 bits wide" { golden domains; }
@test "list: virtual functions" { golden sriov; }
@test "list: 200 functions" { golden many-functions; }
@test "list: a processor with graphics in the slot of the host's own functions" { golden amd-apu; }
@test "list: bridges by their class, NVSwitches and others" { golden nvswitch; }
@test "list: storage of many kinds" { golden storage; }

@test "list: no table is without its golden list" {
	local table

	for table in "$TESTS"/machines/*.txt; do
		[ -s "$TESTS/machines/golden/list/$(basename "$table" .txt).table" ]
	done
}

@test "list: nothing is changed" {
	local before form

	recorded_machine sriov
	before=$(tree_state)
	for form in "" --tree --json --svg; do
		"$TOOL" list --root "$ROOT" --with-hardware $form >/dev/null
	done
	[ "$before" = "$(tree_state)" ]
}

@test "list: every function of sysfs is in every form" {
	local table address

	for table in workstation domains; do
		recorded_machine "$table"
		json '.devices[].address' | sort >"$BATS_TEST_TMPDIR/json"
		diff <(cd "$ROOT/$DEVICES" && printf '%s\n' * | sort) "$BATS_TEST_TMPDIR/json"
		for form in "" --tree; do
			list $form
			while read -r address; do
				grep -q " *$address " <<<"$output"
			done <"$BATS_TEST_TMPDIR/json"
		done
	done
}

@test "list: JSON says what sysfs and modules.alias say" {
	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 01:00.0'
	json '.devices[] | select(.address == "0000:01:00.0") | del(.class_name)' -- >"$BATS_TEST_TMPDIR/device"
	diff -u - <(jq -S . "$BATS_TEST_TMPDIR/device") <<-'END'
		{
		  "address": "0000:01:00.0",
		  "boot_display": true,
		  "bridge": false,
		  "claim": {
		    "companion": false,
		    "driver": "vfio-pci",
		    "late": false,
		    "name": "gpu",
		    "reason": "matched",
		    "taken": true
		  },
		  "class": "030000",
		  "device": "1c30",
		  "device_name": "GP106GL [Quadro P2000]",
		  "driver": "nouveau",
		  "driver_override": null,
		  "iommu_group": 5,
		  "kind": "display",
		  "modules": [
		    {
		      "blacklisted": false,
		      "builtin": false,
		      "name": "nouveau"
		    },
		    {
		      "blacklisted": true,
		      "builtin": false,
		      "name": "nvidiafb"
		    }
		  ],
		  "needed_for": null,
		  "numa_node": null,
		  "parent": "0000:00:03.0",
		  "path": "0000:00:03.0/00.0",
		  "pf": null,
		  "reset_methods": null,
		  "sriov": null,
		  "subsystem_device": "11b3",
		  "subsystem_vendor": "10de",
		  "vendor": "10de",
		  "vendor_name": "NVIDIA Corporation",
		  "vf": false,
		  "warnings": [
		    "it is the boot display: the console on it goes dark"
		  ]
		}
	END
	[ "$(json '.schema, .config_valid' | paste -sd' ')" = "1 true" ]
	[ "$(json '.devices[] | select(.claim.companion) | .address')" = 0000:01:00.1 ]
	[ "$(json '[.devices[] | select(.boot_display == false) | .address] | join(" ")')" = 0000:02:00.0 ]
	echo vfio-pci >"$ROOT/$DEVICES/0000:02:00.0/driver_override"
	echo "flr bus" >"$ROOT/$DEVICES/0000:02:00.0/reset_method"
	[ "$(json '.devices[] | select(.driver_override) | [.address, .driver_override, .reset_methods[]] | join(" ")')" = \
		"0000:02:00.0 vfio-pci flr bus" ]
	# Now the kernel is known to tell, and the others are known to have none.
	[ "$(json '[.devices[] | select(.reset_methods == [])] | length')" -eq 11 ]
	json '.devices[0].reset_methods' | grep -qx '\[\]'
}

@test "list: PF, VF, NUMA node, built-in module" {
	recorded_machine sriov
	[ "$(json '.devices[] | select(.sriov) | [.address, .sriov.total_vfs, .sriov.enabled_vfs, .sriov.autoprobe] | join(" ")' | paste -sd,)" = \
		"0000:05:00.0 7 2 true,0000:05:00.1 7 2 true,0000:06:00.0 16 3 true" ]
	[ "$(json '.devices[] | select(.vf) | .pf' | sort | uniq -c | tr -s ' ' | paste -sd,)" = \
		" 2 0000:05:00.0, 2 0000:05:00.1, 3 0000:06:00.0" ]
	[ "$(json '[.devices[].numa_node] | unique | join(" ")')" = 0 ]
	echo 0 >"$ROOT/$DEVICES/0000:05:00.0/sriov_drivers_autoprobe"
	[ "$(json '.devices[] | select(.address == "0000:05:00.0") | .sriov.autoprobe')" = false ]
	recorded_machine workstation
	[ "$(json '.devices[] | select(.kind == "usb") | .modules[] | [.name, .builtin] | join(" ")' | uniq)" = "xhci_pci true" ]
}

@test "list: a module is blacklisted by the tree's modprobe.d or command line, not by another name" {
	recorded_machine twin-gpus
	blacklisted() { json '[.devices[] | .modules[] | select(.blacklisted) | .name] | unique | join(" ")'; }
	[ "$(blacklisted)" = nvidiafb ]
	append modprobe.blacklist=nouveau2,nouvea,snd_hda_intel module_blacklist=nvme
	[ "$(blacklisted)" = "nvidiafb nvme snd_hda_intel" ]
	list
	[[ $output == *"- (nouveau, !nvidiafb)"* ]]
	[[ $output == *"nouveau (!nvidiafb)"* ]]
	[[ $output == *"nvme (!nvme)"* ]]
	[[ $output == *"note: a module with ! before its name is blacklisted" ]]
	rm "$ROOT/etc/modprobe.d/fb.conf"
	list 01:00.0
	[[ $output == *"nouveau (nvidiafb)"* ]]
	[[ $output != *blacklisted* ]]
}

@test "list: a tree without a kernel has no modules, and this host's are not asked" {
	recorded_machine twin-gpus
	rm -r "${ROOT:?}/lib" "$ROOT/proc/sys"
	[ "$(json '[.devices[].modules[]] | length')" -eq 0 ]
}

@test "list: without the running kernel's release the newest kernel counts" {
	recorded_machine twin-gpus
	rm -r "$ROOT/proc/sys"
	[ "$(json '[.devices[].modules[].name] | unique | join(" ")')" = "nouveau nvidiafb nvme snd_hda_intel" ]
}

@test "list --claimed: exit 1 when no device goes to VFIO" {
	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30'
	list --claimed
	[ "$status" -eq 0 ]
	list --claimed --group 4
	[ "$status" -eq 1 ]
	[ -z "$(addresses)" ]
	[[ $stderr == *"no device is like that"* ]]
	conf <<<$'[claim other]\nmatch = 10de:2204'
	list --claimed
	[ "$status" -eq 1 ]
	# Named and refused: another card is in the slot.
	conf <<<$'[claim moved]\nmatch = 0000:01:00.0 10de:2204'
	list --claimed
	[ "$status" -eq 1 ]
	[[ $output == *"0000:01:00.0"*moved* ]]
}

@test "list: filters, alone and together" {
	local options wanted

	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30'
	while IFS='|' read -r options wanted; do
		# shellcheck disable=SC2086 # words
		list $options
		[ "$status" -eq 0 ]
		[ "$(addresses)" = "$wanted" ]
	done <<-'END'
		--class display|0000:01:00.0 0000:02:00.0
		--class 03|0000:01:00.0 0000:02:00.0
		--class 0403|0000:00:1f.3 0000:01:00.1 0000:02:00.1
		--class 010802|0000:03:00.0
		--class storage|0000:00:1f.2 0000:03:00.0
		--class usb|
		--claimed|0000:01:00.0 0000:01:00.1 0000:02:00.0 0000:02:00.1
		--claimed --class audio|0000:01:00.1 0000:02:00.1
		--group 5|0000:01:00.0 0000:01:00.1
		--group 5 --class audio --claimed|0000:01:00.1
		01:00.0|0000:01:00.0
		0000:01:00.0 02:00.1 --class display|0000:01:00.0
		--class nvme 03:00.0 01:00.0|0000:03:00.0
		00:1f.*|0000:00:1f.0 0000:00:1f.2 0000:00:1f.3
		10de:1c30|0000:01:00.0 0000:02:00.0
		10de:1c30:103c:*|0000:02:00.0
		10de:*,nth=2|0000:01:00.1
		path=00:04.0/00.1|0000:02:00.1
	END
	[ "$(json '[.devices[].address] | join(" ")' --group 5 --class audio)" = 0000:01:00.1 ]
}

@test "list: a tree shows the bridges above what is shown" {
	recorded_machine workstation
	list --tree --class usb
	[ "$status" -eq 0 ]
	[ "$(grep -oE '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]' <<<"$output" | paste -sd' ')" = \
		"0000:40:01.1 0000:41:00.0 0000:42:08.0 0000:43:00.2 0000:40:08.1 0000:44:00.3" ]
}

@test "list: what is asked for and is not there" {
	recorded_machine twin-gpus
	list 09:00.0
	[ "$status" -eq 1 ]
	[ "$stderr" = "vfio-claim: no device is like that" ]
	list 01:00.0 --class nvme
	[ "$status" -eq 1 ]
	list 01:00.0 09:00.0
	[ "$status" -eq 0 ]
}

@test "list: wrong usage" {
	local options

	recorded_machine twin-gpus
	while IFS='|' read -r options wanted; do
		# shellcheck disable=SC2086 # words
		list $options
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[[ $stderr == *"$wanted"* ]]
	done <<-'END'
		--class dispay|did you mean display
		--class 030|--class is two, four or six hex digits or a word
		--class|--class
		--group x|--group is the number of an IOMMU group
		--group -1|--group is the number of an IOMMU group
		--group 99999999999|--group is the number of an IOMMU group
		01:00|write 01:00.0, or 01:00.*
		01:20.0|an address is
		--json --tree|choose one
		--svg --tree|choose one
		--format plain|--format goes with: cmdline
	END
	run --separate-stderr "$TOOL" list --root "$ROOT"
	[ "$status" -eq 2 ]
	[[ $stderr == *"an image (--root) has no hardware"* ]]
	run --separate-stderr "$TOOL" check --tree --root "$ROOT"
	[ "$status" -eq 2 ]
	[[ $stderr == *"--tree goes with: list"* ]]
}

@test "list: an invalid configuration is warned of, and the list goes on without its claims" {
	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30\nmatsch = 1'
	list
	[ "$status" -eq 0 ]
	[[ $stderr == *"vfio-claim.conf:3: error: "*"matsch"* ]]
	[[ $stderr == *"warning: the configuration is invalid, so its claims are not shown" ]]
	[[ $output != *CLAIM* ]]
	[ "$(addresses | wc -w)" -eq 12 ]
	[ "$(json '.config_valid, ([.devices[] | select(.claim)] | length)' 2>/dev/null | paste -sd' ')" = "false 0" ]
}

@test "list: claims of the kernel command line count too, and those of the file go first" {
	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 01:00.0'
	append vfio-pci.ids=10de:1c30,10de:10f1 rd.vfio-claim=bogus
	[ "$(json '.devices[] | select(.claim) | [.address, .claim.name] | join(" ")' 2>/dev/null | paste -sd,)" = \
		"0000:01:00.0 gpu,0000:01:00.1 vfio-pci.ids,0000:02:00.0 vfio-pci.ids,0000:02:00.1 vfio-pci.ids" ]
	list --claimed
	[[ $stderr == *"warning: kernel command line: "*bogus* ]]
	append rd.vfio-claim=0
	list --claimed
	[[ $stderr == *"note: rd.vfio-claim=0 on the kernel command line: this boot claims nothing"* ]]
	[ "$(addresses | wc -w)" -eq 4 ]
}

@test "list: what is claimed and not taken, or in danger, has its reason" {
	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30\n[claim more]\nmatch = class=01\nmatch = 00:1f.3'
	list
	[[ $output == *"nvme   "*" more (refused)"* ]]
	[[ $output == *"note: 0000:01:00.0 (claim gpu): it is the boot display: the console on it goes dark"* ]]
	[[ $output == *"note: 0000:00:1f.2 and 1 more (claim more): refused: /proc/self/mountinfo cannot be read"* ]]
	[[ $output == *"note: 0000:00:1f.3 (claim more): IOMMU group 4 stays incomplete: lpc_ich keeps 0000:00:1f.0 in it"* ]]
	# Not where the rest of the group is VFIO's already, or nobody's.
	for address in 0000:00:1f.0 0000:00:1f.2; do
		sed -i '/^DRIVER=/d' "$ROOT/$DEVICES/$address/uevent"
	done
	list
	[[ $output != *incomplete* ]]
}

# What is mounted is on the NVMe disk; the SATA controller carries nothing.
@test "list: what the system needs, claimed and not" {
	local place

	recorded_machine twin-gpus
	place=$(cd "$ROOT/$DEVICES/0000:03:00.0" && pwd -P)
	mkdir -p "$ROOT/proc/self" "$ROOT/sys/dev/block" "$ROOT/sys/class/block" "$place/nvme/nvme0/nvme0n1/slaves"
	echo 259:0 >"$place/nvme/nvme0/nvme0n1/dev"
	ln -s "../../${place#"$ROOT/sys/"}/nvme/nvme0/nvme0n1" "$ROOT/sys/dev/block/259:0"
	ln -s "../../${place#"$ROOT/sys/"}/nvme/nvme0/nvme0n1" "$ROOT/sys/class/block/nvme0n1"
	echo '30 1 259:0 / / rw - ext4 /dev/nvme0n1 rw' >"$ROOT/proc/self/mountinfo"
	echo 'BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1 ro' >"$ROOT/proc/cmdline"
	[ "$(json '.devices[] | select(.needed_for) | [.address, .needed_for, (.claim | tostring)] | join(" ")')" = \
		"0000:03:00.0 / (/dev/nvme0n1) is on it null" ]
	drawing
	grep -q '>needed by the system: / (/dev/nvme0n1) is on it<' "$SVG"

	conf <<<$'[claim disks]\nmatch = class=01'
	[ "$(json '.devices[] | select(.claim) | [.address, .claim.taken, .claim.late] | join(" ")' | paste -sd,)" = \
		"0000:00:1f.2 true true,0000:03:00.0 false true" ]
	list --claimed
	[[ $output == *"note: 0000:03:00.0 (claim disks): refused: "*"/ (/dev/nvme0n1) is on it"* ]]
	drawing
	grep -q '>refused: .*/ (/dev/nvme0n1) is on it<' "$SVG"

	# By its address and on purpose it is taken, which is called what it is.
	conf <<<$'[claim disk]\nmatch = 03:00.0\nwhen = early'
	[ "$(json '.devices[] | select(.claim) | [.claim.taken, .warnings[0]] | join(" ")')" = \
		"true the system needs it: / (/dev/nvme0n1) is on it" ]
	drawing
	[ "$(grep -c 'class="danger"' "$SVG")" -eq 2 ]
}

@test "list: a variant driver is named, and a machine without IOMMU groups said to be one" {
	recorded_machine domains
	conf <<<$'[claim grace]\nmatch = 10de:2342\ndriver = nvgrace_gpu_vfio_pci'
	list --claimed
	[[ $output == *"grace (nvgrace_gpu_vfio_pci)"* ]]
	recorded_machine vm-nvidia-p100
	conf <<<$'[claim p100]\nmatch = 10de:15f8'
	list
	[[ $output == *"note: 0000:06:00.0 (claim p100): it has no IOMMU group: is the IOMMU on?"* ]]
}

@test "list: names come from the tree's own pci.ids; without any there are none" {
	recorded_machine twin-gpus
	printf '10de  Own Vendor, Inc.\n\t1c30  Own Model\nC 03  Own Class\n\t00  Own Subclass\n' \
		>"$ROOT/usr/share/misc/pci.ids"
	[ "$(json '.devices[] | [.vendor_name, .device_name, .class_name] | map(. // "-") | join("/")' 01:00.0)" = \
		"Own Vendor, Inc./Own Model/Own Subclass" ]
	list 01:00.1
	[[ $output == *" Own Vendor device 10f1" ]]
	: >"$ROOT/usr/share/misc/pci.ids"
	[ "$(json '.devices[] | [.vendor_name, .device_name, .class_name] | map(. // "-") | join("/")' 01:00.0)" = \
		"-/-/Display controller" ]
	list 01:00.0
	[[ $output == *"  Display controller (boot display)"* ]]
	# Fedora's place; a damaged list keeps what stands before the damage.
	rm "$ROOT/usr/share/misc/pci.ids"
	mkdir -p "$ROOT/usr/share/hwdata"
	printf '10de  Fedora Vendor\n  broken\n\t1c30  Lost\n' >"$ROOT/usr/share/hwdata/pci.ids"
	[ "$(json '.devices[] | [.vendor_name, .device_name] | map(. // "-") | join("/")' 01:00.0)" = "Fedora Vendor/-" ]
	# What is no file is not waited for, and a link out of the tree not followed.
	rm "$ROOT/usr/share/hwdata/pci.ids"
	mkfifo "$ROOT/usr/share/hwdata/pci.ids"
	timeout 20 "$TOOL" list --root "$ROOT" --with-hardware >/dev/null
}

@test "list: hostile attributes" {
	local device text huge

	recorded_machine sriov
	device=$ROOT/$DEVICES/0000:05:00.0
	huge=$(head -c 5000 /dev/zero | tr '\0' 9)
	for text in '' ' ' 'x' '-5' '99999999999999999999' "$huge" $'7\n8' $'\033[31m' $'\xff\xfe'; do
		for attribute in numa_node boot_vga sriov_totalvfs sriov_numvfs sriov_drivers_autoprobe \
			modalias driver_override reset_method; do
			printf '%s' "$text" >"$device/$attribute"
		done
		list
		[ "$status" -eq 0 ]
		[ "$(addresses | wc -w)" -eq 13 ]
		absent $'\033' <<<"$output"
		json '.devices[] | [.numa_node, .boot_display, .sriov, .driver_override] | @json' 05:00.0
		[ "$(json '.devices | length')" -eq 13 ]
		[ "$(json '.devices[0] | [.numa_node, .boot_display, .sriov] | @json' 05:00.0)" = '[null,null,null]' ]
	done
	# Directories instead of files, links to nowhere and to itself, nothing at all.
	for attribute in numa_node modalias driver_override; do
		rm "$device/$attribute"
		mkdir "$device/$attribute"
	done
	ln -sf ../0000:05:00.0 "$device/physfn"
	ln -sfn x "$device/iommu_group"
	list
	[ "$status" -eq 0 ]
	[ "$(json '.devices[0] | [.iommu_group, .vf, .pf] | @json' 05:00.0)" = '[null,true,"0000:05:00.0"]' ]
	find "$ROOT/sys/devices" ! -name uevent -type f -delete
	list --tree
	[ "$status" -eq 0 ]
	[ "$(grep -c '[|`]--' <<<"$output")" -eq 13 ]
	# A driver's name that would write to the terminal.
	sed -i $'s/^DRIVER=.*/DRIVER=ig\033]0;x\a\xff/' "$device/uevent"
	for form in "" --tree --json --svg; do
		list $form
		[ "$status" -eq 0 ]
		absent $'[\033\a\xff]' <<<"$output"
	done
	[ "$(json '.devices[0].driver' 05:00.0)" = 'ig?]0;x??' ]
}

@test "list: links that go in a circle" {
	local devices

	recorded_machine twin-gpus
	devices=$ROOT/$DEVICES
	# 01:00.0 below 02:00.0, and that below 01:00.0; 03:00.0 below itself.
	mkdir -p "$ROOT/sys/devices/a/0000:02:00.0/0000:01:00.0" \
		"$ROOT/sys/devices/b/0000:01:00.0/0000:02:00.0" \
		"$ROOT/sys/devices/c/0000:03:00.0/0000:03:00.0"
	cp "$devices/0000:01:00.0/uevent" "$ROOT/sys/devices/a/0000:02:00.0/0000:01:00.0/"
	cp "$devices/0000:02:00.0/uevent" "$ROOT/sys/devices/b/0000:01:00.0/0000:02:00.0/"
	cp "$devices/0000:03:00.0/uevent" "$ROOT/sys/devices/c/0000:03:00.0/0000:03:00.0/"
	ln -sfn ../../../devices/a/0000:02:00.0/0000:01:00.0 "$devices/0000:01:00.0"
	ln -sfn ../../../devices/b/0000:01:00.0/0000:02:00.0 "$devices/0000:02:00.0"
	ln -sfn ../../../devices/c/0000:03:00.0/0000:03:00.0 "$devices/0000:03:00.0"
	for form in "" --tree --json --svg; do
		run timeout 20 "$TOOL" list --root "$ROOT" --with-hardware $form
		[ "$status" -eq 0 ]
		[[ $output == *0000:01:00.0* ]]
		[[ $output == *0000:02:00.0* ]]
		[[ $output == *0000:03:00.0* ]]
	done
}

@test "list: no PCI bus" {
	ROOT=$BATS_TEST_TMPDIR/empty
	mkdir -p "$ROOT/proc"
	list
	[ "$status" -eq 5 ]
	[[ $stderr == *"there is no PCI bus"* ]]
	mkdir -p "$ROOT/sys/bus/pci/devices"
	for form in "" --tree --svg --json; do
		list $form
		[ "$status" -eq 0 ]
	done
	[ "$(json '.devices | length')" -eq 0 ]
}

# terminal COLUMNS COMMAND...: runs it on a terminal that is so wide.
terminal() {
	local columns=$1

	shift
	SHELL=/bin/sh script -qec "stty cols $columns; $*" /dev/null | tr -d '\r'
}

@test "list: on a terminal lines are cut to it and claims coloured; NO_COLOR" {
	local escape=$'\033'

	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30'
	run terminal 100 NO_COLOR=1 "$TOOL" list --root "$ROOT" --with-hardware
	[ "$status" -eq 0 ]
	echo "$output"
	[[ $output != *"$escape"* ]]
	[[ $output == *...* ]]
	[[ $output == *"(boot display)"* ]]
	[ "$(grep -v '^note' <<<"$output" | awk '{ print length }' | sort -n | tail -n 1)" -le 100 ]
	conf <<<$'[claim gpu]\nmatch = 10de:1c30\n[claim disk]\nmatch = class=0108'
	run terminal 100 NO_COLOR= "$TOOL" list --root "$ROOT" --with-hardware
	[[ $output == *"${escape}[32mgpu${escape}[0m"* ]]
	[[ $output == *"${escape}[33mdisk (refused)${escape}[0m"* ]]
	# Into a pipe: neither.
	list
	[[ $output != *...* ]]
	[[ $output != *"$escape"* ]]
}

# drawing [OPTION]...: into $SVG, which is valid XML.
drawing() {
	SVG=$BATS_TEST_TMPDIR/machine.svg
	"$TOOL" list --svg --root "$ROOT" --with-hardware "$@" >"$SVG"
	xmllint --noout --nonet "$SVG"
}

@test "list: the drawing of every machine is valid, whole and refers to nothing outside" {
	local table count

	for table in "$TESTS"/machines/*.txt; do
		recorded_machine "$(basename "$table" .txt)"
		conf <<<$'[claim gpus]\nmatch = class=03\n[claim disks]\nmatch = class=0108'
		drawing
		[ "$(xmllint --xpath 'name(/*)' "$SVG")" = svg ]
		[ "$(xmllint --xpath 'string(/*/@version)' "$SVG")" = 1.1 ]
		xmllint --xpath 'string(//*[local-name()="title"])' "$SVG" |
			grep -qx "PCI devices of $(basename "$table" .txt)"
		absent -E 'href|url\(|@import|<script' "$SVG"
		count=$(json '.devices | length')
		grep -q ">$count functions; VFIO has 0 now" "$SVG"
		# Each claimed device is there by its address.
		json '.devices[] | select(.claim) | .address' >"$BATS_TEST_TMPDIR/claimed"
		while read -r address; do
			grep -q ">$address" "$SVG"
		done <"$BATS_TEST_TMPDIR/claimed"
	done
}

# Boxes do not leave the page, nor the box that they are in.
@test "list: no box of a drawing leaves the page" {
	local table

	for table in "$TESTS"/machines/*.txt; do
		recorded_machine "$(basename "$table" .txt)"
		drawing
		awk '
			match($0, /<svg .* width="[0-9]+" height="[0-9]+"/) {
				split($0, word, "\""); width = word[6]; height = word[8]
			}
			/<rect/ {
				split("", of)
				line = $0
				while (match(line, / [a-z]+="[^"]*"/)) {
					split(substr(line, RSTART + 1, RLENGTH - 1), pair, "=\"")
					sub(/"$/, "", pair[2])
					of[pair[1]] = pair[2]
					line = substr(line, RSTART + RLENGTH)
				}
				boxes++
				if (of["x"] < 0 || of["y"] < 0 || of["x"] + of["width"] > width ||
				    of["y"] + of["height"] > height) { print; wrong = 1 }
			}
			END { exit wrong || boxes < 12 || !width }' "$SVG"
	done
}

@test "list: the drawing says in words what its colours say" {
	recorded_machine twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30\n[claim disk]\nmatch = class=0108'
	sed -i '1iDRIVER=vfio-pci' "$ROOT/$DEVICES/0000:02:00.0/uevent"
	drawing
	for words in 'driver nouveau' 'driver vfio-pci' 'no driver' 'claim gpu: vfio-pci' \
		'claim disk: refused' 'it is the boot display' 'refused: /proc/self/mountinfo' \
		'group 5' 'root bus 0000:00' 'a native driver has it' 'The next boot claims 4 (1 with'; do
		xmllint --xpath "boolean(//*[local-name()='text'][contains(., '$words')])" "$SVG" | grep -qx true
	done
	[ "$(grep -c 'class="danger"' "$SVG")" -eq 2 ] # with the legend
	[ "$(grep -c 'class="refused"' "$SVG")" -eq 2 ]
	[ "$(grep -c 'class="claimed"' "$SVG")" -eq 4 ]
	# A filter leaves boxes out, and the legend too wide for a page is wrapped.
	drawing --group 6
	absent '>0000:01:00.0<' "$SVG"
	grep -q '>0000:02:00.0<' "$SVG"
	grep -q '>0000:00:04.0<' "$SVG"
}

@test "list: text of a drawing is escaped" {
	recorded_machine twin-gpus
	printf '10de  <script>alert("&")</script>\n\t1c30  ]]>&lt;\x27\n' >"$ROOT/usr/share/misc/pci.ids"
	echo '<&">' >"$ROOT/proc/sys/kernel/hostname"
	drawing 01:00.0
	absent -i '<script' "$SVG"
	xmllint --xpath 'string(//*[local-name()="title"])' "$SVG" | grep -qxF 'PCI devices of <&">'
	xmllint --xpath 'boolean(//*[local-name()="text"][contains(., "<script>alert")])' "$SVG" | grep -qx true
}

@test "list: 4,096 functions in every form" {
	ROOT=$BATS_TEST_TMPDIR/many
	"$TESTS/machines/make-many" 4096 "$ROOT"
	add_names
	conf <<<$'[claim gpus]\nmatch = 10de:20b0\nfunctions = matched\n[claim ports]\nmatch = 8086:347a'
	list
	[ "$status" -eq 0 ]
	[ "$(addresses | wc -w)" -eq 4096 ]
	# What many have to be told is told once.
	[ "$(grep -c '^note:' <<<"$output")" -le 2 ]
	[[ $output == *"note: 0000:00:00.0 and 255 more (claim ports): refused: "* ]]
	[ "$("$TOOL" list --root "$ROOT" --with-hardware --tree | grep -c '[|`]--')" -eq 4096 ]
	[ "$(json '[(.devices | length), ([.devices[] | select(.claim.taken)] | length), ([.devices[] | select(.vf)] | length)] | join(" ")')" = \
		"4096 448 2688" ]
	drawing
	[ "$(stat -c %s "$SVG")" -lt 4000000 ]
	# The VFs of a port are one box.
	grep -q '>0000:01:00.1 to 0000:01:01.6<' "$SVG"
	[ "$(xmllint --xpath 'string(/*/@height)' "$SVG")" -lt 10000 ]
	[ "$(xmllint --xpath 'string(/*/@width)' "$SVG")" -lt 16000 ]
}

@test "list: vfio-claim(8) has every field of the JSON, and no others" {
	recorded_machine sriov
	conf <<<$'[claim vf]\nmatch = 05:00.0'
	json '[paths | map(select(type == "string")) | .[]] | unique[]' >"$BATS_TEST_TMPDIR/written"
	recorded_machine twin-gpus
	json '[paths | map(select(type == "string")) | .[]] | unique[]' >>"$BATS_TEST_TMPDIR/written"
	awk '/^\*list\*/ { inside = 1; next } /^\*[a-z]+\*$/ { inside = 0 } inside' \
		"$REPO/packaging/man/vfio-claim.8.scd" |
		sed -nE 's/^\|  ([a-z_., ]+)$/\1/p' | tr ',.' '\n\n' | tr -d ' ' | sort -u \
		>"$BATS_TEST_TMPDIR/in-page"
	diff -u <(sort -u "$BATS_TEST_TMPDIR/written") "$BATS_TEST_TMPDIR/in-page"
}
