#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What tools of other people say of packaging/image-builders and of `vfio-claim export`: those
# that Debian packages, in its releases' trees. No machine boots for these.

VM=$BATS_TEST_DIRNAME
RECIPES=$VM/../../packaging/image-builders

setup() {
	bats_require_minimum_version 1.5.0
	mkdir -p "${VFIO_CLAIM_LAB:=/var/cache/vfio-claim-lab}/run"
	export VFIO_CLAIM_LAB
	T=$(mktemp -d "$VFIO_CLAIM_LAB/run/recipes.XXXXXX")
	printf '[host]\ncpu = intel\n\n[claim gpu]\nmatch = 10de:1c30\n' >"$T/vfio-claim.conf"
}

teardown() { rm -rf "$T"; }

lab() { "$VM/lab" _call "$@"; }

# tool ARGUMENT...: the lab's vfio-claim, where $T is /mnt.
tool() {
	lab builder_product "$T" vfio-claim "$@"
}

@test "cloud-init of Debian 12 and 13 takes the user data, and Juju's, by its schema" {
	local release

	tool export cloud-init --config /mnt/vfio-claim.conf >"$T/user-data"
	tool export juju --config /mnt/vfio-claim.conf >"$T/model"
	# As Juju hands it on.
	{
		echo '#cloud-config'
		python3 -c 'import sys, yaml
d = yaml.safe_load(yaml.safe_load(open(sys.argv[1]))["cloudinit-userdata"])
print(yaml.dump({"runcmd": d["postruncmd"]}))' "$T/model"
	} >"$T/juju-data"
	sed 's/^  mode: reboot/  mode: dance/' "$T/user-data" >"$T/wrong"
	for release in 12 13; do
		lab lab_builder "$release" "$T" cloud-init --version
		lab lab_builder "$release" "$T" cloud-init schema --config-file /mnt/user-data
		lab lab_builder "$release" "$T" cloud-init schema --config-file /mnt/juju-data
		run -1 lab lab_builder "$release" "$T" cloud-init schema --config-file /mnt/wrong
		[[ $output == *power_state* ]]
	done
}

@test "mkosi of Debian 13 reads its recipe" {
	cp -r "$RECIPES/mkosi/." "$RECIPES/gpu.conf" "$T/"
	run -0 lab lab_builder 13 "$T" sh -c 'mkosi --version; cd /mnt && mkosi summary'
	echo "$output"
	[[ $output == *"vfio-claim"* ]]
	[[ $output == *"initramfs-tools"* ]]
	[[ $output == *"mkosi.postinst.chroot"* ]]
	shellcheck "$RECIPES/mkosi/mkosi.postinst.chroot"
	# It can fail.
	echo 'Pakages=x' >>"$T/mkosi.conf"
	run -0 lab lab_builder 13 "$T" sh -c 'cd /mnt && mkosi summary 2>&1 || :'
	[[ $output == *Pakages* ]]
}

@test "Packer of Debian 12 reads its recipe, and finds its form right" {
	lab lab_builder 12 "$T" packer version
	lab lab_builder 12 "$T" packer fmt -check -diff /run/recipes/packer/vfio-claim.pkr.hcl
	lab lab_builder 12 "$T" packer fmt -check -diff /run/recipes/packer/plugins.pkr.hcl
	lab lab_builder 12 "$T" packer validate -syntax-only /run/recipes/packer/vfio-claim.pkr.hcl
	shellcheck "$RECIPES/packer/provision.sh"
	# It can fail.
	sed 's/^build {/bulid {/' "$RECIPES/packer/vfio-claim.pkr.hcl" >"$T/wrong.pkr.hcl"
	run -1 lab lab_builder 12 "$T" packer validate -syntax-only /mnt/wrong.pkr.hcl
}

@test "dib-lint of Debian 12 passes the element" {
	cp -r "$RECIPES/diskimage-builder" "$T/elements"
	mkdir "$T/lib"
	lab lab_builder 12 "$T" sh -c 'cd /mnt && ELEMENTS_DIR=elements LIB_DIR=lib dib-lint'
	shellcheck "$RECIPES"/diskimage-builder/vfio-claim/*.d/[56]0-*
	# It can fail.
	sed -i 's/^set -o pipefail//' "$T/elements/vfio-claim/finalise.d/60-vfio-claim"
	run -1 lab lab_builder 12 "$T" sh -c 'cd /mnt && ELEMENTS_DIR=elements LIB_DIR=lib dib-lint'
}

@test "the Containerfile has its arguments before they are used, and commands that the shell reads" {
	python3 - "$RECIPES/bootc/Containerfile" >"$T/run.sh" <<-'END'
		import re, sys
		text = re.sub(r"\\\n", " ", open(sys.argv[1]).read())
		lines = [line for line in text.splitlines() if line and not line.startswith("#")]
		words = [line.split(None, 1) for line in lines]
		assert [w[0] for w in words] == ["ARG", "FROM", "ARG", "COPY", "COPY", "RUN", "RUN"], words
		arguments = set()
		for name, rest in words:
		    if name == "ARG":
		        arguments.add(rest.strip())
		    elif name == "FROM":
		        assert set(re.findall(r"\$\{(\w+)\}", rest)) <= arguments
		        arguments = set()
		    else:
		        assert set(re.findall(r"\$\{(\w+)\}", rest)) <= arguments
		    if name == "RUN":
		        print(rest)
	END
	grep -q 'vfio-claim apply --root /' "$T/run.sh"
	shellcheck -s sh "$T/run.sh"
}

# baked: what `apply --root /` left in the image of which $T/files is a list, and $T/claims.
baked() {
	grep -qx 'etc/default/grub.d/90-vfio-claim.cfg' "$T/files"
	grep -qx 'usr/lib/vfio-claim.conf.d/50-image.conf' "$T/files"
	grep -q 'etc/vfio-claim/claims$' "$T/inside"
	grep -q 'usr/lib/vfio-claim/vfio-claim-boot$' "$T/inside"
	grep -q 'vfio[-_]pci\.ko' "$T/inside"
}

# Runs a recipe's commands in Debian 13's tree, $T being /mnt.
in_debian_13() {
	lab lab_builder 13 "$T" sh -ec "$1"
	cat "$T/log"
	baked
}

LOOK='(cd / && find etc usr/lib/vfio-claim.conf.d -type f) >/mnt/files
	lsinitramfs /boot/initrd.img-* >/mnt/inside'

@test "the element's hooks bake the claim into a tree of Debian 13" {
	lab lab_builder_package "$T/vfio-claim.deb"
	# On the builder.
	DIB_VFIO_CLAIM_CONF=$RECIPES/gpu.conf DIB_VFIO_CLAIM_PACKAGE=$T/vfio-claim.deb \
		TMP_HOOKS_PATH=$T/hooks "$RECIPES/diskimage-builder/vfio-claim/extra-data.d/50-vfio-claim"
	run -1 env -u DIB_VFIO_CLAIM_CONF TMP_HOOKS_PATH="$T/hooks" \
		"$RECIPES/diskimage-builder/vfio-claim/extra-data.d/50-vfio-claim"
	[[ $output == *"DIB_VFIO_CLAIM_CONF must name"* ]]
	in_debian_13 "mkdir -p /tmp/in_target.d
		cp -r /mnt/hooks/. /tmp/in_target.d/
		/run/recipes/diskimage-builder/vfio-claim/finalise.d/60-vfio-claim >/mnt/log 2>&1
		$LOOK"
}

@test "Packer's script bakes the claim into a tree of Debian 13" {
	lab lab_builder_package "$T/vfio-claim.deb"
	cp "$RECIPES/gpu.conf" "$T/"
	in_debian_13 "cp /mnt/vfio-claim.deb /tmp/vfio-claim.deb
		cp /mnt/gpu.conf /tmp/vfio-claim.conf
		/run/recipes/packer/provision.sh >/mnt/log 2>&1
		[ ! -e /tmp/vfio-claim.deb ] && [ ! -e /tmp/vfio-claim.conf ]
		$LOOK"
}

# The image of the mmdebstrap recipe stays in the lab.
built() {
	local image=$VFIO_CLAIM_LAB/builders/mmdebstrap-$1 status=0

	lab lab_builder_image "$1" || status=$?
	tail -n 20 "$image.log"
	[ "$status" -eq 0 ]
	(cd "$image" && find etc usr/lib/vfio-claim.conf.d -type f) >"$T/files"
	chroot "$image" sh -c "$2" >"$T/inside"
	baked
	# A second run finds nothing to do.
	run -0 chroot "$image" vfio-claim apply --root /
	[[ $output == *"nothing to do"* ]]
}

# bats test_tags=long
@test "mmdebstrap builds an image with initramfs-tools" {
	built initramfs-tools 'lsinitramfs /boot/initrd.img-*'
}

# bats test_tags=long
@test "mmdebstrap builds an image with dracut" {
	built dracut 'lsinitrd /boot/initrd.img-*'
}
