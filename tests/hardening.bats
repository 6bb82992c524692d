#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# How the programs are compiled and linked, whom they refuse, what they do not start, and how the
# status unit is shut in: docs/security.md.

setup() {
	load lib/machine.bash
	cd "$REPO" || return 1
	bats_require_minimum_version 1.5.0
	with_sanitizer && skip "a sanitizer's build is for tests alone"
	return 0
}

# hardened PROGRAM: says what it lacks.
hardened() {
	local headers dynamic symbols missing=()

	headers=$(readelf -hlW "$1") && dynamic=$(readelf -dW "$1") && symbols=$(nm -D "$1") || return 1
	grep -qE 'Type: +DYN' <<<"$headers" && grep -q 'FLAGS_1.*PIE' <<<"$dynamic" || missing+=(PIE)
	grep -q GNU_RELRO <<<"$headers" && grep -q 'FLAGS_1.*NOW' <<<"$dynamic" ||
		missing+=("full RELRO")
	grep -qE 'GNU_STACK .* RW ' <<<"$headers" || missing+=("a stack that is not executable")
	grep -q TEXTREL <<<"$dynamic" && missing+=("text without relocations")
	grep -q __stack_chk_fail <<<"$symbols" || missing+=("stack protector")
	grep -q __snprintf_chk <<<"$symbols" || missing+=(FORTIFY)
	[ "${#missing[@]}" -eq 0 ] || {
		printf '%s lacks: %s\n' "$1" "${missing[*]}"
		return 1
	}
}

@test "hardening: PIE, full RELRO, stack protector, FORTIFY, no executable stack" {
	hardened "$TOOL"
	hardened "$HELPER"
}

@test "hardening: the check finds what is missing, and the builder's flags win" {
	make --no-print-directory BUILD="$BATS_TEST_TMPDIR/soft" LDFLAGS='-no-pie -Wl,-z,norelro -Wl,-z,lazy' \
		CFLAGS='-O0 -fno-stack-protector -fno-pie' "$BATS_TEST_TMPDIR/soft/vfio-claim-boot" >/dev/null
	run -1 hardened "$BATS_TEST_TMPDIR/soft/vfio-claim-boot"
	[[ $output == *"lacks: PIE full RELRO stack protector FORTIFY" ]]
}

@test "hardening: a FORTIFY level of the builder's is left alone" {
	run -0 make --no-print-directory -n V=1 BUILD="$BATS_TEST_TMPDIR/other" \
		CFLAGS='-O2 -D_FORTIFY_SOURCE=3' "$BATS_TEST_TMPDIR/other/text.o"
	[[ $output == *_FORTIFY_SOURCE=3* ]]
	[[ $output != *_FORTIFY_SOURCE=2* ]]
}

# modes DIRECTORY...: "/PATH MODE OWNER" of the files of a tree that are newer than the stamp.
modes() {
	(cd "$ROOT" && find "$@" -type f -newer "$BATS_TEST_TMPDIR/stamp" -printf '/%p 0%m %u:%g\n' |
		grep -vE '^/(var/log/stand-ins|tmp/|boot/)')
}

@test "hardening: every file has the owner and mode that the security page says" {
	local path mode owner files

	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	load lib/debian.bash
	make_debian "$BATS_TEST_TMPDIR/debian" 6.1.0-28-amd64
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -o "$BATS_TEST_TMPDIR/kernel" tests/tools/stand-in-kernel.c
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 02:00.0 10de:1c30'
	append rd.driver.blacklist=nouveau
	echo 0 >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	printf 'driver vfio-pci\n' >"$ROOT/kernel"
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
	touch "$BATS_TEST_TMPDIR/stamp"
	sleep 0.1 # clocks of files have coarse ticks
	# With root's umask in the initramfs, and with a careful admin's.
	mkdir -p "$ROOT/etc/modprobe.d"
	"$HELPER" --root "$ROOT" --rd-driver 2>/dev/null
	umask 0077
	"$BATS_TEST_TMPDIR/kernel" "$ROOT" "$TOOL" claim 01:00.0 --root "$ROOT" --with-hardware
	files=$(modes run etc)
	[[ $files == *vfio-claim-rd.conf* ]]
	ROOT=$BATS_TEST_TMPDIR/debian
	printf '[host]\nignore_msrs = yes\n[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	chmod 0644 "$ROOT/etc/vfio-claim.conf"
	"$TOOL" apply --root "$ROOT"
	files+=$'\n'$(modes etc var run)
	echo "$files"
	[ "$(wc -l <<<"$files")" -ge 10 ]
	while read -r path mode owner; do
		grep '^|' docs/security.md | grep -F "$path" | grep -qF "| $mode" ||
			{ echo "$path is $mode, which is not on the page"; return 1; }
		[ "$owner" = root:root ]
	done <<<"$files"
	[ "$(stat -c %a "$ROOT/var/lib/vfio-claim")" = 755 ]
}

@test "hardening: who is not root is refused, and a dry run is allowed" {
	local command place

	[ "$(id -u)" -eq 0 ] || skip "becomes another user"
	machine twin-gpus
	echo '[claim gpu]
match = 02:00.0 10de:1c30' >"$ROOT/etc/vfio-claim.conf"
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
	# Where that user gets to; what the refusal keeps from is not the modes of the tree.
	place=$BATS_TEST_TMPDIR/place
	mkdir "$place"
	cp "$TOOL" "$place/tool"
	mv "$ROOT" "$place/tree"
	ROOT=$place/tree
	chmod -R a+rwX "$place"
	chmod a+x "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_RUN_TMPDIR"
	before=$(tree_state)
	for command in apply revert "claim --with-hardware 02:00.0" "release --with-hardware 02:00.0"; do
		# shellcheck disable=SC2086 # a command, an option and an address
		run -5 setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$place/tool" $command --root "$ROOT"
		echo "$command: $output"
		[[ $output == *"only root may "* ]]
		[ "$(tree_state)" = "$before" ]
		# shellcheck disable=SC2086
		run setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$place/tool" $command --root "$ROOT" --dry-run
		[[ $output != *"only root may "* ]]
	done
}

@test "hardening: a module is loaded without the install command of modprobe.d" {
	machine twin-gpus
	mkdir -p "$ROOT/etc/modprobe.d" "$ROOT/lib/modules/$(uname -r)"
	echo "install no_such_module_here /bin/touch $BATS_TEST_TMPDIR/ran" >"$ROOT/etc/modprobe.d/a.conf"
	# There is no such file, so that nothing can get into this machine's kernel.
	# shellcheck disable=SC2046 # one word a flag
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -Isrc -o "$BATS_TEST_TMPDIR/load" tests/tools/load.c \
		"$BUILD/root.o" "$BUILD/core.a" $(pkg-config --libs libkmod)
	run "$BATS_TEST_TMPDIR/load" "$ROOT" no_such_module_here
	echo "$output"
	[ "$output" = ENOENT ]
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	# The line is one that modprobe follows.
	modprobe -C "$ROOT/etc/modprobe.d" -d "$ROOT" no_such_module_here
	[ -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "hardening: the status unit is shut in" {
	systemd-analyze security --help | grep -q -- --offline || skip "this systemd-analyze reads no files"
	run -0 systemd-analyze security --offline=yes --threshold=20 \
		packaging/systemd/vfio-claim-status.service
	# The figure on the page is of systemd 252; later ones know more settings.
	[[ $(systemd-analyze --version) != "systemd 252 "* ]] ||
		[[ $output == *"service: $(grep -oE 'its exposure [0-9.]+' docs/security.md | grep -oE '[0-9.]+$') OK"* ]]
	# Of a network namespace /sys has no network interfaces of the host's.
	run -1 grep -E '^(PrivateNetwork|NetworkNamespacePath|JoinsNamespaceOf)=' \
		packaging/systemd/vfio-claim-status.service
	grep -qx RestrictAddressFamilies=none packaging/systemd/vfio-claim-status.service
	# It can fail.
	sed '/^\(Protect\|Private\|Restrict\|Capability\|SystemCall\)/d' \
		packaging/systemd/vfio-claim-status.service >"$BATS_TEST_TMPDIR/open.service"
	run -1 systemd-analyze security --offline=yes --threshold=20 "$BATS_TEST_TMPDIR/open.service"
}
