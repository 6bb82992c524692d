# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab apply` left of machines that boot through GRUB's own menu
# entries: `vfio-claim apply`, the recovery entry, `vfio-claim revert`, and images
# that were made with `vfio-claim apply --root`. Tests with the tag `long` are of
# machines that `tests/vm/lab matrix` leaves out (the scenarios' key `matrix`).

load facts

# boot_of MACHINE BOOT: what the asserts after it look at.
boot_of() {
	image "$1"
	[ "$(cat "$M/status")" = 0 ] || fail "$1: no disk was made: $(tail -n 5 "$M/build.log")"
	M=$FACTS/$1/$2
	grep -q '^booted=yes' "$M/result" ||
		fail "$1: $2: did not boot: $(tail -n 5 "$M/console" "$FACTS/$1/"*/after.log)"
}

# The commands of the boot did what they were for.
commands_succeeded() {
	[ "$(cat "$M/after.status")" = 0 ] || fail "$M: $(tail -n 20 "$M/after.log")"
}

# cmdline_has WORD...: each of them once, as one argument of the kernel. The arguments of these
# configs have no quotation marks.
cmdline_has() {
	local word

	[ $# -gt 0 ] || fail "$M: no arguments to look for"
	for word; do
		[ "$(tr ' ' '\n' <"$M/cmdline" | grep -cxF -- "$word")" = 1 ] ||
			fail "$M: '$word' is not once in $(<"$M/cmdline")"
	done
}

# cmdline_is_native [WORD]: nothing of ours in it, but the WORD.
cmdline_is_native() {
	! tr ' ' '\n' <"$M/cmdline" | grep -vxF -- "${1-none}" |
		grep -E 'vfio|iommu|blacklist|rd\.driver' ||
		fail "$M: $(<"$M/cmdline")"
}

all_native() {
	not_claimed $DISPLAY_1 $AUDIO_1
	is $AUDIO_1 driver snd_hda_intel
	touched $DISPLAY_1
	touched $AUDIO_1
	full_boot vda1
}

whole_card() {
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot vda1
}

# recovery_entry MACHINE: GRUB 2.06 has no way to give these entries arguments of their own.
recovery_entry() {
	local targets

	targets=$(<"$M/targets")
	[[ $targets == *rescue.target* && $targets != *multi-user.target* ]]
	tr ' ' '\n' <"$M/cmdline" | grep -qx single
	cmdline_is_native rd.vfio-claim=0
	[[ $1 == *@12-* ]] || cmdline_has rd.vfio-claim=0
	all_native
}

# same_files A B [EXCEPT]: manifests; an initramfs that was built again has another checksum.
same_files() {
	local except="^[0-9a-f]*  /boot/initrd${3:+|$3}"

	[ -s "$1" ] && [ -s "$2" ]
	run diff <(grep -vE "$except" "$1") <(grep -vE "$except" "$2")
	[ "$status" = 0 ] || fail "$output"
}

# carries_claims KERNEL: that kernel's image, as it was when the machine had ended.
carries_claims() {
	local file=$M/initrd.img-$1.files word

	[ -s "$file" ] || fail "no image of $1: $(ls "$M")"
	for word in vfio-claim-boot vfio-claim/claims 'vfio[-_]pci\.ko'; do
		grep -q "$word" "$file" || fail "$M: no $word in the image of $1"
	done
}

no_image_carries_claims() {
	run grep -l vfio-claim "$M"/initrd.img-*.files
	[ "$status" = 1 ] || fail "$output"
}

whole_way() {
	local name=apply@$1 before

	boot_of "$name" native
	before=$M
	all_native
	cmdline_is_native
	commands_succeeded
	grep -qF "$2" "$M/grub-version"
	same_files "$M/manifest.before" "$M/manifest.dry-run"
	cmp "$M/manifest.applied" "$M/manifest.again"
	carries_claims "$(<"$M/kernel")"

	boot_of "$name" claimed
	whole_card
	# shellcheck disable=SC2046  # words
	cmdline_has $(<"$before/arguments")
	commands_succeeded

	boot_of "$name" recovery
	recovery_entry "$name"
	commands_succeeded
	# What stays is the record that the configuration, which is still there, is not to be
	# followed by images made from now on.
	same_files "$before/manifest.before" "$M/manifest.reverted" ' /var/lib/vfio-claim(/state)? *$'
	no_image_carries_claims

	boot_of "$name" native-again
	all_native
	cmdline_is_native
}

@test "Debian 12, GRUB 2.06, initramfs-tools: applied, recovery, reverted" {
	whole_way 12-initramfs-tools 2.06
}

# bats test_tags=long
@test "Debian 12, GRUB 2.06, dracut: applied, recovery, reverted" {
	whole_way 12-dracut-systemd 2.06
}

# bats test_tags=long
@test "Debian 13, GRUB 2.12, initramfs-tools: applied, recovery, reverted" {
	whole_way 13-initramfs-tools 2.12
}

@test "Debian 13, GRUB 2.12, dracut: applied, recovery, reverted" {
	whole_way 13-dracut-systemd 2.12
}

# bats test_tags=long
@test "Debian testing, GRUB 2.14, initramfs-tools: applied, recovery, reverted" {
	whole_way testing-initramfs-tools 2.14
}

# bats test_tags=long
@test "Debian testing, GRUB 2.14, dracut: applied, recovery, reverted" {
	whole_way testing-dracut-systemd 2.14
}

# ---- A cloud image and its kernels

cloud_image() {
	local name=apply-cloud@$1 arguments kernel
	local -a seen=()

	boot_of "$name" native
	arguments=$(<"$M/arguments")
	cmdline_is_native
	commands_succeeded
	[ "$(find "$M" -name 'initrd.img-*.files' | wc -l)" = 2 ]
	for kernel in "$M"/initrd.img-*.files; do
		kernel=${kernel##*/initrd.img-}
		carries_claims "${kernel%.files}"
	done
	for name in first second third; do
		boot_of "apply-cloud@$1" "$name"
		whole_card
		# shellcheck disable=SC2086  # words
		cmdline_has console=tty1 $arguments
		commands_succeeded_if_any
		seen+=("$(<"$M/kernel")")
	done
	# Three kernels, and nobody applied anything for the third.
	[ "$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)" = 3 ] || fail "${seen[*]}"
	carries_claims "${seen[2]}"
}

commands_succeeded_if_any() { [ ! -e "$M/after.status" ] || commands_succeeded; }

# bats test_tags=long
@test "a cloud image, two kernels and a third: claimed by each, initramfs-tools" {
	cloud_image 13-initramfs-tools
}

# bats test_tags=long
@test "a cloud image, two kernels and a third: claimed by each, dracut" {
	cloud_image 13-dracut-systemd
}

# ---- Images

built_image() {
	local name=apply-root@$1

	image "$name"
	[ "$(cat "$M/builder.status")" = 0 ] || fail "$name: $(tail -n 20 "$M/builder.log")"
	boot_of "$name" claimed
	whole_card
	# shellcheck disable=SC2046  # words
	cmdline_has $(<"$FACTS/$name/arguments")
	commands_succeeded
	boot_of "$name" recovery
	recovery_entry "$name"
}

# bats test_tags=long
@test "Debian 12, initramfs-tools: an image made with apply --root" {
	built_image 12-initramfs-tools
}

# bats test_tags=long
@test "Debian 12, dracut: an image made with apply --root" {
	built_image 12-dracut-systemd
}

# bats test_tags=long
@test "Debian 13, initramfs-tools: an image made with apply --root" {
	built_image 13-initramfs-tools
}

# bats test_tags=long
@test "Debian 13, dracut: an image made with apply --root" {
	built_image 13-dracut-systemd
}

# bats test_tags=long
@test "Debian testing, initramfs-tools: an image made with apply --root" {
	built_image testing-initramfs-tools
}

# bats test_tags=long
@test "Debian testing, dracut: an image made with apply --root" {
	built_image testing-dracut-systemd
}

# ---- Killed and cut

# boots_after_each_kill MACHINE: a new set of files is never half there, so the card is VFIO's in
# every boot until the first `revert`; after that it is wholly VFIO's or wholly native.
boots_after_each_kill() {
	local name=cut-apply@$1 number killed=0 later

	boot_of "$name" native
	commands_succeeded
	for number in $(seq 10); do
		boot_of "$name" "cut-$number"
		[ -s "$M/ended" ] || fail "$M: it did not come to its point: $(cat "$M/after.log")" || return
		grep -q "^$number killed" "$M/ended" && killed=$((killed + 1))
		later=$number
		[ "$number" -gt 8 ] || whole_card || return
	done
	[ "$killed" -ge 7 ] || fail "$name: only $killed of ${later} were killed: $(cat "$FACTS/$name"/cut-*/ended)"
	for number in cut-9 cut-10 at-last; do
		M=$FACTS/$name/$number
		[ "$(fact $AUDIO_1 driver)" = vfio-pci ] && whole_card ||
			is $AUDIO_1 driver snd_hda_intel || return
	done
	boot_of "$name" at-last
	commands_succeeded
	[ "$(jq -r '.state | IN("ready", "reboot-due")' "$M/mended.said")" = true ] ||
		fail "$(cat "$M/mended.said")"
	boot_of "$name" claimed
	commands_succeeded
	whole_card
	status_is ready
}

# bats test_tags=long
@test "apply and revert killed and the power cut, ten times: boots each time, initramfs-tools" {
	boots_after_each_kill 13-initramfs-tools
}

# bats test_tags=long
@test "apply and revert killed and the power cut, ten times: boots each time, dracut" {
	boots_after_each_kill 13-dracut-systemd
}

# The commands of the page are the scenario's; QEMU's and reboot are the lab's to do.
# bats test_tags=long
@test "docs/tutorial.md: every command, from the list to the native card" {
	local page=$BATS_TEST_DIRNAME/../../docs/tutorial.md scenario=$BATS_TEST_DIRNAME/scenarios/tutorial
	local line count=0

	while IFS= read -r line; do
		[ "$line" != reboot ] || continue
		count=$((count + 1))
		grep -qF -- "    $line" "$scenario" || fail "not in the scenario: $line"
	done < <(sed -n 's/^    //p' "$page"; sed -n 's/.*`\(vfio-claim release [^`]*\)`.*/\1/p' "$page")
	[ "$count" -ge 10 ]
	boot_of tutorial@13-initramfs-tools first
	commands_succeeded
	boot_of tutorial@13-initramfs-tools second
	commands_succeeded
	whole_card
	grep -q 'second-level .* 10de:1c30 ' "$M/after.log" || fail "$(tail -n 20 "$M/after.log")"
	boot_of tutorial@13-initramfs-tools third
	all_native
}
