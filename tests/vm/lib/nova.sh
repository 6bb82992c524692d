# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Nova's own code, over the trees of Debian 12 and 13: what `export` writes is judged by
# it. No virtual machine is needed, and none of Nova's services runs.

# Release 26 (Zed) in Debian 12, 31 (2025.1) in Debian 13.
NOVA_RELEASES=(12 13)
NOVA_PACKAGES=(python3-nova)

# nova_layer RELEASE: the directory that holds it, to lie over the tree.
nova_layer() { layer_of nova "$1" "${NOVA_PACKAGES[@]}"; }

lab_nova_layers() {
	local release

	for release in "${NOVA_RELEASES[@]}"; do
		with_lock "nova-$release" make_layer nova "$release" "${NOVA_PACKAGES[@]}"
	done
}

# Runs in a mount namespace of its own: what the judge asks, DIRECTORY being /mnt there.
judge_in_tree() {
	local release=$1 root
	shift

	root=$(mktemp -d)
	mount -t overlay overlay -o "lowerdir=$(nova_layer "$release"):$(tree_of "$release")" "$root"
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t tmpfs tmpfs "$root/sys"
	mount --bind "$VM_DIR/nova" "$root/opt"
	mount --bind "$1" "$root/mnt"
	shift
	in_tree "$root" python3 -B /opt/judge.py "$@"
}

# lab_nova_judge RELEASE DIRECTORY ARGUMENT...: runs tests/vm/nova/judge.py of the working
# tree with Nova's code of that release.
lab_nova_judge() { in_namespace judge_in_tree "$@"; }
