#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The plans of every machine tree are what the golden files say (machines/update-golden).

setup() {
	load lib/machine.bash
}

# golden TABLE: every case of it.
golden() {
	local conf case count=0

	for conf in "$TESTS/machines/golden/$1".*.conf; do
		case=$(basename "$conf" .conf)
		plan_of "$case" >"$BATS_TEST_TMPDIR/plan"
		diff -u "${conf%.conf}.plan" "$BATS_TEST_TMPDIR/plan"
		count=$((count + 1))
	done
	[ "$count" -gt 0 ]
}

@test "plans: a cloud machine without a GPU" { golden arm64-cloud; }
@test "plans: a laptop, companions on the root bus" { golden laptop-alderlake; }
@test "plans: a server with its Matrox display and network cards" { golden server-dell-matrox; }
@test "plans: a virtual machine with a P100" { golden vm-nvidia-p100; }
@test "plans: two identical GPUs" { golden twin-gpus; }
@test "plans: a card of four functions behind a switch" { golden workstation; }
@test "plans: domains other than 0, 32 bits wide" { golden domains; }
@test "plans: virtual functions" { golden sriov; }
@test "plans: 200 functions" { golden many-functions; }
@test "plans: a processor with graphics in the slot of the host's own functions" { golden amd-apu; }
@test "plans: bridges by their class, NVSwitches and others" { golden nvswitch; }

@test "plans: no table is without a case" {
	local table

	for table in "$TESTS"/machines/*.txt; do
		compgen -G "$TESTS/machines/golden/$(basename "$table" .txt).*.conf"
	done
}

# A plan is data: what it says is what is done, in its order.
@test "plans: a boot does the dry run's overrides, in its order, and no others" {
	local conf case

	for conf in "$TESTS"/machines/golden/*.conf; do
		case=$(basename "$conf" .conf)
		plan_of "$case" >"$BATS_TEST_TMPDIR/plan"
		awk '$1 == "override" {print $2, $3}' "$BATS_TEST_TMPDIR/plan" \
			>"$BATS_TEST_TMPDIR/wanted"
		"$HELPER" --root "$ROOT" 2>/dev/null
		overrides | sort >"$BATS_TEST_TMPDIR/found"
		diff -u <(sort "$BATS_TEST_TMPDIR/wanted") "$BATS_TEST_TMPDIR/found"
		diff -u "$BATS_TEST_TMPDIR/wanted" <(record '.devices[] |
			select(.actions[0].action == "override") | "\(.address) \(.actions[0].target)"')
	done
}

@test "plans: a dry run changes nothing" {
	local conf before

	for conf in "$TESTS"/machines/golden/*.conf; do
		plan_of "$(basename "$conf" .conf)" >/dev/null
		before=$(tree_state)
		"$HELPER" --root "$ROOT" --dry-run >/dev/null 2>&1
		[ "$before" = "$(tree_state)" ]
	done
}
