# SPDX-License-Identifier: GPL-2.0-or-later
# What `vfio-claim status` said in the machines: it agrees with what the facts show.

load facts

# states STATE SCENARIO [CODE [ADDRESS]]: on each machine of the scenario; at least one.
states() {
	local directory found=0

	for directory in "$FACTS/$2"@*; do
		[ -d "$directory" ] || continue
		found=1
		machine "${directory##*/}"
		status_is "$1" || return
		[ $# -lt 3 ] || status_found "${@:3}" || return
	done
	[ "$found" = 1 ] || fail "no machine of $2"
}

@test "ready: the config alone, the command line alone" {
	states ready config-only arguments-missing
	[ "$(jq '[.devices[] | select(.ready)] | length' "$M/status.json")" = 2 ]
	[ "$(cat "$M/status.exit")" = 0 ]
	states ready cmdline-only
}

@test "no IOMMU" {
	states not-ready no-iommu iommu-off
	[ "$(cat "$M/status.exit")" = 1 ]
}

@test "switched off for this boot" {
	states not-ready off helper-off
}

@test "a native driver was left one function of the group" {
	states not-ready matched-only group-incomplete $DISPLAY_1
}

@test "another card is in the slot" {
	states not-ready moved device-differs $DISPLAY_1
}

@test "storage and network devices that the boot does not need are ready" {
	states ready guarded
}

@test "the NVMe that the machine runs from is left to the host, its twin is ready" {
	states ready root-nvme device-refused 0000:00:10.0
	jq -e '.devices[] | select(.address == "0000:02:00.0") | .ready' "$M/status.json"
}

@test "the initramfs had no usable claims table" {
	states not-ready table-corrupt table-bad
}
