#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Several at a time: one works and the others say so, nothing is lost and nothing waits for ever.

setup_file() {
	load lib/machine.bash
	export KERNEL=$BATS_FILE_TMPDIR/kernel
	cd "$REPO" || return 1
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -o "$KERNEL" tests/tools/stand-in-kernel.c
}

setup() {
	load lib/machine.bash
	load lib/debian.bash
	bats_require_minimum_version 1.5.0
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	busy
}

# together NUMBER COMMAND...: so many of them at once; their exit codes, sorted.
together() {
	local number=$1 i pids=() ended=()
	shift

	for ((i = 0; i < number; i++)); do
		timeout 120 "$@" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then ended+=(0); else ended+=($?); fi
	done
	printf '%s\n' "${ended[@]}" | sort | uniq -c | awk '{printf "%s%sx%s", s, $2, $1; s = " "} END {print ""}'
}

teardown() {
	[ -z "${LOAD:-}" ] || kill "${LOAD[@]}"
}

# busy: every processor has something else to do.
busy() {
	local i

	LOAD=()
	for ((i = $(nproc); i > 0; i--)); do
		nice -n 19 sh -c 'while :; do :; done' 3>&- &
		LOAD+=($!)
	done
}

# side_by_side COMMAND...: all of them at once in the tree; each one's exit code goes to a file.
side_by_side() {
	local command pids=()

	for command; do
		{
			code=0
			# shellcheck disable=SC2086 # a command and its options
			"$KERNEL" "$ROOT" timeout 120 "$TOOL" $command --root "$ROOT" >/dev/null 2>&1 || code=$?
			echo "$command: $code" >>"$BATS_TEST_TMPDIR/codes"
		} &
		pids+=($!)
	done
	# Not for the load.
	wait "${pids[@]}"
}

# codes_of COMMAND...: the exit codes of these, each once, in one word.
codes_of() {
	local command

	for command; do
		sed -n "s/^$command.*: //p" "$BATS_TEST_TMPDIR/codes" | grep .
	done | sort -u | tr -d '\n'
}

# two_cards: in a tree with the stand-in for the kernel.
two_cards() {
	machine twin-gpus
	echo 0 >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	printf 'driver %s\n' vfio-pci 'nouveau 10de:1c30' 'snd_hda_intel 10de:10f1' >"$ROOT/kernel"
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
}

# until_done COMMAND ADDRESS: again and again while somebody else is at work.
until_done() {
	local code=5 tries=0

	while [ "$code" -eq 5 ] && [ "$((tries += 1))" -le 500 ]; do
		code=0
		"$KERNEL" "$ROOT" timeout 120 "$TOOL" "$1" --force "$2" --root "$ROOT" --with-hardware \
			>"$BATS_TEST_TMPDIR/said.$2" 2>&1 || code=$?
		[ "$code" -ne 5 ] || grep -q 'another vfio-claim is at work' "$BATS_TEST_TMPDIR/said.$2" ||
			code=99
	done
	echo "$code" >>"$BATS_TEST_TMPDIR/done"
}

# both COMMAND: of both cards at the same time, while status and list look on.
both() {
	local one other

	until_done "$1" 0000:01:00.0 &
	one=$!
	until_done "$1" 0000:02:00.0 &
	other=$!
	run timeout 120 "$TOOL" status --root "$ROOT" --with-hardware
	[ "$status" -le 1 ]
	run -0 timeout 120 "$TOOL" list --root "$ROOT" --with-hardware
	wait "$one" "$other"
}

@test "concurrency: of several applies one works, and the others say who is at work" {
	ROOT=$BATS_TEST_TMPDIR/debian
	make_debian "$ROOT" 6.1.0-28-amd64
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	codes=$(together 6 "$TOOL" apply --root "$ROOT")
	echo "$codes"
	# Who comes when the first has ended finds nothing to do, which is 0 too.
	[[ $codes =~ ^0x[1-6](\ 5x[1-5])?$ ]]
	for file in "$BATS_TEST_TMPDIR"/out.*; do
		grep -q 'another vfio-claim is at work\|nothing to do\|wrote \|ok$' "$file"
	done
	[ -z "$(find "$ROOT/etc" "$ROOT/var" "$ROOT/boot" -name '*~')" ]
	run -0 "$TOOL" apply --root "$ROOT"
	[[ $output != *wrote* ]]
}

@test "concurrency: apply and revert, again and again, end in one of the two states" {
	local after

	ROOT=$BATS_TEST_TMPDIR/debian
	make_debian "$ROOT" 6.1.0-28-amd64
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	for _ in 1 2 3 4; do
		side_by_side apply revert status
		[ -z "$(find "$ROOT/etc" "$ROOT/var" "$ROOT/boot" -name '*~')" ]
	done
	run -0 codes_of apply revert
	[[ $output != *[!05]* ]]
	run -0 timeout 120 "$TOOL" revert --root "$ROOT"
	after=$(cd "$ROOT" && find etc var/lib -name '*vfio-claim*' | sort)
	echo "$after"
	# The state says that it was taken back, for the hooks: the configuration is still there.
	[ "$after" = $'etc/vfio-claim.conf\nvar/lib/vfio-claim' ]
}

@test "concurrency: claim and release of the same device while status and the helper look on" {
	local pids=()

	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30\nwhen = guarded'
	mkdir -p "$ROOT/sysroot/etc"
	"$HELPER" --root "$ROOT" 2>/dev/null
	echo 0 >"$ROOT/$DEVICES/0000:01:00.0/boot_vga"
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
	for _ in 1 2 3; do
		for command in "claim --force" "release --force" status plan list \
			"--late /sysroot" "--device 0000:01:00.0"; do
			# shellcheck disable=SC2086 # a command and its option
			{
				code=0
				case "$command" in
				--*) set -- "$HELPER" $command ;;
				*" "*) set -- "$TOOL" $command 0000:01:00.0 --with-hardware ;;
				*) set -- "$TOOL" $command --with-hardware ;;
				esac
				timeout 60 "$@" --root "$ROOT" >/dev/null 2>&1 || code=$?
				echo "$command: $code" >>"$BATS_TEST_TMPDIR/codes"
			} &
			pids+=($!)
		done
		# Not for the load.
		wait "${pids[@]}"
		pids=()
	done
	cat "$BATS_TEST_TMPDIR/codes"
	# None hung (124) or died.
	[ "$(wc -l <"$BATS_TEST_TMPDIR/codes")" -eq 21 ]
	run ! grep -vE ': [0145]$' "$BATS_TEST_TMPDIR/codes"
	# The helper never fails, and its record stays one.
	[ "$(grep -c -- '--late.*: 0$' "$BATS_TEST_TMPDIR/codes")" -eq 3 ]
	record -e '.schema == 1 and (.late.devices | length) == 4'
}

@test "concurrency: claims of two cards under load, and none is forgotten" {
	two_cards
	for _ in 1 2 3; do
		both claim
		diff - <(sort "$ROOT/run/vfio-claim/native") <<-'END'
			0000:01:00.0 nouveau
			0000:01:00.1 snd_hda_intel
			0000:02:00.0 -
			0000:02:00.1 -
		END
		[ "$(overrides | wc -l)" -eq 4 ]
		both release
		[ ! -e "$ROOT/run/vfio-claim/native" ]
		[ -z "$(overrides)" ]
		[ "$(basename "$(readlink "$ROOT/$DEVICES/0000:01:00.0/driver")")" = nouveau ]
	done
	[ "$(sort "$BATS_TEST_TMPDIR/done" | uniq -c | awk '{print $1 "x" $2}')" = 12x0 ]
}

@test "concurrency: apply, revert, claim, release and status in one tree" {
	local debian=$BATS_TEST_TMPDIR/debian

	with_sanitizer && skip "LeakSanitizer needs /proc, and this tree's is made up"
	two_cards
	make_debian "$debian" 6.1.0-28-amd64
	rm -rf "$debian/proc" "$debian/sys"
	cp -a "$ROOT/proc" "$ROOT/sys" "$ROOT/kernel" "$debian/"
	ROOT=$debian
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	for _ in 1 2 3 4; do
		side_by_side apply "claim --force --with-hardware 0000:01:00.0" revert \
			"release --force --with-hardware 0000:01:00.0" \
			"claim --force --with-hardware 0000:02:00.0" "status --with-hardware"
		[ -z "$(find "$ROOT/etc" "$ROOT/var" "$ROOT/boot" "$ROOT/run" -name '*~')" ]
	done
	cat "$BATS_TEST_TMPDIR/codes"
	# Done, or somebody else was at work; status may find what is not ready. None hung or died.
	[ "$(wc -l <"$BATS_TEST_TMPDIR/codes")" -eq 24 ]
	run -0 codes_of apply claim revert release
	[[ $output != *[!05]* ]]
	run -0 codes_of status
	[[ $output != *[!01]* ]]
	# Each one finds what the last one left, and all of it can be had and taken back.
	run -0 "$KERNEL" "$ROOT" "$TOOL" claim --force --root "$ROOT" --with-hardware 0000:01:00.0 0000:02:00.0
	[ "$(overrides | wc -l)" -eq 4 ]
	run -0 "$TOOL" apply --root "$ROOT"
	run -0 "$KERNEL" "$ROOT" "$TOOL" release --force --root "$ROOT" --with-hardware \
		0000:01:00.0 0000:02:00.0
	[ -z "$(overrides)" ]
	[ ! -e "$ROOT/run/vfio-claim/native" ]
	run -0 "$TOOL" revert --root "$ROOT"
	[ "$(cd "$ROOT" && find etc var/lib -name '*vfio-claim*' | sort)" = $'etc/vfio-claim.conf\nvar/lib/vfio-claim' ]
}
