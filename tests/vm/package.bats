# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab packaged` left of machines that had vfio-claim as a Debian package. All of
# them have the tag `long`: `tests/vm/lab matrix` runs none.

load facts

# boot_of MACHINE BOOT: which did what it was for.
boot_of() {
	image "$1"
	[ "$(cat "$M/status")" = 0 ] || fail "$1: no disk was made: $(tail -n 5 "$M/build.log")"
	M=$FACTS/$1/$2
	grep -q '^booted=yes' "$M/result" ||
		fail "$1: $2: did not boot: $(tail -n 5 "$M/console" "$FACTS/$1/"*/after.log)"
	[ ! -e "$M/after.log" ] || [ "$(cat "$M/after.status")" = 0 ] ||
		fail "$1: $2: $(tail -n 20 "$M/after.log")"
}

whole_card() {
	claimed $DISPLAY_1 $AUDIO_1 || return
	recorded $DISPLAY_1 claimed || return
	recorded $AUDIO_1 claimed || return
	full_boot vda1
}

# same_files A B PATTERN: two manifests, without the lines like the pattern.
same_files() {
	[ -s "$1" ] && [ -s "$2" ] || fail "no manifests $1 $2" || return
	run diff <(grep -vE "$3" "$1") <(grep -vE "$3" "$2")
	[ "$status" = 0 ] || fail "$output"
}

# whole_life MACHINE
whole_life() {
	local name=package@$1 bare kernel

	boot_of "$name" bare
	bare=$M
	not_claimed $DISPLAY_1 $AUDIO_1
	# Installing claims nothing: its own files alone, and an initramfs that was made again.
	same_files "$M/manifest.bare" "$M/manifest.installed" \
		'vfio-claim|/var/lib/dpkg|/usr/lib/(dracut|systemd)|/boot/initrd'

	boot_of "$name" applied
	whole_card
	status_is ready
	[ "$(cat "$M/version")" != "$(cat "$bare/version")" ]
	[ "$(jq -r '.state | IN("ready", "reboot-due")' "$M/upgraded.said")" = true ] ||
		fail "$(cat "$M/upgraded.said")"

	boot_of "$name" upgraded
	kernel=$(cat "$M/kernel")
	[ "$kernel" != "$(cat "$bare/kernel")" ] || fail "$name: still $kernel"
	whole_card
	status_is ready
	run grep -E 'vfio|rd\.driver|iommu=pt' "$M/grub.cfg.removed"
	[ "$status" = 1 ] || fail "$output"
	run grep -lE 'vfio-claim' "$M"/initrd.img-*.files
	[ "$status" = 1 ] || fail "$output"

	boot_of "$name" removed
	not_claimed $DISPLAY_1 $AUDIO_1
	is $AUDIO_1 driver snd_hda_intel
	full_boot vda1
	[ ! -s "$M/left" ] || fail "$name: left: $(cat "$M/left")"
	# A kernel came meanwhile.
	same_files "$bare/manifest.bare" "$M/manifest.purged" \
		"${kernel//+/\\+}|/boot/initrd|/boot/grub/grub.cfg|/var/lib/dpkg|/var/lib/apt|linux-base|/var/lib/initramfs-tools"
}

# bats test_tags=long
@test "Debian 12, initramfs-tools: installed, upgraded, removed, purged" {
	whole_life 12-initramfs-tools
}

# bats test_tags=long
@test "Debian 12, dracut: installed, upgraded, removed, purged" {
	whole_life 12-dracut-systemd
}

# bats test_tags=long
@test "Debian 13, initramfs-tools: installed, upgraded, removed, purged" {
	whole_life 13-initramfs-tools
}

# bats test_tags=long
@test "Debian 13, dracut: installed, upgraded, removed, purged" {
	whole_life 13-dracut-systemd
}

# bats test_tags=long
@test "Debian testing, initramfs-tools: installed, upgraded, removed, purged" {
	whole_life testing-initramfs-tools
}

# bats test_tags=long
@test "Debian testing, dracut: installed, upgraded, removed, purged" {
	whole_life testing-dracut-systemd
}

# boots_after_each_cut MACHINE: and the card is VFIO's in each of these boots.
boots_after_each_cut() {
	local name=power-loss@$1 number

	for number in $(seq 10); do
		M=$FACTS/$name/upgrade-$number
		grep -q '^booted=yes' "$M/result" || fail "$name: upgrade-$number: $(tail -n 5 "$M/console")" || return
		whole_card || return
	done
	boot_of "$name" at-last
	whole_card
	[ "$(jq -r '.state | IN("ready", "reboot-due")' "$M/mended.said")" = true ] ||
		fail "$(cat "$M/mended.said")"
}

# bats test_tags=long
@test "initramfs-tools: boots after the power was cut in an upgrade, ten times" {
	boots_after_each_cut 13-initramfs-tools
}

# bats test_tags=long
@test "dracut: boots after the power was cut in an upgrade, ten times" {
	boots_after_each_cut 13-dracut-systemd
}

# came_as_rpm MACHINE: its files lie where Fedora's dracut looks, and dracut 112 or newer put them
# into an image that claims the card.
came_as_rpm() {
	local name file version modules=/usr/lib/dracut/modules.d/50vfio-claim

	machine "rpm@$1"
	name=$(cat "$M/build.log")
	grep -q '^rpm has vfio-claim [0-9]' <<<"$name" || fail "$name" || return
	for file in $modules/module-setup.sh $modules/vfio-claim-pre-udev.sh \
		$modules/vfio-claim-pre-pivot.sh /usr/libexec/vfio-claim/vfio-claim-boot; do
		grep -qx "rpm has file $file" <<<"$name" || fail "no $file: $name" || return
	done
	version=$(sed -n 's/^dracut \([0-9][0-9]*\).*/\1/p' <<<"$name")
	[ "${version:-0}" -ge 112 ] || fail "$1: an older dracut: $name" || return
	# The rpm's helper; the product of the other machines is in /usr/lib.
	grep -qE ' (\./)?usr/libexec/vfio-claim/vfio-claim-boot$' "$M/files" || fail "$1: no helper" || return
	run grep -E 'usr/lib/vfio-claim/' "$M/files"
	[ "$status" = 1 ] || fail "$output" || return
	claimed $DISPLAY_1 $AUDIO_1 || return
	recorded $DISPLAY_1 claimed || return
	recorded $AUDIO_1 claimed || return
	full_boot
}

# bats test_tags=long
@test "The .rpm in a tree with dracut 112, with systemd: the card is claimed" {
	came_as_rpm testing-dracut-systemd
}

# bats test_tags=long
@test "The .rpm in a tree with dracut 112, without systemd: the card is claimed" {
	came_as_rpm testing-dracut
}
