#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Claim and release on machine trees, with tests/tools/stand-in-kernel.c for the kernel: it does
# to the tree what each write to sysfs asks for. Real kernels are in tests/vm.

setup_file() {
	load lib/machine.bash
	export KERNEL=$BATS_FILE_TMPDIR/kernel
	cd "$REPO" || return 1
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -g -Wall -Wextra -Werror -o "$KERNEL" \
		tests/tools/stand-in-kernel.c
}

setup() {
	load lib/machine.bash
	load lib/usage.bash
	bats_require_minimum_version 1.5.0
}

# gpus: two cards; the first is nouveau's and the firmware's display no more.
gpus() {
	machine twin-gpus
	echo 0 >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	cat >"$ROOT/kernel" <<-'END'
		driver vfio-pci
		driver nouveau 10de:1c30
		driver snd_hda_intel 10de:10f1 8086:2930
	END
	root_on 0000:03:00.0
}

# root_on ADDRESS: / is the first partition of an NVMe there.
root_on() {
	local dir

	dir=sys/devices/$(readlink "$ROOT/$DEVICES/$1" | sed 's|.*/devices/||')/nvme/nvme0/nvme0n1
	mkdir -p "$ROOT/$dir/nvme0n1p1/slaves" "$ROOT/sys/dev/block" "$ROOT/sys/class/block" \
		"$ROOT/proc/self"
	echo 259:1 | tee "$ROOT/$dir/nvme0n1p1/dev" >/dev/null
	echo 1 >"$ROOT/$dir/nvme0n1p1/partition"
	ln -s "../../${dir#sys/}/nvme0n1p1" "$ROOT/sys/class/block/nvme0n1p1"
	ln -s "../../${dir#sys/}/nvme0n1p1" "$ROOT/sys/dev/block/259:1"
	echo "30 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw" >"$ROOT/proc/self/mountinfo"
}

# shellcheck disable=SC2120 # the options are bats' `run now OPTION...`
now() {
	"$KERNEL" "$ROOT" "$TOOL" --root "$ROOT" --with-hardware "$@"
}

# drivers ADDRESS...: "DRIVER OVERRIDE" of each in one line.
drivers() {
	local address words=()

	for address; do
		words+=("$(basename "$(readlink "$ROOT/$DEVICES/0000:$address/driver" || echo -)")")
		words+=("$(attribute "0000:$address" driver_override)")
	done
	echo "${words[*]}"
}

# writes: what was written to sysfs since the last call, as "PARENT ATTRIBUTE VALUE", - for none.
writes() {
	sed -E 's|.*/([^/]+)/([^/]+ )|\1 \2|; s/ $/ -/' "$ROOT/writes"
	rm "$ROOT/writes"
}

# unchanged: nothing was written, neither to sysfs nor to a file.
unchanged() {
	[ "$(tree_state)" = "$before" ]
}

refused() {
	[ "$status" -eq 4 ]
	[[ $stderr == *"$1"* ]]
	[[ $stderr == *"refused, nothing was changed"* ]]
	unchanged
}

@test "claim: a card from its native drivers, and release gives it back to them" {
	gpus
	run --separate-stderr now claim 01:00.0
	[ "$status" -eq 0 ]
	[ "$output" = 'claimed  0000:01:00.0  10de:1c30  by vfio-pci, taken from nouveau
claimed  0000:01:00.1  10de:10f1  by vfio-pci, taken from snd_hda_intel' ]
	[ "$stderr" = "note: until the next boot only, for no claim of the configuration takes it: 0000:01:00.0, 0000:01:00.1" ]
	[ "$(drivers 01:00.0 01:00.1)" = "vfio-pci vfio-pci vfio-pci vfio-pci" ]
	diff - <(writes) <<-'END'
		0000:01:00.0 driver_override vfio-pci
		0000:01:00.1 driver_override vfio-pci
		nouveau unbind 0000:01:00.0
		pci drivers_probe 0000:01:00.0
		snd_hda_intel unbind 0000:01:00.1
		pci drivers_probe 0000:01:00.1
	END
	diff - "$ROOT/run/vfio-claim/native" <<-'END'
		0000:01:00.0 nouveau
		0000:01:00.1 snd_hda_intel
	END
	run --separate-stderr now release 01:00.1
	[ "$status" -eq 0 ]
	[ "$output" = 'released  0000:01:00.0  10de:1c30  from vfio-pci to nouveau
released  0000:01:00.1  10de:10f1  from vfio-pci to snd_hda_intel' ]
	[ -z "$stderr" ]
	[ "$(drivers 01:00.0 01:00.1)" = "nouveau (null) snd_hda_intel (null)" ]
	diff - <(writes) <<-'END'
		0000:01:00.0 driver_override nouveau
		vfio-pci unbind 0000:01:00.0
		pci drivers_probe 0000:01:00.0
		0000:01:00.0 driver_override -
		0000:01:00.1 driver_override snd_hda_intel
		vfio-pci unbind 0000:01:00.1
		pci drivers_probe 0000:01:00.1
		0000:01:00.1 driver_override -
	END
	[ ! -e "$ROOT/run/vfio-claim/native" ]
}

@test "claim and release: a second call finds nothing to do" {
	gpus
	now claim 01:00.0
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "claimed already  0000:01:00.0  10de:1c30  vfio-pci has it" ]
	unchanged
	now release 01:00.0
	before=$(tree_state)
	run --separate-stderr now release 01:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "not claimed  0000:01:00.0  10de:1c30  nouveau has it already" ]
	unchanged
}

@test "release: one that was cut off is finished by the next" {
	gpus
	now claim 01:00.0
	rm "$ROOT/writes" "$ROOT/$DEVICES/0000:01:00.0/driver"
	sed -i '/^DRIVER=/d' "$ROOT/$DEVICES/0000:01:00.0/uevent"
	echo nouveau >"$ROOT/$DEVICES/0000:01:00.0/driver_override"
	run now release 01:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "released  0000:01:00.0  10de:1c30  from no driver to nouveau" ]
	[ "$(drivers 01:00.0 01:00.1)" = "nouveau (null) snd_hda_intel (null)" ]
	[ ! -e "$ROOT/run/vfio-claim/native" ]

	# An override that names no driver is somebody's way to park a device.
	now claim 01:00.0
	rm "$ROOT/$DEVICES/0000:01:00.0/driver"
	sed -i '/^DRIVER=/d' "$ROOT/$DEVICES/0000:01:00.0/uevent"
	echo none >"$ROOT/$DEVICES/0000:01:00.0/driver_override"
	run now release 01:00.0
	[ "${lines[0]}" = "not claimed  0000:01:00.0  10de:1c30  no driver has it already" ]
	[ "$(drivers 01:00.0)" = "- none" ]
}

@test "claim: by IDs it is every card, and says which" {
	gpus
	run --separate-stderr now claim 10de:1c30
	[ "$status" -eq 0 ]
	[[ $stderr == *"note: 10de:1c30 is 2 cards: 0000:01:00.0, 0000:02:00.0"* ]]
	[ "$(drivers 01:00.0 01:00.1 02:00.0 02:00.1)" = \
		"vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci" ]
	# The second card had no driver, and gets none.
	run --separate-stderr now release 02:00.*
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "released  0000:02:00.0  10de:1c30  from vfio-pci to no driver" ]
	[ "$(drivers 02:00.0 02:00.1)" = "- (null) - (null)" ]
	run now claim 00:1f.7
	[ "$status" -eq 1 ]
	[[ $output == *"there is no device 00:1f.7 here"* ]]
}

@test "claim: by the name of a claim, as the configuration has it" {
	gpus
	cat >"$ROOT/etc/vfio-claim.conf" <<-'END'
		[claim second]
		match = 02:00.0 10de:1c30
		expect = 2
	END
	run --separate-stderr now claim second
	[ "$status" -eq 0 ]
	[ "$stderr" = "note: claim second: 2 cards expected, 1 found" ]
	[ "$(drivers 02:00.0 02:00.1)" = "vfio-pci vfio-pci vfio-pci vfio-pci" ]
	run --separate-stderr now release second
	[ "$status" -eq 0 ]
	[[ $stderr == *"until the next boot only, for the configuration claims it: 0000:02:00.0, 0000:02:00.1"* ]]
	run --separate-stderr now claim secund
	[ "$status" -eq 2 ]
	[[ $stderr == *"'secund' is no device"*"did you mean 'second'?"* ]]
	run --separate-stderr now claim second 01:00.0
	[ "$status" -eq 0 ]
	[[ $stderr == *"until the next boot only, for no claim of the configuration takes it: 0000:01:00.0, 0000:01:00.1"* ]]
}

@test "claim: what is in use is refused by what uses it, and --force takes some of it" {
	gpus
	of_class drm card0 0000:01:00.0
	of_class sound controlC1 0000:01:00.1 sound/card1
	process 900 Xorg /dev/dri/card0
	process 950 pipewire /dev/snd/controlC1
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0
	refused "vfio-claim: 0000:01:00.0 is in use by Xorg, pid 900 (/dev/dri/card0): end it"
	refused "vfio-claim: 0000:01:00.1 is in use by pipewire, pid 950 (/dev/snd/controlC1): end it"
	refused "; --force does it all the same"
	run --separate-stderr now claim 01:00.0 --force
	[ "$status" -eq 0 ]
	[[ $stderr == *"note: 0000:01:00.0 is in use by Xorg, pid 900 (/dev/dri/card0)"* ]]
	[ "$(drivers 01:00.0)" = "vfio-pci vfio-pci" ]
}

@test "claim: the firmware's display needs --force" {
	gpus
	echo 1 >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0
	refused "0000:01:00.0 is the display that the firmware started with"
	[[ $stderr != *"claim now"* ]]
	now claim 01:00.0 --force
	[ "$(drivers 01:00.0)" = "vfio-pci vfio-pci" ]
}

@test "claim: a bridge, the disk's controller, the default route: never, --force or not" {
	local force

	gpus
	before=$(tree_state)
	for force in "" --force; do
		run --separate-stderr now claim 00:03.0 $force
		refused "0000:00:03.0 a bridge is never claimed"
		run --separate-stderr now claim 03:00.0 $force
		refused "0000:03:00.0 / (/dev/nvme0n1p1) is on it"
	done
	of_class net wlan0 0000:02:00.0
	default_route wlan0
	before=$(tree_state)
	for force in "" --force; do
		run --separate-stderr now claim 02:00.1 $force
		refused "0000:02:00.0 carries the default route (wlan0): move the default route"
	done
}

@test "claim: a disk's controller that nothing is mounted from, and not the other" {
	machine storage
	printf '%s\n' "driver vfio-pci" "driver nvme 144d:a80a" >"$ROOT/kernel"
	root_on 0000:01:00.0
	before=$(tree_state)
	run --separate-stderr now claim "$(cut -c3- "$ROOT/$DEVICES/0000:01:00.0/vendor"):$(
		cut -c3- "$ROOT/$DEVICES/0000:01:00.0/device")"
	refused "0000:01:00.0 / (/dev/nvme0n1p1) is on it"
	run --separate-stderr now claim 02:00.0
	[ "$status" -eq 0 ]
	[ "$(drivers 01:00.0 02:00.0)" = "nvme (null) vfio-pci vfio-pci" ]
	now release 02:00.0
	[ "$(drivers 02:00.0)" = "nvme (null)" ]
	# Where it cannot be told what is mounted, all storage stays.
	rm "$ROOT/proc/self/mountinfo"
	before=$(tree_state)
	run --separate-stderr now claim 02:00.0 --force
	refused "0000:02:00.0 /proc/self/mountinfo cannot be read: all storage stays"
}

# second_disk: the other NVMe of the machine has a disk, nvme1n1, that we have nothing mounted from.
second_disk() {
	local dir

	machine storage
	printf '%s\n' "driver vfio-pci" "driver nvme 144d:a80a" >"$ROOT/kernel"
	root_on 0000:01:00.0
	dir=sys/devices/$(readlink "$ROOT/$DEVICES/0000:02:00.0" | sed 's|.*/devices/||')/nvme/nvme1/nvme1n1
	mkdir -p "$ROOT/$dir/slaves" "$ROOT/$dir/holders"
	echo 259:8 >"$ROOT/$dir/dev"
	ln -s "../../${dir#sys/}" "$ROOT/sys/class/block/nvme1n1"
	ln -s "../../${dir#sys/}" "$ROOT/sys/dev/block/259:8"
}

@test "claim: a disk that an array or a volume is made of, mounted or not" {
	local force

	second_disk
	mkdir -p "$ROOT/sys/devices/virtual/block/dm-0/"{slaves,dm}
	ln -s ../../devices/virtual/block/dm-0 "$ROOT/sys/class/block/dm-0"
	echo vg-data >"$ROOT/sys/class/block/dm-0/dm/name"
	ln -s ../../../../class/block/dm-0 "$ROOT/sys/class/block/nvme1n1/holders/dm-0"
	ln -s ../../../../class/block/nvme1n1 "$ROOT/sys/class/block/dm-0/slaves/nvme1n1"
	before=$(tree_state)
	for force in "" --force; do
		run --separate-stderr now claim 02:00.0 $force
		refused "0000:02:00.0 has a disk that vg-data is made of (nvme1n1): end it first"
	done
	rm "$ROOT/sys/class/block/nvme1n1/holders/dm-0"
	run now claim 02:00.0
	[ "$status" -eq 0 ]
}

# Nothing in sysfs tells of these: that the disk cannot be opened exclusively does.
@test "claim: a disk that the kernel itself holds, for a ZFS pool, say" {
	local options

	second_disk
	options=(--root "$ROOT" --with-hardware claim --dry-run)
	mkdir -p "$ROOT/dev"
	touch "$ROOT/dev/nvme1n1"
	held() {
		ASAN_OPTIONS=detect_leaks=0 strace -qq -o "$BATS_TEST_TMPDIR/opened" \
			-P dev/nvme1n1 -e trace=openat2 -e inject=openat2:error=EBUSY "$@"
	}
	before=$(tree_state)
	run --separate-stderr held "$TOOL" "${options[@]}" 02:00.0 --force
	refused "0000:02:00.0 has a disk that the kernel itself holds (nvme1n1)"
	refused "end it first"
	grep -q 'O_EXCL' "$BATS_TEST_TMPDIR/opened"
	run "$TOOL" "${options[@]}" 02:00.0
	[ "$status" -eq 0 ]
	# No disk is opened that is not asked for, nor one whose use is known.
	run held "$TOOL" "${options[@]}" 07:00.0
	[ "$status" -eq 0 ]
	[ ! -s "$BATS_TEST_TMPDIR/opened" ]
	process 501 dd /dev/nvme1n1
	before=$(tree_state)
	run --separate-stderr held "$TOOL" "${options[@]}" 02:00.0
	refused "0000:02:00.0 is in use by dd, pid 501"
	[ ! -s "$BATS_TEST_TMPDIR/opened" ]
	rm -r "$ROOT/proc/501"
	# What is wrong with us and not with the disk is no answer; what cannot be asked is said.
	for error in EMFILE ENOMEM; do
		run -5 strace -qq -o /dev/null -P dev/nvme1n1 -e "inject=openat2:error=$error" \
			env ASAN_OPTIONS=detect_leaks=0 "$TOOL" "${options[@]}" 02:00.0
	done
	rm "$ROOT/dev/nvme1n1"
	run -0 "$TOOL" "${options[@]}" 02:00.0
	[[ $output == *"/dev/nvme1n1 cannot be opened here: whether the kernel itself holds that disk is not known"* ]]
	echo 1 >"$ROOT/sys/class/block/nvme1n1/hidden"
	run -0 "$TOOL" "${options[@]}" 02:00.0
	[[ $output != *"cannot be opened"* ]]
}

@test "claim: a neighbour whose directory cannot be opened is none that has no group" {
	machine laptop-alderlake
	options=(--root "$ROOT" --with-hardware claim --dry-run --force)
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
	run -4 "$TOOL" "${options[@]}" 00:14.2
	[[ $output == *"in IOMMU group 9 together with 0000:00:14.0"* ]]
	run -5 env ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -P 0000:00:14.0 \
		-e inject=openat:error=ENOMEM "$TOOL" "${options[@]}" 00:14.2
	[[ $output == *"Cannot allocate memory"* ]]
}

@test "claim: a disk that an NVMe or SCSI target offers to others" {
	local config=sys/kernel/config dir attribute what

	second_disk
	mkdir -p "$ROOT/dev"
	touch "$ROOT/dev/nvme1n1"
	while read -r dir attribute what; do
		mkdir -p "$ROOT/$config/$dir"
		echo /dev/nvme1n1 >"$ROOT/$config/$dir/$attribute"
		echo 0 >"$ROOT/$config/$dir/enable"
		run -0 now claim 02:00.0 --dry-run
		echo 1 >"$ROOT/$config/$dir/enable"
		before=$(tree_state)
		run --separate-stderr now claim 02:00.0 --force
		refused "0000:02:00.0 has a disk that is offered to others (nvme1n1, $what target): end it first"
		rm -r "${ROOT:?}/$config"
	done <<-'END'
		nvmet/subsystems/nqn.2026-11.org.example:a/namespaces/1 device_path NVMe
		target/core/iblock_0/data udev_path SCSI
	END
}

@test "claim: a disk below a loop device that somebody uses" {
	second_disk
	mkdir -p "$ROOT/sys/devices/virtual/block/loop0/"{slaves,loop} "$ROOT/dev"
	touch "$ROOT/dev/nvme1n1"
	ln -s ../../devices/virtual/block/loop0 "$ROOT/sys/class/block/loop0"
	echo /dev/nvme1n1 >"$ROOT/sys/class/block/loop0/loop/backing_file"
	run -0 now claim 02:00.0 --dry-run
	# With /dev a mount of its own, and as a part of the root file system.
	for _ in devtmpfs none; do
		process 501 qemu-system-x86 /dev/loop0
		before=$(tree_state)
		run --separate-stderr now claim 02:00.0 --force
		refused "0000:02:00.0 is in use by qemu-system-x86, pid 501 (/dev/loop0)"
		rm -r "$ROOT/proc/501"
		echo '25 22 0:6 / /dev rw - devtmpfs udev rw' >>"$ROOT/proc/self/mountinfo"
	done
}

@test "claim: a disk that is mounted in another mount namespace" {
	local pid

	second_disk
	# Two in one namespace, one in ours, one that cannot be told.
	for pid in self 12 777 778 900; do
		mkdir -p "$ROOT/proc/$pid/ns"
		echo worker >"$ROOT/proc/$pid/comm"
		cat "$ROOT/proc/self/mountinfo" >"$ROOT/proc/$pid/mountinfo.new"
		mv "$ROOT/proc/$pid/mountinfo.new" "$ROOT/proc/$pid/mountinfo"
	done
	ln -s 'mnt:[4026531841]' "$ROOT/proc/self/ns/mnt"
	ln -s 'mnt:[4026531841]' "$ROOT/proc/12/ns/mnt"
	ln -s 'mnt:[4026532888]' "$ROOT/proc/777/ns/mnt"
	ln -s 'mnt:[4026532888]' "$ROOT/proc/778/ns/mnt"
	run now claim 02:00.0 --dry-run
	[ "$status" -eq 0 ]
	for pid in 777 778; do
		echo "99 1 259:8 / /data rw - xfs /dev/nvme1n1 rw" >>"$ROOT/proc/$pid/mountinfo"
	done
	before=$(tree_state)
	run --separate-stderr now claim 02:00.0 --force
	refused "0000:02:00.0 is mounted for worker, pid 777 (nvme1n1 on /data): end it first: unmount it" ||
		refused "0000:02:00.0 is mounted for worker, pid 778 (nvme1n1 on /data): end it first: unmount it"
	[ "$(grep -c 'is mounted for' <<<"$stderr")" -eq 1 ]
	# The root of others is our own.
	[[ $stderr != *01:00.0* ]]
}

@test "claim: what a program drives by uio, RDMA or as a tape" {
	local row class node

	gpus
	for row in "uio /dev/uio0" "infiniband_verbs /dev/infiniband/uverbs0" "scsi_tape /dev/nst0" \
		"nvme-generic /dev/ng0n1" "accel /dev/accel/accel0"; do
		read -r class node <<<"$row"
		of_class "$class" "${node##*/}" 0000:02:00.0
		process 501 ovs-vswitchd "$node"
		before=$(tree_state)
		run --separate-stderr now claim 02:00.0 --force
		refused "0000:02:00.0 is in use by ovs-vswitchd, pid 501 ($node): end it first"
		rm -r "$ROOT/proc/501"
	done
	run now claim 02:00.0 --dry-run
	[ "$status" -eq 0 ]
}

@test "claim: one refusal leaves all devices of the call alone" {
	gpus
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0 03:00.0 --force
	refused "0000:03:00.0 / (/dev/nvme0n1p1) is on it"
}

@test "claim and release: a running VM keeps its devices" {
	local force

	gpus
	now claim 01:00.0
	process 123 qemu-system-x86 /dev/vfio/5
	before=$(tree_state)
	for force in "" --force; do
		run --separate-stderr now release 01:00.0 $force
		refused "0000:01:00.1 is in use by qemu-system-x86, pid 123 (/dev/vfio/5): shut that virtual machine down"
	done
	# It has the card, so a claim of it finds that done.
	run now claim 01:00.0
	[ "$status" -eq 0 ]
}

@test "claim: an IOMMU group that stays incomplete, and --whole-group" {
	gpus
	rm "$ROOT/$DEVICES/0000:02:00.0/iommu_group"
	ln -s ../../../../kernel/iommu_groups/5 "$ROOT/$DEVICES/0000:02:00.0/iommu_group"
	ln -s ../../../../bus/pci/drivers/nouveau "$ROOT/$DEVICES/0000:02:00.0/driver"
	sed -i '1i DRIVER=nouveau' "$ROOT/$DEVICES/0000:02:00.0/uevent"
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0 --force
	refused "0000:01:00.0 is in IOMMU group 5 together with 0000:02:00.0 (nouveau)"
	refused "--whole-group takes the whole group along"
	run --separate-stderr now claim 01:00.0 --whole-group
	[ "$status" -eq 0 ]
	[ "$(drivers 01:00.0 01:00.1 02:00.0 02:00.1)" = \
		"vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci vfio-pci" ]
}

@test "claim: chipset sound in a group with an ISA bridge" {
	gpus
	before=$(tree_state)
	run --separate-stderr now claim 00:1f.3 --whole-group --force
	refused "is in IOMMU group 4 together with 0000:00:1f.0 (lpc_ich, never claimed)"
}

@test "claim: without an IOMMU nothing is taken from anybody" {
	gpus
	rm "$ROOT/$DEVICES"/*/iommu_group
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0 --force
	refused "0000:01:00.0 has no IOMMU group"
	refused "intel_iommu=on"
}

@test "claim: a PF with virtual functions enabled, with the command that ends them" {
	machine sriov
	touch "$ROOT/kernel"
	echo 3 >"$ROOT/$DEVICES/0000:06:00.0/sriov_numvfs"
	before=$(tree_state)
	run --separate-stderr now claim 06:00.0 --force
	refused "0000:06:00.0 has 3 virtual functions enabled"
	refused "'echo 0 > /sys/bus/pci/devices/0000:06:00.0/sriov_numvfs'"
}

@test "release: a PF of vfio-pci keeps its virtual functions, which guests may have" {
	local force

	machine sriov
	printf '%s\n' "driver vfio-pci" "driver qat_4xxx 8086:4940" >"$ROOT/kernel"
	echo 0 >"$ROOT/$DEVICES/0000:06:00.0/sriov_numvfs"
	now claim 06:00.0
	echo 2 >"$ROOT/$DEVICES/0000:06:00.0/sriov_numvfs"
	before=$(tree_state)
	for force in "" --force; do
		run --separate-stderr now release 06:00.0 $force
		refused "0000:06:00.0 has 2 virtual functions enabled, which would go away with it"
	done
	echo 0 >"$ROOT/$DEVICES/0000:06:00.0/sriov_numvfs"
	run now release 06:00.0
	[ "$status" -eq 0 ]
}

@test "claim: a bridge in the group with a driver that is not for VFIO" {
	gpus
	ln -sfn ../../../kernel/iommu_groups/5 "$ROOT/$DEVICES/0000:00:00.0/iommu_group"
	mkdir -p "$ROOT/sys/bus/pci/drivers/ie31200_edac"
	ln -sfn ../../../bus/pci/drivers/ie31200_edac "$ROOT/$DEVICES/0000:00:00.0/driver"
	sed -i '/^DRIVER=/d; 1i DRIVER=ie31200_edac' "$ROOT/$DEVICES/0000:00:00.0/uevent"
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0 --force
	refused "0000:01:00.0 is in IOMMU group 5 together with 0000:00:00.0 (ie31200_edac, never claimed)"
}

@test "claim: a virtual function is a card of its own" {
	machine sriov
	echo "driver vfio-pci" >"$ROOT/kernel"
	run now claim 06:00.1
	[ "$status" -eq 0 ]
	[ "$(drivers 06:00.0 06:00.1 06:00.2)" = "qat_4xxx (null) vfio-pci vfio-pci - (null)" ]
}

@test "claim: when one function fails, the card's others are put back" {
	gpus
	echo "fail vfio-pci 0000:01:00.1 22" >>"$ROOT/kernel"
	run --separate-stderr now claim 10de:1c30
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "put back  0000:01:00.0  10de:1c30  nouveau has it again, since its card is claimed whole or not at all" ]]
	[[ ${lines[1]} == "failed  0000:01:00.1  10de:10f1  snd_hda_intel has it now: "* ]]
	[[ ${lines[2]} == "claimed  0000:02:00.0  "* ]]
	[ "$(drivers 01:00.0 01:00.1 02:00.0 02:00.1)" = \
		"nouveau (null) snd_hda_intel (null) vfio-pci vfio-pci vfio-pci vfio-pci" ]
	diff - "$ROOT/run/vfio-claim/native" <<-'END'
		0000:02:00.0 -
		0000:02:00.1 -
	END
}

@test "claim: a driver that does not let go" {
	gpus
	modules
	echo "stuck 0000:01:00.0 16" >>"$ROOT/kernel"
	run --separate-stderr now claim 01:00.0
	[ "$status" -eq 1 ]
	[[ $output == *"failed  0000:01:00.0  10de:1c30  nouveau has it now"*"did not let go of it: Device or resource busy"* ]]
	[ "$(drivers 01:00.0 01:00.1)" = "nouveau (null) snd_hda_intel (null)" ]
}

@test "release: vfio-pci that has the IDs does not take it again" {
	gpus
	sed -i 's/^driver vfio-pci/& 10de:1c30 10de:10f1/' "$ROOT/kernel"
	now claim 01:00.0
	now release 01:00.0
	[ "$(drivers 01:00.0 01:00.1)" = "nouveau (null) snd_hda_intel (null)" ]
	now claim 02:00.0
	now release 02:00.0
	[ "$(drivers 02:00.0 02:00.1)" = "- (null) - (null)" ]
}

# modules: those that the cards' modaliases lead to; the tree's one kernel. loaded MODULE DRIVER.
modules() {
	local module dir=$ROOT/lib/modules/6.1.0

	mkdir -p "$dir/kernel/drivers/video/fbdev" "$dir/kernel/drivers/gpu"
	while read -r module alias path; do
		printf 'const char n[] __attribute__((section(".modinfo"))) = "name=%s";
			const char a[] __attribute__((section(".modinfo"))) = "alias=%s";\n' \
			"$module" "$alias" | gcc -x c -c -o "$dir/kernel/$path/$module.ko" -
	done <<-'END'
		nvidiafb pci:v000010DEd*sv*sd*bc03sc*i* drivers/video/fbdev
		nouveau pci:v000010DEd*sv*sd*bc03sc*i* drivers/gpu
		snd_hda_intel pci:v000010DEd000010F1sv*sd*bc*sc*i* .
		vfio_pci vfio_pci:v*d*sv*sd*bc*sc*i* .
	END
	: >"$dir/modules.order"
	: >"$dir/modules.builtin"
	depmod -b "$ROOT" 6.1.0
	ln -s 6.1.0 "$ROOT/lib/modules/tree"
	mkdir -p "$ROOT/etc/modprobe.d"
	echo "blacklist nvidiafb" >"$ROOT/etc/modprobe.d/fbdev-blacklist.conf"
}

loaded() {
	mkdir -p "$ROOT/sys/module/$1/drivers"
	ln -s "../../../bus/pci/drivers/$2" "$ROOT/sys/module/$1/drivers/pci:$2"
}

# claimed_at_boot ADDRESS...: with nothing known of a driver before.
claimed_at_boot() {
	local address

	for address; do
		rm -f "$ROOT/$DEVICES/0000:$address/driver"
		ln -s ../../../../bus/pci/drivers/vfio-pci "$ROOT/$DEVICES/0000:$address/driver"
		sed -i '/^DRIVER=/d; 1i DRIVER=vfio-pci' "$ROOT/$DEVICES/0000:$address/uevent"
		echo vfio-pci >"$ROOT/$DEVICES/0000:$address/driver_override"
	done
}

@test "release: of a device that the boot claimed, by its modalias" {
	gpus
	modules
	loaded nouveau nouveau
	loaded snd_hda_intel snd_hda_intel
	claimed_at_boot 02:00.0 02:00.1
	run --separate-stderr now release 02:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "released  0000:02:00.0  10de:1c30  from vfio-pci to nouveau" ]
	[ "$(drivers 02:00.0 02:00.1)" = "nouveau (null) snd_hda_intel (null)" ]
	[ "$(writes | head -n 1)" = "0000:02:00.0 driver_override nouveau" ]
}

@test "release: a native driver that does not want the device is named" {
	gpus
	modules
	loaded nouveau nouveau
	loaded snd_hda_intel snd_hda_intel
	claimed_at_boot 02:00.0 02:00.1
	echo "fail nouveau 0000:02:00.0 19" >>"$ROOT/kernel"
	run --separate-stderr now release 02:00.0
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "failed  0000:02:00.0  10de:1c30  no driver has it now: nouveau did not take it: No such device; dmesg may say more" ]
	[ "$(drivers 02:00.0 02:00.1)" = "- (null) snd_hda_intel (null)" ]
}

@test "release: what had no driver before has one if it wants it, and none is no fault" {
	gpus
	modules
	loaded nouveau nouveau
	now claim 02:00.0
	echo "fail nouveau 0000:02:00.0 19" >>"$ROOT/kernel"
	run --separate-stderr now release 02:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "released  0000:02:00.0  10de:1c30  from vfio-pci to no driver" ]
	now claim 02:00.0
	sed -i /^fail/d "$ROOT/kernel"
	run --separate-stderr now release 02:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "released  0000:02:00.0  10de:1c30  from vfio-pci to nouveau" ]
}

@test "release: a blacklisted native module is named, with where and with the way on" {
	gpus
	modules
	loaded snd_hda_intel snd_hda_intel
	claimed_at_boot 02:00.0 02:00.1
	echo "blacklist nouveau" >"$ROOT/etc/modprobe.d/mine.conf"
	before=$(tree_state)
	run --separate-stderr now release 02:00.0
	refused "0000:02:00.0 would be without a driver: its native module nouveau is blacklisted (modprobe.d): run 'modprobe nouveau' first; --force does it all the same"
	append "modprobe.blacklist=nvidia,nouveau quiet"
	before=$(tree_state)
	run --separate-stderr now release 02:00.0
	refused "nouveau is blacklisted (modprobe.blacklist= of the kernel command line)"
	run --separate-stderr now release 02:00.0 --force --json
	[ "$(jq -c '[.devices[] | .outcome]' <<<"$output")" = '["failed","released"]' ]
	# Loaded by then, as by modprobe.
	claimed_at_boot 02:00.0
	loaded nouveau nouveau
	now release 02:00.0
	[ "$(drivers 02:00.0)" = "nouveau (null)" ]
}

@test "release: a device without any native module has none afterwards" {
	gpus
	claimed_at_boot 02:00.0 02:00.1
	run --separate-stderr now release 02:00.0
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "released  0000:02:00.0  10de:1c30  from vfio-pci to no driver" ]
	[ "$(drivers 02:00.0)" = "- (null)" ]
}

@test "release: an invalid configuration is no reason to keep a device" {
	gpus
	now claim 01:00.0
	echo rubbish >"$ROOT/etc/vfio-claim.conf"
	run --separate-stderr now claim 02:00.0
	[ "$status" -eq 3 ]
	run --separate-stderr now release 01:00.0
	[ "$status" -eq 0 ]
	[[ $stderr == *"vfio-claim.conf:1: warning: "* ]]
	[ "$(drivers 01:00.0)" = "nouveau (null)" ]
}

@test "dry run: what would be done, and nothing is" {
	gpus
	before=$(tree_state)
	run --separate-stderr now claim 01:00.0 --dry-run
	[ "$status" -eq 0 ]
	[ "$output" = 'would claim  0000:01:00.0  10de:1c30  from nouveau to vfio-pci
would claim  0000:01:00.1  10de:10f1  from snd_hda_intel to vfio-pci' ]
	unchanged
	run --separate-stderr now claim 03:00.0 --dry-run
	[ "$status" -eq 4 ]
	unchanged
	now claim 01:00.0
	before=$(tree_state)
	run --separate-stderr now release 01:00.0 --dry-run
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "would release  0000:01:00.0  10de:1c30  from vfio-pci to nouveau" ]
	unchanged
}

@test "json: of a claim, a second one, a refusal and a release" {
	gpus
	run --separate-stderr now claim 01:00.0 --json
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(jq -c 'keys_unsorted' <<<"$output")" = \
		'["schema","as_wanted","refused","devices","refusals","notes"]' ]
	[ "$(jq -c '.devices[0]' <<<"$output")" = '{"address":"0000:01:00.0","id":"10de:1c30:10de:11b3","claim":null,"outcome":"claimed","driver_wanted":"vfio-pci","driver_before":"nouveau","driver":"vfio-pci","override":"vfio-pci","iommu_group":5,"reason":null,"actions":[{"action":"override","target":"vfio-pci","errno":0},{"action":"unbind","target":"nouveau","errno":0},{"action":"probe","target":"vfio-pci","errno":0}]}' ]
	[ "$(jq -c '[.as_wanted, .refused, (.notes | length)]' <<<"$output")" = '[true,false,1]' ]
	run --separate-stderr now claim 01:00.0 --json
	[ "$(jq -c '[.as_wanted, .devices[].outcome]' <<<"$output")" = '[true,"already","already"]' ]
	run --separate-stderr now claim 03:00.0 --json
	[ "$status" -eq 4 ]
	[ -z "$stderr" ]
	[ "$(jq -c '[.as_wanted, .refused, .devices[0].outcome, .refusals[0].address, .refusals[0].forcible]' <<<"$output")" = \
		'[false,true,"left","0000:03:00.0",false]' ]
	run --separate-stderr now release 01:00.0 --json --dry-run
	[ "$(jq -c '[.as_wanted, .devices[0].outcome, .devices[0].driver_wanted]' <<<"$output")" = \
		'[false,"left","nouveau"]' ]
	run --separate-stderr now release 01:00.0 --json
	[ "$(jq -c '[.devices[0] | .outcome, .driver_before, .driver, .override, (.actions | length)]' <<<"$output")" = \
		'["released","vfio-pci","nouveau",null,4]' ]
}

@test "usage: no device, an image, two at once, a container" {
	gpus
	run --separate-stderr now claim
	[ "$status" -eq 2 ]
	[[ $stderr == *"which device?"* ]]
	run --separate-stderr now release --whole-group 01:00.0
	[ "$status" -eq 2 ]
	run --separate-stderr "$TOOL" claim --root "$ROOT" 01:00.0
	[ "$status" -eq 2 ]
	[[ $stderr == *"an image has no hardware"* ]]
	before=$(tree_state)
	(
		flock 9
		now claim 01:00.0 2>&1 || echo "status $?"
	) 9<"$ROOT" >"$BATS_TEST_TMPDIR/second"
	[[ $(cat "$BATS_TEST_TMPDIR/second") == *"another vfio-claim is at work here"*"status 5" ]]
	unchanged
}

# bats test_tags=native
@test "usage: in a container nothing is done, and that is fine" {
	local output

	[ "$(id -u)" -eq 0 ] || skip "only root can be in a container of its own"
	# A root of its own, with this machine's libraries, that says it is a container.
	mkdir -p "$BATS_TEST_TMPDIR/c"
	output=$(unshare -m sh -ec '
		mount --bind / "$1"
		mount -t tmpfs tmpfs "$1/run"
		mkdir "$1/run/systemd"
		echo test >"$1/run/systemd/container"
		mkdir "$1/run/tool"
		mount --bind "$2" "$1/run/tool"
		chroot "$1" /run/tool/vfio-claim claim 01:00.0
		chroot "$1" /run/tool/vfio-claim release 01:00.0' - "$BATS_TEST_TMPDIR/c" "$BUILD")
	[ "$(grep -c '^this is a container (test): .*nothing is changed$' <<<"$output")" -eq 2 ]
}
