# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S is the scenario of the caller
# Disks that machines boot from through GRUB (`loader: grub`), as an installed
# system has them: a partition table, GRUB in front of the first partition,
# kernels and their initramfs in /boot, grub.cfg by the tree's own tools.
#
# Each machine has a disk of its own, which is made when it is to boot and gone
# afterwards: disk.img (if it could be made), build.log and status, and from the
# scenario's `builder` its builder.log, builder.status and the facts it left.
#
# GRUB is put there by hand, since grub-install wants a block device. Nothing has to
# be filled in where core.img begins at sector 1: that is what boot.img loads if not
# told otherwise, and grub-mkimage has written into the first sector of core.img how
# many follow.

GRUB_ROOT_UUID=b0070000-0000-4000-8000-000000000001
FIRST_SECTOR=2048

# ---- In the tree; these have the variables of fill_grub_disk

# What a block device would tell grub-probe. In a booted machine the real one works.
write_grub_probe() {
	install -m 755 /dev/stdin "$1" <<-END
		#!/bin/sh
		for word; do
			case \$word in
			--target=*) target=\${word#*=} ;;
			esac
		done
		case \$target in
		device) echo /dev/vda1 ;;
		fs) echo ext2 ;;
		fs_uuid) echo $GRUB_ROOT_UUID ;;
		fs_label) echo labroot ;;
		partmap) echo msdos ;;
		compatibility_hint) echo hd0,msdos1 ;;
		drive) echo '(hostdisk//dev/vda,msdos1)' ;;
		hints_string) echo --hint-bios=hd0,msdos1 ;;
		esac
	END
}

# The other generator's packages go, as no host has both.
install_initramfs_tools() {
	in_tree "$root" dpkg --force-depends --purge dracut-core
	# A real compressor, but one that an emulated processor can wait for.
	cat >"$root/etc/initramfs-tools/conf.d/lab" <<-'END'
		COMPRESS=zstd
		COMPRESSLEVEL=1
	END
	! has_variant gpu || add_gpu_hook
}

install_dracut() {
	local drivers=''

	[ "${S[generator]}" = dracut-systemd ] ||
		die "machines with GRUB have initramfs-tools or dracut-systemd"
	in_tree "$root" dpkg --force-depends --purge initramfs-tools initramfs-tools-core
	! has_variant gpu || drivers="nouveau snd_hda_intel"
	cat >"$root/etc/dracut.conf.d/lab.conf" <<-END
		compress="zstd -1 -q -T0"
		add_drivers+=" $drivers "
		omit_dracutmodules+=" busybox "
	END
	# As testing's dracut does; an image for all hardware takes an emulated machine minutes.
	[ -n "${S[builder]-}" ] || echo hostonly=yes >>"$root/etc/dracut.conf.d/lab.conf"
	# Here only: the machine that builds is not the one that boots.
	echo hostonly=no >"$root/etc/dracut.conf.d/zz-lab-build.conf"
	# Its trigger makes the images.
	in_tree "$root" sh -c 'dpkg -i /usr/local/share/lab/packages/dracut_*.deb'
}

# Every kernel's that has none yet, by the hooks that a kernel's package calls.
make_missing_images() {
	local kernel hook

	for kernel in "$root"/boot/vmlinuz-*; do
		kernel=${kernel##*/vmlinuz-}
		[ ! -e "$root/boot/initrd.img-$kernel" ] || continue
		for hook in "$root"/etc/kernel/postinst.d/{initramfs-tools,dracut}; do
			[ ! -e "$hook" ] ||
				in_tree "$root" "${hook#"$root"}" "$kernel" "/boot/vmlinuz-$kernel"
		done
	done
}

# What the lab needs is in GRUB_CMDLINE_LINUX, which recovery entries have too.
write_grub_defaults() {
	sed -e 's/^GRUB_DEFAULT=.*/GRUB_DEFAULT=saved/' -e 's/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=0/' \
		-e "s/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX=\"$LAB_KERNEL_ARGUMENTS\"/" \
		"$root/usr/share/grub/default/grub" >"$root/etc/default/grub"
	cat >>"$root/etc/default/grub" <<-'END'
		GRUB_TERMINAL=serial
		GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
	END
}

install_grub() {
	mkdir -p "$root/boot/grub/i386-pc"
	cp "$root"/usr/lib/grub/i386-pc/*.{mod,lst} "$root/boot/grub/i386-pc/"
	# As grub-editenv makes it, which since 2.14 wants to know the block device.
	{
		echo '# GRUB Environment Block'
		head -c 999 /dev/zero | tr '\0' '#'
	} >"$root/boot/grub/grubenv"
	in_tree "$root" update-grub
}

# The words of a scenario's `prepare` run in the tree, as root's.
prepare_tree() {
	[ -n "${S[prepare]-}" ] || return 0
	printf '%s\n' "${S[prepare]}" | in_tree "$root" sh -ex
}

# What the machine does not need and the disk would have to hold; dpkg's records stay.
prune_installed() {
	[[ ${S[boots]-} == */usr/local/share/lab/* ]] || rm -rf "$1"/usr/local/share/lab/kernel-*
	[[ ${S[boots]-} == *qemu-system-* ]] ||
		rm -rf "$1"/usr/bin/qemu-system-* "$1"/usr/share/{qemu,seabios}
	rm -rf "$1"/usr/lib/gcc "$1"/usr/libexec/gcc "$1"/usr/include \
		"$1"/usr/lib/x86_64-linux-gnu/*.a "$1"/usr/bin/*-gcc-* \
		"$1"/usr/share/{doc,man,info,locale,gcc} \
		"$1"/var/lib/apt "$1"/var/{cache,log}/* "$1/usr/local/share/lab/packages" \
		"$1/etc/dracut.conf.d/zz-lab-build.conf"
}

# The release's tree, or the one that a recipe has built.
system_of() {
	if [ -n "${S[built]-}" ]; then built_tree "${S[built]}"; else tree_of "${S[release]}"; fi
}

install_system() {
	if [ -n "${S[built]-}" ]; then install_built; else install_release; fi
	furnish "$root"
	echo "UUID=$GRUB_ROOT_UUID / ext4 errors=remount-ro 0 1" >"$root/etc/fstab"
}

install_release() {
	# shellcheck disable=SC2034  # has_variant reads it
	local variants=${S[image]}

	# It leaves out the kernel hooks of packages (tree_options).
	rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
	case ${S[generator]} in
	initramfs-tools) install_initramfs_tools ;;
	*) install_dracut ;;
	esac
	write_grub_defaults
	prepare_tree
	make_missing_images
	# initramfs-tools 0.142 calls modprobe for each module: as a guest, it is to take those
	# of that machine only, or it would be at it for five minutes.
	[ "${S[release]}-${S[generator]}${S[builder]+-builder}" != 12-initramfs-tools ] ||
		echo MODULES=dep >"$root/etc/initramfs-tools/conf.d/lab-modules"
	install_grub
	prune_installed "$root"
}

# ---- An image builder, which is a Debian 12 with vfio-claim, and a tree that it
# works on: $TREE has a config, and neither /proc nor /sys nor /dev of any machine.

run_builder() {
	local builder=$disk/builder/root layer

	layer=$(product_layer)
	mount_over "${layer:+$layer:}$(tree_of 12)" "$disk/builder" "$builder"
	mount_api "$builder"
	mount --rbind /sys "$builder/sys"
	mount --rbind "$root" "$builder/mnt" # with its grub-probe
	mkdir -p "$disk/builder.facts" "$builder/run/lab"
	mount --bind "$disk/builder.facts" "$builder/run/lab"
	printf '%s\n' "${S[builder]}" | in_tree "$builder" env TREE=/mnt out=/run/lab sh -ex
}

# ----

# bare DIRECTORY: the file systems that mount_api gave it, taken away.
bare() {
	umount -R "$1/proc" "$1/dev" "$1/run"
	[ ! -e "$1/sys/kernel" ] || umount -R "$1/sys"
}

# Runs in a mount namespace of its own.
fill_grub_disk() {
	local disk=$1 machine=$2 root=$1/work/root layer status=0
	local -A S

	load_machine "$machine"
	layer=$({
		[ "${S[product]}" != yes ] || [ -n "${S[built]-}" ] || product_layer
		kernel_layer
		cloud_init_layer
		packages_layer
	} | sed '/^$/d' | paste -sd:)
	mount_over "${layer:+$layer:}$(system_of)" "$disk/work" "$root"
	hand_over_packages "$root"
	set_up_cloud_init "$root"
	write_grub_probe "$disk/grub-probe"
	mount --bind "$disk/grub-probe" "$root/usr/sbin/grub-probe"
	mount_api "$root"
	mount --rbind /sys "$root/sys"
	install_system
	bare "$root"
	[ ! -e "$disk/config" ] || [ -n "${S[seed]-}" ] ||
		cp "$disk/config" "$root/etc/vfio-claim.conf"
	if [ -n "${S[builder]-}" ]; then
		(run_builder) >"$disk/builder.log" 2>&1 || status=$?
		echo "$status" >"$disk/builder.status"
	fi
	umount "$root/usr/sbin/grub-probe"
	assemble_disk "$root" "$disk/disk.part"
	mv "$disk/disk.part" "$disk/disk.img"
}

# little_endian NUMBER: its four bytes, in printf's words.
little_endian() {
	printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) \
		$(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# partition_table SECTORS: from byte 446 to the end of sector 0. One partition of Linux's type
# (0x83) that is active; nobody asks for cylinders any more.
partition_table() {
	printf '\x80\xfe\xff\xff\x83\xfe\xff\xff%b%b' \
		"$(little_endian "$FIRST_SECTOR")" "$(little_endian "$1")"
	head -c 48 /dev/zero
	printf '\x55\xaa'
}

# assemble_disk ROOT FILE: with room for what machines add.
assemble_disk() {
	local root=$1 file=$2 size features='^has_journal'

	[ "${S[journal]-}" != yes ] || features=has_journal
	size=$(($(du -sm "$root" | cut -f1) * 5 / 4 + 512))
	truncate -s "$((size + 1))M" "$file"
	partition_table $((size * 2048)) |
		dd of="$file" bs=1 seek=446 conv=notrunc status=none
	mke2fs -q -t ext4 -O "$features" -E "lazy_itable_init=1,offset=$((FIRST_SECTOR * 512))" \
		-m 0 -L labroot -U "$GRUB_ROOT_UUID" -d "$root" "$file" "${size}M" >/dev/null
	in_tree "$root" grub-mkimage -O i386-pc -d /usr/lib/grub/i386-pc \
		-p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 >"$file.core"
	dd if="$root/usr/lib/grub/i386-pc/boot.img" of="$file" bs=440 count=1 conv=notrunc status=none
	dd if="$file.core" of="$file" bs=512 seek=1 conv=notrunc status=none
	rm "$file.core"
}

# make_grub_disk MACHINE DIRECTORY: in which there may be a config already. A disk that cannot
# be made is a result too: see its status.
make_grub_disk() {
	local disk=$2 status=0

	in_namespace fill_grub_disk "$disk" "$1" >"$disk/build.log" 2>&1 || status=$?
	rm -rf "$disk"/{work,builder,grub-probe,disk.part}
	[ "$status" = 0 ] || rm -f "$disk/disk.img"
	echo "$status" >"$disk/status"
}

# ---- What is on a machine's disk after a boot

# Runs in a mount namespace of its own. The files in each initramfs, read by Debian 13's
# tools, which know every format.
list_initramfs() {
	local dir=$1 out=$2 root file names

	root=$(tree_of 13)
	names=$(debugfs -R 'ls -p /boot' "$dir/disk.img?offset=$((FIRST_SECTOR * 512))" 2>/dev/null |
		awk -F/ '$6 ~ /^initrd\.img-/ { print $6 }')
	mount --bind "$root" "$root"
	mount -t tmpfs tmpfs "$root/mnt"
	for file in $names; do
		debugfs -R "dump /boot/$file $root/mnt/$file" \
			"$dir/disk.img?offset=$((FIRST_SECTOR * 512))" 2>/dev/null
		in_tree "$root" lsinitramfs -l "/mnt/$file" |
			awk '$1 !~ /^[dc]/ { print $5, $9 }' | sort -k 2 >"$out/$file.files"
		rm "$root/mnt/$file"
	done
}
