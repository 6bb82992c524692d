#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# make install and uninstall with DESTDIR.

setup() {
	load lib/machine.bash
	cd "$REPO" || return 1
	DEST=$BATS_TEST_TMPDIR/dest
	with_sanitizer && skip "installs what is built without a sanitizer"
	return 0
}

@test "install: everything below DESTDIR, and the installed programs run" {
	make --no-print-directory install DESTDIR="$DEST"
	[ -x "$DEST/usr/sbin/vfio-claim" ]
	[ -x "$DEST/usr/lib/vfio-claim/vfio-claim-boot" ]
	"$DEST/usr/sbin/vfio-claim" --version
	"$DEST/usr/lib/vfio-claim/vfio-claim-boot" --version
	[ -n "$(find "$DEST" -path '*dracut/modules.d/50vfio-claim/module-setup.sh' -perm -111)" ]
	[ -x "$DEST/usr/share/initramfs-tools/hooks/vfio-claim" ]
	[ -x "$DEST/usr/share/initramfs-tools/scripts/init-top/00-vfio-claim" ]
	[ -f "$DEST/usr/share/bash-completion/completions/vfio-claim" ]
	[ -f "$DEST/usr/share/zsh/site-functions/_vfio-claim" ]
	# It must sort before udev's script, or the race is lost.
	[ "$(printf '%s\n' udev "$(ls "$DEST/usr/share/initramfs-tools/scripts/init-top")" |
		LC_ALL=C sort | head -n 1)" = 00-vfio-claim ]
}

@test "install: the units are understood by systemd, and are for who requires them" {
	local units=$BATS_TEST_TMPDIR/units output

	make --no-print-directory install DESTDIR="$DEST"
	[ -z "$(find "$DEST" -path '*.wants/*')" ]
	mkdir "$units"
	for unit in vfio-claim-status.service vfio-claim-ready.target; do
		sed "s|/usr/sbin/|$DEST/usr/sbin/|" "$DEST/usr/lib/systemd/system/$unit" >"$units/$unit"
	done
	printf '[Unit]\nRequires=vfio-claim-ready.target\nAfter=vfio-claim-ready.target\n[Service]\nExecStart=%s\n' \
		/bin/true >"$units/nova-compute.service"
	output=$(SYSTEMD_UNIT_PATH=$units: systemd-analyze verify --man=no "$units"/* 2>&1) ||
		{ echo "$output"; false; }
	echo "$output"
	[ -z "$output" ]
	# It can fail.
	sed -i 's/^Type=.*/Type=onceshot/' "$units/vfio-claim-status.service"
	output=$(SYSTEMD_UNIT_PATH=$units: systemd-analyze verify --man=no "$units"/* 2>&1) || :
	[ -n "$output" ]
}

@test "install: helper and hooks are at most 200 KiB" {
	local size

	make --no-print-directory install DESTDIR="$DEST"
	size=$(find "$DEST/usr/lib/vfio-claim" "$DEST/usr/share/initramfs-tools" \
		"$DEST"/usr/lib/dracut -type f -printf '%s\n' | awk '{s += $1} END {print s}')
	echo "$size bytes"
	[ "$size" -gt 0 ]
	[ "$size" -le $((200 * 1024)) ]
}

@test "uninstall: leaves nothing of ours behind" {
	make --no-print-directory install DESTDIR="$DEST"
	: >"$DEST/usr/sbin/somebody-else"
	make --no-print-directory uninstall DESTDIR="$DEST"
	[ "$(cd "$DEST" && find . -type f -o -type l)" = ./usr/sbin/somebody-else ]
	[ -z "$(find "$DEST" -name '*vfio-claim*')" ]
}

@test "install: PREFIX moves the programs" {
	make --no-print-directory install DESTDIR="$DEST" PREFIX=/opt/x
	[ -x "$DEST/opt/x/sbin/vfio-claim" ]
	grep -q '^ExecStart=/opt/x/sbin/vfio-claim ' "$DEST/opt/x/lib/systemd/system/vfio-claim-status.service"
	make --no-print-directory uninstall DESTDIR="$DEST" PREFIX=/opt/x
	[ -z "$(find "$DEST" -type f)" ]
}
