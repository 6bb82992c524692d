# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# vfio-claim itself, built in the Debian 12 tree and installed into a layer
# that lies over the trees.

# What the product is made of; without it the lab can still show how machines
# behave that do not have it.
product_sources() {
	local part

	for part in Makefile src modules.d hooks grub.d packaging; do
		[ ! -e "$SOURCE_DIR/$part" ] || echo "$part"
	done
}

product_key() {
	[ -e "$SOURCE_DIR/Makefile" ] || return 0
	(
		cd "$SOURCE_DIR"
		# shellcheck disable=SC2046  # names of our own, without spaces
		find $(product_sources) -type f -print0 |
			sort -z | xargs -0 sha256sum
	) | hash_of "$(tree_of 12)"
}

# The directory that holds the installed product, or nothing.
product_layer() {
	local key

	key=${LAB_PRODUCT_KEY-$(product_key)}
	[ -z "$key" ] || echo "$LAB/product/$key"
}

# Runs in a mount namespace of its own.
compile_product() {
	local layer=$1 root=$1.work/root

	mount_over "$(tree_of 12)" "$layer.work" "$root"
	mount_api "$root"
	mkdir "$root/build" "$layer.part"
	(
		cd "$SOURCE_DIR"
		# shellcheck disable=SC2046
		tar -cf - $(product_sources)
	) | tar -xf - -C "$root/build"
	mount --bind "$layer.part" "$root/mnt"
	in_tree "$root" make -C /build -j2 PREFIX=/usr
	in_tree "$root" make -C /build install PREFIX=/usr DESTDIR=/mnt
}

build_product() {
	local layer started=$EPOCHSECONDS

	layer=$(product_layer)
	[ -n "$layer" ] || {
		say "there is no Makefile yet: going on without vfio-claim"
		return 0
	}
	[ ! -d "$layer" ] || return 0
	rm -rf "$LAB"/product/*
	if ! in_namespace compile_product "$layer" >"$LAB/product.log" 2>&1; then
		tail -n 40 "$LAB/product.log" >&2
		die "vfio-claim does not build in the Debian 12 tree (log: $LAB/product.log)"
	fi
	rm -rf "$layer.work"
	mv "$layer.part" "$layer"
	# Images with another vfio-claim inside are of no more use.
	find "$LAB/images" -mindepth 1 -maxdepth 1 ! -name none ! -name "${layer##*/}" \
		-exec rm -rf {} +
	say "vfio-claim: built in the Debian 12 tree in $(seconds_since "$started") s"
}

lab_product() {
	lab_trees 12
	with_lock product build_product
}
