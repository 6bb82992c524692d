#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The target's tools and its initramfs images: found, run, named, read. Images are made here,
# small ones, in each way that dracut and initramfs-tools make theirs.

KERNEL=6.1.0-test

setup_file() {
	load lib/machine.bash
	export EDGES=$BATS_FILE_TMPDIR/edges
	local flags=(-std=c17 -D_GNU_SOURCE -Isrc -g -Wall -Wextra -Werror)

	with_sanitizer && flags+=(-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
	cd "$REPO" || return 1
	# shellcheck disable=SC2046 # one word a flag
	"${CC:-cc}" "${flags[@]}" $(pkg-config --cflags libarchive) -o "$EDGES" \
		tests/tools/edges.c src/initramfs*.c src/{changes,commands,mounts,kernel_install}.c \
		src/loader_{files,grubby,kernel_install}.c "$BUILD/root.o" \
		"$BUILD/core.a" $(pkg-config --libs libarchive)
}

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	ROOT=$BATS_TEST_TMPDIR/tree
	STAGE=$BATS_TEST_TMPDIR/stage
	LOG=$BATS_TEST_TMPDIR/log
	mkdir -p "$ROOT/usr/sbin" "$ROOT/usr/bin" "$ROOT/etc" "$ROOT/boot" "$STAGE"
}

# program PATH [LINE]: a script in the tree.
program() {
	mkdir -p "$(dirname "$ROOT/$1")"
	printf '#!/bin/sh\n%s\n' "${2:-}" >"$ROOT/$1"
	chmod 0755 "$ROOT/$1"
}

# file ROOT/PATH...: empty files.
file() {
	local path

	for path in "$@"; do
		mkdir -p "$(dirname "$path")"
		: >"$path"
	done
}

says() {
	run -0 "$EDGES" "$@"
}

## Commands

@test "commands: a program is found in usr/sbin, usr/bin, sbin, bin, in this order" {
	program bin/one
	says find "$ROOT" one
	[ "$output" = bin/one ]
	program sbin/one
	says find "$ROOT" one
	[ "$output" = sbin/one ]
	program usr/bin/one
	says find "$ROOT" one
	[ "$output" = usr/bin/one ]
	program usr/sbin/one
	says find "$ROOT" one
	[ "$output" = usr/sbin/one ]
	run -1 "$EDGES" find "$ROOT" other
}

@test "commands: neither a directory nor a file without execute permission is a program" {
	mkdir -p "$ROOT/usr/sbin/one"
	echo text >"$ROOT/usr/bin/one"
	run -1 "$EDGES" find "$ROOT" one
	chmod 0755 "$ROOT/usr/bin/one"
	says find "$ROOT" one
	[ "$output" = usr/bin/one ]
}

links_stay_inside() {
	# /etc/alternatives/one is the tree's, not the builder's.
	program opt/real
	mkdir -p "$ROOT/etc/alternatives"
	ln -sf /etc/alternatives/one "$ROOT/usr/bin/one"
	ln -sf ../../opt/./real "$ROOT/etc/alternatives/one"
	# The builder has a /bin/sh; this tree has none.
	ln -sf /bin/sh "$ROOT/usr/bin/absolute"
	ln -sf ../../../../../../../../../../../../bin/sh "$ROOT/usr/bin/relative"
	ln -sf round "$ROOT/usr/bin/round"
	[ -x /bin/sh ]
	run -0 "$@" "$EDGES" find "$ROOT" one
	[ "$output" = usr/bin/one ]
	run -1 "$@" "$EDGES" find "$ROOT" absolute
	run -1 "$@" "$EDGES" find "$ROOT" relative
	run -1 "$@" "$EDGES" find "$ROOT" round
	program bin/sh
	run -0 "$@" "$EDGES" find "$ROOT" absolute
	run -0 "$@" "$EDGES" find "$ROOT" relative
	rm "$ROOT/bin/sh"
}

@test "commands: links of the tree are followed within the tree" {
	links_stay_inside
}

# bats test_tags=native
@test "commands: the same where the kernel has no openat2, or a container forbids it" {
	with_sanitizer && skip "the leak checker does not work under strace"
	strace -o /dev/null -e trace=none true || skip "strace cannot trace here"
	links_stay_inside strace -o /dev/null -e trace=openat2 -e inject=openat2:error=ENOSYS
	links_stay_inside strace -o /dev/null -e trace=openat2 -e inject=openat2:error=EPERM
}

@test "commands: status, output and errors of what was run" {
	says run / "$LOG" /bin/sh -c 'echo out; echo err >&2; exit 7'
	[ "$output" = 7 ]
	says run / "$LOG" /bin/echo again
	[ "$output" = 0 ]
	[ "$(cat "$LOG")" = $'out\nerr\nagain' ]
	[ "$(stat -c %a "$LOG")" = 600 ]
	says run / "$LOG" /no/such/program
	[ "$output" = ENOENT ]
	says run / "$LOG" /etc/passwd
	[ "$output" = EACCES ]
	says run / "$LOG" /bin/sh -c 'exit 127'
	[ "$output" = 127 ]
	says run / "$LOG" /bin/sh -c 'kill -TERM $$'
	[ "$output" = EINTR ]
}

@test "commands: a program of a foreign architecture, one without its interpreter" {
	cp "$HELPER" "$BATS_TEST_TMPDIR/foreign"
	# e_machine becomes that of the Alpha.
	printf '\x26\x90' | dd of="$BATS_TEST_TMPDIR/foreign" bs=1 seek=18 conv=notrunc status=none
	says run / "$LOG" "$BATS_TEST_TMPDIR/foreign"
	[ "$output" = ENOEXEC ]
	printf '#!/no/such/shell\n' >"$BATS_TEST_TMPDIR/script"
	chmod 0755 "$BATS_TEST_TMPDIR/script"
	says run / "$LOG" "$BATS_TEST_TMPDIR/script"
	[ "$output" = ENOENT ]
}

@test "commands: a clean environment, no input, signals as a shell gives them" {
	echo input | SECRET=1 TERM=xterm DPKG_MAINTSCRIPT_PACKAGE=x "$EDGES" run / "$LOG" \
		/bin/sh -c 'env | sort; wc -c; pwd; umask'
	[ "$(cat "$LOG")" = "HOME=/root
LC_ALL=C.UTF-8
PATH=/usr/sbin:/usr/bin:/sbin:/bin
PWD=/
0
/
0022" ]
	rm "$LOG"
	(trap '' HUP INT TERM PIPE && "$EDGES" run / "$LOG" /bin/grep -E '^Sig(Ign|Blk):' /proc/self/status)
	# 32 and 33 are the C library's own, which no program can set; make leaves them ignored. Of the
	# others HUP, INT and QUIT stay, as nohup and a script's background jobs have them.
	while read -r _ mask; do
		[ $((0x$mask & ~0x180000007)) = 0 ]
	done <"$LOG"
	[ "$(wc -l <"$LOG")" = 2 ]
	[ $((0x$(sed -n 's/^SigIgn:[[:space:]]*//p' "$LOG") & 3)) = 3 ]
	rm "$LOG"
	SOURCE_DATE_EPOCH=12345 "$EDGES" run / "$LOG" /usr/bin/env
	grep -qx SOURCE_DATE_EPOCH=12345 "$LOG"
}

@test "commands: a tree's program runs inside the tree" {
	[ "$(id -u)" -eq 0 ] || skip "needs root for chroot"
	local library

	cp /bin/ls /usr/bin/env "$ROOT/usr/bin/"
	for library in $(ldd /bin/ls /usr/bin/env | grep -oE '/[^ ]+[^ :]' | grep '\.so'); do
		mkdir -p "$ROOT$(dirname "$library")"
		cp -n "$library" "$ROOT$library"
	done
	: >"$ROOT/only-here"
	says run "$ROOT" "$LOG" /usr/bin/ls /
	[ "$output" = 0 ]
	grep -qx only-here "$LOG"
	says run "$ROOT" "$LOG" /bin/sh -c true
	[ "$output" = ENOENT ]
	rm "$LOG"
	SOURCE_DATE_EPOCH=12345 "$EDGES" run "$ROOT" "$LOG" /usr/bin/env
	[ "$(sort "$LOG")" = "HOME=/root
LC_ALL=C.UTF-8
PATH=/usr/sbin:/usr/bin:/sbin:/bin
SOURCE_DATE_EPOCH=12345
VFIO_CLAIM_TREE=1" ]
}

@test "commands: shown as a shell would take them" {
	says words /usr/bin/dracut --kver 6.1.0+x_y "a b" "it's" '' '$(x)'
	[ "$output" = "/usr/bin/dracut --kver 6.1.0+x_y 'a b' 'it'\''s' '' '\$(x)'" ]
}

## Who makes the images, what they are called, how they are made again

initramfs_tools() {
	program usr/sbin/update-initramfs 'mkinitramfs -o "$1"'
	program usr/sbin/mkinitramfs
}

@test "generator: initramfs-tools, dracut, none" {
	says generator "$ROOT"
	[ "$output" = none ]
	program usr/bin/dracut
	says generator "$ROOT"
	[ "$output" = dracut ]
	rm "$ROOT/usr/bin/dracut"
	initramfs_tools
	says generator "$ROOT"
	[ "$output" = initramfs-tools ]
	# The hook of a removed dracut is nobody's.
	file "$ROOT/etc/kernel/postinst.d/dracut"
	says generator "$ROOT"
	[ "$output" = initramfs-tools ]
}

@test "generator: where both are, the one that the kernel's hook calls" {
	initramfs_tools
	program usr/bin/dracut
	says generator "$ROOT"
	[ "$output" = initramfs-tools ]
	file "$ROOT/etc/kernel/postinst.d/dracut"
	says generator "$ROOT"
	[ "$output" = dracut ]
	file "$ROOT/etc/kernel/postinst.d/initramfs-tools"
	says generator "$ROOT"
	[ "$output" = initramfs-tools ]
}

@test "generator: dracut's own update-initramfs, and initramfs-tools-core beside dracut" {
	program usr/bin/dracut
	program usr/sbin/update-initramfs 'dracut --force "$1"'
	program usr/sbin/mkinitramfs
	says generator "$ROOT"
	[ "$output" = dracut ]
}

path_is() {
	says path "$ROOT" "$KERNEL"
	[ "$output" = "$1" ]
}

@test "path: by the distribution where there is no image yet" {
	program usr/bin/dracut
	path_is "boot/initramfs-$KERNEL.img"
	echo 'ID=debian' >"$ROOT/etc/os-release"
	path_is "boot/initrd.img-$KERNEL"
	printf 'NAME="Some Derivative"\nID=derivative\nID_LIKE="ubuntu debian"\n' >"$ROOT/etc/os-release"
	path_is "boot/initrd.img-$KERNEL"
	echo 'ID="opensuse-leap"
ID_LIKE="suse opensuse"' >"$ROOT/etc/os-release"
	path_is "boot/initrd-$KERNEL"
	echo 'ID="rhel"
ID_LIKE="fedora"' >"$ROOT/etc/os-release"
	path_is "boot/initramfs-$KERNEL.img"
	# Half a word is no word.
	echo 'ID=notdebian' >"$ROOT/etc/os-release"
	path_is "boot/initramfs-$KERNEL.img"
}

@test "path: the image that is there, by whatever name" {
	program usr/bin/dracut
	file "$ROOT/boot/initrd.img-$KERNEL"
	path_is "boot/initrd.img-$KERNEL"
	file "$ROOT/boot/initrd-$KERNEL"
	echo ID=sles >"$ROOT/etc/os-release"
	path_is "boot/initrd-$KERNEL"
	rm "$ROOT"/boot/*
	file "$ROOT/usr/lib/modules/$KERNEL/initramfs.img"
	path_is "usr/lib/modules/$KERNEL/initramfs.img"
}

@test "path: a directory of kernel-install, by machine ID or entry token" {
	program usr/bin/dracut
	echo 0123456789abcdef0123456789abcdef >"$ROOT/etc/machine-id"
	file "$ROOT/boot/0123456789abcdef0123456789abcdef/$KERNEL/linux" \
		"$ROOT/boot/initramfs-$KERNEL.img"
	path_is "boot/0123456789abcdef0123456789abcdef/$KERNEL/initrd"
	mkdir "$ROOT/etc/kernel"
	echo fedora >"$ROOT/etc/kernel/entry-token"
	file "$ROOT/boot/efi/fedora/$KERNEL/initrd"
	path_is "boot/efi/fedora/$KERNEL/initrd"
	# Debian makes /boot/initrd.img first.
	echo ID=debian >"$ROOT/etc/os-release"
	file "$ROOT/boot/initrd.img-$KERNEL"
	path_is "boot/initrd.img-$KERNEL"
	rm "$ROOT/etc/os-release" "$ROOT/boot/efi/fedora/$KERNEL/initrd"
	echo '../..' >"$ROOT/etc/kernel/entry-token"
	path_is "boot/0123456789abcdef0123456789abcdef/$KERNEL/initrd"
}

# rebuild_is COMMAND [rebuild]: as the running system, or as a tree. dracut writes its image
# beside the old one, under a name that ends in "new~".
rebuild_is() {
	says "${2:-rebuild-host}" "$ROOT" "$KERNEL"
	[ "$output" = "initramfs of $KERNEL: $1" ]
}

@test "rebuild: update-initramfs, for a new image and one that is there" {
	initramfs_tools
	rebuild_is "/usr/sbin/update-initramfs -c -k $KERNEL"
	file "$ROOT/boot/initrd.img-$KERNEL"
	rebuild_is "/usr/sbin/update-initramfs -u -k $KERNEL"
	# -u would do nothing.
	mkdir -p "$ROOT/etc/initramfs-tools"
	printf '# comment\nupdate_initramfs=no\n' >"$ROOT/etc/initramfs-tools/update-initramfs.conf"
	rebuild_is "/usr/sbin/update-initramfs -c -k $KERNEL"
	for text in 'update_initramfs=no\n' 'update_initramfs=no' '\tupdate_initramfs="no" # not yes\n' \
		'update_initramfs=yes\nupdate_initramfs=no\n'; do
		# shellcheck disable=SC2059 # the text has its line ends in it
		printf "$text" >"$ROOT/etc/initramfs-tools/update-initramfs.conf"
		rebuild_is "/usr/sbin/update-initramfs -c -k $KERNEL"
	done
	for text in '# update_initramfs=no\nupdate_initramfs=yes\n' 'update_initramfs=all # no\n' \
		'update_initramfs=no\nupdate_initramfs=yes\n' '' 'backup_initramfs=no\n'; do
		# shellcheck disable=SC2059
		printf "$text" >"$ROOT/etc/initramfs-tools/update-initramfs.conf"
		rebuild_is "/usr/sbin/update-initramfs -u -k $KERNEL"
	done
}

@test "rebuild: dracut, its update-initramfs, kernel-install" {
	program usr/bin/dracut
	rebuild_is "/usr/bin/dracut --force --kver $KERNEL '/boot/initramfs-$KERNEL.img.new~'"
	echo ID=debian >"$ROOT/etc/os-release"
	rebuild_is "/usr/bin/dracut --force --kver $KERNEL '/boot/initrd.img-$KERNEL.new~'"
	program usr/sbin/update-initramfs
	file "$ROOT/boot/initrd.img-$KERNEL"
	rebuild_is "/usr/sbin/update-initramfs -u -k $KERNEL"
	rm "$ROOT/etc/os-release" "$ROOT"/boot/*
	echo fedora >"$ROOT/etc/machine-id"
	file "$ROOT/boot/fedora/$KERNEL/initrd"
	rebuild_is "/usr/bin/dracut --force --kver $KERNEL '/boot/fedora/$KERNEL/initrd.new~'"
	program usr/bin/kernel-install
	file "$ROOT/boot/vmlinuz-$KERNEL"
	rebuild_is "/usr/bin/kernel-install add $KERNEL /boot/vmlinuz-$KERNEL"
	file "$ROOT/usr/lib/modules/$KERNEL/vmlinuz"
	rebuild_is "/usr/bin/kernel-install add $KERNEL /usr/lib/modules/$KERNEL/vmlinuz"
}

@test "rebuild: dracut in a tree leaves the builder's hardware alone" {
	local line="/usr/bin/dracut --force --kver $KERNEL '/boot/initrd.img-$KERNEL.new~' --no-hostonly"

	program usr/bin/dracut
	echo ID=debian >"$ROOT/etc/os-release"
	rebuild_is "$line" rebuild
	# The package's update-initramfs takes no such option.
	program usr/sbin/update-initramfs
	rebuild_is "$line" rebuild
}

@test "rebuild: without a generator an error" {
	run "$EDGES" rebuild "$ROOT" "$KERNEL"
	[ "$status" -eq 1 ]
}

## What is in an image

# tree GENERATOR: the target, with a kernel whose vfio is modular and needs vfio_virqfd.
tree() {
	local vfio=kernel/drivers/vfio

	GENERATOR=$1
	echo ID=debian >"$ROOT/etc/os-release"
	if [ "$GENERATOR" = dracut ]; then program usr/bin/dracut; else initramfs_tools; fi
	mkdir -p "$ROOT/usr/lib/modules/$KERNEL" "$ROOT/usr/lib/vfio-claim"
	ln -s usr/lib "$ROOT/lib"
	cat >"$ROOT/lib/modules/$KERNEL/modules.dep" <<-END
		kernel/drivers/net/dummy.ko:
		$vfio/pci/vfio-pci.ko: $vfio/pci/vfio-pci-core.ko $vfio/vfio_virqfd.ko $vfio/vfio.ko
		$vfio/vfio_iommu_type1.ko: $vfio/vfio.ko
		$vfio/vfio.ko:
	END
	cp "$HELPER" "$ROOT/usr/lib/vfio-claim/vfio-claim-boot"
	printf '[claim p2000]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	"$TOOL" image --root "$ROOT" --dest "$ROOT"
	IMAGE=$ROOT/boot/initrd.img-$KERNEL
}

# stage: what the generator puts into an image for this tree.
stage() {
	local vfio=$STAGE/usr/lib/modules/$KERNEL/kernel/drivers/vfio
	local hooks=$STAGE/var/lib/dracut/hooks/pre-udev

	mkdir -p "$STAGE/etc/vfio-claim" "$STAGE/usr/lib/vfio-claim" "$STAGE/scripts"
	cp "$ROOT/etc/vfio-claim/claims" "$STAGE/etc/vfio-claim/"
	cp "$HELPER" "$STAGE/usr/lib/vfio-claim/"
	file "$vfio/pci/vfio-pci.ko" "$vfio/pci/vfio-pci-core.ko.xz" "$vfio/vfio.ko.zst" \
		"$vfio/vfio_virqfd.ko.gz" "$vfio/vfio_iommu_type1.ko"
	if [ "$GENERATOR" = dracut ]; then
		file "$hooks/00-vfio-claim-pre-udev.sh"
		file "${hooks%/*}/pre-pivot/99-vfio-claim-pre-pivot.sh"
		return
	fi
	file "$STAGE/scripts/init-top/00-vfio-claim" "$STAGE/scripts/init-premount/vfio-claim-post"
	file "$STAGE/scripts/local-bottom/vfio-claim-late" "$STAGE/scripts/nfs-bottom/vfio-claim-late"
	cat >"$STAGE/scripts/init-top/ORDER" <<-'END'
		/scripts/init-top/00-vfio-claim "$@"
		[ -e /conf/param.conf ] && . /conf/param.conf
		/scripts/init-top/udev "$@"
		[ -e /conf/param.conf ] && . /conf/param.conf
	END
}

# pack DIRECTORY [FIND ARGUMENTS]: its cpio archive on stdout.
pack() {
	(cd "$1" && shift && find . "$@" | LC_ALL=C sort | cpio --quiet -o -H newc)
}

whole() {
	says inspect "$ROOT" "$KERNEL"
	[ -z "$output" ] || { echo "$output"; return 1; }
}

# lacks SENTENCE...: exactly these, each about the image.
lacks() {
	local expected="" sentence

	for sentence in "$@"; do
		expected+=${expected:+$'\n'}"/boot/initrd.img-$KERNEL: $sentence"
	done
	says inspect "$ROOT" "$KERNEL"
	[ "$output" = "$expected" ] || { echo "$output"; return 1; }
}

# dracut_module COMMAND...: with dracut's functions as words, and vfio-claim naming no module.
dracut_module() {
	bash -c '. "$0/modules.d/50vfio-claim/module-setup.sh"
		/usr/sbin/vfio-claim() { :; }
		instmods() { echo "instmods $*"; cat; }
		inst_hook() { echo "hook $1"; }
		inst_multiple() { :; }
		dracut_module_included() { [ "$with_systemd" = yes ]; }
		kernel=6.1.0 moddir=/moddir
		"$@"' "$REPO" "$@"
}

@test "dracut: a kernel without VFIO's modules has none installed, and nothing is waited for" {
	run dracut_module installkernel < <(echo read from standard input)
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "dracut: systemd loads modules by name after vfio-claim, wherever its units are" {
	local units

	for units in '' /lib/systemd/system; do
		export initdir=$BATS_TEST_TMPDIR/image$units systemdsystemunitdir=$units with_systemd=yes
		run dracut_module install
		[ "${lines[0]}" = "hook pre-udev" ]
		diff "$initdir${units:-/usr/lib/systemd/system}/systemd-modules-load.service.d/50-vfio-claim.conf" - <<-'END'
			[Unit]
			After=dracut-pre-udev.service
		END
	done
	export initdir=$BATS_TEST_TMPDIR/plain with_systemd=no
	run dracut_module install
	[ "${lines[0]}" = "hook cmdline" ]
	[ ! -e "$initdir" ]
}

@test "inspect: a whole image of each generator, in every compression" {
	local generator

	for generator in initramfs-tools dracut; do
		rm -rf "$ROOT" "$STAGE"
		mkdir -p "$ROOT/etc" "$ROOT/boot"
		tree "$generator"
		stage
		pack "$STAGE" >"$BATS_TEST_TMPDIR/cpio"
		cp "$BATS_TEST_TMPDIR/cpio" "$IMAGE" && whole
		gzip -c "$BATS_TEST_TMPDIR/cpio" >"$IMAGE" && whole
		bzip2 -c "$BATS_TEST_TMPDIR/cpio" >"$IMAGE" && whole
		xz --check=crc32 -c "$BATS_TEST_TMPDIR/cpio" >"$IMAGE" && whole
		xz --format=lzma -c "$BATS_TEST_TMPDIR/cpio" >"$IMAGE" && whole
		zstd -q -c "$BATS_TEST_TMPDIR/cpio" >"$IMAGE" && whole
		lz4 -q -l -c "$BATS_TEST_TMPDIR/cpio" >"$IMAGE" && whole
	done
}

@test "inspect: microcode first, modules not compressed, the rest compressed" {
	tree initramfs-tools
	stage
	mkdir -p "$BATS_TEST_TMPDIR/early/kernel/x86/microcode"
	echo microcode >"$BATS_TEST_TMPDIR/early/kernel/x86/microcode/GenuineIntel.bin"
	{
		pack "$BATS_TEST_TMPDIR/early"
		pack "$STAGE" -path '*modules*'
		pack "$STAGE" -not -path '*modules*' | zstd -q
	} >"$IMAGE"
	whole
	# Without the middle part its modules are missing.
	{
		pack "$BATS_TEST_TMPDIR/early"
		pack "$STAGE" -not -path '*modules*' | zstd -q
	} >"$IMAGE"
	lacks "the kernel module vfio_pci is not in it" \
		"the kernel module vfio_pci_core is not in it" \
		"the kernel module vfio_virqfd is not in it" \
		"the kernel module vfio is not in it" \
		"the kernel module vfio_iommu_type1 is not in it"
}

# libarchive takes nothing behind xz and lz4 but more of the same, and neither does any generator
# put something there.
@test "inspect: parts behind each other, with and without zeros between and behind" {
	local first second

	tree dracut
	stage
	for first in "gzip -c" "zstd -q -c" "bzip2 -c" cat; do
		second="gzip -c"
		[ "$first" != "$second" ] || second="zstd -q -c"
		# shellcheck disable=SC2086 # words of a command
		{
			pack "$STAGE" -path '*modules*' | $first
			pack "$STAGE" -not -path '*modules*' | $second
		} >"$IMAGE"
		whole || { echo "$first, $second"; return 1; }
		# shellcheck disable=SC2086
		{
			pack "$STAGE" -path '*modules*' | $first
			head -c 777 /dev/zero
			pack "$STAGE" -not -path '*modules*' | $second
			head -c 777 /dev/zero
		} >"$IMAGE"
		whole || { echo "$first, zeros, $second, zeros"; return 1; }
	done
	# Padding to blocks of the disk.
	for first in "xz -c --check=crc32" "lz4 -q -l -c" "zstd -q -c"; do
		# shellcheck disable=SC2086
		pack "$STAGE" | $first >"$IMAGE"
		truncate -s %4096 "$IMAGE"
		whole || { echo "$first, zeros"; return 1; }
	done
}

@test "inspect: two archives compressed as one, and zero bytes behind" {
	tree dracut
	stage
	{
		pack "$STAGE" -path '*modules*'
		pack "$STAGE" -not -path '*modules*'
	} | gzip >"$IMAGE"
	head -c 1000 /dev/zero >>"$IMAGE"
	whole
}

@test "inspect: what an image lacks" {
	tree initramfs-tools
	stage
	rm "$STAGE/etc/vfio-claim/claims"
	pack "$STAGE" >"$IMAGE"
	lacks "the claims table /etc/vfio-claim/claims is not in it"
	stage
	rm "$STAGE/usr/lib/vfio-claim/vfio-claim-boot"
	pack "$STAGE" >"$IMAGE"
	lacks "the helper /usr/lib/vfio-claim/vfio-claim-boot is not in it"
	stage
	rm "$STAGE/scripts/init-top/00-vfio-claim"
	pack "$STAGE" >"$IMAGE"
	lacks "the boot script /scripts/init-top/00-vfio-claim is not in it"
	stage
	rm "$STAGE/scripts/init-premount/vfio-claim-post"
	pack "$STAGE" >"$IMAGE"
	lacks "the boot script /scripts/init-premount/vfio-claim-post is not in it"
	stage
	rm "$STAGE/scripts/local-bottom/vfio-claim-late"
	pack "$STAGE" >"$IMAGE"
	lacks "the boot script /scripts/local-bottom/vfio-claim-late is not in it"
	stage
	rm "$STAGE/scripts/nfs-bottom/vfio-claim-late"
	pack "$STAGE" >"$IMAGE"
	lacks "the boot script /scripts/nfs-bottom/vfio-claim-late is not in it"
	stage
	rm "$STAGE"/usr/lib/modules/*/kernel/drivers/vfio/vfio_virqfd*
	pack "$STAGE" >"$IMAGE"
	lacks "the kernel module vfio_virqfd is not in it"
	stage
	# The module of another kernel is none of this one's.
	mv "$STAGE/usr/lib/modules/$KERNEL" "$STAGE/usr/lib/modules/$KERNEL-2"
	pack "$STAGE" >"$IMAGE"
	[ "$("$EDGES" inspect "$ROOT" "$KERNEL" | grep -c 'kernel module')" -eq 5 ]
	rm -r "${STAGE:?}"/*
	mkdir "$STAGE/etc"
	pack "$STAGE" >"$IMAGE"
	lacks "nothing of vfio-claim is in it"
}

@test "inspect: dracut's hook" {
	tree dracut
	stage
	rm "$STAGE"/var/lib/dracut/hooks/pre-udev/*
	pack "$STAGE" >"$IMAGE"
	lacks "dracut's pre-udev hook vfio-claim-pre-udev.sh is not in it"
	rm "$STAGE"/var/lib/dracut/hooks/pre-pivot/*
	file "$STAGE/var/lib/dracut/hooks/pre-udev/00-vfio-claim-pre-udev.sh"
	pack "$STAGE" >"$IMAGE"
	lacks "dracut's pre-pivot hook vfio-claim-pre-pivot.sh is not in it"
	rm "$STAGE"/var/lib/dracut/hooks/pre-udev/*
	# dracut 059 has them elsewhere.
	file "$STAGE/usr/lib/dracut/hooks/pre-udev/00-vfio-claim-pre-udev.sh"
	file "$STAGE/usr/lib/dracut/hooks/pre-pivot/99-vfio-claim-pre-pivot.sh"
	pack "$STAGE" >"$IMAGE"
	whole
	# An image without systemd.
	mkdir "$STAGE/usr/lib/dracut/hooks/cmdline"
	mv "$STAGE"/usr/lib/dracut/hooks/{pre-udev,cmdline}/00-vfio-claim-pre-udev.sh
	pack "$STAGE" >"$IMAGE"
	whole
}

@test "inspect: built-in modules need not be in the image" {
	tree dracut
	stage
	rm -r "$STAGE/usr/lib/modules"
	echo 'kernel/drivers/net/dummy.ko:' >"$ROOT/lib/modules/$KERNEL/modules.dep"
	pack "$STAGE" >"$IMAGE"
	whole
}

@test "inspect: a driver that a claim names" {
	tree dracut
	stage
	echo 'kernel/drivers/vfio/pci/mlx5/mlx5-vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko' \
		>>"$ROOT/lib/modules/$KERNEL/modules.dep"
	printf '[claim nic]\nmatch = 15b3:101e\ndriver = mlx5_vfio_pci\n' >"$ROOT/etc/vfio-claim.conf"
	"$TOOL" image --root "$ROOT" --dest "$ROOT"
	cp "$ROOT/etc/vfio-claim/claims" "$STAGE/etc/vfio-claim/"
	pack "$STAGE" >"$IMAGE"
	lacks "the kernel module mlx5_vfio_pci is not in it"
}

@test "inspect: scripts in a wrong order" {
	tree initramfs-tools
	stage
	printf '/scripts/init-top/udev "$@"\n/scripts/init-top/00-vfio-claim "$@"\n' \
		>"$STAGE/scripts/init-top/ORDER"
	pack "$STAGE" >"$IMAGE"
	lacks "/scripts/init-top/ORDER in it starts udev before the boot script /scripts/init-top/00-vfio-claim"
	echo '/scripts/init-top/udev "$@"' >"$STAGE/scripts/init-top/ORDER"
	pack "$STAGE" >"$IMAGE"
	lacks "/scripts/init-top/ORDER in it does not name the boot script /scripts/init-top/00-vfio-claim"
}

@test "inspect: an older table, another helper" {
	tree dracut
	stage
	printf '[claim p2000]\nmatch = 10de:1c31\n' >"$ROOT/etc/vfio-claim.conf"
	"$TOOL" image --root "$ROOT" --dest "$ROOT"
	pack "$STAGE" >"$IMAGE"
	lacks "the claims table in it is not what the configuration says"
	cp "$ROOT/etc/vfio-claim/claims" "$STAGE/etc/vfio-claim/"
	cp /bin/true "$STAGE/usr/lib/vfio-claim/vfio-claim-boot"
	pack "$STAGE" >"$IMAGE"
	lacks "the helper in it is not the one that is installed, /usr/lib/vfio-claim/vfio-claim-boot"
	# A later part of the image replaces what an earlier one had.
	cp "$HELPER" "$STAGE/usr/lib/vfio-claim/vfio-claim-boot"
	pack "$STAGE" | gzip >>"$IMAGE"
	whole
}

@test "inspect: a helper that was stripped by dracut, and one that was changed" {
	local helper=$STAGE/usr/lib/vfio-claim/vfio-claim-boot size

	tree dracut
	stage
	strip -g -p "$helper"
	[ "$(readelf -S "$HELPER" | grep -c debug_info)" -eq 0 ] || ! cmp -s "$helper" "$HELPER"
	pack "$STAGE" >"$IMAGE"
	whole
	strip -p "$helper"
	pack "$STAGE" >"$IMAGE"
	whole
	# One byte of the code.
	size=$(readelf -W -S "$helper" | sed -n 's/.* \.text *PROGBITS *[0-9a-f]* *\([0-9a-f]*\) .*/\1/p')
	printf '\xcc' | dd of="$helper" bs=1 seek=$((16#$size + 64)) conv=notrunc status=none
	pack "$STAGE" >"$IMAGE"
	lacks "the helper in it is not the one that is installed, /usr/lib/vfio-claim/vfio-claim-boot"
	head -c 3000 "$HELPER" >"$helper"
	pack "$STAGE" >"$IMAGE"
	lacks "the helper in it is not the one that is installed, /usr/lib/vfio-claim/vfio-claim-boot"
}

@test "inspect: nothing of ours, after revert" {
	tree initramfs-tools
	stage
	pack "$STAGE" | gzip >"$IMAGE"
	says inspect-none "$ROOT" "$KERNEL"
	[ "$output" = "/boot/initrd.img-$KERNEL: /etc/vfio-claim/claims is still in it
/boot/initrd.img-$KERNEL: /scripts/init-premount/vfio-claim-post is still in it
/boot/initrd.img-$KERNEL: /scripts/init-top/00-vfio-claim is still in it
/boot/initrd.img-$KERNEL: /scripts/local-bottom/vfio-claim-late is still in it
/boot/initrd.img-$KERNEL: /scripts/nfs-bottom/vfio-claim-late is still in it
/boot/initrd.img-$KERNEL: /usr/lib/vfio-claim/vfio-claim-boot is still in it" ]
	rm -r "$STAGE/etc/vfio-claim" "$STAGE/scripts" "$STAGE/usr/lib/vfio-claim"
	mkdir -p "$STAGE/usr/lib/vfio-claim"
	pack "$STAGE" | gzip >"$IMAGE"
	says inspect-none "$ROOT" "$KERNEL"
	[ -z "$output" ]
}

@test "inspect: no image, an empty one, one that is none, a compression nobody reads" {
	tree dracut
	run "$EDGES" inspect "$ROOT" "$KERNEL"
	[ "$status" -eq 1 ]
	[ "$output" = "inspect: No such file or directory" ]
	: >"$IMAGE"
	lacks "it is empty (in the part that begins at byte 0)"
	head -c 4096 /dev/zero >"$IMAGE"
	lacks "it is empty (in the part that begins at byte 0)"
	echo "some text" >"$IMAGE"
	lacks "it is no archive and not compressed in a known way (in the part that begins at byte 0)"
	printf '\x89LZO\x00\x0d\x0a\x1a\x0a and more' >"$IMAGE"
	says inspect "$ROOT" "$KERNEL"
	[[ $output == *"libarchive cannot read its compression here: lzo"* || $output == *"cannot be uncompressed"* ]]
	stage
	pack "$STAGE" >"$IMAGE"
	printf 'junk' >>"$IMAGE"
	says inspect "$ROOT" "$KERNEL"
	[[ $output == *"it is no archive and not compressed in a known way (in the part that begins at byte "* ]]
	# The kernel wants an archive that is not compressed at a multiple of four.
	{
		pack "$STAGE" -path '*modules*'
		printf '\0'
		pack "$STAGE" -not -path '*modules*'
	} >"$IMAGE"
	says inspect "$ROOT" "$KERNEL"
	[[ $output == *"it is no archive and not compressed in a known way (in the part that begins at byte "* ]]
}

@test "inspect: images that were cut short or damaged give a sentence and no crash" {
	local size at way

	tree dracut
	stage
	pack "$STAGE" >"$BATS_TEST_TMPDIR/cpio"
	gzip -c "$BATS_TEST_TMPDIR/cpio" >"$BATS_TEST_TMPDIR/gzip"
	zstd -q -c "$BATS_TEST_TMPDIR/cpio" >"$BATS_TEST_TMPDIR/zstd"
	xz -c "$BATS_TEST_TMPDIR/cpio" >"$BATS_TEST_TMPDIR/xz"
	for way in cpio gzip zstd xz; do
		size=$(stat -c %s "$BATS_TEST_TMPDIR/$way")
		for at in 1 5 6 50 110 111 120 $((size / 3)) $((size / 2)) $((size * 9 / 10)); do
			head -c "$at" "$BATS_TEST_TMPDIR/$way" >"$IMAGE"
			says inspect "$ROOT" "$KERNEL"
			[ -n "$output" ] || { echo "$way cut at $at is taken for whole"; return 1; }
			# Eight bytes that are nonsense in a header as well as in a path.
			cp "$BATS_TEST_TMPDIR/$way" "$IMAGE"
			printf '\xff\xffzzz\xff\xff\xff' |
				dd of="$IMAGE" bs=1 seek="$at" conv=notrunc status=none
			says inspect "$ROOT" "$KERNEL"
		done
	done
	# An impossible size, and a path without an end.
	printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x' \
		1 33188 0 0 1 0 4294967295 0 0 0 0 2 0 >"$IMAGE"
	printf 'a\0xx' >>"$IMAGE"
	lacks "it ends too early (in the part that begins at byte 0)"
	printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x' \
		1 33188 0 0 1 0 0 0 0 0 0 4294967295 0 >"$IMAGE"
	lacks "it has a path of an impossible length (in the part that begins at byte 0)"
}
