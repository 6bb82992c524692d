#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-claim status` on a made-up machine: a Debian tree to which the configuration was applied,
# with the sysfs and /proc of a booted machine in it. One tree where all is well, and for each
# fault the same tree with just that fault.

# shellcheck disable=SC2154 # bats sets stderr

RUNNING=6.1.0-28-amd64
OTHER=6.1.0-30-amd64
DISPLAY_1=0000:01:00.0
AUDIO_1=0000:01:00.1

# A machine that has booted with its claims: the helper's own record is in it.
boot() {
	local root=$1

	"$TESTS/machines/make-tree" /dev/stdin "$root" <<-'END'
		0000:00:00.0 8086:29c0 -:- 060000 - 0 -1 - - -
		0000:00:03.0 8086:2f08 -:- 060400 pcieport 1 -1 - - -
		0000:00:04.0 8086:2f0a -:- 060400 pcieport 2 -1 - - -
		0000:00:05.0 8086:2f0b -:- 060400 pcieport 3 -1 - - -
		0000:00:06.0 8086:2f0c -:- 060400 pcieport 4 -1 - - -
		0000:01:00.0 10de:1c30 10de:11b3 030000 vfio-pci 1 -1 1 - - 0000:00:03.0
		0000:01:00.1 10de:10f1 10de:11b3 040300 vfio-pci 1 -1 - - - 0000:00:03.0
		0000:02:00.0 8086:10d3 8086:0000 020000 e1000e 2 -1 - - - 0000:00:04.0
		0000:03:00.0 144d:a80a 144d:a801 010802 nvme 3 -1 - - - 0000:00:05.0
		0000:04:00.0 144d:a80a 144d:a801 010802 nvme 4 -1 - - - 0000:00:06.0
	END
	root_disk "$root" 0000:03:00.0
	mkdir -p "$root/proc/sys/kernel" "$root/dev/vfio" "$root/sys/firmware/acpi/tables"
	echo "$RUNNING" >"$root/proc/sys/kernel/osrelease"
	printf 'vendor_id\t: GenuineIntel\n' >"$root/proc/cpuinfo"
	printf 'cpu  1 2 3\nbtime %s\n' "$(date +%s)" >"$root/proc/stat"
	printf 'vfio_pci 16384 0 - Live 0x0\ne1000e 1 0 - Live 0x0\n' >"$root/proc/modules"
	: >"$root/sys/firmware/acpi/tables/DMAR"
	: >"$root/dev/vfio/vfio"
	: >"$root/dev/vfio/1"
	echo "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet $(
		"$TOOL" cmdline --root "$root" --with-hardware 2>/dev/null)" >"$root/proc/cmdline"
	run_helper "$root"
}

# root_disk ROOT ADDRESS: a disk of that controller has the root file system.
root_disk() {
	local root=$1 disk

	disk=$(readlink -f "$root/$DEVICES/$2")/nvme/nvme0/nvme0n1
	mkdir -p "$disk/nvme0n1p1" "$root"/sys/{dev/block,class/block,class/net} "$root/proc/self"
	echo 259:0 >"$disk/dev"
	echo 259:1 >"$disk/nvme0n1p1/dev"
	echo 1 >"$disk/nvme0n1p1/partition"
	ln -s "../../${disk#"$root"/sys/}" "$root/sys/class/block/nvme0n1"
	ln -s "../../${disk#"$root"/sys/}/nvme0n1p1" "$root/sys/class/block/nvme0n1p1"
	ln -s "../../${disk#"$root"/sys/}" "$root/sys/dev/block/259:0"
	ln -s "../../${disk#"$root"/sys/}/nvme0n1p1" "$root/sys/dev/block/259:1"
	echo "30 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw" >"$root/proc/self/mountinfo"
}

# What the initramfs did, with the table of the present configuration.
run_helper() {
	local root=$1

	"$TOOL" image --root "$root" --dest "$root"
	"$HELPER" --root "$root" 2>"$BATS_TEST_TMPDIR/helper.log"
	"$HELPER" --root "$root" --late / 2>>"$BATS_TEST_TMPDIR/helper.log"
	rm -r "$root/etc/vfio-claim"
}

setup_file() {
	load lib/machine.bash
	load lib/debian.bash
	[ "$(id -u)" -eq 0 ] || return 0
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	make_debian "$BATS_FILE_TMPDIR/machine" "$RUNNING" "$OTHER"
	cp "$BATS_FILE_TMPDIR"/machine/boot/initrd.img-* "$BATS_FILE_TMPDIR"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$BATS_FILE_TMPDIR/machine/etc/vfio-claim.conf"
	"$TOOL" apply --root "$BATS_FILE_TMPDIR/machine"
	boot "$BATS_FILE_TMPDIR/machine"
}

setup() {
	load lib/machine.bash
	load lib/kernel.bash
	load lib/usage.bash
	bats_require_minimum_version 1.5.0
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	ROOT=$BATS_TEST_TMPDIR/tree
	cp -a "$BATS_FILE_TMPDIR/machine" "$ROOT"
	CONF=$ROOT/etc/vfio-claim.conf
}

# ask EXIT-CODE [OPTION]...: the answer as JSON in $output.
ask() {
	local code=$1

	shift
	run "-$code" --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware --json "$@"
	echo "$output"
	[ -z "$stderr" ]
}

# found CODE LEVEL TEXT FIX: the answer has such a finding.
found() {
	jq -e --arg code "$1" --arg level "$2" --arg text "$3" --arg fix "$4" '
		[.findings[] | select(.code == $code and .level == $level) |
			select((.text | contains($text)) and (.fix // "" | contains($fix)))] |
		length > 0' <<<"$output" ||
		{ echo "no finding $*"; return 1; }
}

# only CODE...: these findings, in this order, and no others.
only() {
	[ "$(jq -r '[.findings[].code] | join(" ")' <<<"$output")" = "$*" ]
}

state_is() {
	[ "$(jq -r .state <<<"$output")" = "$1" ]
}

# cause ADDRESS CODE
cause() {
	[ "$(jq -r --arg a "$1" '.devices[] | select(.address == $a) | .cause' <<<"$output")" = "$2" ]
}

# prepared FILE: it was written in this boot.
prepared() {
	touch -d '+1 hour' "$ROOT/$1"
}

# driver ADDRESS NAME: the device is bound to that driver, - for none.
driver() {
	local device=$ROOT/$DEVICES/$1

	rm -f "$device/driver"
	sed -i '/^DRIVER=/d' "$device/uevent"
	[ "$2" != - ] || return 0
	echo "DRIVER=$2" >>"$device/uevent"
	mkdir -p "$ROOT/sys/bus/pci/drivers/$2"
	ln -s "/sys/bus/pci/drivers/$2" "$device/driver"
}

@test "status: all is well" {
	run -0 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware
	echo "$output"
	[ -z "$stderr" ]
	[ "$output" = "READY: 2 of 2 devices ready
DEVICE        IDS        CLAIM  DRIVER    GROUP  VIABLE  READY
0000:01:00.0  10de:1c30  gpu    vfio-pci      1  yes     yes
0000:01:00.1  10de:10f1  gpu    vfio-pci      1  yes     yes" ]
	ask 0
	only
	state_is ready
	jq -e '.schema == 1 and .ready and .reboot_since == null and .kernel == "'$RUNNING'" and
		(.devices[0] == {"address": "0000:01:00.0", "id": "10de:1c30:10de:11b3",
		"claim": "gpu", "driver_wanted": "vfio-pci", "driver": "vfio-pci",
		"override": "vfio-pci", "iommu_group": 1, "viable": true, "ready": true,
		"refused": false, "cause": null})' <<<"$output"
}

@test "status: changes nothing" {
	local before

	before=$(tree_state)
	ask 0
	driver $AUDIO_1 snd_hda_intel
	before=$(tree_state)
	ask 1
	[ "$(tree_state)" = "$before" ]
}

@test "status: the IOMMU is off" {
	rm -r "$ROOT"/sys/kernel/iommu_groups/* "$ROOT"/$DEVICES/*/iommu_group "$ROOT/dev/vfio/1"
	driver $DISPLAY_1 -
	driver $AUDIO_1 -
	ask 1
	only iommu-off
	found iommu-off error "the IOMMU is off" "VT-d"
	cause $DISPLAY_1 iommu-off
	cause $AUDIO_1 iommu-off
	# Switched off on the command line.
	append intel_iommu=off
	ask 1
	found iommu-off error "intel_iommu=off" "take intel_iommu=off out"
	# Not offered by the firmware.
	rm "$ROOT/sys/firmware/acpi/tables/DMAR"
	ask 1
	found iommu-off error "no IOMMU groups" "firmware's setup"
	# The argument is missing, and the boot entries have it.
	: >"$ROOT/sys/firmware/acpi/tables/DMAR"
	echo "root=/dev/sda1 ro" >"$ROOT/proc/cmdline"
	ask 1
	state_is not-ready
	found iommu-off error "no IOMMU groups" "did not use the boot entries that are here"
	prepared boot/grub/grub.cfg
	ask 1
	state_is reboot-due
	found iommu-off reboot "no IOMMU groups" "the boot entries have intel_iommu=on"
}

@test "status: VFIO's no-IOMMU mode" {
	# drivers/vfio/group.c makes a group of that name for a device that has none.
	sed -i 's/ intel_iommu=on//' "$ROOT/proc/cmdline"
	append intel_iommu=off
	rm -r "$ROOT"/sys/kernel/iommu_groups/[2-9]* "$ROOT/sys/firmware/acpi/tables/DMAR"
	rm "$ROOT/$DEVICES"/0000:0[0234]*/iommu_group
	echo vfio-noiommu >"$ROOT/sys/kernel/iommu_groups/1/name"
	mv "$ROOT/dev/vfio/1" "$ROOT/dev/vfio/noiommu-1"
	ask 1 --now
	found iommu-off error "in VFIO's no-IOMMU mode no virtual machine" "firmware's setup"
	cause $DISPLAY_1 iommu-off
	jq -e '.devices | all(.viable == null and .iommu_group == null)' <<<"$output"
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware --json
	jq -e '.warnings | any(.code == "iommu-off" or .code == "iommu-pending")' <<<"$output"
	# Who wants it so says that.
	printf '[host]\niommu = off\n' >>"$CONF"
	ask 0 --now
	only
	# A group of another name is one.
	echo mine >"$ROOT/sys/kernel/iommu_groups/1/name"
	mv "$ROOT/dev/vfio/noiommu-1" "$ROOT/dev/vfio/1"
	ask 0 --now
	jq -e '.devices | all(.viable and .iommu_group == 1)' <<<"$output"
}

@test "status: interrupts are not remapped" {
	local parameters=$ROOT/sys/module/vfio_iommu_type1/parameters
	local argument=vfio_iommu_type1.allow_unsafe_interrupts

	printf '  0: 7 0 IR-IO-APIC 2-edge timer\n' >"$ROOT/proc/interrupts"
	ask 0
	only
	printf '  0: 7 0 IO-APIC 2-edge timer\n' >"$ROOT/proc/interrupts"
	ask 1
	only no-interrupt-remapping
	found no-interrupt-remapping error "does not remap interrupts" "unsafe_interrupts = yes"
	cause $DISPLAY_1 no-interrupt-remapping
	jq -e '.devices | all(.viable and (.ready | not))' <<<"$output"
	# The module has the last word, and before it is loaded the command line.
	append $argument=1
	ask 0
	mkdir -p "$parameters"
	echo N >"$parameters/allow_unsafe_interrupts"
	ask 1
	only no-interrupt-remapping
	echo Y >"$parameters/allow_unsafe_interrupts"
	sed -i "s/ $argument=1//" "$ROOT/proc/cmdline"
	ask 0
	# Asked for, and not there yet.
	echo N >"$parameters/allow_unsafe_interrupts"
	printf '[host]\nunsafe_interrupts = yes\n' >>"$CONF"
	ask 1
	found no-interrupt-remapping error "does not remap interrupts" "vfio-claim apply"
	# Where nothing is claimed it is nobody's trouble.
	: >"$CONF"
	sed -i 's/ vfio-pci.ids=[^ ]*//' "$ROOT/proc/cmdline"
	ask 1 --now
	only config-newer
}

@test "status: one function is in no IOMMU group" {
	rm "$ROOT/$DEVICES/$AUDIO_1/iommu_group"
	driver $AUDIO_1 -
	ask 1
	only no-group
	found no-group error "in no IOMMU group" "kernel's log"
	cause $AUDIO_1 no-group
	cause $DISPLAY_1 null
}

@test "status: a native driver holds one function" {
	driver $AUDIO_1 snd_hda_intel
	ask 1
	only native-driver
	state_is not-ready
	found native-driver error "snd_hda_intel has it, not vfio-pci" "vfio-claim claim $AUDIO_1"
	cause $AUDIO_1 native-driver
	cause $DISPLAY_1 group-incomplete
	run -1 "$TOOL" status --root "$ROOT" --with-hardware
	[ "${lines[0]}" = "NOT READY: 0 of 2 devices ready, 1 error" ]
	[[ $output == *"$AUDIO_1  10de:10f1  gpu    snd_hda_intel      1  -       no: native-driver"* ]]
	[[ $output == *"error: $AUDIO_1: snd_hda_intel has it"*"[native-driver]"* ]]
	[[ $output == *"  fix: run 'vfio-claim claim $AUDIO_1', or reboot"* ]]
}

@test "status: a variant driver that is not named as its module is" {
	KERNEL=$RUNNING kernel_module kernel/drivers/vfio/pci/xe/xe-vfio-pci \
		'vfio_pci:v000010DEd00001C30sv*sd*bc*sc*i*'
	KERNEL=$RUNNING index_kernel
	ask 0 --now
	found variant-unused warning "since the variant driver xe-vfio-pci did not take it" ""
	driver $DISPLAY_1 xe-vfio-pci
	echo xe-vfio-pci >"$ROOT/$DEVICES/$DISPLAY_1/driver_override"
	ask 0 --now
	only
	driver $DISPLAY_1 -
	ask 1 --now
	found not-bound error "" ""
}

@test "status: somebody else's device is in the group" {
	rm "$ROOT/$DEVICES/0000:02:00.0/iommu_group"
	ln -s ../../../../kernel/iommu_groups/1 "$ROOT/$DEVICES/0000:02:00.0/iommu_group"
	ask 1
	only group-incomplete group-incomplete
	found group-incomplete error "0000:02:00.0 (e1000e)" "match = 0000:02:00.0"
	jq -e '.devices | all(.viable == false and .ready == false)' <<<"$output"
	# With no driver, or pci-stub, it is no obstacle.
	driver 0000:02:00.0 -
	ask 0
	only
	driver 0000:02:00.0 pci-stub
	ask 0
	only
}

@test "status: nobody is told to claim root's disk or the default route's interface" {
	ln -sfn ../../../../kernel/iommu_groups/1 \
		"$(readlink -f "$ROOT/$DEVICES/0000:03:00.0")/iommu_group"
	ask 1 --now
	only group-incomplete group-incomplete
	found group-incomplete error "0000:03:00.0 (nvme)" \
		"move the card to another slot; 0000:03:00.0 has to stay with the host: / (/dev/nvme0n1p1) is on it"
	[[ $output != *"claim it too"* ]]
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	[[ $output == *"fix: not all of that can be claimed: put the card into a slot"* ]]
	[[ $output != *"match = 0000:03:00.0"* ]]
	ln -sfn ../../../../kernel/iommu_groups/3 \
		"$(readlink -f "$ROOT/$DEVICES/0000:03:00.0")/iommu_group"
	ln -sfn ../../../../kernel/iommu_groups/1 \
		"$(readlink -f "$ROOT/$DEVICES/0000:02:00.0")/iommu_group"
	of_class net eth0 0000:02:00.0
	ask 1 --now
	found group-incomplete error "0000:02:00.0 (e1000e)" "match = 0000:02:00.0"
	default_route eth0
	ask 1 --now
	found group-incomplete error "0000:02:00.0 (e1000e)" \
		"has to stay with the host: carries the default route (eth0)"
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	[[ $output == *"fix: not all of that can be claimed: put the card into a slot"* ]]
}

@test "status: plan does not add up the arguments of this boot and of the next" {
	# lists FIRST LAST: isolated processors, every other one.
	lists() {
		local list

		list=$(seq -s, "$1" 2 "$2")
		printf '[claim gpu]\nmatch = 10de:1c30\n[host]\nextra_args = isolcpus=%s nohz_full=%s rcu_nocbs=%s\n' \
			"$list" "$list" "$list" >"$CONF"
	}
	lists 1 189
	"$TOOL" apply --root "$ROOT" --no-rebuild
	echo "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet $(
		"$TOOL" cmdline --root "$ROOT" --with-hardware 2>/dev/null)" >"$ROOT/proc/cmdline"
	lists 0 188
	"$TOOL" apply --root "$ROOT" --no-rebuild
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"the kernel's command line would have"* ]]
	[[ $output == *"note: the arguments fit behind what the boot loader has"* ]]
	# After the reboot there is nothing left to say.
	cp "$ROOT/proc/cmdline" "$BATS_TEST_TMPDIR/before"
	echo "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet $(
		"$TOOL" cmdline --root "$ROOT" --with-hardware 2>/dev/null)" >"$ROOT/proc/cmdline"
	run -0 --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	[[ $output != *"the arguments fit"* ]]
	cp "$BATS_TEST_TMPDIR/before" "$ROOT/proc/cmdline"
	# One that apply refuses, too: the boot loader's own words leave no place.
	sed -i "s|^GRUB_CMDLINE_LINUX=.*|GRUB_CMDLINE_LINUX=\"x.$(printf %01200d 1)\"|" \
		"$ROOT/etc/default/grub"
	run -1 --separate-stderr "$TOOL" apply --root "$ROOT" --no-rebuild
	local reason=${stderr#*: }
	[[ $reason == "the kernel's command line would have "* ]]
	run -1 --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	[[ $output == *"fault: ${reason%%$'\n'*}"* ]]
}

@test "status: what is refused for its selector alone is to be claimed by its address" {
	driver $AUDIO_1 snd_hda_intel
	printf '[claim gpu]\nmatch = 10de:1c30\nfunctions = matched\n[claim sound]\nmatch = %s\n' \
		"01:00.1 10de:10f0" >"$CONF"
	ask 1 --now
	found group-incomplete error "$AUDIO_1 (snd_hda_intel)" \
		"claim it by its address ('match = $AUDIO_1' in [claim sound]; it is refused now: another device is here: 10de:10f1"
	[[ $output != *"has to stay with the host"* ]]
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	[[ $output == *"fix: claim what else is in it too: match = $AUDIO_1; "* ]]
	# It is right: with that in the claim nothing is left of it in plan.
	echo "match = $AUDIO_1" >>"$CONF"
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	[[ $output != *"stays incomplete"* ]]
}

@test "status: a host bridge with a native driver is in the group" {
	rm -f "$ROOT/$DEVICES/0000:00:00.0/iommu_group"
	ln -s ../../../../kernel/iommu_groups/1 "$ROOT/$DEVICES/0000:00:00.0/iommu_group"
	driver 0000:00:00.0 ie31200_edac
	ask 1
	only group-incomplete group-incomplete
	found group-incomplete error "0000:00:00.0 (ie31200_edac)" "keep its driver ie31200_edac away"
	[[ $output != *"claim it too"* ]]
	# Beside a device that could be claimed it still decides.
	rm "$ROOT/$DEVICES/0000:02:00.0/iommu_group"
	ln -s ../../../../kernel/iommu_groups/1 "$ROOT/$DEVICES/0000:02:00.0/iommu_group"
	ask 1
	found group-incomplete error "0000:02:00.0 (e1000e)" "as 0000:00:00.0 is a bridge"
}

@test "status: the node of the group is missing" {
	rm "$ROOT/dev/vfio/1"
	ask 1
	only group-node group-node
	found group-node error "/dev/vfio/1" "udevadm trigger"
	# A kernel without VFIO's groups has a node for each device.
	mkdir -p "$ROOT/dev/vfio/devices" "$ROOT/$DEVICES/$DISPLAY_1/vfio-dev/vfio0" \
		"$ROOT/$DEVICES/$AUDIO_1/vfio-dev/vfio1"
	ask 0
	# What was recorded of a machine has no /dev: then it is not known.
	rm -r "$ROOT/dev/vfio" "$ROOT/$DEVICES"/*/vfio-dev
	ask 0
}

@test "status: no driver has a function" {
	driver $AUDIO_1 -
	ask 1
	only not-bound
	found not-bound error "no driver has it" "vfio-claim claim $AUDIO_1"
}

@test "status: the module is missing" {
	rm -r "$ROOT/sys/bus/pci/drivers/vfio-pci"
	driver $AUDIO_1 -
	driver $DISPLAY_1 -
	find "$ROOT/usr/lib/modules/$RUNNING" -name 'vfio-pci.ko' -delete
	depmod -b "$ROOT" "$RUNNING"
	ask 1
	found driver-missing error "vfio-pci is neither loaded nor" "package of modules"
	cause $AUDIO_1 driver-missing
	# It is there, but was not loaded.
	cp -a "$BATS_FILE_TMPDIR/machine/usr/lib/modules/$RUNNING/." "$ROOT/usr/lib/modules/$RUNNING"
	ask 1
	only not-bound not-bound
}

@test "status: a blacklisted module is loaded" {
	echo "nouveau 2400256 0 - Live 0x0" >>"$ROOT/proc/modules"
	ask 0
	only module-loaded
	found module-loaded warning "nouveau is loaded though it is blacklisted" "modprobe -r nouveau"
	# With the device it is that device's fault.
	driver $DISPLAY_1 nouveau
	ask 1
	only native-driver
}

@test "status: a native module that modprobe.d blacklists is loaded" {
	printf '[host]\nblacklist = none\n' >>"$CONF"
	echo "nouveau 2400256 0 - Live 0x0" >>"$ROOT/proc/modules"
	sed -i 's/ modprobe.blacklist=[^ ]*//' "$ROOT/proc/cmdline"
	ask 0 --now
	only
	echo 'blacklist nouveau' >"$ROOT/etc/modprobe.d/mine.conf"
	ask 0 --now
	only module-loaded
}

@test "status: driver_override is missing" {
	echo '(null)' >"$ROOT/$DEVICES/$AUDIO_1/driver_override"
	ask 0
	only override-missing
	found override-missing warning "is not set" reboot
	driver $AUDIO_1 -
	ask 1
	only override-missing
	found override-missing error "is not vfio-pci" "vfio-claim claim $AUDIO_1"
	echo nouveau >"$ROOT/$DEVICES/$AUDIO_1/driver_override"
	driver $AUDIO_1 vfio-pci
	ask 0
	found override-missing warning "is nouveau" reboot
}

@test "status: the helper did not run in this boot" {
	rm -r "$ROOT/run/vfio-claim"
	ask 0
	only helper-absent
	found helper-absent warning "no record of this boot" "6.1.0-28"
	driver $DISPLAY_1 nouveau
	ask 1
	only helper-absent
	found helper-absent error "no record of this boot" "its own initramfs"
	cause $DISPLAY_1 helper-absent
	# The first apply was in this boot.
	touch -d '+1 hour' "$ROOT/boot/initrd.img-$RUNNING"
	ask 1
	state_is reboot-due
	found helper-absent reboot "made since" reboot
	[[ $(jq -r .reboot_since <<<"$output") =~ ^20..-..-..T..:..:..Z$ ]]
	run -1 "$TOOL" status --root "$ROOT" --with-hardware
	[[ ${lines[0]} =~ ^"REBOOT DUE since "20..-..-..\ ..:..": 0 of 2 devices ready"$ ]]
}

@test "status: the record of the boot is damaged" {
	echo '{"schema": 1, "devices": [' >"$ROOT/run/vfio-claim/boot.json"
	ask 0
	only helper-absent unreadable
	found unreadable note "boot.json cannot be read: it is damaged" ""
	for schema in 99 1.5 77777777777777777777; do
		echo "{\"schema\": $schema}" >"$ROOT/run/vfio-claim/boot.json"
		ask 0
		found unreadable note "of another version" ""
	done
	echo '[]' >"$ROOT/run/vfio-claim/boot.json"
	ask 0
	found unreadable note "boot.json" ""
}

@test "status: switched off for this boot" {
	append rd.vfio-claim=0
	driver $DISPLAY_1 nouveau
	driver $AUDIO_1 snd_hda_intel
	rm -r "$ROOT/run/vfio-claim"
	run_helper "$ROOT"
	ask 1
	only helper-off
	found helper-off error "by rd.vfio-claim=0 on the kernel command line" "normal entry"
	cause $AUDIO_1 helper-off
	# What apply wrote is in force without the helper.
	found helper-off error "kept away all the same, by rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30" \
		"take the other words out"
	sed -i 's/ [^ ]*\(vfio-pci\|blacklist\)[^ ]*//g' "$ROOT/proc/cmdline"
	ask 1
	[[ $output != *"kept away"* ]]
}

@test "status: a device failed at boot" {
	driver $AUDIO_1 -
	run_helper "$ROOT"
	ask 1
	only helper-failed
	found helper-failed error "at boot: " "vfio-claim claim $AUDIO_1"
	driver $AUDIO_1 snd_hda_intel
	ask 1
	only native-driver
	found native-driver error "at boot: " reboot
}

@test "status: the late run did not come" {
	driver $AUDIO_1 snd_hda_intel
	jq '.devices[1].outcome = "waiting"' "$ROOT/run/vfio-claim/boot.json" >"$ROOT/new"
	mv "$ROOT/new" "$ROOT/run/vfio-claim/boot.json"
	ask 1
	only late-run-missing
	found late-run-missing error "late run" "vfio-claim apply"
	# It came, and left the device to the host.
	jq '.late = {started: 1, finished: 2, devices: [.devices[1] |
		.outcome = "refused" | .reason = "/ is on it"]}' \
		"$ROOT/run/vfio-claim/boot.json" >"$ROOT/new"
	mv "$ROOT/new" "$ROOT/run/vfio-claim/boot.json"
	ask 1
	only device-refused
	found device-refused error "the boot helper refused it: / is on it" "except ="
	# It came, and all is well.
	jq '.late.devices[0].outcome = "claimed"' "$ROOT/run/vfio-claim/boot.json" >"$ROOT/new"
	mv "$ROOT/new" "$ROOT/run/vfio-claim/boot.json"
	driver $AUDIO_1 vfio-pci
	ask 0
	only
	# The record's devices need no order.
	jq 'del(.late) | .devices[1].outcome = "claimed" | .devices |= reverse' \
		"$ROOT/run/vfio-claim/boot.json" >"$ROOT/new"
	mv "$ROOT/new" "$ROOT/run/vfio-claim/boot.json"
	ask 0
	only
	driver $AUDIO_1 snd_hda_intel
	ask 1
	only native-driver
	found native-driver error "claimed at boot and taken since" ""
}

@test "status: the claims table of this boot was not usable" {
	driver $DISPLAY_1 nouveau
	echo "vfio-claim-table 1" >"$BATS_TEST_TMPDIR/table"
	mkdir -p "$ROOT/etc/vfio-claim"
	mv "$BATS_TEST_TMPDIR/table" "$ROOT/etc/vfio-claim/claims"
	sed -i 's/ vfio-pci.ids=[^ ]*//' "$ROOT/proc/cmdline"
	"$HELPER" --root "$ROOT" 2>/dev/null
	ask 1
	found table-bad error "claims table of this boot" "did not use the initramfs that is here"
	prepared "boot/initrd.img-$RUNNING"
	ask 1
	found table-bad reboot "claims table of this boot" reboot
	cause $DISPLAY_1 table-bad
}

@test "status: this boot used an older configuration" {
	printf '[claim net]\nmatch = 8086:10d3\n' >>"$CONF"
	ask 1
	found config-newer error "older configuration" "vfio-claim apply"
	found initramfs-stale error "/boot/initrd.img-$RUNNING: the claims table in it is not" apply
	found initramfs-stale warning "not ready after a reboot into kernel $OTHER" apply
	state_is not-ready
	# The same after apply: a reboot is all that is missing.
	printf '[claim gpu]\nmatch = 10de:1c30\nfunctions = matched\n' >"$CONF"
	mv "$ROOT/proc" "$ROOT/proc.kept"
	mv "$ROOT/dev" "$ROOT/dev.kept"
	mkdir "$ROOT/proc" "$ROOT/dev"
	"$TOOL" apply --root "$ROOT"
	rm -rf "${ROOT:?}/proc" "${ROOT:?}/dev"
	mv "$ROOT/proc.kept" "$ROOT/proc"
	mv "$ROOT/dev.kept" "$ROOT/dev"
	ask 1
	only config-newer
	state_is reboot-due
	found config-newer reboot "older configuration" reboot
}

@test "status --reboot-due: exit 0 when a reboot would help, also beside what it does not mend" {
	ask 0
	ask 1 --reboot-due
	echo "root=/dev/sda1 ro" >"$ROOT/proc/cmdline"
	mv "$ROOT/sys/kernel/iommu_groups" "$ROOT/sys/kernel/none"
	find "$ROOT/sys/devices" -name iommu_group -delete
	prepared boot/grub/grub.cfg
	ask 1
	state_is reboot-due
	ask 0 --reboot-due
	# Beside an error.
	printf '[claim other]\nmatch = 10de:2204\n' >>"$CONF"
	ask 0 --reboot-due
	state_is not-ready
	# An error alone.
	mv "$ROOT/sys/kernel/none" "$ROOT/sys/kernel/iommu_groups"
	rm "$CONF"
	ask 1 --reboot-due
	echo '[claim' >"$CONF"
	ask 3 --reboot-due
	run -2 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware --now --reboot-due
	[[ $stderr == *"--reboot-due looks at the next boot too"* ]]
}

# Such a machine boots from something else, and a script that reboots for it would never end.
@test "status --reboot-due: not for what was there before this boot, which did not use it" {
	printf '[host]\nignore_msrs = yes\n[claim gpu]\nmatch = 10de:1c30\n' >"$CONF"
	mv "$ROOT/proc" "$ROOT/proc.kept"
	mv "$ROOT/dev" "$ROOT/dev.kept"
	mkdir "$ROOT/proc" "$ROOT/dev"
	"$TOOL" apply --root "$ROOT"
	rm -rf "${ROOT:?}/proc" "${ROOT:?}/dev"
	mv "$ROOT/proc.kept" "$ROOT/proc"
	mv "$ROOT/dev.kept" "$ROOT/dev"
	echo "btime $(($(date +%s) + 1000))" >"$ROOT/proc/stat"
	rm "$ROOT/run/vfio-claim/boot.json"
	run_helper "$ROOT"
	ask 1
	only arguments-missing
	state_is not-ready
	found arguments-missing error "lacks kvm.ignore_msrs=1" "see what the machine boots from"
	ask 1 --reboot-due
	append kvm.ignore_msrs=0
	ask 1 --reboot-due
	only arguments-differ
	found arguments-differ error "has kvm.ignore_msrs=0" "see what the machine boots from"
	# By hand in this boot, without apply.
	prepared boot/grub/grub.cfg
	ask 0 --reboot-due
	found arguments-differ reboot "has kvm.ignore_msrs=0" "the boot entries have it"
	jq -e '.reboot_since != null' <<<"$output"
	# It began at a time that nobody knows.
	touch "$ROOT/boot/grub/grub.cfg"
	: >"$ROOT/proc/stat"
	ask 0 --reboot-due
	# The initramfs of this boot was another one.
	append kvm.ignore_msrs=1
	ask 0
	echo "btime $(($(date +%s) + 1000))" >"$ROOT/proc/stat"
	sed -i 's/"checksum": *"[0-9a-f]*"/"checksum": "0123456789abcdef"/' \
		"$ROOT/run/vfio-claim/boot.json"
	ask 1 --reboot-due
	only config-newer
	found config-newer error "older configuration" "did not use the initramfs that is here"
	prepared "boot/initrd.img-$RUNNING"
	ask 0 --reboot-due
	found config-newer reboot "older configuration" reboot
}

# RHEL 8: the words of all entries are in grubenv, which each boot writes to and whose time says
# nothing. What apply does there is told by its own state, also where that says what it said before.
@test "status --reboot-due: apply put a lost word back where no entry's file is written for it" {
	local state=var/lib/vfio-claim/state before

	rm -rf "$ROOT"
	"$TESTS/targets/make-target" rhel8 "$ROOT"
	printf '[host]\nextra_args = mitigations=off\n' >"$CONF"
	run "$TOOL" apply --root "$ROOT"
	mkdir -p "$ROOT/proc/sys/kernel"
	echo 4.18.0-513.el8.x86_64 >"$ROOT/proc/sys/kernel/osrelease"
	echo "btime $(($(date +%s) - 1000))" >"$ROOT/proc/stat"
	echo "root=/dev/mapper/rhel-root ro" >"$ROOT/proc/cmdline"
	sed -i 's/ mitigations=off//' "$ROOT/boot/grub2/grubenv"
	find "$ROOT" -exec touch -h -d '-2 hours' {} +
	cp -a "$ROOT/$state" "$BATS_TEST_TMPDIR/state"
	ask 1
	found arguments-missing error "lacks mitigations=off" "run 'vfio-claim apply', then reboot"
	ask 1 --reboot-due
	run "$TOOL" apply --root "$ROOT"
	echo "$output"
	[[ $output == *"boot loader (grubby) ... ok"* ]]
	cmp "$ROOT/$state" "$BATS_TEST_TMPDIR/state"
	ask 0 --reboot-due
	found arguments-missing reboot "lacks mitigations=off" "reboot: the boot entries have it"
	# With nothing to do it leaves its state alone, and a boot that went without is no better.
	touch -d '-2 hours' "$ROOT/$state"
	before=$(stat -c '%i %Y %Z' "$ROOT/$state")
	run "$TOOL" apply --root "$ROOT"
	[[ $output == *"nothing to do: all is as the configuration says" ]]
	[ "$(stat -c '%i %Y %Z' "$ROOT/$state")" = "$before" ]
	ask 1 --reboot-due
	found arguments-missing error "lacks mitigations=off" "did not use the boot entries"
}

@test "status: needed arguments are missing, or others are there" {
	printf '[host]\nextra_args = hugepages=64 kvm.ignore_msrs=1\n' >>"$CONF"
	ask 1
	found arguments-missing error "lacks hugepages=64 kvm.ignore_msrs=1" "vfio-claim apply"
	found boot-entry-stale error "hugepages=64" "vfio-claim apply"
	append hugepages=64 kvm.ignore_msrs=0
	ask 1
	found arguments-differ error "has kvm.ignore_msrs=0 where the configuration asks for kvm.ignore_msrs=1" apply
	append kvm.ignore_msrs=1
	ask 1
	only boot-entry-stale boot-entry-stale
}

# grub-mkconfig runs our program over the made-up /proc, where a sanitizer needs the real one.
# bats test_tags=native
@test "status: the boot loader that was chosen is the one that counts, and stays" {
	mkdir -p "$ROOT/etc/kernel"
	echo "root=UUID=ee ro quiet" >"$ROOT/etc/kernel/cmdline"
	printf '[host]\nextra_args = hugepages=64\n' >>"$CONF"
	"$TOOL" apply --root "$ROOT" --loader grub.d
	append hugepages=64
	ask 0
	state_is ready
	only
	# What status advises does not undo the choice.
	sed -i 's/hugepages=64//' "$ROOT/boot/grub/grub.cfg"
	ask 1
	found boot-entry-stale error "hugepages=64" "run 'vfio-claim apply'"
	"$TOOL" apply --root "$ROOT"
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "root=UUID=ee ro quiet" ]
	ask 0
	only
	# Back to those that are found.
	"$TOOL" apply --root "$ROOT" --loader auto
	grep -q ' hugepages=64' "$ROOT/etc/kernel/cmdline"
	run -0 "$TOOL" apply --root "$ROOT"
	[ "$output" = "nothing to do: all is as the configuration says" ]
}

@test "status: a missing argument where no boot loader is known is to be given by hand" {
	rm -r "$ROOT/usr/sbin/grub-mkconfig" "$ROOT/usr/sbin/update-grub" \
		"$ROOT/usr/bin/kernel-install" "$ROOT/boot/grub"
	printf '[host]\nextra_args = hugepages=64 kvm.ignore_msrs=1\n' >>"$CONF"
	append kvm.ignore_msrs=0
	ask 1
	found arguments-missing error "lacks hugepages=64" "to the boot loader by hand"
	found arguments-differ error "asks for kvm.ignore_msrs=1" "asked for by hand, reboot"
}

@test "status: arguments that the claims do without are missing" {
	echo "root=/dev/sda1 ro vfio-pci.ids=8086:1234" >"$ROOT/proc/cmdline"
	ask 0
	state_is ready
	found arguments-missing warning "lacks intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" \
		"did not use the boot entries"
	found arguments-differ warning "has vfio-pci.ids=8086:1234 where" "did not use the boot entries"
	# What a recovery entry lacks is another matter.
	sed -i 's/^\(\s*linux\s.*\) rd.vfio-claim=0/\1/; s/^\(\s*linux\s.*\) single/\1/' \
		"$ROOT/boot/grub/grub.cfg"
	touch -d '-1 hour' "$ROOT/boot/grub/grub.cfg"
	ask 0
	found boot-entry-stale warning "recovery entry" apply
	found arguments-missing warning "lacks intel_iommu=on" "did not use the boot entries"
	prepared boot/grub/grub.cfg
	ask 0
	found arguments-missing warning "lacks intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" reboot
	found arguments-differ warning "has vfio-pci.ids=8086:1234 where" reboot
}

# A new device of a claim changes only words that claims do without: all that are needed are in the
# entries, and were in this boot, which nobody is to search for another disk's boot loader.
@test "status: after an edit of the configuration what claims do without is for apply, too" {
	printf '[claim amd]\nmatch = 1002:73bf\n' >>"$CONF"
	echo "btime $(($(date +%s) + 1000))" >"$ROOT/proc/stat"
	ask 1
	found boot-entry-stale warning "1002:73bf" "run 'vfio-claim apply'"
	found arguments-differ warning "has vfio-pci.ids=10de:1c30 where" "run 'vfio-claim apply'"
	sed -i 's/ vfio-pci.ids=[^ ]*//' "$ROOT/proc/cmdline"
	ask 1
	found arguments-missing warning "lacks vfio-pci.ids=" "run 'vfio-claim apply', then reboot"
	[[ $output != *"did not use the boot entries"* ]]
	# Nor is a reboot of use that the entries' file is young enough for.
	prepared boot/grub/grub.cfg
	ask 1
	found arguments-missing warning "lacks vfio-pci.ids=" "run 'vfio-claim apply', then reboot"
}

@test "status: an argument that is not understood" {
	append rd.vfio-claim=10de:xyz
	ask 0
	only argument-unknown
	found argument-unknown warning "10de:xyz" "vfio-claim.cmdline(7)"
}

@test "status: a claim of the kernel command line counts" {
	append rd.vfio-claim=8086:10d3
	ask 1
	cause 0000:02:00.0 native-driver
	found native-driver error "e1000e has it, not vfio-pci" "vfio-claim claim 0000:02:00.0"
}

@test "status: the running kernel's initramfs is stale" {
	cp "$BATS_FILE_TMPDIR/initrd.img-$RUNNING" "$ROOT/boot/initrd.img-$RUNNING"
	ask 1
	only initramfs-stale
	found initramfs-stale error "/boot/initrd.img-$RUNNING: nothing of vfio-claim is in it" \
		"run 'vfio-claim apply'"
	jq -e '.devices | all(.ready)' <<<"$output"
	# The next boot is not what --now asks about.
	ask 0 --now
	only
	rm "$ROOT/boot/initrd.img-$RUNNING"
	ask 1
	found initramfs-stale error "initrd.img-$RUNNING is not there" apply
	head -c 100 "$BATS_FILE_TMPDIR/machine/boot/initrd.img-$RUNNING" >"$ROOT/boot/initrd.img-$RUNNING"
	ask 1
	only initramfs-stale
}

@test "status: another kernel's initramfs is stale" {
	cp "$BATS_FILE_TMPDIR/initrd.img-$OTHER" "$ROOT/boot/initrd.img-$OTHER"
	ask 0
	only initramfs-stale
	found initramfs-stale warning "not ready after a reboot into kernel $OTHER" apply
	[ "$(jq -r '.findings[0].kernel' <<<"$output")" = "$OTHER" ]
}

@test "status: a boot entry has no arguments" {
	sed -i 's/ intel_iommu=on.*//' "$ROOT/boot/grub/grub.cfg"
	ask 0
	found boot-entry-stale warning "grub.cfg" "run 'vfio-claim apply'"
	printf '[host]\nextra_args = hugepages=64\n' >>"$CONF"
	append hugepages=64
	ask 1
	found boot-entry-stale error "hugepages=64" "run 'vfio-claim apply'"
}

@test "status: apply was never run, or taken back" {
	rm -r "$ROOT/var/lib/vfio-claim"
	ask 0
	only not-applied
	found not-applied warning "was not run here" "run 'vfio-claim apply'"
	printf 'vfio-claim-state 1\nreverted yes\n' |
		install -D /dev/stdin "$ROOT/var/lib/vfio-claim/state"
	ask 1
	found not-applied error "taken back by 'vfio-claim revert'" apply
}

@test "status: a state from the first second of 1970 is one, in an image with reproducible times" {
	touch -d @0 "$ROOT/var/lib/vfio-claim/state"
	ask 0
	only
	printf '[host]\nextra_args = hugepages=64\n' >>"$CONF"
	append hugepages=64
	ask 1
	only boot-entry-stale boot-entry-stale
	found boot-entry-stale error "hugepages=64" "run 'vfio-claim apply'"
}

@test "status: a file of apply's was edited" {
	echo '# mine' >>"$ROOT/etc/modprobe.d/vfio-claim.conf"
	ask 0
	only files-stale
	found files-stale warning /etc/modprobe.d/vfio-claim.conf apply
}

@test "status: an invalid configuration, exit 3" {
	printf '[claim gpu]\nmatch = 10de:1c3\n' >"$CONF"
	ask 3
	state_is invalid-config
	[ "$(jq -r .kernel <<<"$output")" = "$RUNNING" ]
	only config-invalid
	found config-invalid error "/etc/vfio-claim.conf:2: " "vfio-claim.conf(5)"
	run -3 "$TOOL" status --root "$ROOT" --with-hardware
	[[ ${lines[0]} == "NOT READY: "* ]]
	[[ $output == *"error: "*"/etc/vfio-claim.conf:2: "*"[config-invalid]"* ]]
	run -3 "$TOOL" status --root "$ROOT" --with-hardware --prometheus
	[[ $output == *'vfio_claim_findings{code="config-invalid"} 1'* ]]
	[[ $output == *'vfio_claim_ready 0'* ]]
}

@test "status: nothing matches" {
	printf '[claim gpu]\nmatch = 10de:1c30\n[claim amd]\nmatch = 1002:*\n' >"$CONF"
	ask 1 --now
	found claim-unmatched error "claim amd: this machine has no device" "lspci -nn"
	printf '[claim gpu]\nmatch = 0000:83:00.0\n' >"$CONF"
	ask 1 --now
	found device-missing error "no device at this address" "[claim gpu]"
	cause 0000:83:00.0 device-missing
	printf '[claim gpu]\nmatch = 0000:01:00.0 10de:1bb0\n' >"$CONF"
	sed -i 's/ vfio-pci.ids=[^ ]*//' "$ROOT/proc/cmdline"
	ask 1 --now
	found device-differs error "another device is here" "match ="
}

@test "status: a card that the boot claimed has left the bus" {
	# A second one of the kind, claimed by the same boot.
	jq '.devices += [.devices[0] | .address = "0000:05:00.0"]' \
		"$ROOT/run/vfio-claim/boot.json" >"$ROOT/new"
	cp "$ROOT/new" "$ROOT/run/vfio-claim/boot.json"
	ask 1
	only device-missing
	found device-missing error "has left the bus since" "reboot"
	[ "$(jq -r '.findings[0] | "\(.address) \(.claim)"' <<<"$output")" = "0000:05:00.0 gpu" ]
	run -1 "$TOOL" status --root "$ROOT" --with-hardware
	[ "${lines[0]}" = "NOT READY: 2 of 3 devices ready, 1 error" ]
	# A virtual function comes and goes.
	jq '.devices[2].vf = true' "$ROOT/new" >"$ROOT/run/vfio-claim/boot.json"
	ask 0
	found device-missing warning "has left the bus since" "sriov_numvfs"
	# In the late run's word it was not claimed after all.
	jq '.late = {started: 1, finished: 2, devices: [.devices[2] | .outcome = "failed"]}' \
		"$ROOT/new" >"$ROOT/run/vfio-claim/boot.json"
	ask 0
	only
}

@test "status: a machine without PCI" {
	rm -r "$ROOT/sys/bus"
	ask 1 --now
	only claim-unmatched claim-unmatched
	found claim-unmatched error "claim gpu: this machine has no device" "lspci -nn"
}

@test "status: another number of cards than expected" {
	printf '[claim gpu]\nmatch = 10de:1c30\nexpect = 2\n' >"$CONF"
	ask 1 --now
	found expect-differs error "2 cards expected, 1 taken" "lspci -nn"
	sed -i 's/= 2/= 1/' "$CONF"
	ask 1 --now
	only config-newer
}

@test "status: what is left to the host is told, and no fault where the claim has enough" {
	# Two disks of a kind, and the root file system is on one.
	printf '[claim gpu]\nmatch = 10de:1c30\n[claim disks]\nmatch = class=0108\n' >"$CONF"
	driver 0000:04:00.0 vfio-pci
	: >"$ROOT/dev/vfio/4"
	run_helper "$ROOT"
	ask 0 --now
	only device-refused
	found device-refused warning "left to the host: / (" "except ="
	jq -e '.devices[] | select(.address == "0000:03:00.0") | .refused and (.ready | not)' \
		<<<"$output"
	run -0 "$TOOL" status --root "$ROOT" --with-hardware --now
	[ "${lines[0]}" = "READY: 3 of 3 devices ready" ]
	[[ $output == *"0000:03:00.0  144d:a80a  disks  nvme          3  -       left to the host: device-refused"* ]]
	# Two are expected.
	echo 'expect = 2' >>"$CONF"
	run_helper "$ROOT"
	ask 1 --now
	only device-refused expect-differs
	# The other is taken out: nothing is left for the claim.
	sed -i 's/expect = 2/except = 04:00.0/' "$CONF"
	run_helper "$ROOT"
	ask 1 --now
	only device-refused
	found device-refused error "left to the host: / (" "except ="
	# Taken at boot all the same: it is VFIO's now, and will not be.
	driver 0000:03:00.0 vfio-pci
	: >"$ROOT/dev/vfio/3"
	jq '.late.devices[0].outcome = "claimed"' "$ROOT/run/vfio-claim/boot.json" >"$ROOT/new"
	mv "$ROOT/new" "$ROOT/run/vfio-claim/boot.json"
	ask 0 --now
	found device-refused warning "the next one leaves it to the host: / (" "except ="
}

@test "status: nothing is configured, exit 0" {
	rm "$CONF"
	run -0 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware
	[[ $output == "nothing is configured: "* ]]
	ask 0
	state_is unconfigured
	jq -e '.ready and .devices == [] and .findings == [] and .kernel == "'$RUNNING'"' <<<"$output"
	run -0 "$TOOL" status --root "$ROOT" --with-hardware --prometheus
	[[ $output == *$'\nvfio_claim_info{'*",kernel=\"$RUNNING\"} 1"$'\n'* ]]
	[[ $output == *$'\nvfio_claim_configured 0\n'* ]]
	[[ $output == *$'\nvfio_claim_ready 1\n'* ]]
}

@test "status: a configuration without claims is ready" {
	: >"$CONF"
	sed -i 's/ vfio-pci.ids=[^ ]*//' "$ROOT/proc/cmdline"
	run_helper "$ROOT"
	run -0 "$TOOL" status --root "$ROOT" --with-hardware --now
	[ "$output" = "READY: no device is claimed" ]
}

@test "status: without root it says what it could not read" {
	local tool=$BATS_TEST_TMPDIR/vfio-claim

	with_sanitizer && skip "the leak checker wants /proc of its own"
	cp "$TOOL" "$tool"
	chmod -R go+rX "$ROOT"
	chmod 0711 "$(dirname "$ROOT")" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*
	chmod 0600 "$ROOT"/boot/initrd* "$ROOT/boot/grub/grub.cfg"
	chown 65534 "$tool"
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$tool" status --root "$ROOT" --with-hardware --json
	echo "$output"
	only unreadable unreadable unreadable
	found unreadable note "initramfs of kernel $RUNNING cannot be read without root" ""
	found unreadable note "would do cannot be worked out without root: grub.d" ""
}

@test "status --prometheus: metrics of a ready machine" {
	run -0 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware --prometheus
	[ -z "$stderr" ]
	grep -qx 'vfio_claim_ready 1' <<<"$output"
	grep -qx 'vfio_claim_device_ready{address="0000:01:00.1",claim="gpu",driver="vfio-pci"} 1' <<<"$output"
	grep -qx "vfio_claim_initramfs_current{kernel=\"$OTHER\"} 1" <<<"$output"
	grep -qx 'vfio_claim_boot_seconds [0-9.]*' <<<"$output"
	grep -q '^vfio_claim_info{version="[0-9.]*",kernel="'$RUNNING'"} 1$' <<<"$output"
	# Where there is promtool (Debian's package prometheus), it is asked too.
	! command -v promtool || promtool check metrics <<<"$output"
}

@test "status: an empty slot that two selectors of a claim want is one device" {
	printf '[claim gpu]\nmatch = 10de:1c30\nmatch = 83:00.0\nmatch = 83:00.0 10de:1bb0\n' >"$CONF"
	run_helper "$ROOT"
	ask 1 --now
	jq -e '[.devices[].address] | . == unique and length == 3' <<<"$output"
	run -1 "$TOOL" status --root "$ROOT" --with-hardware --now
	[ "$(grep -c '^0000:83:00.0 ' <<<"$output")" = 1 ]
	[[ $output == "NOT READY: 2 of 3 devices ready"* ]]
	# A series that is there twice makes node_exporter refuse the whole file.
	run -1 "$TOOL" status --root "$ROOT" --with-hardware --now --prometheus
	[[ $output == *'address="0000:83:00.0"'* ]]
	[ "$(grep -v '^#' <<<"$output" | sed 's/ [^ ]*$//' | sort | uniq -d)" = "" ]
}

# of_others CODE COMMAND [OPTION]...: its JSON is strict UTF-8 and has a question mark for the byte
# that is not; for people there is nothing that a terminal would act on.
of_others() {
	local code=$1 status=0 out=$BATS_TEST_TMPDIR/of-others

	shift
	"$TOOL" --root "$ROOT" "$@" --json >"$out" 2>/dev/null || status=$?
	iconv -f UTF-8 -t UTF-8 "$out" >/dev/null || { echo "no UTF-8: $*"; return 1; }
	jq -e 'type == "object"' "$out" >/dev/null || { echo "no JSON: $*"; return 1; }
	[ "$status" = "$code" ] || { echo "exit $status, not $code: $*"; return 1; }
	"$TOOL" --root "$ROOT" "$@" >"$out" 2>&1 || :
	if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f\xff]' "$out"; then
		echo "raw: $*: $(cat -v "$out")"
		return 1
	fi
}

@test "what is not UTF-8, and what controls a terminal, in others' names and words" {
	local bad=$'\xff\e[2J'

	append "rd.vfio-claim=$bad"
	mkdir -p "$ROOT/etc/vfio-claim.conf.d"
	: >"$ROOT/etc/vfio-claim.conf.d/a$bad.conf"
	of_others 0 check
	of_others 0 list --with-hardware
	of_others 0 cmdline
	of_others 0 plan --with-hardware
	of_others 0 status --with-hardware --now
	of_others 0 apply --dry-run
	of_others 0 revert --dry-run
	of_others 0 claim --dry-run --with-hardware 01:00.0
	of_others 0 release --dry-run --with-hardware 01:00.0
	run -0 "$TOOL" status --root "$ROOT" --with-hardware --now
	[[ $output == *'rd.vfio-claim=\xff\x1b[2J'* ]]
	ask 0 --now
	found argument-unknown warning 'rd.vfio-claim=?' ""
	echo "[$bad" >"$ROOT/etc/vfio-claim.conf.d/a$bad.conf"
	of_others 3 check
	of_others 3 status --with-hardware
	run -3 "$TOOL" check --root "$ROOT"
	[[ $output == *'/a\xff\x1b[2J.conf:1: error: '* ]]
}

@test "status --output: a whole file, or none" {
	local file=$BATS_TEST_TMPDIR/out/vfio-claim.prom

	mkdir "$(dirname "$file")"
	run -0 "$TOOL" status --root "$ROOT" --with-hardware --prometheus --output "$file"
	[ -z "$output" ]
	grep -qx 'vfio_claim_ready 1' "$file"
	[ "$(stat -c %a "$file")" = 644 ]
	driver $AUDIO_1 snd_hda_intel
	run -1 "$TOOL" status --root "$ROOT" --with-hardware --prometheus --output "$file"
	grep -qx 'vfio_claim_ready 0' "$file"
	run -1 "$TOOL" status --root "$ROOT" --with-hardware --json --output "$file.json"
	jq -e '.ready | not' "$file.json"
	[ "$(ls "$(dirname "$file")")" = $'vfio-claim.prom\nvfio-claim.prom.json' ]
	run -5 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware --output "$file/none"
	[ -n "$stderr" ]
	mkdir "$BATS_TEST_TMPDIR/out/taken" && : >"$BATS_TEST_TMPDIR/out/taken/x"
	run -5 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware \
		--output "$BATS_TEST_TMPDIR/out/taken"
	[ "$(find "$BATS_TEST_TMPDIR/out" -name 'taken.*')" = "" ]
}

@test "status --wait: until ready" {
	driver $AUDIO_1 -
	(sleep 1 && driver $AUDIO_1 vfio-pci) &
	SECONDS=0
	ask 0 --wait 60
	wait
	[ "$SECONDS" -lt 20 ]
}

@test "status --wait: until the time is over" {
	driver $AUDIO_1 -
	SECONDS=0
	ask 1 --wait 2
	[ "$SECONDS" -ge 2 ]
}

@test "status --wait: not for what does not change by itself" {
	driver $AUDIO_1 -
	rm "$ROOT/boot/initrd.img-$RUNNING"
	SECONDS=0
	ask 1 --wait 60
	[ "$SECONDS" -lt 20 ]
}

@test "status: wrong usage, exit 2" {
	local words

	for words in "--wait x" "--wait -1" "--json --prometheus" "extra" "--now=1"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware $words
		[ -z "$output" ]
		[ -n "$stderr" ]
	done
	# A tree is an image unless it is said to be a machine's.
	run -2 --separate-stderr "$TOOL" status --root "$ROOT"
	[[ $stderr == *"an image has no hardware"*"apply --dry-run"* ]]
}

@test "status: vfio-claim(8) has every code, field and metric" {
	local page=$REPO/packaging/man/vfio-claim.8.scd

	awk '/^\*status\*$/ { inside = 1; next } /^\*[a-z]+\*$/ { inside = 0 } inside' "$page" \
		>"$BATS_TEST_TMPDIR/page"
	sed -n '/finding_code_names\[\]/,/^};/s/.*= "\([a-z-]*\)".*/\1/p' "$REPO/src/findings.c" |
		sort >"$BATS_TEST_TMPDIR/in-code"
	sed -n '/\*Code\*/,/^	The claims/s/^|  \([a-z, -]*\)$/\1/p' "$BATS_TEST_TMPDIR/page" |
		tr -d ' ' | tr ',' '\n' | sort >"$BATS_TEST_TMPDIR/in-page"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/in-code")" -ge 25 ]
	diff "$BATS_TEST_TMPDIR/in-code" "$BATS_TEST_TMPDIR/in-page"
	driver $AUDIO_1 snd_hda_intel
	ask 1
	jq -r '[paths | map(select(type == "string")) | .[]] | unique[]' <<<"$output" |
		while read -r word; do
			grep -qE "^\|  (.*, )?$word(,.*)?$|_${word}_" "$BATS_TEST_TMPDIR/page" ||
				{ echo "no field $word"; false; }
		done
	run -1 "$TOOL" status --root "$ROOT" --with-hardware --prometheus
	sed -n 's/^# TYPE \([a-z_]*\) gauge$/\1/p' <<<"$output" | sort >"$BATS_TEST_TMPDIR/in-code"
	sed -n 's/^|  \(vfio_claim_[a-z_]*\).*/\1/p' "$BATS_TEST_TMPDIR/page" | sort |
		diff "$BATS_TEST_TMPDIR/in-code" -
}

@test "status: colour on a terminal only, and never with NO_COLOR" {
	local command="$TOOL status --root $ROOT --with-hardware --now"

	run -0 script -qec "env -u NO_COLOR $command" /dev/null
	[[ $output == $'\033[1;32mREADY\033[0m'* ]]
	run -0 script -qec "env NO_COLOR=1 $command" /dev/null
	[[ $output == READY* ]]
	run -0 env -u NO_COLOR "$TOOL" status --root "$ROOT" --with-hardware --now
	[[ $output == READY* ]]
}

@test "status: a machine of a thousand functions" {
	local i device devices=()

	with_sanitizer && skip "measured without a sanitizer"
	# It is another machine than the one that the record is of.
	rm -rf "${ROOT:?}/sys/devices" "${ROOT:?}/${DEVICES:?}" "$ROOT/run/vfio-claim"
	for ((i = 0; i < 1024; i++)); do
		printf -v device '%04x:00:%02x.%x' $((1 + i / 256)) $((i / 8 % 32)) $((i % 8))
		devices+=("$ROOT/$DEVICES/$device")
	done
	mkdir -p "${devices[@]}"
	for device in "${devices[@]}"; do
		printf '%s\n' DRIVER=vfio-pci PCI_CLASS=30000 PCI_ID=10DE:1C30 \
			PCI_SUBSYS_ID=10DE:11B3 >"$device/uevent"
		ln -s /sys/kernel/iommu_groups/1 "$device/iommu_group"
	done
	run -0 "$TOOL" status --root "$ROOT" --with-hardware --now
	[ "${lines[0]}" = "READY: 1024 of 1024 devices ready" ]
}

@test "status --snapshot: that boot, and nothing of images or boot loaders" {
	rm -rf "${ROOT:?}/boot" "${ROOT:?}/var"
	run --separate-stderr "$TOOL" status --snapshot "$ROOT" --config "$ROOT/etc/vfio-claim.conf"
	[ "$status" -le 1 ]
	[[ $output == *"IDS"* ]]
	[[ $output != *"[not-applied]"* ]]
	[[ $output != *"initramfs-"* ]]
}

@test "status: 4096 functions, each of the claimed ones with its cause" {
	ROOT=$BATS_TEST_TMPDIR/many
	"$TESTS/machines/make-many" 4096 "$ROOT"
	mkdir -p "$ROOT/etc"
	printf '[claim gpus]\nmatch = 10de:20b0\n' >"$ROOT/etc/vfio-claim.conf"
	run -1 --separate-stderr "$TOOL" status --root "$ROOT" --with-hardware --now --json
	[ "$(jq '.devices | length' <<<"$output")" = 960 ]
	[ "$(jq '[.devices[] | select(.ready == false and .cause != null)] | length' <<<"$output")" = 960 ]
}
