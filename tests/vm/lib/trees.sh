# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # the TREE_ arrays are read by reference
# Root trees of the Debian releases, made by mmdebstrap and never changed
# afterwards: images and disks are built in overlays over them.

declare -A SUITE=([12]=bookworm [13]=trixie [testing]=testing)

# What a target system has: a kernel, an init, and all the tools that make an
# initramfs, dracut's beside initramfs-tools.
TREE_PACKAGES=(
	linux-image-amd64 systemd-sysv udev kmod initramfs-tools dracut-core
	libjson-c5 busybox-static e2fsprogs pciutils zstd xz-utils cpio
	grub-common grub2-common grub-pc-bin
)
# The product is built against the oldest libc, to run in all three.
TREE_12_PACKAGES=(
	gcc libc6-dev make pkg-config
	libkmod-dev libblkid-dev libjson-c-dev libpci-dev libarchive-dev
	libarchive13
)
# vfio-user-pci came with QEMU 10.1.
TREE_13_PACKAGES=(
	qemu-system-x86/trixie-backports qemu-system-common/trixie-backports
	qemu-system-data/trixie-backports seabios/trixie-backports
	libarchive13t64
)
# switch_root has moved there.
TREE_testing_PACKAGES=(util-linux-extra libarchive13t64)
# Small kernels, for disks and machines that install a second and a third one.
TREE_12_KERNELS=()
TREE_13_KERNELS=(linux-image-cloud-amd64 linux-image-cloud-amd64/trixie-backports)
TREE_testing_KERNELS=()

# The URI of the archive that this machine itself installs from.
archive_of_host() {
	local id='' codename=''

	id=$(. /etc/os-release && echo "${ID:-}")
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ "$id" = debian ] || die "the lab needs a Debian machine to build on"
	# shellcheck disable=SC2016  # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | sort -u |
		awk -v codename="$codename" '$3 == "main" &&
			($2 == codename || $2 == "testing" || $2 == "stable") {
				print $1
				exit
			}'
}

# A cloud image may name a file of mirrors: the first of them will do.
first_mirror() {
	case $1 in
	mirror+file:*) awk '/^[a-z+]*:/ { print $1; exit }' "${1#mirror+file:}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# archive_lines RELEASE: the sources.list of its tree.
archive_lines() {
	local uri='' keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	uri=$(archive_of_host)
	[ -n "$uri" ] || die "no Debian archive in this machine's apt sources"
	uri=$(first_mirror "$uri")
	echo "deb [signed-by=$keyring] $uri ${SUITE[$1]} main"
	[ "$1" != 13 ] || echo "deb [signed-by=$keyring] $uri trixie-backports main"
}

# One a line: the packages of a release's tree.
tree_packages() {
	local -n more="TREE_$1_PACKAGES"

	printf '%s\n' "${TREE_PACKAGES[@]}" "${more[@]}"
}

# Options of mmdebstrap, one a line. Documentation is left out for its size;
# kernel hooks because an initramfs is made later, many of them (keep_packages
# puts the hooks back).
tree_options() {
	printf '%s\n' --variant=minbase --mode=root \
		'--aptopt=APT::Install-Recommends "false"' \
		--dpkgopt=path-exclude=/usr/share/doc/'*' \
		--dpkgopt=path-exclude=/usr/share/man/'*' \
		--dpkgopt=path-exclude=/usr/share/info/'*' \
		--dpkgopt=path-exclude=/usr/share/locale/'*' \
		--dpkgopt=path-exclude=/etc/kernel/postinst.d/'*' \
		"--include=$(tree_packages "$1" | paste -sd,)"
	# A mirror of testing may lag behind the date its Release file is good
	# for; the signature is still checked.
	[ "$1" != testing ] || echo '--aptopt=Acquire::Check-Valid-Until "false"'
}

# keep_packages RELEASE ROOT: puts packages by into the tree's /usr/local/share/lab that
# some disks install, and the kernel hooks into their place, now that no kernel's
# installation will call them. Called by mmdebstrap.
keep_packages() {
	local -n kernels="TREE_$1_KERNELS"
	local root=$2 keep=/usr/local/share/lab n=1 package

	mkdir -p "$root$keep/packages"
	chroot "$root" sh -ec "cd $keep/packages && apt-get -o APT::Sandbox::User=root \
		download initramfs-tools grub2-common dracut"
	for package in "$root$keep"/packages/{initramfs-tools,grub2-common}_*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" ./etc/kernel
		rm "$package"
	done
	for package in "${kernels[@]}"; do
		n=$((n + 1))
		mkdir -p "$root$keep/kernel-$n/partial"
		chroot "$root" apt-get -y --download-only -o APT::Sandbox::User=root \
			-o Dir::Cache::archives="$keep/kernel-$n" install "$package"
		rm -rf "$root$keep/kernel-$n"/{partial,lock}
	done
}

tree_of() {
	local -n more_kernels="TREE_$1_KERNELS"

	echo "$LAB/trees/$1-$({
		tree_options "$1"
		declare -f keep_packages
	} | hash_of tree "${more_kernels[@]}")"
}

# The kernel version of a release's tree.
kernel_of() { basename "$(echo "$(tree_of "$1")"/boot/vmlinuz-*)" | sed s/vmlinuz-//; }

build_tree() {
	local release=$1 tree started=$EPOCHSECONDS
	local -a options

	tree=$(tree_of "$release")
	[ ! -d "$tree" ] || return 0
	say "Debian $release: making its root tree ..."
	rm -rf "$LAB/trees/$release".* "$LAB/trees/$release"-*
	mapfile -t options < <(tree_options "$release")
	archive_lines "$release" >"$LAB/trees/$release.list"
	options+=("--customize-hook=\"$VM_DIR/lab\" _call keep_packages $release \"\$1\"")
	if ! LC_ALL=C.UTF-8 mmdebstrap "${options[@]}" "${SUITE[$release]}" "$tree.part" \
		"$LAB/trees/$release.list" >"$LAB/trees/$release.log" 2>&1; then
		tail -n 20 "$LAB/trees/$release.log" >&2
		rm -rf "$tree.part"
		die "mmdebstrap failed for Debian $release (log: $LAB/trees/$release.log)"
	fi
	mv "$tree.part" "$tree"
	say "Debian $release: root tree made in $(seconds_since "$started") s"
}

lab_trees() {
	local release

	need_root
	for release in "${@:-${RELEASES[@]}}"; do
		with_lock "tree-$release" build_tree "$release"
	done
}
