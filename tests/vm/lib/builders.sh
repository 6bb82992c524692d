# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The tools of image builders, over the trees of Debian 12 and 13: what reads the recipes of
# packaging/image-builders. Images that they build: recipes.sh.
#
# cloud-init is among them for its schema; it is never started.

BUILDER_RELEASES=(12 13)
# Debian 13 has no Packer; mkosi of Debian 12 knows another format.
BUILDER_12_PACKAGES=(cloud-init packer python3-diskimage-builder python-is-python3 file)
BUILDER_13_PACKAGES=(cloud-init mkosi)

builder_packages() {
	local -n packages="BUILDER_$1_PACKAGES"

	printf '%s\n' "${packages[@]}"
}

# builder_layer RELEASE: the directory that holds them, to lie over the tree.
builder_layer() {
	local -a packages

	mapfile -t packages < <(builder_packages "$1")
	layer_of builders "$1" "${packages[@]}"
}

lab_builder_layers() {
	local release
	local -a packages

	for release in "${BUILDER_RELEASES[@]}"; do
		mapfile -t packages < <(builder_packages "$release")
		with_lock "builders-$release" make_layer builders "$release" "${packages[@]}"
	done
}

# Runs in a mount namespace of its own. What is written stays in memory, but for /mnt.
builder_in_tree() {
	local release=$1 directory=$2 root work
	shift 2

	work=$(mktemp -d "$LAB/run/builder.XXXXXX")
	mount -t tmpfs tmpfs "$work"
	root=$work/root
	mount_over "$(builder_layer "$release"):$(tree_of "$release")" "$work" "$root"
	mount_api "$root"
	mount --bind "$directory" "$root/mnt"
	mkdir "$root/run/recipes"
	mount --bind "$SOURCE_DIR/packaging/image-builders" "$root/run/recipes"
	in_tree "$root" "$@"
}

# lab_builder RELEASE DIRECTORY COMMAND...: in that release's tree with the tools, where
# DIRECTORY is /mnt and the recipes are in /run/recipes.
lab_builder() {
	local status=0

	in_namespace builder_in_tree "$@" || status=$?
	rmdir "$LAB"/run/builder.* 2>/dev/null || true
	return "$status"
}

# lab_builder_package FILE: a Debian package of the lab's own build, or the one that
# $VFIO_CLAIM_DEB names.
lab_builder_package() {
	local root

	if [ -n "${VFIO_CLAIM_DEB-}" ]; then
		cp "$VFIO_CLAIM_DEB" "$1"
		return
	fi
	root=$(mktemp -d "$LAB/run/package.XXXXXX")
	cp -a "$(product_layer)/." "$root/"
	mkdir "$root/DEBIAN"
	cat >"$root/DEBIAN/control" <<-'END'
		Package: vfio-claim
		Version: 0.1.0~lab
		Architecture: amd64
		Section: admin
		Priority: optional
		Maintainer: the lab <root@localhost>
		Depends: libarchive13t64 | libarchive13, libblkid1, libjson-c5, libkmod2, libpci3
		Description: give PCI devices to VFIO before native drivers touch them
	END
	chmod 755 "$root"
	dpkg-deb --root-owner-group -Zgzip -b "$root" "$1" >/dev/null
	rm -rf "$root"
}

# The tests, on what machines show that boot from what the recipes have built.
lab_image_builders() {
	local -a machines

	mapfile -t machines < <(cd "$SCENARIOS" && machines_of recipe-*)
	lab_trees "${BUILDER_RELEASES[@]}"
	lab_builder_layers
	lab_recipe_layers container
	run_and_test image-builders.bats "${machines[@]}"
}

# Runs in a mount namespace of its own.
product_in_tree() {
	local directory=$1 root
	shift

	root=$(mktemp -d)
	mount -t overlay overlay -o "lowerdir=$(product_layer):$(tree_of 12)" "$root"
	mount --bind "$directory" "$root/mnt"
	in_tree "$root" "$@"
}

# builder_product DIRECTORY COMMAND...: in Debian 12's tree with vfio-claim, DIRECTORY
# being /mnt.
builder_product() { in_namespace product_in_tree "$@"; }
