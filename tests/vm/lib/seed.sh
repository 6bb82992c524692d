# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S is the scenario of the caller
# Machines of a cloud (`seed: yes`): cloud-init is on their disk, and a second disk, as NoCloud
# has it, carries the user data that `vfio-claim export cloud-init` makes of the config.

# Writes FAT without mounting it.
SEED_TOOLS=(mtools)
# As a cloud's image has it: without the others, modules of cloud-init fail.
CLOUD_PACKAGES=(cloud-init openssh-server iproute2)

# lab_seeds MACHINE...: the packages of those that have one.
lab_seeds() {
	local machine
	local -A S

	for machine; do
		load_machine "$machine"
		[ -n "${S[seed]-}" ] || continue
		with_lock layers make_layer seed-tools 12 "${SEED_TOOLS[@]}"
		with_lock layers make_layer cloud-init "${S[release]}" "${CLOUD_PACKAGES[@]}"
	done
}

# cloud_init_layer: for the disk of scenario S; or nothing.
cloud_init_layer() {
	[ -z "${S[seed]-}" ] || layer_of cloud-init "${S[release]}" "${CLOUD_PACKAGES[@]}"
}

# set_up_cloud_init ROOT: for the disk of scenario S. The trees are without the files that locales
# are made of, and Debian 12's cloud-init wants one.
set_up_cloud_init() {
	[ -z "${S[seed]-}" ] || echo 'locale: false' >"$1/etc/cloud/cloud.cfg.d/90_lab.cfg"
}

# Runs in a mount namespace of its own: the product in Debian 12's tree, as in run_builder.
# write_seed DIRECTORY, which has the config: makes its seed.img and keeps the user data.
write_seed() {
	local work=$1/seed root=$1/seed/root

	mount_over "$(layer_of seed-tools 12 "${SEED_TOOLS[@]}"):$(product_layer):$(tree_of 12)" \
		"$work" "$root"
	mount_api "$root"
	cp "$1/config" "$root/etc/vfio-claim.conf"
	in_tree "$root" vfio-claim export cloud-init \
		--package /usr/local/share/lab/package-1/vfio-claim.deb >"$root/run/user-data"
	printf 'instance-id: lab-1\nlocal-hostname: lab\n' >"$root/run/meta-data"
	truncate -s 1440K "$root/run/seed.img"
	in_tree "$root" mformat -i /run/seed.img -f 1440 -v CIDATA ::
	in_tree "$root" mcopy -i /run/seed.img /run/user-data /run/meta-data ::
	cp "$root/run/seed.img" "$root/run/user-data" "$1/"
}

# make_seed DIRECTORY: of scenario S.
make_seed() {
	[ -n "${S[seed]-}" ] || return 0
	in_namespace write_seed "$1" >>"$1/build.log" 2>&1 ||
		die "no user data: $(tail -n 5 "$1/build.log")"
	rm -rf "$1/seed"
}

# lend_seed FROM TO: to the next boot of scenario S.
lend_seed() {
	[ -n "${S[seed]-}" ] || return 0
	cp "$1/seed.img" "$2/"
	extra_qemu=(
		-drive "if=none,id=seed,file=/mnt/seed.img,format=raw,readonly=on"
		-device "virtio-blk-pci,drive=seed,serial=seed,bus=pcie.0,addr=13.0"
	)
}
