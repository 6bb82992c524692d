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

# broken CALL PATH COMMAND...: the command, while this call fails for this path, or for what is
# opened there.
broken() {
	local call=$1 path=$2

	shift 2
	strace -qq -o /dev/null -P "$path" -P "$ROOT/$path" -e "inject=$call:error=EIO" "$@"
}

# failing CALL PATH: apply, while that fails; it must stop and change nothing.
failing() {
	run -5 --separate-stderr broken "$1" "$2" "$TOOL" apply --root "$ROOT"
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

@test "faults: an initramfs system that cannot be looked at is not one that is not there" {
	failing read usr/sbin/update-initramfs
	failing openat2 boot/vmlinuz-6.1.0-28-amd64
}

@test "faults: a system without descriptors, or a file system that is lost, has answered nothing" {
	local error

	for error in EMFILE ENFILE EUCLEAN EBADMSG ESTALE ETIMEDOUT ENOTCONN; do
		run -5 --separate-stderr strace -qq -o /dev/null -P "$ROOT/boot/vmlinuz-6.1.0-28-amd64" \
			-P boot/vmlinuz-6.1.0-28-amd64 -e "inject=openat2:error=$error" \
			"$TOOL" apply --root "$ROOT"
		[[ $stderr == *"the target's initramfs cannot be looked at: "* ]]
		[ "$(owned)" = "$before" ]
	done
}

@test "faults: a kernel that cannot be looked at is not left out" {
	failing faccessat2 usr/lib/modules
}

@test "faults: a configuration that cannot be looked at is not one that is missing" {
	failing openat2 etc/vfio-claim.conf
	run -0 "$TOOL" image --wanted --root "$ROOT"
	# 1 would say to the hooks that nothing is configured.
	run -5 broken openat2 etc/vfio-claim.conf "$TOOL" image --wanted --root "$ROOT"
	run -5 broken openat2 etc/vfio-claim.conf "$TOOL" revert --root "$ROOT"
}

@test "faults: tools never see the builder's own kernel arguments, whatever cannot be mounted" {
	local number seen=$ROOT/tmp/seen runs=0

	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -shared -fPIC -o "$BATS_TEST_TMPDIR/preload.so" \
		"$TESTS/torture/preload.c"
	# The tree's own, behind the place that is looked at; it reads by itself.
	sed -i '2a { while read -r line; do echo "$line"; done </proc/cmdline; echo end; } >>/tmp/seen 2>/dev/null' \
		"$ROOT/usr/sbin/update-initramfs"
	for number in {1..15}; do
		"$TOOL" revert --root "$ROOT" >/dev/null 2>&1
		rm -f "$seen"
		LD_PRELOAD=$BATS_TEST_TMPDIR/preload.so FAULT="child $number" \
			"$TOOL" apply --root "$ROOT" >/dev/null 2>&1 || :
		[ -e "$seen" ] || continue
		runs=$((runs + 1))
		[ "$(sort -u "$seen")" = end ] || { echo "call $number: $(<"$seen")"; return 1; }
	done
	# Some of the calls end it, without some it goes on.
	[ "$runs" -gt 2 ] && [ "$runs" -lt 15 ]
}

# gpus: a machine whose first card nothing needs.
gpus() {
	machine twin-gpus
	echo 0 >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	mkdir -p "$ROOT/proc/self" "$ROOT/run/vfio-claim"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
}

@test "faults: a claim that is killed, or cannot write who had the card, forgets nobody" {
	gpus
	run -5 broken openat2 run/vfio-claim/native.new~ "$TOOL" claim 01:00.0 --root "$ROOT" \
		--with-hardware
	[ -z "$(overrides)" ]
	run strace -qq -o /dev/null -P "$ROOT/$DEVICES/0000:01:00.0/driver_override" \
		-e inject=write:signal=KILL "$TOOL" claim 01:00.0 --root "$ROOT" --with-hardware
	[ "$status" -ge 128 ]
	[ "$(sort "$ROOT/run/vfio-claim/native")" = \
		$'0000:01:00.0 nouveau\n0000:01:00.1 snd_hda_intel' ]
	# What it left beside goes with the next one, whatever that does.
	: >"$ROOT/run/vfio-claim/native.new~"
	run -0 "$TOOL" release 02:00.0 --root "$ROOT" --with-hardware
	[ ! -e "$ROOT/run/vfio-claim/native.new~" ]
}

@test "faults: a function that cannot be read is not one that the card does not have" {
	gpus
	run -5 broken openat 0000:01:00.1/uevent "$TOOL" claim 01:00.0 --root "$ROOT" --with-hardware
	[[ $output == *"cannot be read: Input/output error"* ]]
	[ -z "$(overrides)" ]
}

# The whole of it is tests/torture/faults late.
@test "faults: an fstab that cannot be read keeps all storage with the host" {
	machine storage
	claims <<<$'[claim everything]\nmatch = class=01'
	mkdir -p "$ROOT/proc/self" "$ROOT/sys/dev/block" "$ROOT/sys/class/block" "$ROOT/sysroot/etc"
	echo '22 1 0:21 / /sysroot rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	echo 'tmpfs /tmp tmpfs defaults 0 0' >"$ROOT/sysroot/etc/fstab"
	"$HELPER" --root "$ROOT" 2>/dev/null
	cp -a "$ROOT" "$ROOT.early"
	"$HELPER" --root "$ROOT" --late /sysroot 2>/dev/null
	[ "$(overrides | wc -l)" -eq 4 ]
	rm -rf "$ROOT" && mv "$ROOT.early" "$ROOT"
	run -0 broken read sysroot/etc/fstab "$HELPER" --root "$ROOT" --late /sysroot
	[ -z "$(overrides)" ]
	[[ $(record .late.storage_reason) == *"cannot be read (Input/output error): all storage stays" ]]
}

@test "faults: native drivers that cannot be read are not forgotten" {
	gpus
	echo '0000:01:00.0 nouveau' >"$ROOT/run/vfio-claim/native"
	ln -sfn ../../../../bus/pci/drivers/vfio-pci "$ROOT/$DEVICES/0000:01:00.0/driver"
	run -5 broken read run/vfio-claim/native "$TOOL" release 01:00.0 --root "$ROOT" --with-hardware
	[[ $output == *"run/vfio-claim/native cannot be read: Input/output error"* ]]
	[ "$(cat "$ROOT/run/vfio-claim/native")" = '0000:01:00.0 nouveau' ]
	[ -z "$(overrides)" ]
}

# alone COMMAND...: with the first three files open and no other; bats has some.
alone() {
	local fd

	for fd in "/proc/$BASHPID/fd/"*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-"
	done
	"$@"
}

@test "faults: the tools that apply starts inherit nothing but their three files" {
	sed -i '1a for file in /proc/$$/fd/*; do busybox readlink "$file"; done >>/var/log/inherited' \
		"$ROOT/usr/sbin/update-initramfs"
	(alone "$TOOL" apply --root "$ROOT")
	# Its own file is the shell's; the log is seen by its path outside.
	run -0 sort -u <(sed "s|^$ROOT/|/|" "$ROOT/var/log/inherited")
	[ "$(grep -v '/usr/sbin/update-initramfs$' <<<"$output")" = \
		$'/dev/null\n/var/log/inherited\n/var/log/vfio-claim.log' ] || { echo "$output"; false; }
	# It would be seen.
	printf '[claim gpu]\nmatch = 10de:1c31\n' >"$ROOT/etc/vfio-claim.conf"
	"$TOOL" apply --root "$ROOT" 7<"$ROOT/etc/vfio-claim.conf"
	grep -q '/etc/vfio-claim.conf$' "$ROOT/var/log/inherited"
}

@test "faults: after a revert that was killed the next one finishes with the boot loader" {
	local file

	cp "$ROOT/boot/grub/grub.cfg" "$BATS_TEST_TMPDIR/grub.cfg"
	"$TOOL" apply --root "$ROOT"
	grep -q vfio-pci.ids "$ROOT/boot/grub/grub.cfg"
	# It is about to start the first of its tools then.
	run strace -qq -o /dev/null -e inject=clone:signal=KILL "$TOOL" revert --root "$ROOT"
	[ "$status" -ge 128 ]
	grep -q vfio-pci.ids "$ROOT/boot/grub/grub.cfg"
	"$TOOL" revert --root "$ROOT"
	diff "$BATS_TEST_TMPDIR/grub.cfg" "$ROOT/boot/grub/grub.cfg"
	for file in "$ROOT"/boot/initrd*; do
		[ "$(cpio -t --quiet <"$file" | grep -c vfio-claim)" -eq 0 ]
	done
	run -0 "$TOOL" revert --root "$ROOT"
	[[ $output == *"nothing to do"* ]]
	[ -z "$(find "$ROOT/etc" "$ROOT/var" -name '*~')" ]
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
	BUILD=$BUILD run -0 "$TESTS/torture/faults" sample
	[[ $output == *"ok 7 - faults: "* ]]
}
