#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The late run of the boot helper, on machine trees with block devices: what a file system, swap
# or the network is on stays with the host, the rest of what waited is claimed. That real kernels
# and tools lay their devices out like this is shown by virtual machines.

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	machine storage
	# Two identical NVMe, a SATA controller, a SCSI HBA behind a switch, two USB controllers,
	# two network cards: everything is claimed.
	claims <<-'END'
		[claim everything]
		match = class=01
		match = class=0c03
		match = class=02
	END
	mkdir -p "$ROOT/sys/dev/block" "$ROOT/sys/class/block" "$ROOT/sys/class/net" \
		"$ROOT/proc/self" "$ROOT/sysroot/etc" "$ROOT/dev/disk"
	: >"$ROOT/proc/self/mountinfo"
	minor=0
}

NVME_A=0000:01:00.0
NVME_B=0000:02:00.0
SATA=0000:00:1f.2
HBA=0000:05:00.0
USB_A=0000:00:14.0
USB_B=0000:06:00.0
NIC_A=0000:07:00.0
NIC_B=0000:08:00.0

# Where a device is, below sys/devices, from the directory of the links.
pci_path() { readlink "$ROOT/$DEVICES/$1" | sed 's|^\.\./\.\./\.\./devices/||'; }

# block NAME DIRECTORY: a block device of that directory below sys/devices.
block() {
	minor=$((minor + 1))
	mkdir -p "$ROOT/sys/devices/$2/$1/slaves"
	echo "259:$minor" >"$ROOT/sys/devices/$2/$1/dev"
	ln -s "../../devices/$2/$1" "$ROOT/sys/class/block/$1"
	ln -s "../../devices/$2/$1" "$ROOT/sys/dev/block/259:$minor"
}

# disk NAME ADDRESS [BETWEEN]: a disk with one partition, NAMEp1.
disk() {
	local path

	path=$(pci_path "$2")/${3:-block}
	block "$1" "$path"
	block "$1p1" "$path/$1"
	echo 1 >"$ROOT/sys/class/block/$1p1/partition"
}

# five_disks: one on each controller, after an early run that took the network cards.
five_disks() {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	disk sda $SATA ata1/block
	disk sdb $HBA host1/block
	disk sdc $USB_A usb1/block
}

# virtual NAME SLAVE...: a device of device-mapper, md or bcache on others.
virtual() {
	local name=$1 slave

	block "$name" virtual/block
	shift
	for slave; do
		ln -s "../../../../../class/block/$slave" "$ROOT/sys/class/block/$name/slaves/$slave"
	done
}

# mapping NAME MAPPING SLAVE...
mapping() {
	virtual "$1" "${@:3}"
	mkdir "$ROOT/sys/class/block/$1/dm"
	echo "$2" >"$ROOT/sys/class/block/$1/dm/name"
}

# mounted NAME TARGET [TYPE]: in the initramfs, so below /sysroot.
mounted() {
	echo "30 1 $(cat "$ROOT/sys/class/block/$1/dev") / /sysroot${2%/} rw - ${3:-ext4} /dev/$1 rw" \
		>>"$ROOT/proc/self/mountinfo"
}

fstab() { cat >>"$ROOT/sysroot/etc/fstab"; }

# contents NAME USAGE TYPE: as udev writes down what libblkid found.
contents() {
	mkdir -p "$ROOT/run/udev/data"
	printf 'E:ID_FS_USAGE=%s\nE:ID_FS_TYPE=%s\n' "$2" "$3" \
		>"$ROOT/run/udev/data/b$(cat "$ROOT/sys/class/block/$1/dev")"
}

# tagged uuid VALUE NAME: as udev's link.
tagged() {
	mkdir -p "$ROOT/dev/disk/by-$1"
	ln -s "../../$3" "$ROOT/dev/disk/by-$1/$2"
}

boot() {
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ -z "$(overrides | grep -v "${early:-^$}")" ]
	run --separate-stderr "$HELPER" --root "$ROOT" --late /sysroot
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

# kept ADDRESS REASON: refused with it, and left alone.
kept() {
	local reason

	reason=$(record --arg address "$1" \
		'.late.devices[] | select(.address == $address and .outcome == "refused") | .reason')
	[[ $reason == *"$2"* ]] || { echo "$1: '$reason' has no '$2'"; return 1; }
	[ "$(attribute "$1" driver_override)" = '(null)' ]
}

taken() {
	local address

	for address; do
		[ "$(attribute "$address" driver_override)" = vfio-pci ] ||
			{ echo "$address was not taken"; return 1; }
		[[ $(record --arg address "$address" '.late.devices[] |
			select(.address == $address) | .outcome') == @(claimed|failed) ]]
	done
}

@test "late: nothing of what waits is touched early; NICs are taken then" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(overrides)" = $'0000:07:00.0 vfio-pci\n0000:08:00.0 vfio-pci' ]
	[ "$(record '[.devices[] | select(.outcome == "waiting") | .address] | join(" ")')" = \
		"$USB_A $SATA $NVME_A $NVME_B $HBA $USB_B" ]
	[ "$(record .late)" = null ]
}

@test "late: root on a partition" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	boot
	kept $NVME_A '/ (/dev/nvme0n1p1) is on it'
	taken $NVME_B $SATA $HBA $USB_A $USB_B
	[ "$(record -c '.late | [.storage_reason, .network_reason, (.needs | length)]')" = \
		'[null,null,1]' ]
	# The early part is as it was.
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 6 ]
}

@test "late: LVM on LUKS on md over two controllers" {
	early=vfio-pci
	disk sda $SATA ata1/host0/target0:0:0/0:0:0:0/block
	disk sdb $HBA host1/target1:0:0/1:0:0:0/block
	virtual md127 sdap1 sdbp1
	mapping dm-0 cryptroot md127
	mapping dm-1 vg-root dm-0
	mounted dm-1 /
	boot
	kept $SATA '/ (/dev/dm-1) is on it'
	kept $HBA '/ (/dev/dm-1) is on it'
	taken $NVME_A $NVME_B $USB_A $USB_B
}

@test "late: an HBA behind a switch: its bridges are nobody's, its neighbours free" {
	early=vfio-pci
	disk sdb $HBA host1/target1:0:0/1:0:0:0/block
	mounted sdbp1 /
	boot
	kept $HBA '/ ('
	taken $NVME_A $NVME_B $SATA
	[ "$(record '[.late.needs[].address] | join(" ")')" = $HBA ]
}

@test "late: root on a USB stick keeps its controller only" {
	early=vfio-pci
	disk sda $USB_A usb1/1-1/1-1:1.0/host0/target0:0:0/0:0:0:0/block
	mounted sdap1 /
	boot
	kept $USB_A '/ (/dev/sdap1) is on it'
	taken $USB_B $NVME_A
}

@test "late: NVMe with several paths: the controllers of its subsystem" {
	local a b

	early=vfio-pci
	a=$(pci_path $NVME_A)/nvme/nvme0
	b=$(pci_path $NVME_B)/nvme/nvme1
	mkdir -p "$ROOT/sys/devices/$a" "$ROOT/sys/devices/$b" "$ROOT/sys/class/nvme-subsystem"
	block nvme0n1 virtual/nvme-subsystem/nvme-subsys0
	ln -s "../../../$a" "$ROOT/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0"
	ln -s "../../../$b" "$ROOT/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1"
	ln -s ../../devices/virtual/nvme-subsystem/nvme-subsys0 \
		"$ROOT/sys/class/nvme-subsystem/nvme-subsys0"
	mounted nvme0n1 /
	boot
	kept $NVME_A '/ (/dev/nvme0n1) is on it'
	kept $NVME_B '/ (/dev/nvme0n1) is on it'
	taken $SATA
}

@test "late: btrfs over two devices, mounted as one of them" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	disk sda $SATA ata1/block
	mkdir -p "$ROOT/sys/fs/btrfs/features" "$ROOT/sys/fs/btrfs/u-u-i-d/devices"
	ln -s ../../../../class/block/nvme0n1p1 "$ROOT/sys/fs/btrfs/u-u-i-d/devices/nvme0n1p1"
	ln -s ../../../../class/block/sdap1 "$ROOT/sys/fs/btrfs/u-u-i-d/devices/sdap1"
	echo "30 1 0:40 / /sysroot rw - btrfs /dev/sdap1 rw" >"$ROOT/proc/self/mountinfo"
	boot
	kept $NVME_A '/ (/dev/sdap1) is on it'
	kept $SATA '/ (/dev/sdap1) is on it'
	taken $NVME_B
}

# The two reasons in either order of the file: what nothing can clear counts more.
@test "late: that all storage stays is not forgotten for a file system that is not found" {
	local order

	for order in 1 2; do
		early='0000:0[78]:00.0 vfio-pci'
		disk nvme0n1 $NVME_A nvme/nvme0
		disk nvme1n1 $NVME_B nvme/nvme1
		mounted nvme0n1p1 /
		# Whose file system is known, so that it would be cleared of the one that is not found.
		contents nvme1n1 filesystem ext4
		contents nvme1n1p1 filesystem ext4
		case $order in
		1) fstab <<<$'/dev/gone /srv ext4 defaults 0 0\nrpool/data /data zfs defaults 0 0' ;;
		2) fstab <<<$'rpool/data /data zfs defaults 0 0\n/dev/gone /srv ext4 defaults 0 0' ;;
		esac
		boot
		kept $NVME_B '/data (rpool/data) is on devices that are not known: all storage stays'
		[ "$order" = 2 ] || { rm -rf "$ROOT"; setup; }
	done
}

@test "late: bcachefs names all its devices; one that is not found keeps all storage" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	echo "30 1 0:40 / /sysroot rw - bcachefs /dev/nvme0n1p1:/dev/nvme1n1p1 rw" \
		>"$ROOT/proc/self/mountinfo"
	boot
	kept $NVME_A '/ (/dev/nvme0n1p1:/dev/nvme1n1p1) is on it'
	kept $NVME_B '/ (/dev/nvme0n1p1:/dev/nvme1n1p1) is on it'
	taken $SATA $HBA
	[ "$(record .late.storage_reason)" = null ]

	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	echo "30 1 0:40 / /sysroot rw - bcachefs /dev/nvme0n1p1:/dev/gone rw" \
		>"$ROOT/proc/self/mountinfo"
	boot
	kept $NVME_A '/ (/dev/nvme0n1p1:/dev/gone) is on it'
	kept $NVME_B '/ (/dev/nvme0n1p1:/dev/gone) is on devices that are not known'
}

@test "late: bcachefs of fstab is followed too, and is on no disk's word when not found" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	disk sda $SATA ata1/block
	mounted nvme0n1p1 /
	fstab <<<'/dev/nvme1n1p1:/dev/sdap1 /srv bcachefs defaults 0 0'
	boot
	kept $NVME_B '/srv (/dev/nvme1n1p1:/dev/sdap1) is on it'
	kept $SATA '/srv (/dev/nvme1n1p1:/dev/sdap1) is on it'
	taken $HBA

	# The disk is seen to have a file system, which hides nothing of any other type.
	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	for name in nvme1n1 nvme1n1p1; do
		contents $name filesystem ext4
	done
	fstab <<<'/dev/gone /srv ext4 defaults 0 0'
	boot
	kept $HBA '/srv (/dev/gone) is not found'
	taken $NVME_B

	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	for name in nvme1n1 nvme1n1p1; do
		contents $name filesystem bcachefs
	done
	fstab <<<'/dev/gone:/dev/gone2 /srv bcachefs defaults 0 0'
	boot
	kept $NVME_B '/srv (/dev/gone:/dev/gone2) is on devices that are not known'

	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	fstab <<<'/dev/gone:/dev/nvme1n1p1 /srv bcachefs nofail 0 0'
	boot
	kept $NVME_B '/srv (/dev/gone:/dev/nvme1n1p1) is on it'
	taken $SATA
}

@test "late: a mounted btrfs whose device is not found keeps all storage; fuse does not" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	echo "30 1 0:40 / /sysroot rw - btrfs /dev/gone rw" >"$ROOT/proc/self/mountinfo"
	boot
	kept $NVME_A '/ (/dev/gone) is on devices that are not known: all storage stays'

	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	echo "31 1 0:41 / /sysroot/etc/pve rw - fuse /dev/fuse rw" >>"$ROOT/proc/self/mountinfo"
	boot
	taken $NVME_B
}

@test "late: bcache, and a loop device on a mounted file system" {
	early=vfio-pci
	disk sda $SATA ata1/block
	disk nvme0n1 $NVME_A nvme/nvme0
	disk sdb $HBA host1/block
	virtual bcache0 sdap1 nvme0n1p1
	mounted bcache0 /
	block loop0 virtual/block
	mkdir "$ROOT/sys/class/block/loop0/loop"
	echo /run/live/medium/image >"$ROOT/sys/class/block/loop0/loop/backing_file"
	echo "31 1 $(cat "$ROOT/sys/class/block/sdbp1/dev") / /run/live rw - ext4 /dev/sdbp1 rw" \
		>>"$ROOT/proc/self/mountinfo"
	mounted loop0 /usr squashfs
	boot
	kept $SATA '/ (/dev/bcache0) is on it'
	kept $NVME_A '/ (/dev/bcache0) is on it'
	kept $HBA '/usr (/dev/loop0) is on it'
	taken $NVME_B
}

@test "late: what fstab names is kept: tags, paths, swap, mappings" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	disk sda $SATA ata1/block
	disk sdb $HBA host1/block
	disk sdc $USB_A usb1/block
	mapping dm-0 my--vg-var sdbp1
	mounted nvme0n1p1 /
	tagged uuid 1-2 nvme1n1p1
	tagged label 'my\x20data' sdcp1
	fstab <<-'END'
		UUID=whatever / ext4 noauto 0 1
		UUID="1-2" none swap sw 0 0
		/dev/sdap1 /srv ext4 nofail 0 2
		/dev/my-vg/var /var ext4 defaults 0 2
		LABEL=my\040data /data ext4 defaults 0 2
	END
	boot
	kept $NVME_B 'swap (UUID=1-2) is on it'
	kept $SATA '/srv (/dev/sdap1) is on it'
	kept $HBA '/var (/dev/my-vg/var) is on it'
	kept $USB_A '/data (LABEL=my data) is on it'
	taken $USB_B
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: what systemd mounts at the first access, or with another unit, is kept" {
	five_disks
	mounted nvme0n1p1 /
	fstab <<-'END'
		/dev/nvme1n1p1 /data ext4 noauto,x-systemd.automount 0 0
		/dev/sdap1 /srv ext4 noauto,x-systemd.wanted-by=multi-user.target 0 0
		/dev/sdbp1 /opt ext4 noauto,auto 0 0
		/dev/sdcp1 /mnt ext4 noauto,x-systemd.device-timeout=5 0 0
	END
	boot
	kept $NVME_B '/data (/dev/nvme1n1p1) is on it'
	kept $SATA '/srv (/dev/sdap1) is on it'
	kept $HBA '/opt (/dev/sdbp1) is on it'
	taken $USB_A $USB_B
}

@test "late: what is mounted because something else needs it is kept, noauto or not" {
	five_disks
	mounted nvme0n1p1 /
	fstab <<-'END'
		/dev/nvme1n1p1 /data ext4 noauto 0 0
		/data/x /srv none bind 0 0
		/dev/mapper/secret /secret ext4 nofail 0 0
		/dev/sdbp1 /backup ext4 noauto 0 0
		tmpfs /tmp tmpfs x-systemd.requires=/dev/sdcp1 0 0
	END
	echo 'secret /dev/sdap1 none luks,noauto' >"$ROOT/sysroot/etc/crypttab"
	boot
	kept $NVME_B '/data (/dev/nvme1n1p1) is on it'
	kept $SATA 'the crypt volume secret (/dev/sdap1) is on it'
	kept $USB_A '/tmp (/dev/sdcp1) is on it'
	taken $HBA $USB_B
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: what crypttab and mount units name is kept, the image to resume from too" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	disk sda $SATA ata1/block
	disk sdb $HBA host1/block
	mounted nvme0n1p1 /
	tagged uuid luks nvme1n1p1
	echo 'data UUID=luks none luks' >"$ROOT/sysroot/etc/crypttab"
	mkdir -p "$ROOT/sysroot/etc/systemd/system" "$ROOT/sys/power"
	printf '[Mount]\nWhat=/dev/sdap1\nWhere=/opt\n' >"$ROOT/sysroot/etc/systemd/system/opt.mount"
	cat "$ROOT/sys/class/block/sdbp1/dev" >"$ROOT/sys/power/resume"
	boot
	kept $NVME_B 'the crypt volume data (UUID=luks) is on it'
	kept $SATA '/opt (/dev/sdap1) is on it'
	kept $HBA 'the image to resume from (/dev/sdbp1) is on it'
	taken $USB_A
}

@test "late: a mount unit may have blanks around its signs" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	mkdir -p "$ROOT/sysroot/etc/systemd/system"
	printf '[Mount]\n  What = /dev/nvme1n1p1\nWhere\t=\t/srv\n' \
		>"$ROOT/sysroot/etc/systemd/system/srv.mount"
	boot
	kept $NVME_B '/srv (/dev/nvme1n1p1) is on it'
	taken $SATA
}

@test "late: a mount unit that the boot starts and that is not found keeps all storage" {
	local directory link

	early='0000:0[78]:00.0 vfio-pci'
	for link in etc/systemd/system/local-fs.target.requires \
		run/systemd/system/multi-user.target.wants \
		usr/lib/systemd/system/swap.target.wants; do
		setup
		disk nvme0n1 $NVME_A nvme/nvme0
		mounted nvme0n1p1 /
		directory=$ROOT/sysroot/etc/systemd/system
		mkdir -p "$directory" "$ROOT/sysroot/$link"
		printf '[Mount]\nWhat=/dev/vg/srv\nWhere=/srv\n' >"$directory/srv.mount"
		ln -s /etc/systemd/system/srv.mount "$ROOT/sysroot/$link/srv.mount"
		boot
		kept $NVME_B '/srv (/dev/vg/srv) is not found: what could hide it stays'
	done

	# With nofail, or started by nothing of the boot, it need not be there.
	for link in local-fs.target.requires backup.service.requires; do
		setup
		disk nvme0n1 $NVME_A nvme/nvme0
		mounted nvme0n1p1 /
		mkdir -p "$directory/$link" "$directory/local-fs.target.wants"
		printf '[Mount]\nWhat=/dev/vg/srv\nWhere=/srv\n' >"$directory/srv.mount"
		[ $link = backup.service.requires ] || echo Options=nofail >>"$directory/srv.mount"
		ln -s ../srv.mount "$directory/$link/srv.mount"
		boot
		taken $NVME_B
		[ "$(record .late.storage_reason)" = null ]
	done
}

# unit PLACE NAME: a file of the real root's systemd, from standard input.
unit() {
	mkdir -p "$ROOT/sysroot/$1/systemd/system/$(dirname "$2")"
	cat >"$ROOT/sysroot/$1/systemd/system/$2"
}

@test "late: the mount and swap units of an image are kept, wherever systemd reads them" {
	five_disks
	mounted nvme0n1p1 /
	unit usr/lib var.mount <<<$'[Mount]\nWhat=/dev/nvme1n1p1\nWhere=/var'
	mkdir -p "$ROOT/sysroot/usr/lib/systemd/system/local-fs.target.wants"
	ln -s ../var.mount "$ROOT/sysroot/usr/lib/systemd/system/local-fs.target.wants/var.mount"
	unit usr/local/lib dev-sdap1.swap <<<$'[Swap]\nWhat=/dev/sdap1'
	unit lib opt.mount <<<$'[Mount]\nWhat=/dev/sdbp1\nWhere=/opt'
	# What comes with systemd and others, and names no disk.
	unit usr/lib tmp.mount <<<$'[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs'
	unit usr/lib proc-fs-nfsd.mount <<<$'[Mount]\nWhat=nfsd\nWhere=/proc/fs/nfsd\nType=nfsd'
	boot
	kept $NVME_B '/var (/dev/nvme1n1p1) is on it'
	kept $SATA 'swap (/dev/sdap1) is on it'
	kept $HBA '/opt (/dev/sdbp1) is on it'
	taken $USB_A $USB_B
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: a unit of an image that the boot starts and that is not found keeps all storage" {
	local place

	early='0000:0[78]:00.0 vfio-pci'
	for place in usr/lib usr/local/lib lib; do
		setup
		disk nvme0n1 $NVME_A nvme/nvme0
		mounted nvme0n1p1 /
		unit $place srv.mount <<<$'[Mount]\nWhat=/dev/vg/srv\nWhere=/srv'
		unit $place local-fs.target.wants/srv.mount </dev/null
		boot
		kept $NVME_B '/srv (/dev/vg/srv) is not found: what could hide it stays'
	done
	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	unit usr/lib srv.mount <<<$'[Mount]\nWhat=/dev/vg/srv\nWhere=/srv'
	boot
	taken $NVME_B
}

@test "late: a unit with noauto among its options, or with an automount unit, is needed" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	unit etc srv.mount <<<$'[Mount]\nWhat=/dev/nvme1n1p1\nWhere=/srv\nOptions=noauto'
	boot
	kept $NVME_B '/srv (/dev/nvme1n1p1) is on it'
	taken $SATA

	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	unit etc srv.mount <<<$'[Mount]\nWhat=/dev/vg/srv\nWhere=/srv'
	unit etc srv.automount <<<$'[Automount]\nWhere=/srv'
	unit etc multi-user.target.wants/srv.automount </dev/null
	boot
	kept $NVME_B '/srv (/dev/vg/srv) is not found: what could hide it stays'
}

@test "late: a unit in /etc stands for the image's, and drop-ins add to both" {
	five_disks
	mounted nvme0n1p1 /
	# Another disk, and none at all.
	unit usr/lib var.mount <<<$'[Mount]\nWhat=/dev/sdap1\nWhere=/var'
	unit etc var.mount <<<$'[Mount]\nWhat=/dev/nvme1n1p1\nWhere=/var'
	unit usr/lib srv.mount <<<$'[Mount]\nWhat=/dev/sdap1\nWhere=/srv'
	ln -s /dev/null "$ROOT/sysroot/etc/systemd/system/srv.mount"
	unit usr/lib tmp.mount <<<$'[Mount]\nWhat=/dev/sdap1\nWhere=/tmp'
	unit etc tmp.mount </dev/null
	unit usr/lib tmp.mount.d/50.conf <<<$'[Mount]\nWhat=/dev/sdap1'
	# A drop-in says which disk, of a unit and of an entry of fstab.
	unit usr/lib opt.mount <<<$'[Mount]\nWhat=LABEL=later\nWhere=/opt\nType=ext4'
	unit usr/lib opt.mount.d/10.conf <<<$'[Mount]\nWhat=/dev/sdap1'
	unit etc opt.mount.d/10.conf <<<$'[Mount]\nWhat=/dev/sdbp1\n'
	unit etc data.mount.d/10.conf <<<$'[Mount]\nWhat=/dev/sdcp1\nWhere=/data'
	unit etc home.mount.d/10.conf <<<$'[Unit]\nJobTimeoutSec=5'
	boot
	kept $NVME_B '/var (/dev/nvme1n1p1) is on it'
	kept $HBA '/opt (/dev/sdbp1) is on it'
	kept $USB_A '/data (/dev/sdcp1) is on it'
	taken $SATA $USB_B
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: absolute links of the real root lead to its own files" {
	local units=etc/systemd/system

	five_disks
	mounted nvme0n1p1 /
	mkdir -p "$ROOT/sysroot/srv/units" "$ROOT/sysroot/$units" "$ROOT/srv" "$ROOT/etc"
	ln -s /srv/fstab "$ROOT/sysroot/etc/fstab"
	ln -s ../srv/crypttab "$ROOT/sysroot/etc/crypttab"
	ln -s /srv/units/opt.mount "$ROOT/sysroot/$units/opt.mount"
	ln -s /../../dev/null "$ROOT/sysroot/$units/masked.mount"
	echo '/dev/nvme1n1p1 /var ext4 defaults 0 2' >"$ROOT/sysroot/srv/fstab"
	echo 'data /dev/sdap1' >"$ROOT/sysroot/srv/crypttab"
	printf '[Mount]\nWhat=/dev/sdbp1\nWhere=/opt\n' >"$ROOT/sysroot/srv/units/opt.mount"
	# What the initramfs has of these names is nobody's.
	echo '/dev/sdcp1 /var ext4 defaults 0 2' | tee "$ROOT/srv/fstab" >"$ROOT/etc/fstab"
	boot
	kept $NVME_B '/var (/dev/nvme1n1p1) is on it'
	kept $SATA 'the crypt volume data (/dev/sdap1) is on it'
	kept $HBA '/opt (/dev/sdbp1) is on it'
	taken $USB_A $USB_B
}

@test "late: the other devices of a file system and of a crypt volume are kept" {
	five_disks
	tagged label keys sdcp1
	echo "30 1 $(cat "$ROOT/sys/class/block/nvme0n1p1/dev") / /sysroot rw - xfs /dev/nvme0n1p1" \
		"rw,logdev=/dev/nvme1n1p1" >"$ROOT/proc/self/mountinfo"
	fstab <<<'/dev/nvme0n1 /var xfs rtdev=/dev/sdap1 0 2'
	echo 'data /dev/nvme0n1 /key:LABEL=keys header=/dev/sdbp1' >"$ROOT/sysroot/etc/crypttab"
	boot
	kept $NVME_B '/ (/dev/nvme1n1p1) is on it'
	kept $SATA '/var (/dev/sdap1) is on it'
	kept $HBA 'the crypt volume data (/dev/sdbp1) is on it'
	kept $USB_A 'the crypt volume data (LABEL=keys) is on it'
	taken $USB_B
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: a header that is not found keeps all storage, until its volume is open" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	echo 'data /dev/nvme0n1 none header=/dev/gone' >"$ROOT/sysroot/etc/crypttab"
	boot
	kept $NVME_B 'the crypt volume data (/dev/gone) is not found'

	setup
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	mapping dm-0 data nvme0n1
	echo 'data /dev/nvme0n1 none header=/dev/gone' >"$ROOT/sysroot/etc/crypttab"
	boot
	taken $NVME_B
}

@test "late: what veritytab and integritytab name is kept, with its hashes" {
	five_disks
	mounted nvme0n1p1 /
	echo 'data /dev/nvme1n1p1 /dev/sdap1 00ff' >"$ROOT/sysroot/etc/veritytab"
	echo 'more /dev/nvme0n1 - data-device=/dev/sdbp1' >"$ROOT/sysroot/etc/integritytab"
	boot
	kept $NVME_B 'the crypt volume data (/dev/nvme1n1p1) is on it'
	kept $SATA 'the crypt volume data (/dev/sdap1) is on it'
	kept $HBA 'the crypt volume more (/dev/sdbp1) is on it'
	taken $USB_A $USB_B
}

@test "late: what the command line has systemd mount or swap to is kept" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	disk sda $SATA ata1/block
	disk sdb $HBA host1/block
	mounted nvme0n1p1 /
	append systemd.mount-extra=/dev/nvme1n1p1:/srv:ext4 systemd.swap-extra=/dev/sdap1 \
		systemd.mount-extra=/dev/sdbp1:/opt::noauto
	boot
	kept $NVME_B '/srv (/dev/nvme1n1p1) is on it'
	kept $SATA 'swap (/dev/sdap1) is on it'
	taken $HBA
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: a volume of crypttab that is not open yet is where crypttab says" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme0n1p1 /
	echo 'data /dev/nvme1n1p1 none luks' >"$ROOT/sysroot/etc/crypttab"
	fstab <<<'/dev/mapper/data /srv ext4 defaults 0 2'
	boot
	kept $NVME_B 'the crypt volume data (/dev/nvme1n1p1) is on it'
	taken $SATA
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: a file system that is not found keeps all storage" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	fstab <<<'UUID=gone /var ext4 defaults 0 2'
	boot
	kept $NVME_A '/ (/dev/nvme0n1p1) is on it'
	kept $NVME_B '/var (UUID=gone) is not found'
	kept $SATA '/var (UUID=gone) is not found'
	kept $USB_A '/var (UUID=gone) is not found'
	[ "$(record .late.storage_reason)" = '/var (UUID=gone) is not found: what could hide it stays' ]
}

@test "late: what the boot does without need not be found" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	fstab <<-'END'
		UUID=gone /backup ext4 nofail 0 2
		UUID=gone2 /other ext4 noauto 0 2
		server:/home /home nfs defaults 0 0
		//server/x /x cifs defaults 0 0
		10.0.0.1@tcp:/scratch /scratch lustre defaults 0 0
		sshfs#me@server:/y /y fuse defaults 0 0
		tmpfs /tmp tmpfs defaults 0 0
		/srv/a /srv/b none bind 0 0
		/swapfile none swap sw 0 0
		/dev/sdz /iscsi ext4 _netdev 0 0
	END
	boot
	taken $NVME_B $SATA
	[ "$(record .late.storage_reason)" = null ]
}

@test "late: a volume with nofail that is not active yet keeps the disks it may be on" {
	five_disks
	mounted nvme0n1p1 /
	contents nvme1n1 '' ''
	contents nvme1n1p1 raid LVM2_member
	for name in sda sdap1 sdb sdbp1 sdc sdcp1; do
		contents $name filesystem ext4
	done
	fstab <<<'/dev/mapper/vg-data /data ext4 nofail 0 2'
	boot
	kept $NVME_B '/data (/dev/mapper/vg-data) is not found and may be on it'
	taken $SATA $HBA $USB_A $USB_B
	[ "$(record .late.storage_reason)" = null ]

	# Of a tag nothing is known, and of a volume of crypttab its disk is.
	for source in UUID=gone /dev/disk/by-id/gone /dev/sdz1 /dev/mapper/backup; do
		setup
		five_disks
		mounted nvme0n1p1 /
		contents nvme1n1 '' ''
		contents nvme1n1p1 raid LVM2_member
		fstab <<<"$source /data ext4 nofail 0 2"
		echo 'backup UUID=gone none nofail' >"$ROOT/sysroot/etc/crypttab"
		boot
		taken $NVME_B
	done
}

@test "late: ZFS and network disks keep all storage" {
	early=vfio-pci
	echo "30 1 0:40 / /sysroot rw - zfs rpool/root rw" >"$ROOT/proc/self/mountinfo"
	boot
	kept $NVME_A '/ (rpool/root) is on devices that are not known: all storage stays'
	kept $USB_A 'all storage stays'

	early=
	rm "$ROOT"/sys/bus/pci/devices/*/driver_override
	machine storage
	setup
	block sda platform/host2/session1/target2:0:0/2:0:0:0/block
	mounted sda /
	mkdir -p "$ROOT/sys/devices/$(pci_path $NIC_A)/net/eth0"
	echo 0x1003 >"$ROOT/sys/devices/$(pci_path $NIC_A)/net/eth0/flags"
	ln -s "../../devices/$(pci_path $NIC_A)/net/eth0" "$ROOT/sys/class/net/eth0"
	append rd.iscsi.firmware=1
	boot
	kept $NVME_A '/ (/dev/sda) comes over the network: all storage stays'
	kept $NIC_A 'the boot goes over the network, and eth0 is up'
	taken $NIC_B
}

@test "late: a network boot keeps the interface that is up" {
	append root=/dev/nfs ip=dhcp
	echo "30 1 0:40 / /sysroot rw - nfs 10.0.2.2:/root rw" >"$ROOT/proc/self/mountinfo"
	mkdir -p "$ROOT/sys/devices/$(pci_path $NIC_A)/net/eth0" \
		"$ROOT/sys/devices/$(pci_path $NIC_B)/virtio0/net/eth1"
	echo 0x1003 >"$ROOT/sys/devices/$(pci_path $NIC_B)/virtio0/net/eth1/flags"
	echo 0x1002 >"$ROOT/sys/devices/$(pci_path $NIC_A)/net/eth0/flags"
	ln -s "../../devices/$(pci_path $NIC_A)/net/eth0" "$ROOT/sys/class/net/eth0"
	ln -s "../../devices/$(pci_path $NIC_B)/virtio0/net/eth1" "$ROOT/sys/class/net/eth1"
	boot
	kept $NIC_B 'the boot goes over the network, and eth1 is up'
	taken $NIC_A $NVME_A
}

@test "late: a network boot over nobody knows what keeps every NIC" {
	append ip=dhcp
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	boot
	kept $NIC_A 'no interface that is up leads to a device'
	kept $NIC_B 'no interface that is up leads to a device'
	taken $NVME_B
}

@test "late: what the image says of a network boot counts too" {
	mkdir -p "$ROOT/etc/cmdline.d" "$ROOT/conf/conf.d"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 6 ]
	echo 'rd.neednet=1' >"$ROOT/etc/cmdline.d/40-x.conf"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 8 ]
	rm "$ROOT/etc/cmdline.d/40-x.conf"
	printf '# BOOT: local | nfs; overridden by ip= or BOOTIF=eth0\nBOOT=local\nNFSROOT=auto\n' \
		>"$ROOT/conf/initramfs.conf"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 6 ]
	echo 'IP=dhcp' >"$ROOT/conf/conf.d/ip"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 8 ]
	rm "$ROOT/conf/conf.d/ip"
	# Whoever unlocks the disk over the network.
	mkdir -p "$ROOT/scripts/init-premount"
	: >"$ROOT/scripts/init-premount/dropbear"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 8 ]
}

@test "late: what the firmware or the image is made for says of a network boot counts" {
	local file tables=sys/firmware/acpi/tables

	mkdir -p "$ROOT/$tables" "$ROOT/scripts/init-premount" "$ROOT/scripts/local-top" \
		"$ROOT/lib"
	: >"$ROOT/$tables/DSDT"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 6 ]
	for file in $tables/NBFT $tables/NBFT1 $tables/iBFT $tables/IBFT $tables/BIFT \
		sys/firmware/ibft etc/iscsi.initramfs scripts/init-premount/mandos \
		scripts/local-top/clevis lib/mandos; do
		: >"$ROOT/$file"
		"$HELPER" --root "$ROOT" 2>/dev/null
		[ "$(record '[.devices[] | select(.outcome == "waiting")] | length')" -eq 8 ] ||
			{ echo "$file"; return 1; }
		rm "$ROOT/$file"
	done
}

@test "late: when = early with the exact address is taken early, whatever is on it" {
	claims <<<$'[claim disk]\nmatch = 02:00.0 144d:a80a\nwhen = early\n[claim usb]\nmatch = class=0c03'
	disk nvme1n1 $NVME_B nvme/nvme1
	mounted nvme1n1p1 /
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(overrides)" = "$NVME_B vfio-pci" ]
	"$HELPER" --root "$ROOT" --late sysroot
	[ "$(record '[.late.devices[].address] | join(" ")')" = "$USB_A $USB_B" ]
}

@test "late: the claims of the command line wait and are taken too" {
	claims <<<'[host]'
	append rd.vfio-claim=144d:a80a
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	early=vfio-pci
	boot
	kept $NVME_A '/ ('
	taken $NVME_B
}

@test "late: switched off, or without claims, it does nothing" {
	append rd.vfio-claim=0
	"$HELPER" --root "$ROOT" 2>/dev/null
	before=$(tree_state)
	"$HELPER" --root "$ROOT" --late /sysroot
	[ "$(tree_state)" = "$before" ]
	machine storage
	before=$(tree_state)
	"$HELPER" --root "$ROOT" --late /sysroot
	[ "$(tree_state)" = "$before" ]
}

@test "late: where nothing waits, and a second time, it does nothing" {
	early=vfio-pci
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	boot
	before=$(tree_state)
	"$HELPER" --root "$ROOT" --late /sysroot
	[ "$(tree_state)" = "$before" ]
	jq -e . "$ROOT/run/vfio-claim/boot.json"

	machine storage
	claims <<<$'[claim nic]\nmatch = class=02'
	"$HELPER" --root "$ROOT" 2>/dev/null
	before=$(tree_state)
	"$HELPER" --root "$ROOT" --late /sysroot
	[ "$(tree_state)" = "$before" ]
}

@test "late: without boot.json of the early run there is one all the same" {
	"$HELPER" --root "$ROOT" 2>/dev/null
	rm "$ROOT/run/vfio-claim/boot.json"
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	"$HELPER" --root "$ROOT" --late /sysroot 2>/dev/null
	kept $NVME_A '/ ('
	[ "$(record '.devices | length')" -eq 0 ]
	[ "$(record -c '[.table.status, .table.checksum]')" = '["unread",null]' ]
}

@test "late: mountinfo that cannot be read keeps all storage" {
	early=vfio-pci
	rm "$ROOT/proc/self/mountinfo"
	boot
	kept $NVME_A '/proc/self/mountinfo cannot be read: all storage stays'
}

@test "late: a unit that cannot be read keeps all storage, what nothing else needs too" {
	local unit=$ROOT/sysroot/etc/systemd/system/data.mount name

	five_disks
	mounted nvme0n1p1 /
	for name in nvme0n1 nvme0n1p1 nvme1n1 nvme1n1p1 sda sdap1 sdb sdc; do
		contents $name filesystem ext4
	done
	contents sdbp1 raid LVM2_member
	contents sdcp1 filesystem vfat
	# What is named and not found alone leaves to VFIO what is known to be another's.
	fstab <<<'/dev/vg/gone /srv ext4 defaults 0 0'
	mkdir -p "$(dirname "$unit")/local-fs.target.wants"
	printf '[Mount]\nWhat=/dev/sdap1\nWhere=/data\nType=ext4\n' >"$unit"
	ln -s ../data.mount "$(dirname "$unit")/local-fs.target.wants/data.mount"
	"$HELPER" --root "$ROOT" 2>/dev/null
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -P "$unit" \
		-e trace=read -e inject=read:error=EIO "$HELPER" --root "$ROOT" --late /sysroot 2>/dev/null
	[[ $(record .late.storage_reason) == *"cannot be read (Input/output error): all storage stays" ]]
	[ "$(record '[.late.devices[] | select(.class | startswith("01")) | .outcome] | unique | join(" ")')" = refused ]
	run ! grep -E "$NVME_A|$NVME_B|$SATA" <<<"$(overrides)"
}

@test "late: a real root whose file system is damaged or lost keeps all storage" {
	local error

	five_disks
	mounted nvme0n1p1 /
	fstab <<<'/dev/sdap1 /srv ext4 defaults 0 0'
	"$HELPER" --root "$ROOT" 2>/dev/null
	for error in EUCLEAN ESTALE; do
		ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -P "$ROOT/sysroot/etc/fstab" -P etc/fstab \
			-e "inject=openat2:error=$error" "$HELPER" --root "$ROOT" --late /sysroot 2>/dev/null
		[[ $(record .late.storage_reason) == *"cannot be read"*": all storage stays" ]]
		[ "$(record '[.late.devices[] | select(.class | startswith("01")) | .outcome] | unique | join(" ")')" = refused ]
	done
	run ! grep -E "$NVME_A|$NVME_B|$SATA" <<<"$(overrides)"
}

@test "late: a real root that cannot be opened keeps all storage" {
	early='0000:0[78]:00.0 vfio-pci'
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	rm -r "$ROOT/sysroot"
	boot
	kept $NVME_B 'the real root cannot be opened: all storage stays'
}

@test "late: devices that name each other in a ring, and links to nowhere" {
	early=vfio-pci
	virtual dm-0 dm-1
	virtual dm-1 dm-0
	virtual dm-2 nosuch
	mounted dm-0 /
	mounted dm-2 /usr
	boot
	kept $NVME_A 'of unknown place: all storage stays'
}

# The udev rule leaves it to the late run, and the early record does not have it.
@test "late: a USB controller that came after the helper is claimed, alone too" {
	local device=$ROOT/$DEVICES/$USB_B

	claims <<<$'[claim usb]\nmatch = 0000:06:00.0'
	mv "$device" "$BATS_TEST_TMPDIR/device"
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '.devices[0].reason')" = "there is no device at this address" ]
	mv "$BATS_TEST_TMPDIR/device" "$device"
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	"$HELPER" --root "$ROOT" --late /sysroot 2>/dev/null
	[ "$(record '.late.devices | map(.address) | join(" ")')" = $USB_B ]
	[ "$(overrides)" = "$USB_B vfio-pci" ]
}

@test "late: disks and tables are not looked at where nothing waits" {
	claims <<<$'[claim card]\nmatch = class=03'
	disk nvme0n1 $NVME_A nvme/nvme0
	mounted nvme0n1p1 /
	fstab <<<'/dev/nvme0n1p1 / ext4 defaults 0 1'
	"$HELPER" --root "$ROOT" 2>/dev/null
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o "$BATS_TEST_TMPDIR/calls" \
		"$HELPER" --root "$ROOT" --late /sysroot 2>/dev/null
	grep -q 'boot\.json' "$BATS_TEST_TMPDIR/calls"
	run ! grep -E 'fstab|mountinfo|block' "$BATS_TEST_TMPDIR/calls"
}
