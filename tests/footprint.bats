#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the boot helper costs: one pass over sysfs, little memory, little time.

setup() {
	load lib/machine.bash
	machine many-functions
	claims <<<$'[claim a100]\nmatch = 10de:20b0'
}

# Files below sys that were opened, in order: READ PATH or WRITE PATH.
trace() {
	ASAN_OPTIONS=detect_leaks=0 strace -e trace=openat,readlinkat,newfstatat \
		-o "$BATS_TEST_TMPDIR/trace" "$HELPER" --root "$ROOT" 2>/dev/null
}

# A directory's entries are opened below it: with their address, without sys/.
reads_before_the_first_write() {
	sed '/O_WRONLY/,$d' "$BATS_TEST_TMPDIR/trace" | grep -v '/proc/self\|/lib/\|ENOENT.*lib' |
		sed -nE 's/^(openat|readlinkat|newfstatat)\([^"]*"([^"]*)".*/\1 \2/p'
}

@test "footprint: each file of sysfs is read at most once before the first write" {
	local twice

	trace
	reads_before_the_first_write >"$BATS_TEST_TMPDIR/reads"
	# The tracing itself must have seen the pass.
	[ "$(grep -c '^openat.*/uevent$' "$BATS_TEST_TMPDIR/reads")" -eq 200 ]
	twice=$(grep -E '^(openat|readlinkat).*[0-9a-f]:' "$BATS_TEST_TMPDIR/reads" | sort | uniq -d)
	echo "$twice"
	[ -z "$twice" ]
}

@test "footprint: details are read of the claimed cards only" {
	trace
	reads_before_the_first_write >"$BATS_TEST_TMPDIR/reads"
	[ "$(grep -c 'physfn$' "$BATS_TEST_TMPDIR/reads")" -eq 32 ]
	[ "$(grep -c '/config$\|/resource' "$BATS_TEST_TMPDIR/reads")" -eq 0 ]
}

@test "footprint: 200 functions in less than 4 MiB" {
	with_sanitizer && skip "a sanitizer needs memory of its own"
	"$HELPER" --root "$ROOT" 2>/dev/null
	echo "peak: $(record .peak_memory_kib) KiB"
	[ "$(record .peak_memory_kib)" -gt 0 ]
	[ "$(record .peak_memory_kib)" -lt 4096 ]
}

@test "footprint: when it began and ended is on record" {
	"$HELPER" --root "$ROOT" 2>/dev/null
	[ "$(record '.started > 0 and .finished >= .started')" = true ]
}

@test "footprint: only the files of the configuration and of the boot are opened" {
	local others

	trace
	others=$(sed -nE 's/^openat\([^,]*, "([^"]*)".*/\1/p' "$BATS_TEST_TMPDIR/trace" | grep -vE \
		'^(sys/|[0-9a-f]{4,8}:|etc/vfio-claim/claims$|proc/cmdline$|run/)|/lib/|/proc/self|ld\.so|^/(etc|run|usr|lib)/.*modprobe|^/proc/(cmdline|modules)' |
		grep -vF "$ROOT" || true)
	echo "$others"
	[ -z "$others" ]
}
