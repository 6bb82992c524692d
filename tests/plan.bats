#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-claim plan: verdicts, warnings, exit codes, and apply's refusal of a danger.

# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
setup() {
	load lib/machine.bash
	load lib/usage.bash
	bats_require_minimum_version 1.5.0
}

# recorded TABLE: the tree of a machine where all is well: IOMMU, interrupt remapping, consoles,
# a file system on nothing of PCI.
recorded() {
	machine "$1"
	mkdir -p "$ROOT/sys/class/iommu/dmar0" "$ROOT/proc/self" "$ROOT/usr/share/misc"
	cp "$TESTS/machines/pci.ids" "$ROOT/usr/share/misc"
	printf '           CPU0\n  8:  0  IR-IO-APIC    8-edge      rtc0\n' >"$ROOT/proc/interrupts"
	printf 'tty0                 -WU (EC p  )    4:1\nttyS0                -W- (E  p a)    4:64\n' \
		>"$ROOT/proc/consoles"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
}

# conf < CONFIG
conf() {
	cat >"$ROOT/etc/vfio-claim.conf"
}

plan() {
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware
	echo "status $status; output: $output; stderr: $stderr"
}

# json FILTER...: plan's JSON through jq, the status of plan kept in $status.
json() {
	run --separate-stderr "$TOOL" plan --root "$ROOT" --with-hardware --json
	local plan=$output

	output=$(jq -rc "$@" <<<"$plan")
	echo "status $status; output: $output; stderr: $stderr"
}

# codes: the codes of all warnings, in their order.
codes() {
	json '[.warnings[].code] | join(" ")'
}

# golden TABLE: every case of it.
golden() {
	local conf case count=0

	for conf in "$TESTS/machines/golden/$1".*.conf; do
		case=$(basename "$conf" .conf)
		outlook_of "$case" >"$BATS_TEST_TMPDIR/outlook"
		diff -u "${conf%.conf}.outlook" "$BATS_TEST_TMPDIR/outlook"
		count=$((count + 1))
	done
	[ "$count" -gt 0 ]
}

@test "plan: a cloud machine without a GPU" { golden arm64-cloud; }
@test "plan: a laptop, companions on the root bus" { golden laptop-alderlake; }
@test "plan: a server with its Matrox display and network cards" { golden server-dell-matrox; }
@test "plan: a virtual machine with a P100" { golden vm-nvidia-p100; }
@test "plan: two identical GPUs" { golden twin-gpus; }
@test "plan: a card of four functions behind a switch" { golden workstation; }
@test "plan: domains other than 0, 32 bits wide" { golden domains; }
@test "plan: virtual functions" { golden sriov; }
@test "plan: 200 functions" { golden many-functions; }
@test "plan: a processor with graphics in the slot of the host's own functions" { golden amd-apu; }
@test "plan: bridges by their class, NVSwitches and others" { golden nvswitch; }
@test "plan: storage of every kind" { golden storage; }

@test "plan: what it says is what the boot helper does, early" {
	local conf

	for conf in "$TESTS"/machines/golden/*.conf; do
		plan_of "$(basename "$conf" .conf)" >"$BATS_TEST_TMPDIR/helper"
		awk '$3 == "take" {print $1, $4}' "$BATS_TEST_TMPDIR/helper" >"$BATS_TEST_TMPDIR/wanted"
		json '.devices[] | select(.verdict == "take" and .when != "late") |
			"\(.address) \(.driver_wanted)"'
		diff -u "$BATS_TEST_TMPDIR/wanted" <(printf '%s' "$output${output:+$'\n'}")
		# A bridge, or what is not there, is refused by both.
		awk '$3 == "refuse" {print $1}' "$BATS_TEST_TMPDIR/helper" >"$BATS_TEST_TMPDIR/wanted"
		json '.devices[] | select(.verdict == "refuse") | .address'
		[ -z "$(comm -23 <(sort "$BATS_TEST_TMPDIR/wanted") <(sort <<<"$output"))" ]
	done
}

@test "plan: nothing in the tree is changed" {
	recorded twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30'
	local before
	before=$(tree_state)
	plan
	json .
	[ "$before" = "$(tree_state)" ]
}

@test "plan: as wanted, exit 0, and nothing more than the devices" {
	recorded twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30:103c:*\nexcept = 01:00.*'
	printf '0\n' >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	sed -i 's/0000:01:00.0 10de:1c30/x/' "$ROOT/$DEVICES/0000:01:00.0/uevent"
	plan
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[0]}" = "as wanted: the next boot gives 2 devices to VFIO, 1 warning" ]
	[ "${lines[2]}" = "0000:02:00.0  10de:1c30  NVIDIA GP106GL [Quadro P2000]  gpu    -    vfio-pci   early" ]
	codes
	[ "$output" = identical-left ]
}

@test "plan: no configuration and an empty one, exit 0, and it says so" {
	recorded twin-gpus
	plan
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "there is no configuration: write /etc/vfio-claim.conf"* ]]
	[ "${lines[1]}" = "as wanted: the next boot gives 0 devices to VFIO" ]
	json '.configured, (.devices | length)'
	[ "$output" = $'false\n0' ]
	conf </dev/null
	plan
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "the configuration has no claim" ]
	json .configured
	[ "$output" = true ]
}

@test "plan: an invalid configuration, exit 3" {
	recorded twin-gpus
	conf <<<'[claim gpu'
	plan
	[ "$status" -eq 3 ]
	[ -z "$output" ]
	[[ $stderr == *vfio-claim.conf:1:\ error:* ]]
}

@test "plan: a tree has no hardware, exit 2; no PCI bus, exit 5" {
	recorded twin-gpus
	run --separate-stderr "$TOOL" plan --root "$ROOT"
	[ "$status" -eq 2 ]
	[[ $stderr == *--with-hardware* ]]
	rm -rf "$ROOT/sys"
	plan
	[ "$status" -eq 5 ]
	[[ $stderr == *"no PCI bus"* ]]
}

@test "plan: a refusal is exit 1, with its reason" {
	recorded twin-gpus
	conf <<<$'[claim port]\nmatch = 00:03.0\n[claim gone]\nmatch = 09:00.0'
	plan
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "not as wanted: the next boot gives 0 devices to VFIO, refuses 2" ]
	[[ $output == *"0000:00:03.0"*"port   pcieport  a bridge is never claimed"* ]]
	[[ $output == *"0000:09:00.0  -"*"there is no device at this address"* ]]
	json '.devices[1] | .id, .name, .driver, .verdict, .when, .driver_wanted'
	[ "$output" = $'null\nnull\nnull\nrefuse\nnull\nnull' ]
}

@test "plan: the default route's device is a danger, exit 4, unless it is meant" {
	recorded server-dell-matrox
	mkdir -p "$ROOT/run/vfio-claim"
	echo '0000:01:00.0 route carries the default route (eth0)' >"$ROOT/run/vfio-claim/uses"
	conf <<<$'[claim nic]\nmatch = 01:00.0'
	plan
	[ "$status" -eq 4 ]
	[[ ${lines[0]} == "danger: the next boot gives 1 device to VFIO, 1 danger"* ]]
	[[ $output == *"danger: 0000:01:00.0 [nic]: carries the default route (eth0)"*"fix: except = 0000:01:00.0"* ]]
	json '.verdict, .warnings[0].code, .warnings[0].severity'
	[ "$output" = $'danger\ndefault-route\ndanger' ]
	conf <<<$'[claim nic]\nmatch = 01:00.0\nwhen = early'
	json '.verdict, (.warnings[] | select(.code == "default-route") | .severity)'
	[ "$status" -eq 1 ] # it has no IOMMU group
	[ "$output" = $'not_as_wanted\nwarning' ]
	conf <<<$'[claim nic]\nmatch = 02:00.0'
	codes
	[[ $output != *default-route* ]]
}

# partition MAJOR:MINOR DEVICE-PATH NAME: a file system's device, below a PCI function.
partition() {
	local path=devices/$2/$3

	mkdir -p "$ROOT/sys/$path/slaves" "$ROOT/sys/dev/block" "$ROOT/sys/class/block"
	echo "$1" >"$ROOT/sys/$path/dev"
	ln -s "../../$path" "$ROOT/sys/dev/block/$1"
	ln -s "../../$path" "$ROOT/sys/class/block/$3"
}

@test "plan: root's controller is refused, one that is free is claimed late" {
	recorded twin-gpus
	partition 259:1 pci0000:00/0000:00:05.0/0000:03:00.0/nvme/nvme0 nvme0n1
	echo '22 1 259:1 / / rw - ext4 /dev/nvme0n1 rw' >"$ROOT/proc/self/mountinfo"
	conf <<<$'[claim disks]\nmatch = class=01'
	plan
	[ "$status" -eq 1 ]
	json '.devices[] | "\(.address) \(.verdict) \(.when)"'
	[ "$output" = $'0000:00:1f.2 take late\n0000:03:00.0 refuse null' ]
	json '.devices[1].reason'
	[[ $output == *nvme0n1* ]]
	# The same by address and early: taken, with a warning.
	conf <<<$'[claim disk]\nmatch = 03:00.0\nwhen = early'
	json '.devices[0].when, (.warnings[] | "\(.code) \(.severity)")'
	[ "$status" -eq 0 ]
	[ "$output" = $'early\nneeded warning' ]
}

@test "plan: a file system that is mounted by hand is a danger, since nothing guards it at boot" {
	recorded twin-gpus
	partition 8:1 pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda sda1
	echo '23 22 8:1 / /data rw - ext4 /dev/sda1 rw' >>"$ROOT/proc/self/mountinfo"
	conf <<<$'[claim disk]\nmatch = 00:1f.2'
	plan
	[ "$status" -eq 4 ]
	[[ $output == *"danger: 0000:00:1f.2 [disk]: /data"* ]]
	# In fstab it is guarded.
	echo '/dev/sda1 /data ext4 defaults 0 2' >"$ROOT/etc/fstab"
	mkdir -p "$ROOT/dev"
	plan
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == *"refuses 1"* && $output != *danger* ]]
	# And so it is where systemd mounts it at the first access, be it mounted now or not.
	echo '/dev/sda1 /data ext4 noauto,x-systemd.automount 0 2' >"$ROOT/etc/fstab"
	sed -i '/ \/data /d' "$ROOT/proc/self/mountinfo"
	plan
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == *"refuses 1"* && $output == *"/data (/dev/sda1) is on it"* ]]
}

@test "plan: a danger to the physical function when the default route is over a virtual one" {
	recorded sriov
	of_class net eth0v0 0000:05:10.0
	default_route eth0v0
	conf <<<$'[claim pf]\nmatch = 05:00.0'
	plan
	[ "$status" -eq 4 ]
	[[ $output == *"danger: 0000:05:00.0 [pf]: has the virtual function that carries the default route (eth0v0)"*"fix: except = 0000:05:00.0"* ]]
	conf <<<$'[claim other]\nmatch = 05:00.1'
	json '[.warnings[] | select(.severity == "danger")] | length'
	[ "$output" = 0 ]
	# Its driver kept away is as bad.
	conf <<<$'[host]\nblacklist = igb\n[claim qat]\nmatch = 06:00.1'
	json '.warnings[] | select(.severity == "danger") | .address, .code'
	[ "$status" -eq 4 ]
	[ "$output" = $'0000:05:00.0\ndriver-blacklisted' ]
}

# blacklisted ADDRESS... : these and no others lose a driver that is needed, or could be.
blacklisted() {
	json '.warnings[] | select(.code == "driver-blacklisted") | .address'
	[ "$output" = "$(printf '%s\n' "$@")" ]
}

@test "plan: a blacklist that takes the driver of root's disk or of the default route, exit 4" {
	recorded storage
	partition 259:1 pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0 nvme0n1
	echo '22 1 259:1 / / rw - ext4 /dev/nvme0n1 rw' >"$ROOT/proc/self/mountinfo"
	mkdir -p "$ROOT/run/vfio-claim"
	echo '0000:07:00.0 route carries the default route (eth0)' >"$ROOT/run/vfio-claim/uses"
	conf <<<$'[host]\nblacklist = nvme\n[claim b]\nmatch = 0000:02:00.0'
	plan
	[ "$status" -eq 4 ]
	[[ $output == *"danger: 0000:01:00.0: the next boot does not load nvme, its driver, "*nvme0n1*"fix: take nvme out of blacklist in the configuration"* ]]
	# The other one like it is free, and loses its driver to the claim anyway.
	blacklisted 0000:01:00.0
	conf <<<$'[host]\nblacklist = igb mpt3sas\n[claim b]\nmatch = 0000:02:00.0'
	blacklisted 0000:07:00.0
	[ "$status" -eq 4 ]
	conf <<<$'[host]\nblacklist = mpt3sas\n[claim b]\nmatch = 0000:02:00.0'
	plan
	[ "$status" -eq 0 ]
	local words
	for words in modprobe.blacklist=igb,nvme module_blacklist=nvme rd.driver.blacklist=nvme; do
		conf <<<$'[claim b]\nmatch = 0000:02:00.0\n[host]\nextra_args = '"$words"
		json '.warnings[] | select(.code == "driver-blacklisted") | .fix'
		[ "$status" -eq 4 ]
		[[ $output == *"take nvme out of the blacklists in extra_args"* ]]
	done
	# This boot's command line has the same, and the driver is there.
	append rd.driver.blacklist=nvme
	plan
	[ "$status" -eq 0 ]
}

@test "plan: a blacklist goes by the driver's module, and by what virtio-pci carries" {
	recorded storage
	partition 8:1 pci0000:00/0000:00:14.0/usb1/1-1/host0/block/sda sda1
	echo '22 1 8:1 / / rw - ext4 /dev/sda1 rw' >"$ROOT/proc/self/mountinfo"
	conf <<<$'[host]\nblacklist = xhci-pci\n[claim b]\nmatch = 0000:02:00.0'
	blacklisted 0000:00:14.0
	mkdir -p "$ROOT/sys/module/xhci_other"
	ln -s ../../../../module/xhci_other "$ROOT/sys/bus/pci/drivers/xhci_hcd/module"
	plan
	[ "$status" -eq 0 ]
	conf <<<$'[host]\nblacklist = xhci_other\n[claim b]\nmatch = 0000:02:00.0'
	blacklisted 0000:00:14.0
	[ "$status" -eq 4 ]
	sed -i 's/^PCI_ID=.*/PCI_ID=1AF4:1042/' "$ROOT/$DEVICES/0000:00:14.0/uevent"
	conf <<<$'[host]\nblacklist = virtio_blk\n[claim b]\nmatch = 0000:02:00.0'
	blacklisted 0000:00:14.0
}

# --- The command line of the next boot ---

@test "plan: arguments of others count, those for one boot do not" {
	recorded twin-gpus
	conf </dev/null
	append rd.vfio-claim=01:00.0 rd.vfio-claim=0 single quiet
	json .cmdline
	[ "$output" = "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet rd.vfio-claim=01:00.0 quiet" ]
	json '.devices[] | "\(.address) \(.claim)"'
	[ "$output" = $'0000:01:00.0 rd.vfio-claim-1\n0000:01:00.1 rd.vfio-claim-1' ]
	plan
	[ "$status" -eq 0 ]
	[[ $output == *"warning: this boot has rd.vfio-claim=0 on its command line"* ]]
}

@test "plan: what the last apply put there gives way to what the configuration says now" {
	recorded twin-gpus
	mkdir -p "$ROOT/var/lib/vfio-claim"
	printf '%s\n' 'vfio-claim-state 1' 'loader grub.d' 'argument vfio-pci.ids=10de:1c30' \
		'replaced vfio-pci.ids=10de:10f1' >"$ROOT/var/lib/vfio-claim/state"
	append vfio-pci.ids=10de:1c30
	conf <<<$'[claim sound]\nmatch = 00:1f.3'
	json '.devices[] | "\(.address) \(.claim)"'
	# What ours stood in for is back.
	[ "$output" = $'0000:00:1f.3 sound\n0000:01:00.1 vfio-pci.ids\n0000:02:00.1 vfio-pci.ids' ]
	# Without that state it is somebody's wish.
	rm "$ROOT/var/lib/vfio-claim/state"
	json '.devices[] | "\(.address) \(.claim)"'
	[ "$output" = $'0000:00:1f.3 sound\n0000:01:00.0 vfio-pci.ids\n0000:02:00.0 vfio-pci.ids' ]
}

@test "plan: a group with a bridge that only its address claims" {
	recorded nvswitch
	ln -sfn ../../../../kernel/iommu_groups/10 \
		"$(readlink -f "$ROOT/$DEVICES/0000:9d:00.0")/iommu_group"
	conf <<<$'[claim hgx]\nmatch = 10de:*'
	plan
	[ "$status" -eq 1 ]
	[[ $output == *"fix: claim what else is in it too: match = 0000:9d:00.0; 0000:9d:00.0 is refused by [claim hgx] now: a bridge of this kind is claimed only by its address"* ]]
	conf <<<$'[claim hgx]\nmatch = 10de:*\nmatch = 0000:9d:00.0'
	plan
	[[ $output != *"stays incomplete"* ]]
}

@test "plan: arguments that do not fit into the command line are a fault" {
	recorded twin-gpus
	conf <<<$'[claim gpu]\nmatch = 0000:01:00.0\n[host]\nextra_args = '"x.$(printf %02000d 1)"
	run -1 --separate-stderr "$TOOL" cmdline --root "$ROOT" --with-hardware \
		--base "$(cat "$ROOT/proc/cmdline")"
	local reason=${stderr#*: }
	[[ $reason == "the kernel's command line would have "* ]]
	plan
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "not as wanted: "*", 1 fault"* ]]
	[[ $output == *"fault: $reason"* ]]
	[[ $output != *note:* ]]
	json '.verdict, (.warnings[] | select(.severity == "fault") | .code)'
	[ "$output" = $'not_as_wanted\ncmdline-too-long' ]
	# Also where nothing is claimed.
	conf <<<$'[host]\nextra_args = '"x.$(printf %02040d 1)"
	codes
	[ "$status" -eq 1 ]
	[ "$output" = cmdline-too-long ]
	conf <<<$'[host]\nextra_args = '"x.$(printf %01800d 1)"
	codes
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "plan: an argument that is not understood is a note" {
	recorded twin-gpus
	conf </dev/null
	append rd.vfio-claim=oops
	plan
	[[ $output == *"note: rd.vfio-claim=oops:"* ]]
	json '.notes | length'
	[ "$output" = 1 ]
}

@test "plan: a boot loader that switches claims off in every boot is a fault" {
	recorded twin-gpus
	conf <<<$'[claim gpu]\nmatch = 02:00.0'
	"$TESTS/targets/make-target" debian "$BATS_TEST_TMPDIR/debian"
	cp -an "$BATS_TEST_TMPDIR/debian/." "$ROOT/"
	json '[.boot_loaders[].name] | join(" ")'
	[ "$output" = grub.d ]
	codes
	[ "$output" = identical-left ]
	plan
	[[ $output == *"boot loader: grub.d (its grub-mkconfig reads /etc/default/grub.d)"* ]]
	echo 'GRUB_CMDLINE_LINUX="rd.vfio-claim=0"' >>"$ROOT/etc/default/grub"
	plan
	[ "$status" -eq 1 ]
	[[ $output == *"fault: the boot loader gives rd.vfio-claim=0 to every boot"* ]]
}

# --- Facts of the machine ---

@test "plan: an IOMMU that is off, or comes with the next boot" {
	recorded server-dell-matrox
	rmdir "$ROOT/sys/class/iommu/dmar0"
	conf <<<$'[claim matrox]\nmatch = 102b:0532'
	codes
	[ "$status" -eq 1 ]
	[ "$output" = iommu-off ]
	printf 'processor : 0\nvendor_id : GenuineIntel\n' >"$ROOT/proc/cpuinfo"
	install -D /bin/true "$ROOT/bin/sh" # of this architecture
	codes
	if [ "$(uname -m)" = x86_64 ]; then
		[ "$status" -eq 0 ]
		[ "$output" = iommu-pending ]
		append intel_iommu=on
		plan
		[ "$status" -eq 1 ]
		[[ $output == *"fix: turn VT-d on"* ]]
	fi
}

# As Debian's kernels do: CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF.
@test "plan: an Intel display that gets its IOMMU group with the next boot is no fault" {
	recorded laptop-alderlake
	rm "$ROOT/$DEVICES/0000:00:02.0/iommu_group"
	conf <<<$'[host]\ncpu = intel\n[claim igpu]\nmatch = 0000:00:02.0'
	json '.warnings[] | select(.code == "iommu-pending") | "\(.severity) \(.address)"'
	[ "$status" -eq 0 ]
	[ "$output" = "warning 0000:00:02.0" ]
	json '.cmdline | contains("intel_iommu=on"), contains("igfx_off")'
	[ "$output" = $'true\nfalse' ]
	codes
	[[ " $output " != *" no-group "* ]]
	# Left out for good.
	append intel_iommu=igfx_off
	json '.warnings[] | select(.code == "no-group") | .severity'
	[ "$status" -eq 1 ]
	[ "$output" = fault ]
	# The argument is in force and did not help.
	sed -i 's/igfx_off/on/' "$ROOT/proc/cmdline"
	json '.warnings[] | select(.code == "no-group") | .severity'
	[ "$status" -eq 1 ]
	[ "$output" = fault ]
}

@test "plan: a word on the command line keeps the IOMMU off" {
	recorded server-dell-matrox
	rmdir "$ROOT/sys/class/iommu/dmar0"
	conf <<<$'[host]\ncpu = intel\n[claim matrox]\nmatch = 102b:0532'
	install -D /bin/true "$ROOT/bin/sh" # of this architecture
	append iommu=off
	codes
	[ "$status" -eq 1 ]
	[ "$output" = iommu-off ]
	plan
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "not as wanted: "*"1 fault"* ]]
	[[ $output == *"fault: the next boot has no IOMMU: iommu=off is on its command line"* ]]
	[[ $output == *"fix: take iommu=off out of the boot loader's settings"* ]]
	# Another maker's word does nothing.
	recorded twin-gpus
	conf <<<$'[host]\ncpu = intel\n[claim gpu]\nmatch = 10de:1c30\nexpect = 2'
	append amd_iommu=off
	plan
	[ "$status" -eq 0 ]
}

@test "plan: interrupt remapping, by the names of the interrupts" {
	recorded twin-gpus
	conf <<<$'[claim gpu]\nmatch = 10de:1c30\nexpect = 2'
	codes
	[ "$output" = boot-display ]
	printf ' 24:  1  0  IO-APIC   5-edge      ACPI:Ged\n' >"$ROOT/proc/interrupts"
	codes
	[ "$status" -eq 1 ]
	[ "$output" = "no-interrupt-remapping boot-display" ]
	conf <<<$'[host]\nunsafe_interrupts = yes\n[claim gpu]\nmatch = 10de:1c30\nexpect = 2'
	codes
	[ "$output" = boot-display ]
	conf <<<$'[claim gpu]\nmatch = 10de:1c30\nexpect = 2'
	# AMD's name with a virtual APIC; an arm64 machine, where it is not known.
	printf ' 24:  1  0  vIR-PCI-MSI-0000:00:01.0   5-edge      x\n' >"$ROOT/proc/interrupts"
	codes
	[ "$output" = boot-display ]
	printf ' 24:  1  0  GICv3   5 Level      x\n' >"$ROOT/proc/interrupts"
	codes
	[ "$output" = boot-display ]
}

@test "plan: the firmware's framebuffer and the consoles that stay" {
	recorded twin-gpus
	conf <<<$'[claim gpu]\nmatch = 02:00.0'
	codes
	[ "$output" = identical-left ]
	mkdir -p "$ROOT/sys/bus/platform/devices"
	ln -s ../../../devices/pci0000:00/0000:00:04.0/0000:02:00.0/simple-framebuffer.0 \
		"$ROOT/sys/bus/platform/devices/simple-framebuffer.0"
	plan
	[[ $output == *"warning: 0000:02:00.0 [gpu]: the machine starts on this display"*"the console stays on ttyS0; another display"* ]]
	[[ $output == *"choose 0000:01:00.0 (nouveau)"* ]]
	echo 'tty0                 -WU (EC p  )    4:1' >"$ROOT/proc/consoles"
	plan
	[[ $output == *"there is no other console; another display"* ]]
}

@test "plan: kernels without vfio_pci, a driver that none has, one that is built in" {
	recorded workstation
	conf <<<$'[claim usb]\nmatch = 43:00.2\nfunctions = matched\n[claim x]\nmatch = 43:00.0\ndriver = my_vfio_pci'
	codes
	[[ $output != *kernel-without-vfio* && $output != *driver-missing* ]]
	mkdir -p "$ROOT/lib/modules/6.1.0" "$ROOT/lib/modules/6.2.0/updates"
	for kernel in 6.1.0 6.2.0; do
		touch "$ROOT/lib/modules/$kernel"/modules.{order,builtin}
	done
	printf 'kernel/drivers/vfio/pci/vfio-pci.ko\nkernel/drivers/usb/host/xhci-pci.ko\n' \
		>"$ROOT/lib/modules/6.1.0/modules.builtin"
	printf 'vfio_pci.alias=vfio_pci:v*d*sv*sd*bc*sc*i*\0xhci_pci.alias=pci:v*d*sv*sd*bc0Csc03i30*\0' \
		>"$ROOT/lib/modules/6.1.0/modules.builtin.modinfo"
	depmod -b "$ROOT" 6.1.0
	depmod -b "$ROOT" 6.2.0
	mkdir -p "$ROOT/proc/sys/kernel"
	echo 6.1.0 >"$ROOT/proc/sys/kernel/osrelease"
	plan
	[ "$status" -eq 1 ]
	[[ $output == *"fault: the kernel 6.2.0 has no vfio_pci"* ]]
	[[ $output != *"the kernel 6.1.0 has"* ]]
	[[ $output == *"fault: [x]: no kernel here has the driver my_vfio_pci"* ]]
	[[ $output == *"0000:43:00.2 [usb]: xhci_pci is built into the kernel"* ]]
	# Out of the kernel's tree, and locked down.
	printf 'const char n[] __attribute__((section(".modinfo"))) = "name=my_vfio_pci";\n' |
		gcc -x c -c -o "$ROOT/lib/modules/6.2.0/updates/my_vfio_pci.ko" -
	depmod -b "$ROOT" 6.2.0
	codes
	[[ $output != *driver-* ]]
	mkdir -p "$ROOT/sys/kernel/security"
	echo 'none [integrity] confidentiality' >"$ROOT/sys/kernel/security/lockdown"
	plan
	[[ $output == *"[x]: the driver my_vfio_pci is not the kernel's own"*"(integrity)"* ]]
}

@test "plan: virtual functions that are not there yet" {
	recorded sriov
	conf <<<$'[claim vf]\nmatch = 8086:1889'
	echo 0 >"$ROOT/$DEVICES/0000:05:00.0/sriov_numvfs"
	echo 1889 >"$ROOT/$DEVICES/0000:05:00.0/sriov_vf_device"
	plan
	[ "$status" -eq 0 ]
	[[ $output == *"warning: 0000:05:00.0 [vf]: '8086:1889' means its virtual functions"* ]]
	echo 4 >"$ROOT/$DEVICES/0000:05:00.0/sriov_numvfs"
	codes
	[ "$status" -eq 1 ]
	[ "$output" = no-match ]
}

# --- Many devices ---

@test "plan: 4096 functions, all of them right" {
	ROOT=$BATS_TEST_TMPDIR/tree
	"$TESTS/machines/make-many" 4096 "$ROOT"
	echo DRIVER=xhci_hcd >>"$ROOT/$DEVICES/0003:40:06.2/uevent"
	ln -s ../../bus/pci/drivers/xhci_hcd "$ROOT/$DEVICES/0003:40:06.2/driver"
	conf <<<$'[claim gpus]\nmatch = 10de:20b0\nexcept = class=0c\nexpect = 3'
	json '(.devices | length), ([.devices[] | select(.verdict == "take")] | length),
		([.warnings[] | select(.code == "group-incomplete")] | length),
		(.warnings[] | select(.code == "expect") | .text)'
	[ "$status" -eq 1 ]
	# 64 ports with seven displays and their audio functions; one that USB keeps company.
	[ "$output" = $'896\n896\n1\n3 cards expected, 448 will be claimed' ]
}
