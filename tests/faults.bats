#!/usr/bin/env bats
# bats file_tags=native
# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/torture/faults found: a system call that fails is not an answer.

setup_file() {
	load lib/machine.bash
	load lib/debian.bash
	[ "$(id -u)" -eq 0 ] || return 0
	make_debian "$BATS_FILE_TMPDIR/debian" 6.1.0-28-amd64
}

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	ROOT=$BATS_TEST_TMPDIR/tree
	cp -a "$BATS_FILE_TMPDIR/debian" "$ROOT"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	before=$(owned)
}

owned() {
	(cd "$ROOT" && find etc var/lib -type f -exec cksum {} + | sort)
}

# failing CALL PATH: apply, while this call fails for this path; it must stop and change nothing.
failing() {
	run -5 --separate-stderr strace -qq -o /dev/null -P "$ROOT/$2" -e "inject=$1:error=EIO" \
		"$TOOL" apply --root "$ROOT"
	# shellcheck disable=SC2154 # bats sets it
	[[ $stderr == *"Input/output error"* ]]
	[ "$(owned)" = "$before" ]
}

@test "faults: a grub-mkconfig that cannot be read is not one that knows no drop-ins" {
	failing read usr/sbin/grub-mkconfig
}

@test "faults: a list of kernels that cannot be read is not an empty one" {
	failing getdents64 usr/lib/modules
}

@test "faults: what a killed run left behind goes with the next one that succeeds" {
	local file

	"$TOOL" apply --root "$ROOT"
	for file in etc/modprobe.d/vfio-claim.conf etc/default/grub var/lib/vfio-claim/state \
		etc/default/grub.d/90-vfio-claim.cfg; do
		: >"$ROOT/$file.new~"
		: >"$ROOT/$file.old~"
	done
	: >"$ROOT/etc/somebody.old~"
	"$TOOL" apply --root "$ROOT" --dry-run
	[ -e "$ROOT/etc/default/grub.new~" ]
	run -0 "$TOOL" apply --root "$ROOT"
	[[ $output == *"nothing to do"* ]]
	[ "$(cd "$ROOT" && find etc var -name '*~')" = etc/somebody.old~ ]
}

@test "faults: a sample of all" {
	BUILD=$BUILD run -0 "$TESTS/torture/faults" sample boot apply revert
	[[ $output == *"ok 3 - faults: revert"* ]]
}
