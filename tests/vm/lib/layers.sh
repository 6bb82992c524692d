# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S is the scenario of the caller
# Debian packages beside a tree: installed once into a layer that lies over it and is kept.

# layer_of KIND RELEASE PACKAGE...: the directory that holds it.
layer_of() {
	local kind=$1 release=$2

	shift 2
	echo "$LAB/layers/$release-$kind-$({
		printf '%s\n' "$@"
		declare -f install_packages
	} | hash_of "$(tree_of "$release")")"
}

# Runs in a mount namespace of its own. Images are made later, many of them, and nothing is to
# be started here. Words with a dash in front are apt-get's options.
# install_packages RELEASE WORK PACKAGE...
install_packages() {
	local release=$1 root=$2/root
	local -a apt=(apt-get -q -y -o APT::Sandbox::User=root)

	mount_over "$(tree_of "$release")" "$2" "$root"
	shift 2
	mount_api "$root"
	cp /etc/resolv.conf "$root/run/resolv.conf"
	mount --bind "$root/run/resolv.conf" "$root/etc/resolv.conf"
	mount --bind "$root/bin/true" "$root/usr/sbin/update-initramfs"
	install -m 755 /dev/stdin "$root/run/policy-rc.d" <<<$'#!/bin/sh\nexit 101'
	ln -s /run/policy-rc.d "$root/usr/sbin/policy-rc.d"
	# As in tree_options.
	in_tree "$root" "${apt[@]}" -o Acquire::Check-Valid-Until=false update
	in_tree "$root" env DEBIAN_FRONTEND=noninteractive "${apt[@]}" \
		--no-install-recommends install "$@"
	in_tree "$root" apt-get clean
	rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
}

# make_layer KIND RELEASE PACKAGE...
make_layer() {
	local kind=$1 release=$2 layer started=$EPOCHSECONDS

	layer=$(layer_of "$@")
	[ ! -d "$layer" ] || return 0
	say "Debian $release: installing packages ($kind) ..."
	rm -rf "$LAB/layers/$release-$kind"-*
	mkdir -p "$layer.work"
	if ! in_namespace install_packages "$release" "$layer.work" "${@:3}" \
		>"$LAB/layers/$release-$kind.log" 2>&1; then
		tail -n 20 "$LAB/layers/$release-$kind.log" >&2
		die "Debian $release: it failed (log: $LAB/layers/$release-$kind.log)"
	fi
	mv "$layer.work/upper" "$layer"
	rm -rf "$layer.work"
	say "Debian $release: they are installed in $(seconds_since "$started") s"
}

# packages_layer: for the disk of scenario S; or nothing.
packages_layer() {
	# shellcheck disable=SC2086  # words
	[ -z "${S[packages]-}" ] || layer_of more "${S[release]}" ${S[packages]}
}

# lab_more_packages MACHINE...: those that their scenarios name (key `packages`).
lab_more_packages() {
	local machine
	local -A S

	for machine; do
		load_machine "$machine"
		# shellcheck disable=SC2086  # words
		[ -z "${S[packages]-}" ] ||
			with_lock layers make_layer more "${S[release]}" ${S[packages]}
	done
}
