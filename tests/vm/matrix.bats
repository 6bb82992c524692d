# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab run` left of the boot matrix: three releases, three ways
# to make an initramfs, two ways to say which devices.

load facts

@test "Debian 12, initramfs-tools, config only" {
	machine config-only@12-initramfs-tools
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 12, dracut-systemd, config only" {
	machine config-only@12-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 12, dracut, config only" {
	machine config-only@12-dracut
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 13, initramfs-tools, config only" {
	machine config-only@13-initramfs-tools
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 13, dracut-systemd, config only" {
	machine config-only@13-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 13, dracut, config only" {
	machine config-only@13-dracut
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian testing, initramfs-tools, config only" {
	machine config-only@testing-initramfs-tools
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian testing, dracut-systemd, config only" {
	machine config-only@testing-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian testing, dracut, config only" {
	machine config-only@testing-dracut
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 12, initramfs-tools, command line and an empty config" {
	machine cmdline-only@12-initramfs-tools
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian 12, dracut-systemd, command line and an empty config" {
	machine cmdline-only@12-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian 12, dracut, command line and an empty config" {
	machine cmdline-only@12-dracut
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian 13, initramfs-tools, command line and an empty config" {
	machine cmdline-only@13-initramfs-tools
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian 13, dracut-systemd, command line and an empty config" {
	machine cmdline-only@13-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

@test "Debian 13, dracut, command line and an empty config" {
	machine cmdline-only@13-dracut
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian testing, initramfs-tools, command line and an empty config" {
	machine cmdline-only@testing-initramfs-tools
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian testing, dracut-systemd, command line and an empty config" {
	machine cmdline-only@testing-dracut-systemd
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# bats test_tags=long
@test "Debian testing, dracut, command line and an empty config" {
	machine cmdline-only@testing-dracut
	claimed $DISPLAY_1 $AUDIO_1
	recorded $DISPLAY_1 claimed
	recorded $AUDIO_1 claimed
	full_boot
}

# With one loaded, a card of its kind that is plugged in later is touched before udev hears of it.
@test "no machine loaded a native module for the claimed card" {
	local machine count=0

	for machine in "$FACTS"/config-only@*; do
		[ -s "$machine/modules" ] || fail "no modules of ${machine##*/}" || return
		run grep -E '^(nouveau|snd_hda_intel) ' "$machine/modules"
		[ "$status" = 1 ] || fail "${machine##*/}: $output" || return
		count=$((count + 1))
	done
	[ "$count" -gt 0 ]
}
