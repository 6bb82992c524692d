# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# GRUB's own grub-mkconfig in a release's tree, with vfio-claim installed and no machine:
# it only writes text, and as much as it asks of a disk is told by a stand-in.

# Runs in a mount namespace of its own, and the standard input in the tree, as root's
# `sh -e`. What that writes is left in DIRECTORY/upper.
# in_grub_tree RELEASE DIRECTORY
in_grub_tree() {
	local tree layer root=$2/root

	tree=$(tree_of "$1")
	layer=$(product_layer)
	[ -d "$tree" ] || die "no tree of Debian $1: tests/vm/lab trees $1"
	[ -d "$layer" ] || die "vfio-claim is not built: tests/vm/lab product"
	mount_over "$layer:$tree" "$2" "$root"
	write_grub_probe "$2/grub-probe"
	mount --bind "$2/grub-probe" "$root/usr/sbin/grub-probe"
	mount_api "$root"
	in_tree "$root" sh -e
}
