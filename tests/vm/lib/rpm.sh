# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S is the scenario of the caller
# Machines whose image dracut makes in a tree that vfio-claim came to as an .rpm (`product: rpm`).
# rpmbuild of Debian 12 builds it, as the product; the machine's own release has an rpm that puts
# it into the tree. The disk has the product as always, which such an image does not come from.

RPM_BUILD_TOOLS=(rpm file scdoc libcmocka-dev pkgconf)
RPM_TOOLS=(rpm)

# rpm_layers RELEASE: what lies over the tree, with colons: the installed .rpm, and rpm.
rpm_layers() {
	local tools

	tools=$(layer_of rpm "$1" "${RPM_TOOLS[@]}")
	echo "$LAB/layers/installed-rpm-$1-$(cat "$VM_DIR/lib/rpm.sh" | hash_of "$(product_layer)" \
		"$(layer_of rpmbuild 12 "${RPM_BUILD_TOOLS[@]}")" "$tools"):$tools"
}

# compile_rpm DIR: leaves DIR/vfio-claim.rpm. Runs in a mount namespace of its own.
compile_rpm() {
	local root=$1/root

	mount_over "$(layer_of rpmbuild 12 "${RPM_BUILD_TOOLS[@]}"):$(tree_of 12)" "$1" "$root"
	mount_api "$root"
	mkdir -p "$root/build"
	package_sources | tar -xf - -C "$root/build"
	in_tree "$root" make -C /build rpm
	cp "$root"/build/build/rpm/RPMS/x86_64/vfio-claim-[0-9]*.rpm "$1/vfio-claim.rpm"
}

# install_rpm RELEASE DIR RPM: as an administrator would, with the scripts of the package. Debian's
# packages are not in rpm's database, so that it cannot know of the libraries. Likewise.
install_rpm() {
	local root=$2/root layers

	layers=$(rpm_layers "$1")
	mount_over "${layers#*:}:$(tree_of "$1")" "$2" "$root"
	mount_api "$root"
	cp "$3" "$root/run/"
	in_tree "$root" rpm --root / --nodeps -i "/run/${3##*/}"
	in_tree "$root" rpm -V --nodeps vfio-claim
}

build_rpm_layer() {
	local release=$1 layer work started=$EPOCHSECONDS

	layer=$(rpm_layers "$release")
	layer=${layer%%:*}
	[ ! -d "$layer" ] || return 0
	rm -rf "$LAB/layers/installed-rpm-$release"-*
	say "vfio-claim: building its .rpm and installing it beside Debian $release ..."
	work=$layer.work
	mkdir -p "$work/build" "$work/install"
	if ! { in_namespace compile_rpm "$work/build" &&
		in_namespace install_rpm "$release" "$work/install" "$work/build/vfio-claim.rpm"; } \
		>"$LAB/layers/rpm.log" 2>&1; then
		tail -n 20 "$LAB/layers/rpm.log" >&2
		die "the .rpm was not built or not installed (log: $LAB/layers/rpm.log)"
	fi
	mv "$work/install/upper" "$layer"
	rm -rf "$work"
	say "vfio-claim: its .rpm is installed in $(seconds_since "$started") s"
}

# lab_rpms MACHINE...: for those that get one.
lab_rpms() {
	local machine
	local -A S

	for machine; do
		load_machine "$machine"
		[ "${S[product]}" = rpm ] || continue
		with_lock layers make_layer rpmbuild 12 "${RPM_BUILD_TOOLS[@]}"
		with_lock layers make_layer rpm "${S[release]}" "${RPM_TOOLS[@]}"
		with_lock layers build_rpm_layer "${S[release]}"
	done
}

# tell_rpm ROOT: into the log of the image's build, which is among the facts.
tell_rpm() {
	in_tree "$1" rpm -q --qf 'rpm has %{NAME} %{VERSION}\n' vfio-claim
	in_tree "$1" rpm -ql vfio-claim | sed 's/^/rpm has file /'
	in_tree "$1" dracut --version
}
