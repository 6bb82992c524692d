# SPDX-License-Identifier: GPL-2.0-or-later
# What the lab reads out of scenarios; no machine is run.

@test "a boot that is to be repeated ten times is ten boots" {
	local scenario=$BATS_TEST_TMPDIR/many

	printf 'about: x\nboots:\n    [first]\n    true\n    [again*10]\n    false\n' >"$scenario"
	run bash -c '. "$1/lib/common.sh"; . "$1/lib/scenario.sh"
		declare -A S=()
		read_scenario "$2"
		boot_names
		boot_commands again-10' lab "$BATS_TEST_DIRNAME" "$scenario"
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 12 ]
	[ "${lines[2]}" = again-2 ]
	[ "${lines[10]}" = again-10 ]
	[ "${lines[11]}" = false ]
}
