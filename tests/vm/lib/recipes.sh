# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Images that the recipes of packaging/image-builders make, with the real tools. A machine boots
# from each (`built: RECIPE` in its scenario), with GRUB put on its disk as grub.sh has it.
#
# A recipe's directory has the image's tree, the log of its build and its status.

# The tools, and what they want that their packages only recommend: buildah netavark, and mkosi
# reprepro, to make a repository of mkosi.packages/.
RECIPE_13_PACKAGES=(
	mkosi reprepro apt-utils python3-diskimage-builder debootstrap sudo file procps
	buildah crun netavark openssh-server systemd-container
)

# What an image has that Packer is let into.
PACKER_IMAGE_PACKAGES=(openssh-server sudo)

recipe_layer() { layer_of recipes 13 "${RECIPE_13_PACKAGES[@]}"; }

# tool_of RECIPE: its directory in packaging/image-builders.
tool_of() {
	case $1 in
	mmdebstrap-*) echo mmdebstrap ;;
	*) echo "$1" ;;
	esac
}

# recipe_dir RECIPE
recipe_dir() {
	local tool

	tool=$(tool_of "$1")
	echo "$LAB/builders/$1-$({
		declare -f with_tools packer_template bootc_base "build_${tool//-/_}"
		find "$SOURCE_DIR/packaging/image-builders/"{"$tool",gpu.conf} -type f |
			sort | xargs cat
	} | hash_of "$(recipe_layer)" "$(product_layer)" "${VFIO_CLAIM_DEB-}")"
}

# built_tree RECIPE
built_tree() { echo "$(recipe_dir "$1")/tree"; }

# The archive that the images are installed from.
recipe_archive() { archive_lines 13 | awk 'NR == 1 { print $3 }'; }

# ---- One function a tool, in a mount namespace of its own. $dir is the recipe's directory, where
# the package is; the tree is to be $dir/tree.

# build_mmdebstrap GENERATOR: as a user of the recipe would call it.
build_mmdebstrap() {
	local packages recipes=$SOURCE_DIR/packaging/image-builders

	packages=linux-image-amd64,systemd-sysv,udev,e2fsprogs,zstd,grub2-common,grub-pc-bin,$1
	archive_lines 13 >"$dir/list"
	# mmdebstrap gives apt a descriptor by its number, which for the shell has one digit: none of
	# ours may be in its way.
	LC_ALL=C.UTF-8 mmdebstrap --variant=minbase --mode=root \
		--aptopt='APT::Install-Recommends "false"' "--include=$packages" \
		--customize-hook="\"$recipes/mmdebstrap/vfio-claim\" \"\$1\" \"$recipes/gpu.conf\" \
			\"$dir/vfio-claim.deb\"" \
		trixie "$dir/tree" "$dir/list" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# with_tools COMMAND...: in Debian 13's tree, where the tools are and $dir is /mnt.
with_tools() {
	local root=$dir/tools/root

	[ -d "$root" ] || {
		mount_over "$(recipe_layer):$(tree_of 13)" "$dir/tools" "$root"
		mount_api "$root"
		mount --rbind /sys "$root/sys"
		mount --bind "$dir" "$root/mnt"
		mkdir "$root/run/recipes"
		mount --bind "$SOURCE_DIR/packaging/image-builders" "$root/run/recipes"
		rm -f "$root/etc/resolv.conf"
		cp /etc/resolv.conf "$root/etc/resolv.conf"
	}
	in_tree "$root" "$@"
}

# A local mirror is one that has no debug symbols and no security updates beside it.
build_mkosi() {
	mkdir -p "$dir/recipe/mkosi.packages" "$dir/workspace" "$dir/out"
	cp "$SOURCE_DIR"/packaging/image-builders/{mkosi/*,gpu.conf} "$dir/recipe/"
	mv "$dir/vfio-claim.deb" "$dir/recipe/mkosi.packages/vfio-claim_0.1.0_amd64.deb"
	with_tools env -C /mnt/recipe mkosi "--local-mirror=$(recipe_archive)" \
		--workspace-directory=/mnt/workspace --output-directory=/mnt/out build
	mv "$dir/out/vfio-claim-host" "$dir/tree"
}

# A tar archive takes a loop device, but no device-mapper. Its name is read off what losetup and
# sudo print together, so sudo must have nothing to say of a host that has no address. Debian 12,
# since its elements install software-properties-common, which Debian 13 does not have.
build_diskimage_builder() {
	mkdir "$dir/tmp" "$dir/tree"
	with_tools true
	echo "127.0.0.1 localhost $(uname -n)" >"$dir/tools/root/etc/hosts"
	with_tools env -C /mnt TMP_DIR=/mnt/tmp DIB_RELEASE=bookworm \
		"DIB_DISTRIBUTION_MIRROR=$(recipe_archive)" \
		"DIB_APT_SOURCES_CONF=default:deb $(recipe_archive) bookworm main" \
		ELEMENTS_PATH=/run/recipes/diskimage-builder \
		DIB_VFIO_CLAIM_CONF=/run/recipes/gpu.conf DIB_VFIO_CLAIM_PACKAGE=/mnt/vfio-claim.deb \
		disk-image-create --no-tmpfs -t tar -o /mnt/image \
		-p systemd-sysv,udev,grub2-common,grub-pc-bin debian-minimal vfio-claim
	tar -xf "$dir/image.tar" -C "$dir/tree"
	mkdir "$dir/tree/proc" "$dir/tree/sys" # left out of the archive
	rm "$dir/image.tar"
}

# The template as it is, but that its machine, which would be emulated inside Packer, is a tree
# that has an SSH server.
packer_template() {
	sed '/^source "qemu" "host" {/,/^}/d; s/"source\.qemu\.host"/"source.null.host"/' \
		"$SOURCE_DIR/packaging/image-builders/packer/vfio-claim.pkr.hcl"
	cat <<-'END'
		source "null" "host" {
		  communicator         = "ssh"
		  ssh_host             = "127.0.0.1"
		  ssh_username         = var.ssh_username
		  ssh_private_key_file = var.ssh_private_key_file
		}
	END
}

# Packer of Debian 12, the image of Debian 13; both on a network where nobody else is.
build_packer() {
	local image=$dir/image/root

	mount_over "$(layer_of packer-image 13 "${PACKER_IMAGE_PACKAGES[@]}"):$(tree_of 13)" \
		"$dir/image" "$image"
	mount_api "$image"
	mount --rbind /sys "$image/sys"
	mkdir -p -m 700 "$image/root/.ssh"
	in_tree "$image" ssh-keygen -q -t ed25519 -N '' -f /run/key
	cp "$image/run/key.pub" "$image/root/.ssh/authorized_keys"
	mkdir "$image/run/sshd" "$dir/recipe"
	cp "$image/run/key" "$SOURCE_DIR/packaging/image-builders/packer/provision.sh" \
		"$SOURCE_DIR/packaging/image-builders/gpu.conf" "$dir/recipe/"
	packer_template >"$dir/recipe/vfio-claim.pkr.hcl"
	in_tree "$image" busybox ip link set lo up
	in_tree "$image" /usr/sbin/sshd
	builder_in_tree 12 "$dir" env -C /mnt/recipe CHECKPOINT_DISABLE=1 \
		packer build -color=false \
		-var image=none -var package=/mnt/vfio-claim.deb -var config=gpu.conf \
		-var ssh_username=root -var ssh_private_key_file=key .
	kill "$(cat "$image/run/sshd.pid")"
	rm "$image/root/.ssh/authorized_keys"
	cp -ax "$image" "$dir/tree"
}

# ---- bootc

# bootc_base DIRECTORY: Debian 13 as a base image has it: one kernel and its initramfs beside the
# modules, nothing in /boot, dracut. Debian has neither bootc, whose base images come from
# registries, nor packages for a dnf; commands of that name stand in.
bootc_base() {
	local root=$1/root kernel
	local -A S=() # no scenario for prune_installed

	mount_over "$(tree_of 13)" "$1" "$root"
	mount_api "$root"
	kernel=$(basename "$(echo "$root"/boot/vmlinuz-*)" | sed s/vmlinuz-//)
	in_tree "$root" dpkg --force-depends --purge initramfs-tools initramfs-tools-core
	prune_installed "$root"
	mv "$root/boot/vmlinuz-$kernel" "$root/usr/lib/modules/$kernel/vmlinuz"
	rm -rf "${root:?}"/boot/*
	echo "the base image's" >"$root/usr/lib/modules/$kernel/initramfs.img"
	mkdir -p "$root/usr/lib/bootc/kargs.d"
	install -m 755 /dev/stdin "$root/usr/bin/dnf" <<-'END'
		#!/bin/sh
		[ "$1 $2" = "-y install" ] || exit 0
		exec dpkg -i "$3"
	END
	install -m 755 /dev/stdin "$root/usr/bin/bootc" <<-'END'
		#!/bin/sh
		[ "$*" = "container lint" ] && [ "$(ls /usr/lib/modules | wc -l)" = 1 ]
	END
	bare "$root"
}

buildah() { with_tools buildah --root /mnt/storage --runroot /run/buildah --storage-driver vfs "$@"; }

# limit_of RESOURCE: this machine's, in buildah's words. buildah would raise it.
limit_of() { ulimit -H "$1" | sed s/unlimited/-1/; }

build_bootc() {
	local container

	mkdir "$dir/recipe"
	cp "$SOURCE_DIR"/packaging/image-builders/{bootc/Containerfile,gpu.conf} "$dir/recipe/"
	mv "$dir/vfio-claim.deb" "$dir/recipe/vfio-claim.rpm"
	bootc_base "$dir/base"
	tar -cf "$dir/storage.tar" -C "$dir/base/root" .
	container=$(buildah from scratch)
	buildah add --quiet "$container" /mnt/storage.tar /
	rm "$dir/storage.tar"
	buildah commit --quiet --rm "$container" localhost/base
	buildah build --isolation chroot --pull=never --layers=false \
		--ulimit "nofile=$(limit_of -n)" --ulimit "nproc=$(limit_of -u)" \
		--build-arg BASE=localhost/base --build-arg PACKAGE=vfio-claim.rpm \
		-t localhost/compute-host /mnt/recipe
	container=$(buildah from --pull=never localhost/compute-host)
	cp -a "$dir/tools/root$(buildah mount "$container")" "$dir/tree"
}

# ----

# Runs in a mount namespace of its own. build_recipe RECIPE DIRECTORY
build_recipe() {
	local dir=$2 tool

	tool=$(tool_of "$1")
	set -x
	"build_${tool//-/_}" "${1#"$tool-"}"
}

# A recipe that does not build is a result too: see its status.
make_recipe() {
	local dir status=0 started=$EPOCHSECONDS
	local -a alone_on_network=()

	dir=$(recipe_dir "$1")
	[ "$(cat "$dir/status" 2>/dev/null)" != 0 ] || return 0
	say "packaging/image-builders: building $1 ..."
	rm -rf --one-file-system "$LAB/builders/$1"-*
	mkdir -p "$dir"
	lab_builder_package "$dir/vfio-claim.deb"
	[ "$1" != packer ] || alone_on_network=(unshare --net)
	"${alone_on_network[@]}" "$VM_DIR/lab" _call in_namespace build_recipe "$1" "$dir" \
		>"$dir/log" 2>&1 || status=$?
	rm -rf --one-file-system "$dir"/{tools,workspace,tmp,out,image,base,storage,storage.tar}
	echo "$status" >"$dir/status"
	say "packaging/image-builders: $1 was built ($status) in $(seconds_since "$started") s"
}

# lab_recipe_layers RECIPE: its tools. mmdebstrap is this machine's own.
lab_recipe_layers() {
	case $1 in
	mmdebstrap-*) ;;
	packer)
		lab_builder_layers
		with_lock layers make_layer packer-image 13 "${PACKER_IMAGE_PACKAGES[@]}"
		;;
	*) with_lock layers make_layer recipes 13 "${RECIPE_13_PACKAGES[@]}" ;;
	esac
}

# lab_recipes MACHINE...: what those with `built` boot from.
lab_recipes() {
	local machine
	local -A S

	for machine; do
		load_machine "$machine"
		[ -n "${S[built]-}" ] || continue
		lab_recipe_layers "${S[built]}"
		with_lock "recipe-${S[built]}" make_recipe "${S[built]}"
	done
}

# ---- The disk of such a machine

# What who makes a disk of the tree does, on the variables of fill_grub_disk. The initramfs is the
# recipe's.
install_built() {
	write_grub_defaults
	[ ! -d "$root/usr/lib/bootc" ] || deploy_bootc
	install_grub
}

# As `bootc install` has it: the kernel in /boot, and the arguments of kargs.d in its entry.
deploy_bootc() {
	local modules kernel words

	for modules in "$root"/usr/lib/modules/*; do
		kernel=${modules##*/}
		cp "$modules/vmlinuz" "$root/boot/vmlinuz-$kernel"
		cp "$modules/initramfs.img" "$root/boot/initrd.img-$kernel"
	done
	words=$(sed -n 's/^    "\(.*\)",$/\1/p' "$root"/usr/lib/bootc/kargs.d/*.toml | paste -sd' ')
	echo "GRUB_CMDLINE_LINUX=\"\$GRUB_CMDLINE_LINUX $words\"" >>"$root/etc/default/grub"
}

# ---- Containers

# Runs in a mount namespace of its own.
container_in_tree() {
	local dir=$1/container root=$1/container/tools/root container

	mkdir -p "$dir"
	mount -t tmpfs tmpfs "$dir"
	with_tools true
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	container=$root/run/container
	mount_over "$(product_layer):$(builder_layer 13):$(tree_of 13)" "$dir/image" "$container"
	echo fedcba9876543210fedcba9876543210 >"$container/etc/machine-id"
	mount --bind "$1" "$root/mnt"
	shift
	with_tools systemd-nspawn --quiet --register=no --keep-unit --settings=no --link-journal=no \
		--private-network --console=pipe --bind=/mnt -D /run/container "$@"
}

# lab_container DIRECTORY COMMAND...: in a container of systemd-nspawn's, a Debian 13 with
# vfio-claim and cloud-init, where DIRECTORY is /mnt.
lab_container() { in_namespace container_in_tree "$@"; }
