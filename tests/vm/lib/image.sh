# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# One initramfs for a release, a generator, variants and a config, made by the
# release's own tools with vfio-claim's own hooks, in an overlay over its tree.
#
# An image is a directory: initrd (if the build succeeded), build.log, status
# (of the build), files (what is inside: size and path) and config.
#
# Variants:  gpu       nouveau and snd_hda_intel inside (else: neither)
#            busybox   a bare `modprobe` is busybox's
#            hostonly  dracut -H
#            novfio    vfio_pci taken out afterwards
#            killed    instead of the helper, a script that is killed at once
#            unstartable  instead of it, what the kernel cannot execute
#            storage-KIND  the tools for that storage (storage.sh) and its /etc
#            network   what finds a root disk over the network (network.sh)

# With vfio-claim inside, by its key; without it, in `none`.
images_dir() { echo "$LAB/images/$(basename "$(product_layer)")"; }

# image_of RELEASE GENERATOR VARIANTS PRODUCT CONFIG-FILE
# PRODUCT is yes, no or rpm; an absent CONFIG-FILE means an absent config.
image_of() {
	local key dir variants=$3

	dir=$(images_dir)
	[ "$4" != no ] || dir=$LAB/images/none
	[ -n "$(product_layer)" ] || dir=$LAB/images/none
	key=$({
		cat "$VM_DIR/lib/image.sh"
		[[ " $3 " != *" network "* ]] || network_layer "$1"
		[ "$4" != rpm ] || rpm_layers "$1"
		[ ! -e "$5" ] || cat "$5" - <<<"a config"
		[ -z "$(storage_variant)" ] || storage_inputs "$1"
	} | hash_of "$(tree_of "$1")" "$2" "$3" "$4")
	echo "$dir/$1-$2-$key"
}

has_variant() { [[ " $variants " == *" $1 "* ]]; }

# The KIND of the variant storage-KIND, or nothing.
storage_variant() { tr ' ' '\n' <<<"$variants" | sed -n 's/^storage-//p'; }

# ---- initramfs-tools; these run in the namespace, with build_in_tree's variables

# An initramfs that is not compressed is the fastest one to make and, on an
# emulated processor, to unpack. mkinitramfs has no word for it, but prefers a
# pigz to gzip.
add_store_compressor() {
	install -m 755 /dev/stdin "$root/usr/bin/pigz" <<-'END'
		#!/bin/sh
		shift # -c
		exec cat "$@"
	END
}

# As plymouth's hook brings graphics drivers in: present, not force-loaded.
add_gpu_hook() {
	install -m 755 /dev/stdin "$root/etc/initramfs-tools/hooks/lab-gpu" <<-'END'
		#!/bin/sh
		[ "$1" != prereqs ] || exit 0
		. /usr/share/initramfs-tools/hook-functions
		manual_add_modules nouveau snd_hda_intel
	END
}

run_initramfs_tools() {
	add_store_compressor
	! has_variant gpu || add_gpu_hook
	# A key file in the image, which then is root's alone.
	[ ! -e "$root/etc/cryptsetup-initramfs/conf-hook" ] ||
		echo 'KEYFILE_PATTERN=/etc/keys/*.key' >>"$root/etc/cryptsetup-initramfs/conf-hook"
	! has_variant network || prepare_network_hook
	in_tree "$root" mkinitramfs -c gzip -o /mnt/initrd "$kernel"
}

# ---- dracut, likewise

# Everything of systemd's: what remains is the init that is a shell script.
SYSTEMD_MODULES="systemd systemd-initrd dracut-systemd systemd-ac-power \
systemd-ask-password systemd-battery-check systemd-bsod systemd-creds \
systemd-cryptsetup systemd-emergency systemd-journald systemd-modules-load \
systemd-sysctl systemd-sysusers systemd-tmpfiles systemd-udevd"

run_dracut() {
	local omit='' drivers=''
	local -a options=(--force --no-compress --no-early-microcode --kver "$kernel")

	[ "$generator" = dracut-systemd ] || omit=$SYSTEMD_MODULES
	if has_variant busybox; then
		options+=(--add busybox)
	else
		omit+=" busybox"
	fi
	[ -z "$omit" ] || options+=(--omit "$omit")
	if has_variant hostonly; then
		# The machine that builds is not the one that boots.
		options+=(--hostonly --no-hostonly-default-device --filesystems ext4)
		drivers="virtio_pci virtio_blk ext4 nvme"
	else
		options+=(--no-hostonly)
	fi
	if has_variant gpu; then
		drivers+=" nouveau snd_hda_intel"
	else
		options+=(--omit-drivers "nouveau snd_hda_intel")
	fi
	! has_variant network || options+=(--add iscsi)
	[ -z "$drivers" ] || options+=(--add-drivers "$drivers")
	# An image for all machines has no word of its own for "root is encrypted".
	! grep -qs initramfs "$root/etc/crypttab" ||
		options+=(--install "/etc/crypttab /etc/keys/lab.key")
	in_tree "$root" dracut "${options[@]}" /mnt/initrd
}

# ----

# An initramfs may be several cpio archives, one after the other, each padded
# to the block that cpio reads. Reads the standard input to its end.
each_archive() {
	local n=0

	while cpio --quiet "$@" 2>/dev/null; do
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

# change_image FUNCTION...: of the finished image, so that no hook can mind.
change_image() {
	local tree=$dir/work/unpacked

	mkdir "$tree"
	(
		cd "$tree"
		each_archive -idm <"$dir/initrd"
		"$@"
		find . | cpio --quiet -o -H newc >"$dir/initrd"
	)
}

remove_vfio() {
	find usr/lib/modules lib/modules -name 'vfio[-_]pci.ko*' -exec rm -v {} + || true
	depmod -b . "$kernel"
}

# replace_helper LINE...: a script of these lines is what the hooks start.
replace_helper() {
	local helper

	helper=$(find . -type f -name vfio-claim-boot -perm /100)
	[ -n "$helper" ]
	printf '%s\n' "$@" >"$helper"
}

list_files() {
	each_archive -itv <"$dir/initrd" | awk '$1 !~ /^[dc]/ { print $5, $9 }' |
		sort -k 2 >"$dir/files"
}

# Runs in a mount namespace of its own.
build_in_tree() {
	local dir=$1 release=$2 generator=$3 variants=$4 product=$5
	local root=$dir/work/root layer='' kernel kind

	kernel=$(kernel_of "$release")
	kind=$(storage_variant)
	case $product in
	yes) layer=$(product_layer) ;;
	rpm) layer=$(rpm_layers "$release") ;;
	esac
	[ -z "$kind" ] || layer+=${layer:+:}$(storage_layer "$release")
	! has_variant network || layer+=${layer:+:}$(network_layer "$release")
	mount_over "${layer:+$layer:}$(tree_of "$release")" "$dir/work" "$root"
	mount_api "$root"
	[ "$generator" = initramfs-tools ] || mount --rbind /sys "$root/sys"
	mount --bind "$dir" "$root/mnt"
	[ ! -e "$dir/config" ] || cp "$dir/config" "$root/etc/vfio-claim.conf"
	[ -z "$kind" ] || storage_files "$kind" "$root"
	[ "$product" != rpm ] || tell_rpm "$root"
	if [ "$generator" = initramfs-tools ]; then
		run_initramfs_tools
	else
		run_dracut
	fi
	! has_variant novfio || change_image remove_vfio
	# shellcheck disable=SC2016 # the script's own number
	! has_variant killed || change_image replace_helper '#!/bin/sh' 'kill -KILL $$'
	! has_variant unstartable || change_image replace_helper '#!/no/such/loader'
}

# build_image RELEASE GENERATOR VARIANTS PRODUCT CONFIG-FILE
# A build that fails is a result too: see the image's status.
build_image() {
	local dir

	dir=$(image_of "$@")
	mkdir -p "$LAB/run"
	with_lock "run/${dir##*/}" make_image "$dir" "$@"
}

make_image() {
	local dir=$1 status=0

	shift
	[ ! -e "$dir/status" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	[ ! -e "$5" ] || cp "$5" "$dir/config"
	in_namespace build_in_tree "$dir" "${@:1:4}" >"$dir/build.log" 2>&1 || status=$?
	if [ "$status" = 0 ]; then
		list_files
	else
		rm -f "$dir/initrd"
	fi
	rm -rf "$dir/work"
	echo "$status" >"$dir/status.part"
	mv "$dir/status.part" "$dir/status"
}
