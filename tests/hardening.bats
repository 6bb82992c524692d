#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# How the programs are compiled and linked, and how the status unit is shut in: docs/security.md.

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

@test "hardening: the status unit is shut in" {
	systemd-analyze security --help | grep -q -- --offline || skip "this systemd-analyze reads no files"
	run -0 systemd-analyze security --offline=yes --threshold=20 \
		packaging/systemd/vfio-claim-status.service
	# It can fail.
	sed '/^\(Protect\|Private\|Restrict\|Capability\|SystemCall\)/d' \
		packaging/systemd/vfio-claim-status.service >"$BATS_TEST_TMPDIR/open.service"
	run -1 systemd-analyze security --offline=yes --threshold=20 "$BATS_TEST_TMPDIR/open.service"
}
