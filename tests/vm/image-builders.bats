#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What tools of other people say of packaging/image-builders and of `vfio-claim export`: those
# that Debian packages, in its releases' trees. Tests with the tag `long` want what
# `tests/vm/lab image-builders` leaves: the images that the recipes have built, and the facts of
# machines that booted from them.

load facts

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

# baked [ARGUMENTS]: what `apply --root /` left in the image of which $T/files is a list, and
# $T/inside one of its initramfs; ARGUMENTS is the boot loader's file.
baked() {
	grep -qx "${1-etc/default/grub.d/90-vfio-claim.cfg}" "$T/files"
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

# ---- Built for real, and booted

# built RECIPE LISTER [ARGUMENTS]: the recipe's image; LISTER prints what its initramfs has inside.
built() {
	local image

	image=$(lab built_tree "$1")
	[ -e "${image%/*}/status" ] || fail "$1 was not built: tests/vm/lab image-builders"
	[ "$(cat "${image%/*}/status")" = 0 ] || fail "$1: $(tail -n 30 "${image%/*}/log")"
	(cd "$image" && find etc usr/lib/{vfio-claim.conf.d,bootc} -type f) >"$T/files" || :
	chroot "$image" sh -c "$2" >"$T/inside"
	baked "${@:3}"
	# A second run finds nothing to do.
	run -0 chroot "$image" vfio-claim apply --root /
	[[ $output == *"nothing to do"* ]]
}

# boots MACHINE: which had its disk made of a recipe's image.
boots() {
	image "$1"
	[ "$(cat "$M/status")" = 0 ] || fail "$1: no disk was made: $(tail -n 5 "$M/build.log")"
	M=$M/first
	grep -q '^booted=yes' "$M/result" || fail "$1 did not boot: $(tail -n 5 "$M/console")"
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	status_is ready
	full_boot vda1
	# What the recipe's `apply` said, and nothing of the lab's.
	tr ' ' '\n' <"$M/cmdline" | grep -qx 'vfio-pci.ids=10de:1c30' ||
		fail "$1: $(cat "$M/cmdline")"
}

# bats test_tags=long
@test "mmdebstrap builds an image with initramfs-tools, which claims the card" {
	built mmdebstrap-initramfs-tools 'lsinitramfs /boot/initrd.img-*'
	boots recipe-mmdebstrap@13-initramfs-tools
}

# bats test_tags=long
@test "mmdebstrap builds an image with dracut, which claims the card" {
	built mmdebstrap-dracut 'lsinitrd /boot/initrd.img-*'
	boots recipe-mmdebstrap@13-dracut-systemd
}

# bats test_tags=long
@test "mkosi of Debian 13 builds an image, which claims the card" {
	built mkosi 'lsinitramfs /boot/initrd.img-*'
	boots recipe-mkosi@13-initramfs-tools
}

# bats test_tags=long
@test "diskimage-builder of Debian 13 builds an image with the element, which claims the card" {
	built diskimage-builder 'lsinitramfs /boot/initrd.img-*'
	boots recipe-diskimage-builder@12-initramfs-tools
}

# bats test_tags=long
@test "Packer of Debian 12 runs the template's provisioners, and the image claims the card" {
	built packer 'lsinitramfs /boot/initrd.img-*'
	# What it was uploaded to is gone.
	run ! ls "$(lab built_tree packer)"/tmp/*
	boots recipe-packer@13-initramfs-tools
}

# bats test_tags=long
@test "buildah of Debian 13 builds the Containerfile, and the image claims the card" {
	built bootc 'lsinitrd /usr/lib/modules/*/initramfs.img' usr/lib/bootc/kargs.d/50-vfio-claim.toml
	boots recipe-bootc@13-dracut-systemd
}

# ---- A container

# user_data < CONFIG: what is exported, as a seed of NoCloud's in $T.
user_data() {
	cat >"$T/vfio-claim.conf"
	tool export cloud-init --config /mnt/vfio-claim.conf >"$T/user-data"
	printf 'instance-id: lab-1\n' >"$T/meta-data"
	# What has to do with user data; the rest is about a machine's network and users.
	cat >"$T/lab.cfg" <<-'END'
		datasource_list: [NoCloud]
		network: {config: disabled}
		cloud_init_modules: [write_files]
		cloud_config_modules: [runcmd]
		cloud_final_modules: [scripts_user, power_state_change]
	END
}

# Run in the container: all that cloud-init does at a boot, and what there is before and after.
FIRST_BOOT='exec >/mnt/log 2>&1
	system() {
		find /etc /usr /boot /root /opt /srv /var -xdev ! -path "/var/l*/cloud*" \
			! -path "/var/log*" ! -path "/etc/cloud*" \
			\( -type d -printf "%p d %m %T@\n" -o -printf "%p %y %m %s %T@ %l\n" \) | sort
	}
	printf "#!/bin/sh\necho shutdown \$* >>/mnt/called\n" >/usr/local/sbin/shutdown
	printf "#!/bin/sh\necho apt-get \$* >>/mnt/called\n" >/usr/local/sbin/apt-get
	chmod 755 /usr/local/sbin/*
	mkdir -p /var/lib/cloud/seed/nocloud
	cp /mnt/user-data /mnt/meta-data /var/lib/cloud/seed/nocloud/
	cp /mnt/lab.cfg /etc/cloud/cloud.cfg.d/99-lab.cfg
	systemd-detect-virt >/mnt/virt
	system >/mnt/before
	set -e
	cloud-init init --local
	cloud-init init
	cloud-init modules --mode config
	cloud-init modules --mode final
	# What changes the power state waits for cloud-init to end.
	until grep -q "check_condition command" /var/log/cloud-init.log; do sleep 1; done
	system >/mnt/after
	cp /var/log/cloud-init*.log /run/cloud-init/result.json /mnt/
	[ ! -e /run/vfio-claim-export ]'

# bats test_tags=long
@test "cloud-init in a container of systemd-nspawn: the user data changes nothing, and nothing reboots" {
	printf '[claim gpu]\nmatch = 10de:1c30\n' | user_data
	run lab lab_container "$T" sh -c "$FIRST_BOOT"
	cat "$T/log" "$T"/cloud-init*.log
	[ "$status" -eq 0 ]
	[ "$(cat "$T/virt")" = systemd-nspawn ]
	[ "$(jq -c .v1.errors "$T/result.json")" = '[]' ]
	grep -q 'vfio-claim: this is a container, nothing is changed' "$T/cloud-init-output.log"
	grep -q 'check_condition command .*reboot-due.* condition not met' "$T/cloud-init.log"
	[ ! -e "$T/called" ]
	[ -s "$T/before" ]
	diff "$T/before" "$T/after"
}

# bats test_tags=long
@test "in a container of systemd-nspawn, the commands that change something say so and do nothing" {
	local command

	for command in apply revert 'claim ffff:00:00.0' 'release ffff:00:00.0'; do
		run -0 lab lab_container "$T" sh -c "cp /mnt/vfio-claim.conf /etc/
			find /etc /boot -xdev -printf '%p %s %T@\\n' | sort >/mnt/before
			vfio-claim $command
			find /etc /boot -xdev -printf '%p %s %T@\\n' | sort >/mnt/after"
		echo "$output"
		[[ $output == *"this is a container"* ]]
		[ -s "$T/before" ]
		diff "$T/before" "$T/after"
	done
}
