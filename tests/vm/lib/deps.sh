# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The packages that this machine needs, by their names in Debian 12 and later.

LAB_PACKAGES=(mmdebstrap debian-archive-keyring e2fsprogs cpio kmod mount util-linux)
BUILD_PACKAGES=(
	gcc libc6-dev make pkg-config
	libkmod-dev libblkid-dev libjson-c-dev libpci-dev libarchive-dev
)
CHECK_PACKAGES=(
	bats jq shellcheck cppcheck clang valgrind libcmocka-dev
)

# Those of the packages given that are not installed, one a line.
missing_packages() {
	local package

	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}

# lab_deps [check]
lab_deps() {
	local -a wanted=("${LAB_PACKAGES[@]}" "${BUILD_PACKAGES[@]}") missing

	[ "${1-}" != check ] || wanted+=("${CHECK_PACKAGES[@]}")
	mapfile -t missing < <(missing_packages "${wanted[@]}")
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "no apt-get; please install: ${missing[*]}"
	[ "$(id -u)" = 0 ] || die "please install (or run as root): ${missing[*]}"
	say "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update
	apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}
