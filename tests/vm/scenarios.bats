# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab run` left of the scenarios: special images, selectors,
# refusals, failures and devices that come late.

load facts

# machines SCENARIO: all that ran of it; at least one.
machines() {
	local directory found=0

	for directory in "$FACTS/$1"@*; do
		[ -d "$directory" ] || continue
		found=1
		basename "$directory"
	done
	[ "$found" = 1 ] || fail "no facts of $1: tests/vm/lab run $1"
}

# each SCENARIO COMMAND...: the command on each machine of the scenario.
each() {
	local name names

	names=$(machines "$1")
	shift
	for name in $names; do
		machine "$name"
		"$@"
	done
}

whole_card() {
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

all_native() {
	not_claimed $DISPLAY_1 $AUDIO_1
	is $AUDIO_1 driver snd_hda_intel
	touched $DISPLAY_1
	touched $AUDIO_1
	full_boot
}

# ---- The measure itself

@test "IDs on the command line alone: native drivers touch both functions" {
	machine baseline-ids@13-initramfs-tools
	touched $DISPLAY_1
	touched $AUDIO_1
	is $AUDIO_1 driver snd_hda_intel
}

# bats test_tags=long
@test "rd.driver.pre with a stock dracut image: native drivers win" {
	machine baseline-driver-pre@testing-dracut-systemd
	touched $DISPLAY_1
	touched $AUDIO_1
}

# bats test_tags=long
@test "a hot-plugged card without vfio-claim: native drivers touch it" {
	machine baseline-hotplug@12-initramfs-tools
	is 0000:02:00.1 driver snd_hda_intel
	touched 0000:02:00.0
	touched 0000:02:00.1
}

@test "what is asserted of claimed devices is false of others" {
	machine baseline-ids@13-initramfs-tools
	run claimed $DISPLAY_1
	[ "$status" = 1 ]
	run claimed 0000:00:1f.2
	[ "$status" = 1 ]
	run claimed 0000:09:00.0
	[ "$status" = 1 ]
	machine config-only@13-initramfs-tools
	run not_claimed $AUDIO_1
	[ "$status" = 1 ]
	run touched $AUDIO_1
	[ "$status" = 1 ]
}

# ---- Images

@test "stock images of initramfs-tools" {
	each stock whole_card
}

@test "stock images of dracut" {
	each stock-dracut whole_card
}

claimed_says_kmsg() {
	claimed $DISPLAY_1 $AUDIO_1
	kmsg "$DISPLAY_1 .*claimed by vfio-pci"
	kmsg "$AUDIO_1 .*claimed by vfio-pci"
}

# Not boot.json: busybox's switch_root leaves /run behind, whoever wrote to it.
@test "busybox's modprobe in the image" {
	each busybox claimed_says_kmsg
}

@test "hostonly images" {
	each hostonly whole_card
}

@test "the images for one IOMMU group show one" {
	local name group

	for name in $(machines config-only); do
		machine "$name"
		group=$(fact $DISPLAY_1 group)
		[ "$group" != - ]
		is $AUDIO_1 group "$group"
	done
}

# Every file and its size; what is not the same is in $output.
compare_files() {
	run diff <(grep -v "$3" "$FACTS/$1/files") <(grep -v "$3" "$FACTS/$2/files")
}

@test "without a config images are as without vfio-claim" {
	local pair

	for pair in {12,13,testing}-{initramfs-tools,dracut-systemd}; do
		image "no-config@$pair"
		image "no-product@$pair"
		[ -s "$FACTS/no-config@$pair/files" ]
		compare_files "no-product@$pair" "no-config@$pair" '^$'
		[ "$status" = 0 ] || fail "$pair: $output"
	done
}

@test "an invalid config fails the build and says where" {
	local name

	for name in $(machines invalid-config); do
		image "$name"
		[ "$(cat "$M/status")" != 0 ] || fail "$name was built"
		grep -q 'vfio-claim.conf:2:.*10de:1c3' "$M/build.log" ||
			fail "$name: $(tail -n 5 "$M/build.log")"
		grep -q 'vfio-claim.conf:3:.*functionz' "$M/build.log" ||
			fail "$name: $(tail -n 5 "$M/build.log")"
	done
}

# Bytes that the second image has more than the first, kernel modules, their
# indexes and shared libraries aside.
growth() {
	awk '
		$2 ~ /\.ko(\.[gxz]*|\.zst)?$/ || $2 ~ /\/modules\.[^\/]*$/ { next }
		FILENAME == ARGV[1] { had[$2] = $1; next }
		{ sum += $1 - ($2 in had ? had[$2] : 0) }
		END { print sum + 0 }' "$FACTS/$1/files" "$FACTS/$2/files"
}

@test "vfio-claim adds at most 200 KiB to an image" {
	local pair bytes

	for pair in {12,13,testing}-{initramfs-tools,dracut-systemd}; do
		image "no-product@$pair"
		image "config-only@$pair"
		bytes=$(growth "no-product@$pair" "config-only@$pair")
		echo "$pair: $bytes bytes"
		grep -q vfio-claim-boot "$M/files"
		[ "$bytes" -gt 0 ] && [ "$bytes" -le $((200 * 1024)) ]
	done
}

# ---- Machines

@test "an AMD machine" {
	each amd whole_card
	grep -q AMD-Vi "$M/kmsg"
}

@test "native drivers that systemd is to load by name come after vfio-claim" {
	each modules-load whole_card
}

@test "vfio-pci was loaded before the helper started" {
	each vfio-loaded whole_card
}

no_iommu() {
	local address

	for address in $DISPLAY_1 $AUDIO_1; do
		is $address driver -
		is $address late.driver -
		is $address late.touched 0
		recorded $address failed 'iommu'
	done
	full_boot
}

@test "without an IOMMU nobody gets the card, and boot.json says why" {
	each no-iommu no_iommu
}

no_vfio() {
	local address

	for address in $DISPLAY_1 $AUDIO_1; do
		fact_is_not $address driver nouveau
		fact_is_not $address driver snd_hda_intel
		is $address override vfio-pci
		is $address touched 0
		is $address late.touched 0
		recorded $address failed 'vfio.pci'
	done
	full_boot
}

without_helper() {
	not_claimed $DISPLAY_1 $AUDIO_1
	touched $DISPLAY_1
	is $AUDIO_1 driver snd_hda_intel
	[ ! -e "$M/boot.json" ] || fail "${M##*/}: who wrote boot.json?"
	full_boot
}

# bats test_tags=long
@test "a helper that is killed or cannot start stops no boot" {
	each helper-dies without_helper
}

@test "vfio_pci is missing from the image" {
	each no-vfio no_vfio
}

# ---- Selectors

@test "functions = matched leaves the audio function alone" {
	machine matched-only@13-dracut
	claimed $DISPLAY_1
	not_claimed $AUDIO_1
	is $AUDIO_1 driver snd_hda_intel
	touched $AUDIO_1
	full_boot
}

@test "two identical cards: one is VFIO's, nouveau probes the other" {
	machine identical@13-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	not_claimed 0000:02:00.0 0000:02:00.1
	touched 0000:02:00.0
	touched 0000:02:00.1
	full_boot
}

@test "the claimed card moved: refused, reported, nothing taken" {
	machine moved@13-dracut-systemd
	not_claimed 0000:01:00.0 0000:02:00.0 0000:02:00.1
	touched 0000:02:00.0
	recorded 0000:01:00.0 refused '10de:1c30|card|id'
	kmsg '0000:01:00.0.*'
	full_boot
}

@test "nth=, path=, addresses with * and except" {
	machine selectors@testing-initramfs-tools
	not_claimed 0000:01:00.0 0000:01:00.1
	claimed 0000:02:00.0 0000:02:00.1
	claimed 0000:03:00.0
	not_claimed 0000:03:00.1
	claimed 0000:04:00.0
	not_claimed 0000:04:00.1
	touched 0000:01:00.0
	full_boot
}

@test "subsystem IDs, classes, a card of four functions" {
	machine selectors-more@12-dracut
	not_claimed 0000:01:00.0 0000:01:00.1
	claimed 0000:02:00.0 0000:02:00.1
	claimed 0000:03:00.0
	claimed 0000:04:00.0 0000:04:00.1 0000:04:00.3
	claimed_usb 0000:04:00.2
	touched 0000:01:00.0
	full_boot
}

@test "rd.vfio-claim=SELECTOR with an empty config" {
	each argument whole_card
}

# in_order PATTERN...: the first lines of kmsg with these stand in this order.
in_order() {
	local pattern line last=0

	for pattern; do
		line=$(grep -nE -m1 -- "$pattern" "$M/kmsg" | cut -d: -f1)
		[ "${line:-0}" -gt "$last" ] || fail "${M##*/}: '$pattern' in line ${line:-none}"
		last=$line
	done
}

@test "rd.driver.pre, .post and .blacklist with initramfs-tools" {
	each rd-driver whole_card
	in_order 'claimed by vfio-pci' '[] ] e1000e: ' '[] ] virtio_blk ' '[] ] igb: ' \
		'[] ] EXT4-fs [(]vda[)]: mounted' '[] ] systemd.1.: ' '[] ] nvme '
}

@test "more IDs than vfio-pci.ids= can hold" {
	machine many-ids@13-dracut-systemd
	[ "$(grep -c 'match = ' "$M/config")" -gt 150 ]
	claimed 0000:01:00.0 0000:01:00.1 0000:02:00.0
	claimed 0000:03:00.0 0000:03:00.1 0000:03:00.3
	claimed_usb 0000:03:00.2
	full_boot
}

# ---- Off, damaged, refused

@test "rd.vfio-claim=0: everything native" {
	each off all_native
	jq -e '.enabled == false' "$M/boot.json"
	[ ! -e "$M/rules.d/70-vfio-claim.rules" ]
	each off-initramfs-tools all_native
	jq -e '.enabled == false' "$M/boot.json"
}

# damaged MACHINE WORD: what vfio-claim says of its table.
damaged() {
	machine "$1"
	all_native
	jq -e '.table.status == "bad"' "$M/boot.json" ||
		fail "$1: $(jq -c .table "$M/boot.json")"
	kmsg "$2"
}

@test "a corrupt claims table: nothing is claimed by guess" {
	damaged table-corrupt@12-initramfs-tools 'checksum'
}

# bats test_tags=long
@test "a truncated claims table: nothing is claimed by guess" {
	damaged table-truncated@13-dracut-systemd 'truncat|checksum|end'
}

# bats test_tags=long
@test "an empty claims table: nothing is claimed by guess" {
	damaged table-empty@testing-dracut 'empty|not a claims table'
}

@test "a claims table of a future version: nothing is claimed by guess" {
	damaged table-future@13-initramfs-tools 'version'
}

native_driver_lets_go() {
	whole_card_after_release
	[ "$(jq -r --arg a $AUDIO_1 '.devices[] | select(.address == $a).driver_before' \
		"$M/boot.json")" = snd_hda_intel ] || fail "$(cat "$M/boot.json")"
	kmsg "$AUDIO_1.*snd_hda_intel"
}

# snd_hda_intel had it, so there are accesses: but none after the claim.
whole_card_after_release() {
	is $DISPLAY_1 driver vfio-pci
	is $DISPLAY_1 touched 0
	is $AUDIO_1 driver vfio-pci
	is $AUDIO_1 late.driver vfio-pci
	touched $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "a device that a native driver holds is unbound, claimed and reported" {
	each held native_driver_lets_go
	each held-dracut native_driver_lets_go
}

# It had its native driver until root was mounted.
claimed_late() {
	is "$1" driver vfio-pci
	is "$1" override vfio-pci
	is "$1" late.driver vfio-pci
	jq -e --arg a "$1" '.devices[] | select(.address == $a) | .outcome == "waiting"' \
		"$M/boot.json" || fail "${M##*/}: $1 did not wait"
	recorded "$1" claimed
}

@test "an NVMe and a NIC in the config that the boot does not need are claimed" {
	machine guarded@13-initramfs-tools
	claimed_late 0000:02:00.0
	kmsg '0000:02:00.0.*waits'
	kmsg '0000:02:00.0.*claimed by vfio-pci, taken from nvme'
	is 0000:03:00.0 driver vfio-pci
	recorded 0000:03:00.0 claimed
	[ -z "$(grep 'igb 0000:03:00.0' "$M/kmsg")" ]
	claimed $DISPLAY_1 $AUDIO_1
	full_boot
}

@test "the NVMe that the machine boots from stays, its twin is claimed" {
	machine root-nvme@testing-dracut-systemd
	is 0000:00:10.0 driver nvme
	recorded 0000:00:10.0 refused '^/ .*is on it'
	kmsg '0000:00:10.0.*refused: / .*is on it'
	claimed_late 0000:02:00.0
	claimed $DISPLAY_1 $AUDIO_1
	# Linux looks at several at a time, and names first what answers first.
	full_boot 'nvme?n1'
}

@test "the boot display is claimed, and the log says that its console ends" {
	machine boot-display@13-dracut-systemd
	is 0000:02:00.0 driver vfio-pci
	recorded 0000:02:00.0 claimed
	kmsg '0000:02:00.0 is the boot display: the console on it ends'
	plan_of_facts | jq -e 'any(.warnings[]; .address == "0000:02:00.0" and
		(.text | test("the text console no longer")))'
	[ -z "$(grep 'bochs-drm 0000:02:00.0' "$M/kmsg")" ]
	full_boot
}

# ---- Later

comes_later() {
	[ "$(cat "$M/steps.status")" = 0 ] || fail "${M##*/}: steps: $(cat "$M/steps.log")"
	claimed $DISPLAY_1 $AUDIO_1
	claimed 0000:02:00.0 0000:02:00.1
	is 0000:03:00.0 driver igb
	# Seven, since a rule that comes too early or too late may still win once.
	[ "$(grep -c ' id=8086:10ca .* driver=vfio-pci .* late.driver=vfio-pci ' "$M/facts")" = 7 ] ||
		fail "${M##*/}: $(grep ' id=8086:10ca ' "$M/facts")"
	! grep 'igbvf 0000:03:1' "$M/kmsg" || fail "${M##*/}: igbvf had a VF"
	full_boot
}

@test "a hot-plugged card and new VFs are claimed, Debian 13" {
	each later comes_later
}

comes_between() {
	[ "$(cat "$M/steps.status")" = 0 ] || fail "${M##*/}: steps: $(cat "$M/steps.log")"
	# The helper did not see it.
	[ "$(jq '.devices | length' "$M/boot.json")" = 0 ] || fail "${M##*/}: it came too early"
	claimed $DISPLAY_1 $AUDIO_1
	full_boot
}

@test "a card that comes between the helper and udev is claimed" {
	each between comes_between
}

# bats test_tags=long
@test "a hot-plugged card and new VFs are claimed, Debian 12" {
	each later-12 comes_later
}

# ---- Claim and release in the running machine

# said NAME STATUS TEXT...: what the command said, and how it ended.
said() {
	local file=$M/$1.said status=$2 text

	shift 2
	[ "$(tail -n 1 "$file")" = "status $status" ] || fail "${file##*/}: $(<"$file")"
	for text; do
		grep -qF -- "$text" "$file" || fail "no '$text' in ${file##*/}: $(<"$file")"
	done
}

# then_is NAME ADDRESS DRIVER OVERRIDE: after that command.
then_is() {
	grep -q "^$2 .*driver=$3 .*override=$4\$" "$M/$1.functions" ||
		fail "$1: $2 is not $3, override $4: $(grep "^$2" "$M/$1.functions")"
}

card_is_vfios() {
	then_is "$1" $DISPLAY_1 vfio-pci vfio-pci
	then_is "$1" $AUDIO_1 vfio-pci vfio-pci
}

# nouveau does not want the card (it is none), so nobody has the display.
card_is_native() {
	then_is "$1" $DISPLAY_1 - '(null)'
	then_is "$1" $AUDIO_1 snd_hda_intel '(null)'
}

@test "claim and release at run time, twice, and what they refuse" {
	local group

	machine runtime@13-initramfs-tools
	[ "$(cat "$M/steps.status")" = 0 ] || fail "$(tail -n 20 "$M/steps.log")"
	card_is_native native
	said dry-run 0 "would claim  $AUDIO_1  10de:10f1  from snd_hda_intel to vfio-pci"
	card_is_native dry-run
	said refused 4 "$DISPLAY_1 is the display that the firmware started with" "--force" \
		"nothing was changed"
	card_is_native refused

	said claim 0 "claimed  $DISPLAY_1  10de:1c30  by vfio-pci, taken from no driver" \
		"claimed  $AUDIO_1  10de:10f1  by vfio-pci, taken from snd_hda_intel" \
		"until the next boot only"
	card_is_vfios claim
	[ "$(<"$M/claim.native")" = "$DISPLAY_1 -"$'\n'"$AUDIO_1 snd_hda_intel" ] || fail "$(<"$M/claim.native")"
	group=$(fact $DISPLAY_1 group)
	grep -qx "$group" "$M/groups" || fail "no /dev/vfio/$group: $(<"$M/groups")"
	said claim-again 0 "claimed already  $DISPLAY_1"
	said release 0 "released  $AUDIO_1  10de:10f1  from vfio-pci to snd_hda_intel"
	card_is_native release
	said release-again 0 "not claimed  $AUDIO_1  10de:10f1  snd_hda_intel has it already"

	card_is_vfios second-claim
	# By modalias: snd_hda_intel is loaded again; nouveau says that it has no such card.
	said second-release 1 "failed  $DISPLAY_1" "nouveau did not take it" \
		"released  $AUDIO_1  10de:10f1  from vfio-pci to snd_hda_intel"
	card_is_native second-release
	card_is_vfios third-claim
	said held-release 4 "$DISPLAY_1 is in use by " "(/dev/vfio/$group): shut that virtual machine" \
		"nothing was changed"
	card_is_vfios held-release
	card_is_native third-release
}

@test "claim at run time: the console's display only by force, the root disk never" {
	machine runtime@13-initramfs-tools
	then_is native 0000:02:00.0 bochs-drm '(null)'
	said display 4 "0000:02:00.0 has the frame buffer of the console (fb0)" "--force"
	then_is display 0000:02:00.0 bochs-drm '(null)'
	said forced-display 0 "claimed  0000:02:00.0"
	then_is forced-display 0000:02:00.0 vfio-pci vfio-pci
	said display-release 0 "released  0000:02:00.0  1234:1111  from vfio-pci to bochs-drm"
	then_is display-release 0000:02:00.0 bochs-drm '(null)'
	said disk 4 0000:00:10.0 "nothing was changed"
	said bridge 4 "0000:00:03.0 a bridge is never claimed"
	then_is disk 0000:00:10.0 virtio-pci '(null)'
}

@test "claim at run time: a disk that only the kernel knows to be in use" {
	machine runtime@13-initramfs-tools
	[ "$(cat "$M/steps.status")" = 0 ] || fail "$(tail -n 20 "$M/steps.log")"
	[ -e "$M/holders" ] && [ ! -s "$M/holders" ] || fail "sysfs tells: $(<"$M/holders")"
	said target 4 "0000:03:00.0 has a disk that the kernel itself holds (nvme0n1)" \
		"nothing was changed"
	then_is target 0000:03:00.0 nvme '(null)'
	said free 0 "claimed  0000:03:00.0"
	then_is free 0000:03:00.0 vfio-pci vfio-pci
}
