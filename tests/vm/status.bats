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

# ---- Each fault by itself

# said CODE [ADDRESS] [LEVEL]: after the step of that name, `status` had the finding.
said() {
	jq -e --arg code "$1" --arg address "${2-}" --arg level "${3-error}" '.findings[] |
		select(.code == $code and .level == $level and
			($address == "" or .address == $address)) | .fix | length > 0' \
		"$M/$4.said" >/dev/null ||
		fail "${M##*/}: $4: no $3 $1 $2: $(cat "$M/$4.said" "$M/$4.errors")"
}

# fault STEP CODE [ADDRESS [LEVEL]]: after that step the machine is not ready, or it is only warned of.
fault() {
	local level=${4-error} ready=false

	[ "$level" = error ] || ready=true
	said "$2" "${3-}" "$level" "$1" || return
	[ "$(jq .ready "$M/$1.said")" = "$ready" ] || fail "${M##*/}: $1: $(cat "$M/$1.said")"
}

@test "a machine without a fault, before and after the faults" {
	machine faults@13-initramfs-tools
	[ "$(cat "$M/steps.status")" = 0 ] || fail "$(tail -n 20 "$M/steps.log")"
	[ "$(jq -c '[.state, ([.devices[] | select(.ready)] | length)]' "$M/sound.said")" = '["ready",3]' ]
	[ "$(jq -S 'del(.findings)' "$M/sound.said")" = "$(jq -S 'del(.findings)' "$M/sound-again.said")" ]
}

@test "each fault is named, with its fix" {
	machine faults@13-initramfs-tools
	fault native-driver native-driver $AUDIO_1
	# The other function of its group cannot be used either.
	jq -e --arg a $DISPLAY_1 '.devices[] | select(.address == $a) | .cause == "group-incomplete"' \
		"$M/native-driver.said"
	fault not-bound not-bound $DISPLAY_1
	fault override-missing override-missing $DISPLAY_1 warning
	fault group-node group-node 0000:02:00.0
	fault module-loaded module-loaded "" warning
	fault helper-absent helper-absent "" warning
	fault expect-differs expect-differs
	fault arguments-missing arguments-missing "" error
	fault driver-missing driver-missing $DISPLAY_1
	fault claim-unmatched claim-unmatched
	fault sound argument-unknown "" warning
	fault device-missing device-missing 0000:02:00.0
	[ "$(jq -r .state "$M/config-invalid.said")" = invalid-config ]
	jq -e 'any(.findings[]; .code == "config-invalid")' "$M/config-invalid.said"
}

@test "vfio_pci is not in the initramfs" {
	states not-ready no-vfio helper-failed $DISPLAY_1
	grep -q 'is it in the initramfs' "$M/status.text" || fail "$(cat "$M/status.text")"
}

# ---- The next boot, on machines that boot through GRUB

# after STEP CODE LEVEL: in the boot in which `apply` had been run before.
after() { said "$2" "" "$3" "$1"; }

@test "not applied, a reboot due, and what was changed after apply" {
	local name=apply@12-initramfs-tools

	M=$FACTS/$name/native
	after before not-applied warning
	after before helper-absent error
	after before initramfs-stale error
	[ "$(jq -r .state "$M/applied.said")" = reboot-due ]
	jq -e '.reboot_since | test("^20[0-9-]*T[0-9:]*Z$")' "$M/applied.said"
	M=$FACTS/$name/claimed
	[ "$(jq -r .state "$M/status.json")" = ready ]
	after edited config-newer error
	after edited initramfs-stale error
	after files files-stale warning
	after entry boot-entry-stale warning
	[ "$(jq -r .state "$M/mended.said")" = ready ]
}
