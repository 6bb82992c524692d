# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S, dir and image are those of the caller
# Root file systems on more than a plain disk (`storage: KIND`): partitions, LVM,
# LUKS, md, btrfs over two devices, and file systems that only fstab names.
#
# Such disks are made by a machine of the lab, the maker, so that this machine needs
# neither loop devices nor device-mapper. It boots Debian 13, is given a root file
# system and blank disks, and powers off when they are as they should be. What it
# made is kept, without vfio-claim on it: that is in the initramfs, as in all images.
#
# Disk 0 is the root disk at 00:10.0; disks 1 and 2 are at 00:13.0 and 00:14.0, if not
# of the AHCI controller at 00:1f.2.

STORAGE_PACKAGES=(lvm2 mdadm cryptsetup cryptsetup-initramfs btrfs-progs fdisk)

# Known before the disks are made, for configurations and kernel arguments.
FS_UUID=50000000-0000-4000-8000-000000000001
LUKS_UUID=50000000-0000-4000-8000-000000000002
MD_UUID=50000000:00000000:00000000:00000003
VAR_UUID=50000000-0000-4000-8000-000000000004
BTRFS_UUID=50000000-0000-4000-8000-000000000006

# partition_uuid DISK PARTITION
partition_uuid() { echo "5000000$1-000$2-4000-8000-000000000005"; }

# disks_of KIND: how many there are.
disks_of() {
	case $1 in
	luks) echo 1 ;;
	lvm | md | btrfs | stack) echo 2 ;;
	fstab) echo 3 ;;
	*) die "unknown storage '$1'" ;;
	esac
}

# root_uuid KIND: btrfs does not take one that is there already, on the disk it is to copy.
root_uuid() { [ "$1" = btrfs ] && echo "$BTRFS_UUID" || echo "$FS_UUID"; }

# root_argument: the value of root= for the scenario S.
root_argument() {
	case ${S[root]}/${S[storage]-} in
	LABEL/*) echo LABEL=labroot ;;
	UUID/*) echo "UUID=$(root_uuid "${S[storage]-}")" ;;
	PARTUUID/*) echo "PARTUUID=$(partition_uuid 0 1)" ;;
	PARTLABEL/*) echo PARTLABEL=labpart ;;
	path/lvm | path/stack) echo /dev/mapper/lab-root ;;
	virtio/) echo /dev/vda ;;
	path/luks) echo /dev/mapper/labcrypt ;;
	path/md) echo /dev/md/lab ;;
	path/?*) echo /dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_root-part1 ;;
	*) die "unknown root '${S[root]}' (storage '${S[storage]-}')" ;;
	esac
}

# storage_arguments: what dracut wants to be told, since an image for all machines
# has no configuration of one.
storage_arguments() {
	[[ ${S[generator]} == dracut* ]] || return 0
	case ${S[storage]-} in
	lvm) echo rd.lvm.lv=lab/root ;;
	luks) echo "rd.luks.uuid=$LUKS_UUID" ;;
	md) echo "rd.md.uuid=$MD_UUID" ;;
	stack) echo "rd.md.uuid=$MD_UUID rd.luks.uuid=$LUKS_UUID rd.lvm.lv=lab/root" ;;
	esac
}

# storage_files KIND DIRECTORY: what /etc has on such a host, for its initramfs and
# for its root file system.
storage_files() {
	local etc=$2/etc type=ext4 key=/etc/keys/lab.key

	[ "$1" != btrfs ] || type=btrfs
	mkdir -p "$etc"
	echo "UUID=$(root_uuid "$1") / $type defaults 0 1" >"$etc/fstab"
	case $1 in
	luks | stack)
		echo "labcrypt UUID=$LUKS_UUID $key luks,initramfs" >"$etc/crypttab"
		;;
	fstab)
		echo "labdata UUID=$LUKS_UUID $key luks" >"$etc/crypttab"
		cat >>"$etc/fstab" <<-END
			UUID=$VAR_UUID /var ext4 defaults 0 2
			PARTUUID=$(partition_uuid 1 1) none swap sw 0 0
			/dev/mapper/labdata /srv ext4 defaults 0 2
		END
		;;
	esac
	case $1 in
	luks | stack | fstab)
		mkdir -p "$etc/keys"
		chmod 700 "$etc/keys"
		(umask 77 && echo 'no secret, just the key of the lab' >"$etc/keys/lab.key")
		;;
	esac
	case $1 in
	md | stack)
		mkdir -p "$etc/mdadm"
		printf '%s\n' 'HOMEHOST <ignore>' 'MAILADDR root' \
			"ARRAY /dev/md/lab UUID=$MD_UUID" >"$etc/mdadm/mdadm.conf"
		;;
	esac
}

# ---- The packages, beside the tree

storage_packages() {
	printf '%s\n' "${STORAGE_PACKAGES[@]}"
	# It was a part of systemd before.
	[ "$1" = 12 ] || echo systemd-cryptsetup
}

# storage_layer RELEASE: the directory that holds them, to lie over the tree.
storage_layer() {
	local -a packages

	mapfile -t packages < <(storage_packages "$1")
	layer_of storage "$1" "${packages[@]}"
}

build_storage_layer() {
	local -a packages

	mapfile -t packages < <(storage_packages "$1")
	with_lock layers make_layer storage "$1" "${packages[@]}"
}

# storage_inputs RELEASE: what images are made of beside the tree.
storage_inputs() {
	storage_layer "$1"
	declare -f storage_files
}

# storage_releases MACHINE...: those whose packages are needed; 13 for the maker.
storage_releases() {
	storage_of "$@" | sed 's/-.*//; $a\
13' | sort -u
}

# ---- The root file system that the maker copies

storage_root() {
	local key

	key=$({
		cat "$VM_DIR"/guest/*
		declare -f prune furnish prune_modules fill_storage_root
	} | hash_of "$(storage_layer "$1")")
	echo "$LAB/storage/$1-root-$key.img"
}

# prune_modules ROOT: drivers of what no machine has; every byte is copied by an
# emulated processor.
prune_modules() {
	local drivers

	drivers=$(echo "$1"/usr/lib/modules/*/kernel/drivers)
	# nouveau wants these two.
	find "$drivers/media" -mindepth 1 -maxdepth 1 ! -name cec ! -name rc -exec rm -rf {} +
	rm -rf "$drivers"/{infiniband,iio,staging,comedi,mtd,isdn} \
		"$drivers"/net/{wireless,ethernet} "$drivers"/gpu/drm/{amd,i915,xe,radeon} \
		"$1"/usr/bin/qemu-system-* "$1"/usr/share/{qemu,seabios}
}

# Runs in a mount namespace of its own.
fill_storage_root() {
	local release=$1 image=$2 root=$2.work/root size

	mount_over "$(storage_layer "$release"):$(tree_of "$release")" "$image.work" "$root"
	prune "$root"
	prune_modules "$root"
	furnish "$root"
	size=$(($(du -sm "$root" | cut -f1) * 5 / 4 + 64))
	mke2fs -q -t ext4 -O '^has_journal' -E lazy_itable_init=1 -m 0 \
		-L labroot -U "$FS_UUID" -d "$root" "$image.part" "${size}M" >/dev/null
}

build_storage_root() {
	local release=$1 image

	image=$(storage_root "$release")
	[ ! -e "$image" ] || return 0
	rm -rf "$LAB/storage/$release-root"-*
	in_namespace fill_storage_root "$release" "$image"
	rm -rf "$image.work"
	mv "$image.part" "$image"
}

# lab_storage_trees RELEASE...: the packages and the root file systems.
lab_storage_trees() {
	local release

	for release; do
		build_storage_layer "$release"
		with_lock "storage-$release" build_storage_root "$release"
	done
}

# ---- The maker

# What it does as steps of the lab's agent (in `sh -ex`): functions for the steps of each KIND.
maker_functions() {
	cat <<-'END'
		source=/dev/disk/by-id/virtio-source
		disk() { echo "/dev/disk/by-id/virtio-$kind$1"; }
		# part DISK PARTITION
		part() { echo "$(disk "$1")-part$2"; }
		# split DISK: in partitions, by the lines of the standard input.
		split() {
			sfdisk -q "$(disk "$1")"
			udevadm settle
		}
		one_partition() { echo "label: gpt
			uuid=5000000$1-0001-4000-8000-000000000005, name=labpart" | split "$1"; }
		# encrypt PARTITION NAME: as weak as it may be, for emulated processors.
		encrypt() {
			cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
				--uuid "$luks_uuid" "$1" "$in/$kind/etc/keys/lab.key"
			cryptsetup open --key-file "$in/$kind/etc/keys/lab.key" "$1" "$2"
		}
		# mirror: both disks
		mirror() {
			yes | mdadm --create /dev/md/lab --level=1 --raid-devices=2 --metadata=1.2 \
				--uuid="$md_uuid" --assume-clean "$(part 0 1)" "$(part 1 1)"
			udevadm settle
		}
		# volume DEVICE...: /dev/lab/root
		volume() {
			vgcreate -y lab "$@"
			lvcreate -y -W n -n root -l 100%FREE --stripes $# lab
		}
		# The root file system as it is, but only those blocks of it that are in use.
		copy_to() {
			e2image -ra "$source" "$1"
			mount "$1" /mnt
			cp -a "$in/$kind/." /mnt/
		}
		take_down() {
			umount -R /mnt
			sync
		}
		# forget LAST-DISK: the next kind has the same names.
		forget() {
			for n in $(seq 0 "$1"); do
				name=$(basename "$(readlink -f "$(disk "$n")")")
				echo 1 >"$(readlink -f "/sys/block/$name/device")/../remove"
			done
			udevadm settle
		}
	END
	printf '%s\n' "luks_uuid=$LUKS_UUID" "md_uuid=$MD_UUID" "btrfs_uuid=$BTRFS_UUID" \
		"var_uuid=$VAR_UUID"
}

maker_steps_lvm() {
	cat <<-'END'
		one_partition 0
		one_partition 1
		volume "$(part 0 1)" "$(part 1 1)"
		copy_to /dev/lab/root
		take_down
		vgchange -an lab
	END
}

maker_steps_luks() {
	cat <<-'END'
		one_partition 0
		encrypt "$(part 0 1)" labcrypt
		copy_to /dev/mapper/labcrypt
		take_down
		cryptsetup close labcrypt
	END
}

maker_steps_md() {
	cat <<-'END'
		one_partition 0
		one_partition 1
		mirror
		copy_to /dev/md/lab
		take_down
		mdadm --stop /dev/md/lab
	END
}

# LVM on LUKS on md.
maker_steps_stack() {
	cat <<-'END'
		one_partition 0
		one_partition 1
		mirror
		encrypt /dev/md/lab labcrypt
		volume /dev/mapper/labcrypt
		copy_to /dev/lab/root
		take_down
		vgchange -an lab
		cryptsetup close labcrypt
		mdadm --stop /dev/md/lab
	END
}

maker_steps_btrfs() {
	cat <<-'END'
		one_partition 0
		one_partition 1
		mkfs.btrfs -q -f -L labroot -U "$btrfs_uuid" "$(part 0 1)" "$(part 1 1)"
		mount "$(part 0 1)" /mnt
		mkdir /run/source
		mount -o ro "$source" /run/source
		cp -a /run/source/. /mnt/
		cp -a "$in/$kind/." /mnt/
		umount /run/source
		take_down
	END
}

# A root disk; swap and /var on a second one; /srv, encrypted, on a third one.
maker_steps_fstab() {
	cat <<-'END'
		one_partition 0
		split 1 <<-TABLE
		label: gpt
		uuid=50000001-0001-4000-8000-000000000005, size=32M, type=S
		uuid=50000001-0002-4000-8000-000000000005
		TABLE
		one_partition 2
		mkswap "$(part 1 1)"
		mke2fs -q -t ext4 -U "$var_uuid" "$(part 1 2)"
		encrypt "$(part 2 1)" labdata
		mke2fs -q -t ext4 /dev/mapper/labdata
		copy_to "$(part 0 1)"
		mkdir /run/var
		mount "$(part 1 2)" /run/var
		mv /mnt/var/* /run/var/
		umount /run/var
		take_down
		cryptsetup close labdata
	END
}

# storage_disks RELEASE KIND: the directory of its disks, disk0.img and so on.
storage_disks() {
	local key

	key=$({
		maker_functions
		"maker_steps_$2"
		declare -f storage_files make_storage_disks
	} | hash_of "$(storage_root "$1")" "$(storage_root 13)")
	echo "$LAB/storage/$1-$2-$key"
}

# maker_steps KIND...: one after the other, for all of them have the same UUIDs.
maker_steps() {
	local kind

	maker_functions
	for kind; do
		echo "kind=$kind"
		"maker_steps_$kind"
		echo "forget $(($(disks_of "$kind") - 1))"
	done
}

# add_maker_disks SIZE KIND...: blank ones in $dir, and what to copy. Fills the array
# extra_qemu.
add_maker_disks() {
	local size=$1 kind n slot=19

	extra_qemu=(
		-drive "if=none,id=source,file=/srv/disk1.img,format=raw,snapshot=on"
		-device "virtio-blk-pci,drive=source,serial=source,bus=pcie.0,addr=12.0"
	)
	for kind in "${@:2}"; do
		for ((n = 0; n < $(disks_of "$kind"); n++)); do
			truncate -s "$size" "$dir/$kind$n.img"
			extra_qemu+=(
				-drive "if=none,id=$kind$n,file=/mnt/$kind$n.img,format=raw,cache=unsafe"
				-device "virtio-blk-pci,drive=$kind$n,serial=$kind$n,bus=pcie.0,addr=$(printf %x $slot).0"
			)
			slot=$((slot + 1))
		done
	done
}

# make_storage_disks RELEASE KIND...
make_storage_disks() {
	local release=$1 dir=$LAB/run/maker-$1 machine=maker-$1 image kind disks disk
	local -A S
	local -a extra_qemu

	shift
	read_scenario /dev/null
	S[root]=virtio
	S[limit]=900
	S[product]=no
	image=$(image_of 13 initramfs-tools stock no /nonexistent)
	rm -rf "$dir"
	mkdir -p "$dir/in"
	for kind; do
		storage_files "$kind" "$dir/in/$kind"
	done
	make_initrd
	make_lab_disk "$(maker_steps "$@")" ""
	add_maker_disks $(($(stat -c %s "$(storage_root "$release")") + (96 << 20))) "$@"
	power_on "$(tree_of 13)/boot/vmlinuz-$(kernel_of 13)" "$(storage_root 13)" \
		"$(storage_root "$release")"
	[ "$(cat "$dir/out/steps.status" 2>/dev/null)" = 0 ] || {
		tail -n 20 "$dir/out/steps.log" "$dir/console" >&2
		die "Debian $release: no disks with $* (see $dir)"
	}
	for kind; do
		disks=$(storage_disks "$release" "$kind")
		mkdir -p "$disks.part"
		for disk in "$dir/$kind"?.img; do
			mv "$disk" "$disks.part/disk${disk#"$dir/$kind"}"
		done
		mv "$disks.part" "$disks"
	done
	rm -rf "$dir"
}

# build_storage_disks RELEASE KIND...: those that are not there.
build_storage_disks() {
	local release=$1 kind
	local -a missing=()

	for kind in "${@:2}"; do
		[ ! -d "$(storage_disks "$release" "$kind")" ] || continue
		rm -rf "$LAB/storage/$release-$kind"-*
		missing+=("$kind")
	done
	[ ${#missing[@]} = 0 ] || make_storage_disks "$release" "${missing[@]}"
}

# storage_disks_for RELEASE-KIND[,KIND...]: in a process of its own.
storage_disks_for() {
	local -a kinds

	mkdir -p "$LAB/run"
	IFS=, read -ra kinds <<<"${1#*-}"
	with_lock "storage-${1%%-*}" build_storage_disks "${1%%-*}" "${kinds[@]}"
}

# ---- Machines with such disks

# storage_of MACHINE...: of those that have one, for each release RELEASE-KIND[,KIND...].
storage_of() {
	local machine
	local -A S

	for machine; do
		load_machine "$machine"
		[ -z "${S[storage]-}" ] || echo "${S[release]} ${S[storage]}"
	done | sort -u | awk '
		{ kinds[$1] = kinds[$1] "," $2 }
		END { for (release in kinds) print release "-" substr(kinds[release], 2) }'
}

# lab_storage_disks MACHINE...: all that they need beside an image.
lab_storage_disks() {
	local -a wanted

	mapfile -t wanted < <(storage_of "$@")
	[ ${#wanted[@]} -gt 0 ] || return 0
	build_image 13 initramfs-tools stock no /nonexistent
	in_pairs disks "$VM_DIR/lab" _call storage_disks_for < <(printf '%s\n' "${wanted[@]}")
}

# Those after disk 0, each on a controller of its own. Fills the array extra_qemu.
add_storage_disks() {
	local n count device
	local -a devices

	count=$(disks_of "${S[storage]}")
	read -ra devices <<<"${S[disk]}"
	for ((n = 1; n < count; n++)); do
		device=nvme,bus=pcie.0,addr=1$((n + 2)).0
		# The machine's own AHCI controller, 00:1f.2.
		[ "${devices[n]-}" != sata ] || device=ide-hd,bus=ide.$n
		extra_qemu+=(
			-drive "if=none,id=disk$n,file=/srv/disk$n.img,format=raw,snapshot=on"
			-device "$device,drive=disk$n,serial=disk$n"
		)
	done
}
