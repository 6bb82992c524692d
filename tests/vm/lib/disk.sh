# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The root disk of a release's machines: its tree, the product, the agent.
# Machines boot from it through a snapshot, so that it stays as made.

disk_of() {
	local key

	key=$(cat "$VM_DIR"/guest/* "$VM_DIR/lib/disk.sh" | hash_of "$(tree_of "$1")" "$(product_layer)")
	echo "$LAB/disks/$1-$key.img"
}

# prune ROOT: what a target does not need and a disk would have to hold.
prune() {
	rm -rf "$1"/usr/lib/gcc "$1"/usr/libexec/gcc "$1"/usr/include \
		"$1"/usr/lib/x86_64-linux-gnu/*.a "$1"/usr/bin/*-gcc-* \
		"$1"/usr/share/{doc,man,info,locale,perl,gcc} \
		"$1"/var/lib/{apt,dpkg} "$1"/var/{cache,log}/* "$1"/initrd.img* \
		"$1"/usr/lib/grub "$1"/usr/local/share/lab
}

# furnish ROOT: the agent, and a first boot that asks and changes nothing.
furnish() {
	local target tool unit

	install -D -m 755 "$VM_DIR/guest/agent" "$1/usr/local/sbin/lab-agent"
	for tool in kernels load manifest next; do
		install -m 755 "$VM_DIR/guest/$tool" "$1/usr/local/sbin/lab-$tool"
	done
	for unit in lab-agent.service lab-load.service lab-soak.target; do
		install -D -m 644 "$VM_DIR/guest/$unit" "$1/etc/systemd/system/$unit"
	done
	install -D -m 644 "$VM_DIR/guest/second-level" \
		"$1/usr/local/share/lab/second-level"
	for target in graphical rescue; do
		mkdir -p "$1/etc/systemd/system/$target.target.wants"
		ln -sf ../lab-agent.service \
			"$1/etc/systemd/system/$target.target.wants/lab-agent.service"
	done
	mkdir -p "$1/etc/systemd/system/sysinit.target.wants"
	ln -sf ../lab-load.service "$1/etc/systemd/system/sysinit.target.wants/lab-load.service"
	ln -sf /dev/null "$1/etc/systemd/system/serial-getty@ttyS0.service"
	ln -sf /dev/null "$1/etc/systemd/system/getty@tty1.service"
	echo 0123456789abcdef0123456789abcdef >"$1/etc/machine-id"
	echo lab >"$1/etc/hostname"
	: >"$1/etc/fstab"
}

# Runs in a mount namespace of its own.
fill_disk() {
	local release=$1 disk=$2 root=$2.work/root layer size

	layer=$(product_layer)
	mount_over "${layer:+$layer:}$(tree_of "$release")" "$disk.work" "$root"
	prune "$root"
	furnish "$root"
	size=$(($(du -sm "$root" | cut -f1) * 5 / 4 + 128))
	mke2fs -q -t ext4 -O '^has_journal' -E lazy_itable_init=1 -m 0 \
		-L labroot -d "$root" "$disk.part" "${size}M" >/dev/null
}

build_disk() {
	local release=$1 disk started=$EPOCHSECONDS

	disk=$(disk_of "$release")
	[ ! -e "$disk" ] || return 0
	say "Debian $release: making its disk ..."
	rm -rf "$LAB/disks/$release"-*
	in_namespace fill_disk "$release" "$disk"
	rm -rf "$disk.work"
	mv "$disk.part" "$disk"
	say "Debian $release: disk made in $(seconds_since "$started") s"
}

lab_disk() {
	local release

	lab_trees "$@"
	lab_product
	for release in "${@:-${RELEASES[@]}}"; do
		with_lock "disk-$release" build_disk "$release"
	done
}
