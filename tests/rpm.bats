#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The package for Fedora and RHEL: `make rpm`, what is in it, and its life in a made-up Fedora
# (tests/targets/), whose dracut and grubby are stand-ins.
# bats file_tags=native

KERNELS=(6.11.4-301.fc41.x86_64)

setup_file() {
	load lib/machine.bash
	load lib/debian.bash
	load lib/package.bash
	export RPM
	RPM=$(build_package rpm)
	[ "$(id -u)" -eq 0 ] || return 0
	make_tree
}

# A Fedora with a kernel, its initramfs, and an empty database of packages.
make_tree() {
	local root=$BATS_FILE_TMPDIR/fedora applet kernel image

	"$TESTS/targets/make-target" fedora "$root"
	rm -r "$root/usr/share/vfio-claim"
	for applet in cpio find cp touch chmod cut; do
		ln -s busybox "$root/usr/bin/$applet"
	done
	mkdir "$BATS_FILE_TMPDIR/files"
	rpm2cpio "$RPM" | cpio -D "$BATS_FILE_TMPDIR/files" -id --quiet
	install_libraries "$root" "$BATS_FILE_TMPDIR/files/usr/sbin/vfio-claim"
	install -D "$TESTS/targets/stand-ins/dracut" "$root/usr/bin/dracut"
	# As this package has it.
	sed -i 's|usr/lib/vfio-claim|usr/libexec/vfio-claim|g' "$root/usr/bin/dracut"
	mkdir -p "$root"/{dev,proc,etc/modprobe.d,etc/udev/rules.d,etc/dracut.conf.d,var/lib/rpm}
	: >"$root/dev/null"
	for kernel in "${KERNELS[@]}"; do
		kernel_modules "$root" "$kernel"
		image=boot/initramfs-$kernel.img
		(cd "$root" && echo ./usr/bin/busybox | cpio -o -H newc --quiet) >"$root/$image"
	done
	ROOT=$root in_tree --initdb
	rm -rf "$root/var/log/stand-ins.log" "$root/tmp/dracut" "$root/tmp/dracut.image"
}

setup() {
	load lib/machine.bash
	load lib/package.bash
	bats_require_minimum_version 1.5.0
	ROOT=$BATS_TEST_TMPDIR/tree
}

# in_tree OPTION...: this machine's rpm on the tree, whose scripts run in it.
in_tree() {
	unshare --mount-proc="$ROOT/proc" rpm --root "$ROOT" --dbpath /var/lib/rpm "$@"
}

tree() {
	copy_tree fedora
}

image_names() {
	cpio -t --quiet <"$ROOT/boot/initramfs-${KERNELS[0]}.img"
}

# settings_have_no_trace: boot entries, and what makes images, modules and devices.
settings_have_no_trace() {
	if grep -n vfio "$ROOT"/boot/loader/entries/*.conf; then
		return 1
	fi
	[ -z "$(find "$ROOT/etc/modprobe.d" "$ROOT/etc/udev" "$ROOT/etc/dracut.conf.d" \
		"$ROOT/etc/default" "$ROOT/var/lib" -name '*vfio-claim*')" ]
}

has_no_trace() {
	image_names >"$BATS_TEST_TMPDIR/names"
	[ -s "$BATS_TEST_TMPDIR/names" ] || return 1
	if grep vfio "$BATS_TEST_TMPDIR/names"; then
		return 1
	fi
	settings_have_no_trace
}

@test "rpm: is built in a copy, and the working tree stays as it is" {
	diff "$BATS_FILE_TMPDIR/status-before" "$BATS_FILE_TMPDIR/status-after"
	[ "$(rpm -qp --qf '%{VERSION}' "$RPM")" = "$(our_version)" ]
}

# Fedora has the static libc in a package of its own.
@test "rpm: its build runs the unit tests, and links nothing static" {
	grep -q 'build/unit/test_pci' "$BATS_FILE_TMPDIR/build.log"
	run -1 grep -E -- 'loader-driver| -static ' "$BATS_FILE_TMPDIR/build.log"
}

@test "rpm: rpmlint has nothing to say that has no reason in its file" {
	run -0 rpmlint -r "$REPO/packaging/rpm/vfio-claim.rpmlintrc" \
		"$REPO/packaging/rpm/vfio-claim.spec" "$RPM" \
		"$BATS_FILE_TMPDIR"/build/rpm/SRPMS/*.src.rpm
	[[ $output == *"0 errors, 0 warnings"* ]]
}

@test "rpm: the files are where dracut, systemd and man look, and nothing else is" {
	local file

	rpm -qpl "$RPM" >"$BATS_TEST_TMPDIR/list"
	for file in /usr/lib/dracut/modules.d/50vfio-claim/module-setup.sh \
		/usr/lib/dracut/modules.d/50vfio-claim/vfio-claim-pre-udev.sh \
		/usr/lib/dracut/modules.d/50vfio-claim/vfio-claim-pre-pivot.sh \
		/usr/libexec/vfio-claim/vfio-claim-boot /usr/sbin/vfio-claim \
		/usr/share/bash-completion/completions/vfio-claim \
		/usr/share/zsh/site-functions/_vfio-claim \
		/usr/lib/systemd/system/vfio-claim-status.service; do
		grep -qx "$file" "$BATS_TEST_TMPDIR/list" || { echo "no $file"; false; }
	done
	[ "$(grep -c '/man/man[578]/vfio-claim' "$BATS_TEST_TMPDIR/list")" = 4 ]
	run -1 grep -E 'initramfs-tools|tests|debian' "$BATS_TEST_TMPDIR/list"
	[ "$(rpm -qp --qf '[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]' "$RPM" | sort -u)" = root:root ]
	# The scripts name the helper where this package has it.
	grep -q '^    inst_multiple /usr/libexec/vfio-claim/vfio-claim-boot$' \
		"$BATS_FILE_TMPDIR/files/usr/lib/dracut/modules.d/50vfio-claim/module-setup.sh"
	run -1 grep -rn /usr/lib/vfio-claim/ "$BATS_FILE_TMPDIR/files/usr/lib/dracut" \
		"$BATS_FILE_TMPDIR/files/usr/lib/systemd"
}

@test "rpm: shellcheck finds nothing in the scriptlets, which touch no hardware" {
	rpm -qp --scripts "$RPM" >"$BATS_TEST_TMPDIR/scripts"
	grep -q '^preuninstall scriptlet' "$BATS_TEST_TMPDIR/scripts"
	grep -q '^posttrans scriptlet' "$BATS_TEST_TMPDIR/scripts"
	sed 's/^.* scriptlet (using .*/#&/' "$BATS_TEST_TMPDIR/scripts" >"$BATS_TEST_TMPDIR/script"
	# $tree is two words, or none.
	shellcheck -s sh -e SC2086 "$BATS_TEST_TMPDIR/script"
	run -1 grep -E '/sys/|/dev/|modprobe |udevadm|vfio-claim (claim|release)' \
		<(grep -vE '^[[:space:]]*#|>/dev/null' "$BATS_TEST_TMPDIR/script")
}

@test "rpm: an installation changes no image and no boot entry" {
	tree
	config
	in_tree -i --nodeps "$RPM"
	inside vfio-claim check
	[ -z "$(calls)" ]
	[ ! -e "$ROOT/var/lib/vfio-claim/state" ]
	in_tree -e vfio-claim
	[ -z "$(calls)" ]
	# What is in /run is gone with the next boot.
	[ -z "$(cd "$ROOT" && find . -name '*vfio-claim*' ! -name vfio-claim.conf \
		! -path './proc/*' ! -path './run/*')" ]
}

@test "rpm: an upgrade carries on what was applied, an erasure takes it back" {
	tree
	in_tree -i --nodeps "$RPM"
	config
	inside vfio-claim apply
	image_names | grep -q usr/libexec/vfio-claim/vfio-claim-boot
	grep -q vfio-pci.ids=10de:1c30 "$ROOT"/boot/loader/entries/*.conf
	: >"$ROOT/var/log/stand-ins.log"
	# What an older version would have made.
	cp "$BATS_FILE_TMPDIR/fedora/boot/initramfs-${KERNELS[0]}.img" "$ROOT/boot/"
	in_tree -U --nodeps --replacepkgs "$RPM"
	[ "$(calls | grep -c '^dracut')" = 1 ]
	image_names | grep -q usr/libexec/vfio-claim/vfio-claim-boot

	in_tree -e vfio-claim
	has_no_trace
	[ -e "$ROOT/etc/vfio-claim.conf" ]
}

@test "rpm: an erasure without any apply takes the claims out of the images" {
	local kernel=${KERNELS[0]}

	tree
	in_tree -i --nodeps "$RPM"
	config
	# As a kernel's installation does.
	inside dracut --force --kver "$kernel" "/boot/initramfs-$kernel.img"
	image_names | grep -q etc/vfio-claim/claims
	[ ! -e "$ROOT/var/lib/vfio-claim/state" ]
	in_tree -e vfio-claim
	has_no_trace
}

@test "rpm: an initramfs that cannot be made is said, and all else is taken back" {
	tree
	in_tree -i --nodeps "$RPM"
	config
	inside vfio-claim apply
	: >"$ROOT/etc/test-fail"
	run -0 in_tree -e vfio-claim
	[[ $output == *"still claims devices"*"dracut --regenerate-all --force"* ]]
	[[ $output != *"may be left"* ]]
	settings_have_no_trace
	image_names | grep -q etc/vfio-claim/claims

	# Installed again, it is mended with one command.
	rm "$ROOT/etc/test-fail"
	in_tree -i --nodeps "$RPM"
	inside vfio-claim revert
	in_tree -e vfio-claim
	has_no_trace
}

@test "rpm: what an erasure could not take back, it can after an installation" {
	tree
	in_tree -i --nodeps "$RPM"
	config
	inside vfio-claim apply
	mv "$ROOT/usr/sbin/grubby" "$BATS_TEST_TMPDIR/"
	printf '#!/bin/sh\nexit 1\n' >"$ROOT/usr/sbin/grubby"
	chmod 0755 "$ROOT/usr/sbin/grubby"
	run -0 in_tree -e vfio-claim
	[[ $output == *"may be left"*"run: vfio-claim revert"* ]]
	[ ! -e "$ROOT/usr/sbin/vfio-claim" ]
	grep -q vfio-pci.ids=10de:1c30 "$ROOT"/boot/loader/entries/*.conf

	cp -p "$BATS_TEST_TMPDIR/grubby" "$ROOT/usr/sbin/grubby"
	in_tree -i --nodeps "$RPM"
	inside vfio-claim revert
	in_tree -e vfio-claim
	has_no_trace
}

@test "rpm: an upgrade with an invalid configuration says so and goes on" {
	tree
	in_tree -i --nodeps "$RPM"
	config
	inside vfio-claim apply
	echo 'nonsense = 1' >>"$ROOT/etc/vfio-claim.conf"
	run -0 in_tree -U --nodeps --replacepkgs "$RPM"
	[[ $output == *"vfio-claim.conf:3"* ]]
	[[ $output == *"run: vfio-claim apply"* ]]
}
