# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # the tests read the addresses
# Asserts on what `tests/vm/lab run` left of each machine. Every assert says
# what it found when it fails, and fails when there is nothing to look at.

FACTS=${VFIO_CLAIM_LAB:-/var/cache/vfio-claim-lab}/facts
TOOL=$BATS_TEST_DIRNAME/../../${VFIO_CLAIM_BUILD:-build}/vfio-claim
DISPLAY_1=0000:01:00.0
AUDIO_1=0000:01:00.1

fail() {
	echo "$*" >&2
	return 1
}

# machine NAME: the machine that the asserts after it look at, which booted.
machine() {
	M=$FACTS/$1
	[ -d "$M" ] || fail "no facts of $1: tests/vm/lab run $1"
	[ "$(cat "$M/status")" = 0 ] || fail "$1: the image was not built: $(tail -n 5 "$M/build.log")"
	grep -q '^booted=yes' "$M/result" ||
		fail "$1 did not boot: $(tail -n 5 "$M/console")"
}

# image NAME: the same of an image that was only built, or not even that.
image() {
	M=$FACTS/$1
	[ -d "$M" ] || fail "no facts of $1: tests/vm/lab run $1"
}

# fact ADDRESS KEY
fact() { sed -n "s/^$1 \(.* \)\{0,1\}$2=\([^ ]*\).*/\2/p" "$M/facts"; }

# is ADDRESS KEY VALUE
is() {
	local found

	found=$(fact "$1" "$2")
	[ "$found" = "$3" ] ||
		fail "${M##*/}: $2 of $1 is '$found', not '$3': $(grep "^$1" "$M/facts")"
}

# claimed ADDRESS...: VFIO's, from before any native driver until after all of
# them were loaded, and not one of them had a word on it.
claimed() {
	local address

	for address; do
		is "$address" driver vfio-pci || return
		is "$address" override vfio-pci || return
		is "$address" touched 0 || return
		is "$address" late.driver vfio-pci || return
		is "$address" late.touched 0 || return
		! grep -E "(nouveau|snd_hda_intel|xhci_hcd) $address" "$M/kmsg" ||
			fail "${M##*/}: a native driver logged about $address" || return
	done
}

# claimed_usb ADDRESS...: the same of USB controllers, whose registers firmware
# and the kernel's own hand-over quirk read long before any driver.
claimed_usb() {
	local address

	for address; do
		is "$address" driver vfio-pci || return
		is "$address" late.driver vfio-pci || return
		is "$address" late.touched "$(fact "$address" touched)" || return
		! grep -E "xhci_hcd $address" "$M/kmsg" ||
			fail "${M##*/}: a native driver logged about $address" || return
	done
}

# recorded ADDRESS OUTCOME [REASON-REGEX]: boot.json's last word on the device.
recorded() {
	local entry

	entry=$(jq -c --arg a "$1" '[.devices[], .late.devices[]?] |
		map(select(.address == $a)) | last' "$M/boot.json")
	[ "$(jq -r .outcome <<<"$entry")" = "$2" ] ||
		fail "${M##*/}: boot.json on $1: '$entry', not $2" || return
	[ $# -lt 3 ] || jq -r '.reason // ""' <<<"$entry" | grep -Eiq "$3" ||
		fail "${M##*/}: no reason like '$3' in: $entry"
}

# not_claimed ADDRESS...: neither bound to VFIO nor held for it.
not_claimed() {
	local address

	for address; do
		is "$address" override '(null)' || return
		fact_is_not "$address" driver vfio-pci || return
		fact_is_not "$address" late.driver vfio-pci || return
	done
}

fact_is_not() {
	local found

	found=$(fact "$1" "$2")
	[ -n "$found" ] || fail "${M##*/}: no $2 of $1"
	[ "$found" != "$3" ] || fail "${M##*/}: $2 of $1 is '$found'"
}

# touched ADDRESS: a native driver has been at it. Proves that the measure works.
touched() {
	local count

	count=$(fact "$1" touched)
	[ "${count:-0}" -gt 0 ] || fail "${M##*/}: nothing touched $1: $(grep "^$1" "$M/facts")"
}

# kmsg REGEX: vfio-claim said so in the kernel's log.
kmsg() {
	grep -Eiq "vfio-claim: .*$1" "$M/kmsg" ||
		fail "${M##*/}: kmsg has no '$1': $(grep vfio-claim: "$M/kmsg")"
}

# full_boot [DISK]: from its own disk (a name, or a pattern), with no unit failed.
full_boot() {
	# shellcheck disable=SC2053 # a pattern
	[[ $(sed 1,2d "$M/result") == "root=/dev/"${1:-vda}$'\n'failed-units= ]] ||
		fail "${M##*/}: $(cat "$M/result")"
}

# plan_of_facts [SNAPSHOT]: `vfio-claim plan --json`, here, from the snapshot that the machine made
# of itself, or another one.
plan_of_facts() {
	local config=$M/config

	[ -e "$config" ] || config=/dev/null
	# 1 and 4 are its judgement.
	"$TOOL" plan --snapshot "${1-$M/snapshot}" --config "$config" --json ||
		[ $? = 1 ] || [ $? = 4 ] || fail "${M##*/}: plan failed"
}

# status_is STATE: what `vfio-claim status` said of the machine as a whole.
status_is() {
	[ "$(jq -r .state "$M/status.json")" = "$1" ] ||
		fail "${M##*/}: not $1: $(cat "$M/status.text" "$M/status.errors")"
}

# status_found CODE [ADDRESS]: it named this cause, of the device.
status_found() {
	jq -e --arg code "$1" --arg address "${2-}" '.findings[] |
		select(.code == $code and ($address == "" or .address == $address))' \
		"$M/status.json" >/dev/null ||
		fail "${M##*/}: no $1 ${2-} in: $(cat "$M/status.text" "$M/status.errors")"
}
