# SPDX-License-Identifier: GPL-2.0-or-later
# What `vfio-claim plan` says of each machine is what boot.json then reports: the same devices, for
# the same claims, taken or refused for the same reasons, early or late, by the same driver.

load facts

# forecast SNAPSHOT: the plan for the next boot of the machine of that snapshot; one object a line. A
# device that appears after the initramfs is not in boot.json.
forecast() {
	plan_of_facts "$1" >"$BATS_TEST_TMPDIR/plan" || return
	jq -cS '.devices[] | select(.when != "appears") | { address, id: .id[:9], claim, verdict,
		driver_wanted, late: (.when == "late"),
		reason: (if .verdict == "refuse" then .reason else null end) }' "$BATS_TEST_TMPDIR/plan"
}

# outcome BOOT-JSON: the same of what the boot helper did. One that failed was taken by the plan; why
# it failed is not in it. Of virtual functions the plan only says that they appear.
outcome() {
	jq -cS --slurpfile plan "$BATS_TEST_TMPDIR/plan" '
		def entry(late): { address, id: .id[:9], claim, late: late,
			verdict: (if .outcome == "refused" then "refuse" else "take" end),
			driver_wanted: (if .outcome == "refused" then null else .driver_wanted end),
			reason: (if .outcome == "refused" then .reason else null end) };
		[$plan[0].devices[] | select(.when == "appears") | .address] as $virtual |
		(.devices[] | select(.outcome != "waiting") | entry(false)),
		(.late.devices[]? | entry(.outcome != "refused")) |
		select(.address | IN($virtual[]) | not)' "$1"
}

# agree SNAPSHOT: with boot.json of the facts $M; counts in `compared`, and the devices in `told`.
agree() {
	local expected found

	found=$(forecast "$1") || return
	expected=$(outcome "$M/boot.json") || return
	[ "$(sort <<<"$found")" = "$(sort <<<"$expected")" ] ||
		fail "${M##*/}: the plan and what became of it:" \
			"$(diff <(sort <<<"$found") <(sort <<<"$expected"))" || return
	compared=$((compared + 1))
	[ -z "$expected" ] || told=$((told + $(wc -l <<<"$expected")))
}

# Those whose initramfs was damaged on purpose, or which were told not to look.
spoilt() {
	case $1 in
	table-* | off@* | off-*) return 0 ;;
	esac
	return 1
}

# each_agrees DIRECTORY: the snapshots in the directory, machine by machine.
each_agrees() {
	local snapshot name wrong=0

	compared=0
	told=0
	for snapshot in "$1"/*/snapshot; do
		name=$(basename "$(dirname "$snapshot")")
		! spoilt "$name" || continue
		[ -e "$FACTS/$name/boot.json" ] || continue
		M=$FACTS/$name
		agree "$snapshot" || wrong=$((wrong + 1))
	done
	echo "$compared machines, $told devices; $wrong machines differ"
	[ "$wrong" = 0 ]
}

@test "plan says of each machine what its boot then reports" {
	each_agrees "$FACTS"
	# Nothing to compare would agree as well.
	[ "$compared" -ge 35 ]
	[ "$told" -ge 80 ]
}

@test "plan says the same of the machine before its reboot through GRUB" {
	M=$FACTS/apply@12-initramfs-tools/claimed
	compared=0
	told=0
	cp "$M/../config" "$M/"
	agree "$M/../native/snapshot"
	[ "$told" = 2 ]
}

# bats test_tags=long
@test "plan says the same from a snapshot of the machine with vfio-claim switched off" {
	each_agrees "${FACTS%/facts}/before"
	[ "$compared" -ge 35 ]
	[ "$told" -ge 80 ]
}
