# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab packaged` left of machines of a cloud, whose user data is what
# `vfio-claim export cloud-init` wrote. All tests have the tag `long`.

load facts

# boot_of MACHINE BOOT
boot_of() {
	image "$1"
	[ "$(cat "$M/status")" = 0 ] || fail "$1: no disk was made: $(tail -n 5 "$M/build.log")"
	M=$FACTS/$1/$2
	grep -q '^booted=yes' "$M/result" || fail "$1: $2: did not boot: $(tail -n 5 "$M/console")"
}

stayed() {
	[ -e "$M/stayed" ] || fail "$M: it was rebooted" || return
	grep -q 'status: done' "$M/cloud-init" || fail "$M: $(cat "$M"/cloud-init*)"
}

whole_card() {
	claimed $DISPLAY_1 $AUDIO_1 || return
	recorded $DISPLAY_1 claimed || return
	recorded $AUDIO_1 claimed || return
	status_is ready
}

# Files that change from boot to boot with cloud-init and systemd.
changing='/var/lib/cloud|/var/lib/systemd|/var/lib/dbus|/etc/resolv.conf|/run/'

# same_machine A B: nothing was changed between two manifests.
same_machine() {
	[ -s "$1" ] && [ -s "$2" ] || fail "no manifests $1 $2" || return
	run diff <(grep -vE "$changing" "$1") <(grep -vE "$changing" "$2")
	[ "$status" = 0 ] || fail "$output"
}

# three_boots MACHINE
three_boots() {
	local second

	boot_of "$1" first
	not_claimed $DISPLAY_1 $AUDIO_1
	[ ! -e "$M/stayed" ] || fail "$1: no reboot: $(tail -n 20 "$M"/cloud-init-output.log)"
	grep -q 'Restarting system' "$M/console" || fail "$1: $(tail -n 5 "$M/console")"
	boot_of "$1" second
	second=$M
	whole_card
	stayed
	boot_of "$1" third
	whole_card
	stayed
	same_machine "$second/manifest.then" "$M/manifest.then"
}

# bats test_tags=long
@test "cloud-init, Debian 12, initramfs-tools: applied, rebooted once, claimed" {
	three_boots cloud-init@12-initramfs-tools
}

# bats test_tags=long
@test "cloud-init, Debian 13, dracut: applied, rebooted once, claimed" {
	three_boots cloud-init@13-dracut-systemd
}

# bats test_tags=long
@test "cloud-init on a machine without the card: no configuration, no reboot" {
	local name=cloud-init-without@13-initramfs-tools first

	boot_of $name first
	first=$M
	stayed
	grep -q 'none of the devices is here' "$M/cloud-init-output.log" ||
		fail "$(cat "$M/cloud-init-output.log")"
	run grep -E ' /(etc|boot)/.*vfio-claim' "$M/manifest.then"
	[ "$status" = 1 ] || fail "$output"
	boot_of $name third
	stayed
	same_machine "$first/manifest.then" "$M/manifest.then"
}
