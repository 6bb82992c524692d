# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S is the scenario of the caller
# Machines that get vfio-claim as a Debian package (`product: package`): their disks have two
# versions of it in /usr/local/share/lab/package-1 and package-2, and a second kernel in kernel-2.

# What builds the package; in Debian 12's tree, as the product.
PACKAGE_TOOLS=(build-essential debhelper fakeroot scdoc libcmocka-dev pkgconf)

# Debian 13's tree has its own for other machines.
declare -A PACKAGE_KERNEL=([12]=linux-image-cloud-amd64 [testing]=linux-image-cloud-amd64)

packages_dir() {
	echo "$LAB/layers/package-$(cat "$VM_DIR/lib/package.sh" | hash_of "$(product_layer)" \
		"$(layer_of package-tools 12 "${PACKAGE_TOOLS[@]}")")"
}

# The words for layer_of: the kernel's package is kept and not installed.
kernel_words() {
	# Below Dir::Cache apt makes the directories that it needs.
	printf '%s\n' --download-only -oDir::Cache=/usr -oDir::Cache::pkgcache= \
		-oDir::Cache::srcpkgcache= -oDir::Cache::archives=local/share/lab/kernel-2 \
		"${PACKAGE_KERNEL[$1]}"
}

# As the next release would be: another version, so another helper in every initramfs.
raise_version() {
	sed -i 's/\(VFIO_CLAIM_VERSION "[^"]*\)/\1.lab/' "$1/src/version.h"
	sed '1s/(\([^)]*\))/(\1.lab)/' "$1/packaging/debian/changelog" >"$1/changelog"
	cat "$1/packaging/debian/changelog" >>"$1/changelog"
	mv "$1/changelog" "$1/packaging/debian/changelog"
}

# What a package is made of, as a tar archive.
package_sources() {
	# shellcheck disable=SC2046
	(cd "$SOURCE_DIR" && tar -cf - $(product_sources) README.md NEWS LICENSE docs tests)
}

# Runs in a mount namespace of its own.
compile_packages() {
	local dir=$1 root=$1.work/root number

	mount_over "$(layer_of package-tools 12 "${PACKAGE_TOOLS[@]}"):$(tree_of 12)" "$dir.work" "$root"
	mount_api "$root"
	mkdir -p "$root/build" "$dir.part"
	package_sources | tar -xf - -C "$root/build"
	for number in 1 2; do
		[ "$number" = 1 ] || raise_version "$root/build"
		in_tree "$root" env DEB_BUILD_OPTIONS=nocheck make -C /build deb
		mkdir "$dir.part/package-$number"
		cp "$root"/build/build/deb/vfio-claim_*.deb "$dir.part/package-$number/vfio-claim.deb"
	done
}

build_packages() {
	local dir started=$EPOCHSECONDS

	dir=$(packages_dir)
	[ ! -d "$dir" ] || return 0
	rm -rf "$LAB"/layers/package-[0-9a-f]*
	say "vfio-claim: building its Debian package, twice ..."
	if ! in_namespace compile_packages "$dir" >"$LAB/layers/package.log" 2>&1; then
		tail -n 20 "$LAB/layers/package.log" >&2
		die "the package was not built (log: $LAB/layers/package.log)"
	fi
	rm -rf "$dir.work"
	mv "$dir.part" "$dir"
	say "vfio-claim: its packages are built in $(seconds_since "$started") s"
}

# lab_packages MACHINE...: for those that get one.
lab_packages() {
	local machine kernel
	local -A S
	local -a words

	for machine; do
		load_machine "$machine"
		[ "${S[product]}" = package ] || continue
		with_lock layers make_layer package-tools 12 "${PACKAGE_TOOLS[@]}"
		with_lock layers build_packages
		[ -n "${PACKAGE_KERNEL[${S[release]}]-}" ] || continue
		mapfile -t words < <(kernel_words "${S[release]}")
		with_lock layers make_layer kernel "${S[release]}" "${words[@]}"
	done
}

# The layer with the second kernel, for the disk of scenario S; or nothing.
kernel_layer() {
	local -a words

	[ "${S[product]}" = package ] && [ -n "${PACKAGE_KERNEL[${S[release]}]-}" ] || return 0
	mapfile -t words < <(kernel_words "${S[release]}")
	layer_of kernel "${S[release]}" "${words[@]}"
}

# hand_over_packages ROOT: to the disk of scenario S.
hand_over_packages() {
	[ "${S[product]}" != package ] || {
		mkdir -p "$1/usr/local/share/lab"
		cp -r "$(packages_dir)"/package-? "$1/usr/local/share/lab/"
	}
}
