# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab storage` left of machines whose config names the controllers of
# their own root, swap and /var together with one that nobody needs: they boot, the
# free one is VFIO's, and each of the others is refused with the reason. Tests with the
# tag `long` are of machines that `tests/vm/lab matrix` leaves out.

load facts

ROOT=0000:00:10.0
SECOND=0000:00:13.0
THIRD=0000:00:14.0
SATA=0000:00:1f.2
FREE=0000:02:00.0

# The reasons name what is there; a root that is "/" and not the beginning of a path.
ON_ROOT='(^|[^[:alnum:]])/( |$|[^[:alnum:]])'

# mounted PATH TYPE DEVICE-REGEX
mounted() {
	awk -v path="$1" '$2 == path { print $3, $1 }' "$M/mounts" | grep -Exq -- "$2 $3" ||
		fail "${M##*/}: $1 is not $2 on $3: $(grep " $1 " "$M/mounts")"
}

# part_of DEVICE COUNT: on how many partitions or devices it is.
parts_of() {
	[ "$(grep -c "^NAME=\"$1\" " "$M/blocks")" = "$2" ] ||
		fail "${M##*/}: $1 is not on $2: $(cat "$M/blocks")"
}

# boots MACHINE: to its end, with no unit failed.
boots() {
	machine "$1"
	grep -qx failed-units= "$M/result" || fail "$1: $(cat "$M/result")"
}

# late ADDRESS OUTCOME [REASON-REGEX]: so when root was mounted; before that it waited.
late() {
	jq -e --arg a "$1" 'any(.devices[]; .address == $a and .outcome == "waiting") and
		any(.late.devices[]; .address == $a)' "$M/boot.json" >/dev/null ||
		fail "${M##*/}: $1 did not wait: $(cat "$M/boot.json")" || return
	recorded "$@"
}

# needed ADDRESS DRIVER REASON-REGEX: its own driver has it, and why.
needed() {
	is "$1" driver "$2" || return
	is "$1" override '(null)' || return
	late "$1" refused "$3" || return
	kmsg "$1.*refused" || return
	jq -e --arg a "$1" 'any(.late.needs[]; .address == $a)' "$M/boot.json" >/dev/null ||
		fail "${M##*/}: $1 is not in needs: $(jq -c .late.needs "$M/boot.json")"
}

# The free controller and the card, which waits for nothing.
others_claimed() {
	is $FREE driver vfio-pci || return
	is $FREE late.driver vfio-pci || return
	late $FREE claimed || return
	kmsg "$FREE.*claimed by vfio-pci" || return
	claimed $DISPLAY_1 $AUDIO_1 || return
	recorded $DISPLAY_1 claimed
}

on_nvme() {
	boots "$1"
	mounted / ext4 '/dev/nvme[01]n1'
	needed $ROOT nvme "$ON_ROOT"
	others_claimed
}

on_lvm() {
	boots "$1"
	mounted / ext4 /dev/mapper/lab-root
	parts_of lab-root 2
	needed $ROOT nvme "$ON_ROOT"
	needed $SECOND nvme "$ON_ROOT"
	others_claimed
}

on_luks() {
	boots "$1"
	mounted / ext4 "/dev/(mapper/labcrypt|mapper/luks-[-0-9a-f]*)"
	needed $ROOT nvme "$ON_ROOT"
	others_claimed
}

on_md() {
	boots "$1"
	mounted / ext4 '/dev/(md127|md/lab)'
	parts_of md127 2
	needed $ROOT nvme "$ON_ROOT"
	needed $SATA ahci "$ON_ROOT"
	others_claimed
}

on_btrfs() {
	boots "$1"
	mounted / btrfs '/dev/nvme[012]n1p1'
	needed $ROOT nvme "$ON_ROOT"
	needed $SECOND nvme "$ON_ROOT"
	others_claimed
}

by_fstab() {
	boots "$1"
	# initramfs-tools mounts what root= says.
	mounted / ext4 '/dev/(nvme[012]n1p1|disk/by-id/nvme-.*_root-part1)'
	mounted /var ext4 /dev/sda2
	mounted /srv ext4 /dev/mapper/labdata
	grep -q ^/dev/sda1 "$M/swaps"
	needed $ROOT nvme "$ON_ROOT"
	needed $SATA ahci '/var|swap'
	needed $THIRD nvme '/srv|labdata'
	others_claimed
}

# root-nvme in scenarios.bats is the same with systemd.
# bats test_tags=long
@test "root on an NVMe, initramfs-tools" {
	on_nvme storage-nvme@12-initramfs-tools
}

@test "root on an NVMe, dracut" {
	on_nvme storage-nvme@13-dracut
}

# bats test_tags=long
@test "root on LVM over two controllers, by path, initramfs-tools" {
	on_lvm storage-lvm@12-initramfs-tools
}

# bats test_tags=long
@test "root on LVM over two controllers, by path, dracut with systemd" {
	on_lvm storage-lvm@13-dracut-systemd
}

# bats test_tags=long
@test "root on LVM over two controllers, by UUID=, dracut" {
	on_lvm storage-lvm@testing-dracut
}

# bats test_tags=long
@test "root on LUKS, by path, initramfs-tools" {
	on_luks storage-luks@13-initramfs-tools
}

# bats test_tags=long
@test "root on LUKS, by UUID=, dracut with systemd" {
	on_luks storage-luks@testing-dracut-systemd
}

# bats test_tags=long
@test "root on LUKS, by UUID=, dracut" {
	on_luks storage-luks@12-dracut
}

# bats test_tags=long
@test "root on md over NVMe and SATA, by path, initramfs-tools" {
	on_md storage-md@testing-initramfs-tools
}

# bats test_tags=long
@test "root on md over NVMe and SATA, by UUID=, dracut with systemd" {
	on_md storage-md@12-dracut-systemd
}

# bats test_tags=long
@test "root on md over NVMe and SATA, by LABEL=, dracut" {
	on_md storage-md@13-dracut
}

# bats test_tags=long
@test "root on btrfs over two controllers, by PARTUUID=, initramfs-tools" {
	on_btrfs storage-btrfs@12-initramfs-tools
}

# bats test_tags=long
@test "root on btrfs over two controllers, by LABEL=, dracut with systemd" {
	on_btrfs storage-btrfs@testing-dracut-systemd
}

# bats test_tags=long
@test "root on btrfs over two controllers, by UUID=, dracut" {
	on_btrfs storage-btrfs@13-dracut
}

@test "root on LVM on LUKS on md over two controllers, by path, initramfs-tools" {
	boots storage-stack@13-initramfs-tools
	mounted / ext4 /dev/mapper/lab-root
	parts_of md127 2
	needed $ROOT nvme "$ON_ROOT"
	needed $SECOND nvme "$ON_ROOT"
	others_claimed
}

# bats test_tags=long
@test "swap, /var and /srv that only fstab and crypttab name, initramfs-tools" {
	by_fstab storage-fstab@testing-initramfs-tools
}

# bats test_tags=long
@test "swap, /var and /srv that only fstab and crypttab name, dracut with systemd" {
	by_fstab storage-fstab@13-dracut-systemd
}

# bats test_tags=long
@test "swap, /var and /srv that only fstab and crypttab name, dracut" {
	by_fstab storage-fstab@12-dracut
}
