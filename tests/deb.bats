#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package: `make deb`, what is in it, and its life in a made-up Debian (tests/targets/),
# whose dpkg is this machine's. update-initramfs and grub-mkconfig are stand-ins.
# bats file_tags=native

# shellcheck disable=SC2154 # bats sets stderr

KERNELS=(6.1.0-28-amd64 6.1.0-30-amd64)

# package DIR NAME VERSION: a .deb of what is in the directory.
package() {
	mkdir -p "$1/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: test\n' \
		"$2" "$3" >"$1/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$1" "$1.deb" >/dev/null
}

# In place of initramfs-tools: the trigger makes the newest kernel's image anew, as there.
make_initramfs_tools() {
	local pkg=$BATS_FILE_TMPDIR/initramfs-tools

	mkdir -p "$pkg/DEBIAN"
	echo 'interest-await update-initramfs' >"$pkg/DEBIAN/triggers"
	cat >"$pkg/DEBIAN/postinst" <<-END
		#!/bin/sh
		set -e
		[ "\$1" = triggered ] || exit 0
		echo "triggered \$2" >>/var/log/stand-ins.log
		update-initramfs -u -k ${KERNELS[1]}
	END
	chmod 0755 "$pkg/DEBIAN/postinst"
	package "$pkg" initramfs-tools 1
}

# The next version: what is in the image and what GRUB sources are other bytes.
make_upgrade() {
	local pkg=$BATS_FILE_TMPDIR/upgrade

	dpkg-deb -R "$DEB" "$pkg"
	sed -i 's/^Version: .*/&+1/' "$pkg/DEBIAN/control"
	echo '# of the next version' >>"$pkg/usr/share/vfio-claim/90-vfio-claim.cfg"
	sed -i 's/\(vfio-claim-boot [0-9.]*\)[0-9]/\1x/' "$pkg/usr/lib/vfio-claim/vfio-claim-boot"
	dpkg-deb --root-owner-group -b "$pkg" "$BATS_FILE_TMPDIR/upgrade.deb" >/dev/null
}

# A Debian with two kernels and dpkg's data, without us.
make_tree() {
	local root=$BATS_FILE_TMPDIR/debian

	make_debian_base "$root"
	install_libraries "$root" "$BATS_FILE_TMPDIR/upgrade/usr/sbin/vfio-claim" \
		"$(command -v dpkg-query)"
	install "$(command -v dpkg-query)" "$root/usr/bin/dpkg-query"
	printf '#!/bin/sh\n[ -e /etc/test-chroot ]\n' >"$root/usr/bin/ischroot"
	chmod 0755 "$root/usr/bin/ischroot"
	make_images "$root" "${KERNELS[@]}"
	chroot "$root" grub-mkconfig -o /boot/grub/grub.cfg
	mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
	: >"$root/var/lib/dpkg/status"
	: >"$root/var/lib/dpkg/available"
	ROOT=$root in_tree -i "$BATS_FILE_TMPDIR/initramfs-tools.deb"
	rm -rf "$root/var/log/stand-ins.log" "$root/tmp/mkinitramfs"
}

setup_file() {
	load lib/machine.bash
	load lib/debian.bash
	load lib/package.bash
	export DEB
	DEB=$(build_package deb)
	[ "$(id -u)" -eq 0 ] || return 0
	make_initramfs_tools
	make_upgrade
	make_tree
}

setup() {
	load lib/machine.bash
	load lib/package.bash
	bats_require_minimum_version 1.5.0
	ROOT=$BATS_TEST_TMPDIR/tree
}

# in_tree OPTION...: this machine's dpkg on the tree, whose scripts run in it.
in_tree() {
	DEBIAN_FRONTEND=noninteractive unshare --mount-proc="$ROOT/proc" dpkg --root="$ROOT" --force-depends --force-unsafe-io \
		--log=/dev/null "$@"
}

# A copy of the tree to install in.
tree() {
	copy_tree debian
}

# Installed, configured and applied.
applied() {
	tree
	in_tree -i "$DEB"
	config
	inside vfio-claim apply
	: >"$ROOT/var/log/stand-ins.log"
}

# All that is in the tree but dpkg's data and the stand-ins' notes. A cpio archive has the numbers
# of inodes in it, so of images what is in them.
state() {
	local image dir

	dir=$(mktemp -d "$BATS_TEST_TMPDIR/images.XXXXXX")
	(
		cd "$ROOT" || exit 1
		find . \( -path ./var/log -o -path ./tmp -o -path ./var/lib/dpkg \) -prune -o \
			-printf '%p %y %m %U:%G %l\n' | sort
		# Who had the lock last is in it.
		find . \( -path ./var/log -o -path ./tmp -o -path ./var/lib/dpkg -o -name 'initrd*' \
			-o -path ./run/vfio-claim.lock \) -prune -o -type f -print0 | sort -z | xargs -0 cksum
		for image in boot/initrd*; do
			rm -rf "$dir" && mkdir "$dir"
			cpio -D "$dir" -id --quiet <"$image"
			(cd "$dir" && find . -type f -print0 | sort -z | xargs -0 cksum)
		done
	)
	rm -rf "$dir"
}

# image KERNEL FILE: prints that file of its initramfs.
in_image() {
	cpio -i --quiet --to-stdout "$2" <"$ROOT/boot/initrd.img-$1"
}

has_no_trace() {
	local kernel

	for kernel in "${KERNELS[@]}"; do
		cpio -t --quiet <"$ROOT/boot/initrd.img-$kernel" >"$BATS_TEST_TMPDIR/names"
		[ -s "$BATS_TEST_TMPDIR/names" ] || return 1
		if grep vfio-claim "$BATS_TEST_TMPDIR/names"; then
			return 1
		fi
	done
	if grep -nE 'vfio|iommu' "$ROOT/boot/grub/grub.cfg"; then
		return 1
	fi
	[ -z "$(find "$ROOT/etc/modprobe.d" "$ROOT/etc/udev" "$ROOT/etc/default" -name '*vfio*')" ]
}

@test "deb: is built in a copy, and the working tree stays as it is" {
	diff "$BATS_FILE_TMPDIR/status-before" "$BATS_FILE_TMPDIR/status-after"
	run -0 --separate-stderr dpkg-deb -f "$DEB" Version
	"$BATS_FILE_TMPDIR/build/deb/vfio-claim/build/vfio-claim" --version | grep -qF " $output"
	[ "$output" = "$(our_version)" ]
}

@test "deb: its build runs the unit tests, and links nothing static" {
	grep -q 'build/unit/test_pci' "$BATS_FILE_TMPDIR/build.log"
	run -1 grep -E -- 'loader-driver| -static ' "$BATS_FILE_TMPDIR/build.log"
}

@test "deb: lintian has nothing to say" {
	run -0 lintian --allow-root --pedantic --display-info "${DEB%_*}"_*.changes
	# Only Debian 12's asks for a script of sysvinit, and an override of it would be an error in
	# Debian 13: the service is for systemd units that require it.
	output=$(grep -v '^I: .*: package-supports-alternative-init-but-no-init.d-script ' <<<"$output") || :
	echo "$output"
	[ -z "$output" ]
}

@test "deb: lintian has nothing to say of the source package, which debian/rules clean leaves clean" {
	cp -a "$BATS_FILE_TMPDIR/build/deb/vfio-claim" "$BATS_TEST_TMPDIR/vfio-claim"
	cd "$BATS_TEST_TMPDIR/vfio-claim"
	debian/rules clean
	cd ..
	dpkg-source --build vfio-claim
	run -0 lintian --allow-root --pedantic --display-info ./*.dsc
	# Debian 12's policy is the older one of the two that it is built for.
	output=$(grep -v '^I: .*: out-of-date-standards-version 4\.6\.2 ' <<<"$output") || :
	echo "$output"
	[ -z "$output" ]
}

@test "deb: files are root's, nobody else may write them, and none is a configuration" {
	local file

	dpkg-deb -c "$DEB" >"$BATS_TEST_TMPDIR/list"
	[ "$(awk '$2 != "root/root"' "$BATS_TEST_TMPDIR/list" | wc -l)" = 0 ]
	[ "$(awk '$1 !~ /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--)$/' "$BATS_TEST_TMPDIR/list" | wc -l)" = 0 ]
	for file in usr/sbin/vfio-claim usr/lib/vfio-claim/vfio-claim-boot \
		usr/lib/dracut/modules.d/50vfio-claim/module-setup.sh \
		usr/share/initramfs-tools/hooks/vfio-claim \
		usr/share/initramfs-tools/scripts/init-top/00-vfio-claim \
		usr/share/initramfs-tools/scripts/init-premount/vfio-claim-post \
		usr/share/initramfs-tools/scripts/local-bottom/vfio-claim-late \
		usr/share/initramfs-tools/scripts/nfs-bottom/vfio-claim-late; do
		grep -q "^-rwxr-xr-x .* \./$file$" "$BATS_TEST_TMPDIR/list" || { echo "no $file"; false; }
	done
	for file in usr/share/vfio-claim/90-vfio-claim.cfg \
		usr/lib/systemd/system/vfio-claim-status.service \
		usr/share/bash-completion/completions/vfio-claim \
		usr/share/zsh/vendor-completions/_vfio-claim \
		usr/share/man/man8/vfio-claim.8.gz usr/share/doc/vfio-claim/examples/gpu.conf; do
		grep -q "^-rw-r--r-- .* \./$file$" "$BATS_TEST_TMPDIR/list" || { echo "no $file"; false; }
	done
	[ "$(grep -c ' \./etc' "$BATS_TEST_TMPDIR/list")" = 0 ]
	[ "$(dpkg-deb -I "$DEB" | grep -c conffiles)" = 0 ]
}

@test "deb: forces no initramfs system on anyone, and is triggered by none" {
	run -0 dpkg-deb -f "$DEB" Depends
	[[ $output == *libkmod2* ]]
	[[ $output != *dracut* && $output != *initramfs* && $output != *grub* ]]
	run -0 dpkg-deb -f "$DEB" Recommends
	# Each system has one generator; a second one would make the images that apply asks for.
	[[ $output == *"initramfs-tools | dracut | dracut-core |"* ]]
	[ "$(dpkg-deb -I "$DEB" triggers | grep -v '^#')" = "activate-noawait update-initramfs" ]
}

@test "deb: shellcheck finds nothing in the maintainer scripts, which touch no hardware" {
	local script

	dpkg-deb -e "$DEB" "$BATS_TEST_TMPDIR/control"
	for script in postinst prerm postrm; do
		shellcheck -s sh "$BATS_TEST_TMPDIR/control/$script"
		run -1 grep -E '/sys/|/dev/|modprobe |udevadm|vfio-claim (claim|release)' \
			<(grep -vE '^[[:space:]]*#|>/dev/null' "$BATS_TEST_TMPDIR/control/$script")
	done
}

@test "deb: purge takes an enabled unit's link along, whichever debhelper made the package" {
	dpkg-deb -e "$DEB" "$BATS_TEST_TMPDIR/control"
	# These know the links by what postinst had noted.
	grep -q "deb-systemd-helper update-state 'vfio-claim-status.service'" \
		"$BATS_TEST_TMPDIR/control/postinst"
	grep -q "deb-systemd-helper purge 'vfio-claim-status.service'" \
		"$BATS_TEST_TMPDIR/control/postrm"
	# Nothing is enabled or started that nobody asked for.
	run -1 grep -E 'systemd-invoke.* (re)?start|_dh_action=' "$BATS_TEST_TMPDIR"/control/p*
}

@test "deb: installed without a configuration, it is in no image and in no boot entry" {
	tree
	in_tree -i "$DEB"
	[ "$(calls | grep -c triggered)" = 1 ]
	has_no_trace
	[ ! -e "$ROOT/var/lib/vfio-claim" ]
	inside vfio-claim --version
	# Purged at once, nothing was there.
	in_tree --purge vfio-claim
	state >"$BATS_TEST_TMPDIR/after"
	ROOT=$BATS_FILE_TMPDIR/debian state | diff - "$BATS_TEST_TMPDIR/after"
}

@test "deb: installed where a configuration is already, the next image has it" {
	tree
	config
	in_tree -i "$DEB"
	in_image "${KERNELS[1]}" etc/vfio-claim/claims | grep -q 10de:1c30
	# The boot loader is for `vfio-claim apply`.
	[ ! -e "$ROOT/var/lib/vfio-claim" ]
	[ "$(calls | grep -c mkconfig)" = 0 ]
}

@test "deb: an upgrade keeps what was applied, with the new version's helper and snippet" {
	applied
	in_tree -i "$BATS_FILE_TMPDIR/upgrade.deb"
	[ "$(calls | grep -c triggered)" = 1 ]
	grep -q '^# of the next version' "$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
	[ "$(grep -c 'vfio-pci.ids=10de:1c30' "$ROOT/boot/grub/grub.cfg")" = 2 ]
	in_image "${KERNELS[1]}" usr/lib/vfio-claim/vfio-claim-boot |
		cmp - "$ROOT/usr/lib/vfio-claim/vfio-claim-boot"
	# The older kernel keeps an image that works, with the helper that it was made with.
	in_image "${KERNELS[0]}" etc/vfio-claim/claims | grep -q 10de:1c30
	run -0 inside vfio-claim apply
	[[ $output == *"initramfs of ${KERNELS[0]}"* ]]
	[[ $output != *"initramfs of ${KERNELS[1]}"* ]]
}

@test "deb: the same version again changes nothing" {
	applied
	state >"$BATS_TEST_TMPDIR/before"
	in_tree -i "$DEB"
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "deb: without a trigger's taker, an upgrade makes the images itself" {
	applied
	echo 'interest-noawait something-else' >"$BATS_FILE_TMPDIR/initramfs-tools/DEBIAN/triggers"
	dpkg-deb --root-owner-group -b "$BATS_FILE_TMPDIR/initramfs-tools" "$BATS_TEST_TMPDIR/other.deb"
	in_tree -i "$BATS_TEST_TMPDIR/other.deb"
	# As with dracut-core alone; the stand-in is dracut's.
	mv "$ROOT/usr/sbin/update-initramfs" "$BATS_TEST_TMPDIR/"
	rm -r "$ROOT/usr/share/initramfs-tools"
	install "$TESTS/targets/stand-ins/dracut" "$ROOT/usr/bin/dracut"
	: >"$ROOT/var/log/stand-ins.log"
	in_tree -i "$BATS_FILE_TMPDIR/upgrade.deb"
	[ "$(calls | grep -c '^dracut .*--kver')" = 2 ]
}

@test "deb: an upgrade with an invalid configuration says so and goes on" {
	applied
	rm "$ROOT/usr/share/initramfs-tools/hooks/vfio-claim"
	echo 'nonsense = 1' >>"$ROOT/etc/vfio-claim.conf"
	sed -i '/hooks\/vfio-claim/d' "$ROOT/usr/sbin/update-initramfs"
	run -0 in_tree -i "$BATS_FILE_TMPDIR/upgrade.deb"
	[[ $output == *"vfio-claim.conf:3"* ]]
	[[ $output == *"run: vfio-claim apply"* ]]
	run -0 in_tree -s vfio-claim
	[[ $output == *"Status: install ok installed"* ]]
}

@test "deb: an upgrade keeps the boot loader that was chosen" {
	tree
	in_tree -i "$DEB"
	config
	# This one would assign anew what that loader's file says.
	rm "$ROOT/etc/default/grub.d/50-cloudimg-settings.cfg"
	inside vfio-claim apply --loader grub-default
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	run -0 in_tree -i "$BATS_FILE_TMPDIR/upgrade.deb"
	[[ $output == *"what was applied is carried on"* ]]
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	grep -q "added by vfio-claim" "$ROOT/etc/default/grub"
}

@test "deb: removed, no trace is left in any initramfs, in GRUB or in modprobe" {
	applied
	in_tree --remove vfio-claim
	has_no_trace
	[ -e "$ROOT/etc/vfio-claim.conf" ]
	[ ! -e "$ROOT/usr/sbin/vfio-claim" ]

	# Installed again it claims nothing until it is asked to, and says so.
	run -0 in_tree -i "$DEB"
	[[ $output == *"to claim again: vfio-claim apply"* ]]
	has_no_trace
	inside vfio-claim apply
	[ "$(grep -c 'vfio-pci.ids=10de:1c30' "$ROOT/boot/grub/grub.cfg")" = 2 ]
}

@test "deb: purged, the tree is byte for byte as before" {
	applied
	mkdir -p "$ROOT/etc/vfio-claim.conf.d" "$ROOT/run/vfio-claim" "$ROOT/run/udev/rules.d"
	printf '[claim other]\nmatch = 10de:1c31\n' >"$ROOT/etc/vfio-claim.conf.d/50-other.conf"
	inside vfio-claim apply
	: >"$ROOT/run/vfio-claim/boot.json"
	: >"$ROOT/run/udev/rules.d/70-vfio-claim.rules"
	in_tree --purge vfio-claim
	rmdir "$ROOT/run/udev/rules.d" "$ROOT/run/udev"
	state >"$BATS_TEST_TMPDIR/after"
	ROOT=$BATS_FILE_TMPDIR/debian state | diff - "$BATS_TEST_TMPDIR/after"
}

@test "deb: purge leaves a configuration that another package has" {
	applied
	mkdir -p "$BATS_TEST_TMPDIR/site/etc/vfio-claim.conf.d"
	printf '[claim site]\nmatch = 10de:1c31\n' \
		>"$BATS_TEST_TMPDIR/site/etc/vfio-claim.conf.d/50-site.conf"
	package "$BATS_TEST_TMPDIR/site" site-config 1
	in_tree -i "$BATS_TEST_TMPDIR/site.deb"
	cp "$ROOT/etc/vfio-claim.conf" "$ROOT/etc/vfio-claim.conf.d/60-mine.conf"
	in_tree --purge vfio-claim
	[ "$(ls "$ROOT/etc/vfio-claim.conf.d")" = 50-site.conf ]
	[ ! -e "$ROOT/etc/vfio-claim.conf" ]
}

@test "deb: purge leaves the configuration file too where another package has it" {
	tree
	in_tree -i "$DEB"
	mkdir -p "$BATS_TEST_TMPDIR/site/etc"
	printf '[claim site]\nmatch = 10de:1c31\n' >"$BATS_TEST_TMPDIR/site/etc/vfio-claim.conf"
	package "$BATS_TEST_TMPDIR/site" site-config 1
	in_tree -i "$BATS_TEST_TMPDIR/site.deb"
	in_tree --purge vfio-claim
	cmp "$BATS_TEST_TMPDIR/site/etc/vfio-claim.conf" "$ROOT/etc/vfio-claim.conf"
}

@test "deb: an initramfs that cannot be made does not keep the package, and it is said" {
	applied
	: >"$ROOT/etc/test-fail"
	run in_tree --remove vfio-claim
	[[ $output == *"still claims devices"*"update-initramfs -u -k all"* ]]
	[ ! -e "$ROOT/usr/sbin/vfio-claim" ]
	if grep -n vfio "$ROOT/boot/grub/grub.cfg"; then
		false
	fi
}

@test "deb: a boot loader that cannot be set keeps the package, whole" {
	applied
	state >"$BATS_TEST_TMPDIR/before"
	mv "$ROOT/usr/sbin/grub-mkconfig" "$BATS_TEST_TMPDIR/"
	printf '#!/bin/sh\n# default/grub.d\nexit 1\n' >"$ROOT/usr/sbin/grub-mkconfig"
	chmod 0755 "$ROOT/usr/sbin/grub-mkconfig"
	run -1 in_tree --remove vfio-claim
	[[ $output == *"it stays installed, because what it did could not be taken back"* ]]
	[ -e "$ROOT/usr/sbin/vfio-claim" ]
	run -0 in_tree -s vfio-claim
	[[ $output == *"Status: deinstall ok installed"* || $output == *"Status: install ok installed"* ]]
	cp -p "$BATS_TEST_TMPDIR/grub-mkconfig" "$ROOT/usr/sbin/grub-mkconfig"
	in_tree --remove vfio-claim
	has_no_trace
}

# As where a library is missing.
break_tool() {
	printf '#!/bin/sh\nexit 127\n' >"$ROOT/usr/sbin/vfio-claim"
}

@test "deb: a tool that cannot run does not keep a package that was never applied" {
	tree
	in_tree -i "$DEB"
	config
	break_tool
	run -0 in_tree --remove vfio-claim
	[[ $output == *"it cannot run"*"update-initramfs -u -k all"* ]]
	has_no_trace
}

@test "deb: a tool that cannot run keeps the package while something is applied" {
	applied
	cp -p "$ROOT/usr/sbin/vfio-claim" "$BATS_TEST_TMPDIR/"
	break_tool
	run -1 in_tree --remove vfio-claim
	[[ $output == *"could not be taken back"* ]]
	cp -p "$BATS_TEST_TMPDIR/vfio-claim" "$ROOT/usr/sbin/vfio-claim"
	inside vfio-claim revert
	break_tool
	in_tree --remove vfio-claim
	has_no_trace
}

@test "deb: a tool that cannot run keeps the package while a revert is half done" {
	applied
	cp -p "$ROOT/usr/sbin/vfio-claim" "$BATS_TEST_TMPDIR/"
	# What a revert that is killed leaves.
	echo 'reverted yes' >>"$ROOT/var/lib/vfio-claim/state"
	break_tool
	run -1 in_tree --remove vfio-claim
	[[ $output == *"could not be taken back"* ]]
	cp -p "$BATS_TEST_TMPDIR/vfio-claim" "$ROOT/usr/sbin/vfio-claim"
	in_tree --remove vfio-claim
	has_no_trace
}

@test "deb: in a chroot and in a container it takes back what was applied to that tree" {
	local mark

	for mark in etc/test-chroot .dockerenv; do
		rm -rf "$ROOT"
		tree
		: >"$ROOT/$mark"
		in_tree -i "$DEB"
		config
		inside vfio-claim apply --root /
		[ "$(grep -c 'vfio-pci.ids=10de:1c30' "$ROOT/boot/grub/grub.cfg")" = 2 ]
		in_tree -i "$BATS_FILE_TMPDIR/upgrade.deb"
		grep -q '^# of the next version' "$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
		in_tree --purge vfio-claim
		has_no_trace
	done
}

# from_outside OPTION...: dpkg on the tree, whose scripts run here. This system has a vfio-claim too,
# which notes what it is asked for, and is else not to be written.
from_outside() {
	export -f in_tree
	export ROOT BATS_TEST_TMPDIR
	mkdir -p "$BATS_TEST_TMPDIR/here"
	printf '#!/bin/sh\necho "$*" >>"%s"\n' "$BATS_TEST_TMPDIR/asked" >"$BATS_TEST_TMPDIR/here/vfio-claim"
	chmod 0755 "$BATS_TEST_TMPDIR/here/vfio-claim"
	# shellcheck disable=SC2016 # for the inner shell
	PATH=$BATS_TEST_TMPDIR/here:$PATH unshare --mount bash -c '
		mount --bind "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"
		mount -t tmpfs tmpfs /var/log
		mount -o remount,bind,ro /
		! mountpoint -q /run || mount -o remount,bind,ro /run
		in_tree --force-script-chrootless --no-triggers "$@"' bash "$@"
}

@test "deb: scripts that dpkg runs outside of the tree leave this system alone" {
	local name

	applied
	from_outside -i "$BATS_FILE_TMPDIR/upgrade.deb"
	grep -q '^# of the next version' "$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
	mkdir -p "$ROOT/run/vfio-claim"
	: >"$ROOT/run/vfio-claim/boot.json"
	from_outside --purge vfio-claim
	has_no_trace
	for name in etc/vfio-claim.conf var/lib/vfio-claim run/vfio-claim; do
		[ ! -e "$ROOT/$name" ]
	done
	[ ! -e "$BATS_TEST_TMPDIR/asked" ]
}

@test "deb: where the tree's tool does not run outside, this system's works on the tree" {
	applied
	break_tool
	from_outside --remove vfio-claim
	[ "$(cat "$BATS_TEST_TMPDIR/asked")" = "revert --root $ROOT" ]
}

@test "deb: \`make deb\` builds with the options and profiles that it is given" {
	local here=$BATS_TEST_TMPDIR/here

	mkdir "$here"
	printf '#!/bin/sh\nenv >"%s"\n: >../vfio-claim_0_all.deb\n' "$BATS_TEST_TMPDIR/env" \
		>"$here/dpkg-buildpackage"
	chmod 0755 "$here/dpkg-buildpackage"
	PATH=$here:$PATH DEB_BUILD_PROFILES=nocheck DEB_BUILD_OPTIONS="nocheck parallel=3" CFLAGS=-O9 \
		make --no-print-directory -C "$REPO" BUILD="$BATS_TEST_TMPDIR/build" deb
	grep -x DEB_BUILD_PROFILES=nocheck "$BATS_TEST_TMPDIR/env"
	grep -x 'DEB_BUILD_OPTIONS=nocheck parallel=3' "$BATS_TEST_TMPDIR/env"
	run -1 grep -E '^(CFLAGS|BUILD)=' "$BATS_TEST_TMPDIR/env"
}
