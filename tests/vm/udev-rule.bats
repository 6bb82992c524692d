# SPDX-License-Identifier: GPL-2.0-or-later
# What udev of the releases says of the rule that the helper makes: it drops lines that it does
# not like and goes on, so a machine would show it only where the line was needed. `udevadm
# verify` came with systemd 254. No machine boots for this.

setup() {
	load ../lib/machine.bash
}

# verified RELEASE: its udev takes every line of the rule in $ROOT.
verified() {
	local tree

	tree=$("$BATS_TEST_DIRNAME/lab" _call tree_of "$1")
	[ -d "$tree" ] || { echo "no tree of $1: tests/vm/lab trees"; return 1; }
	cp "$ROOT/run/udev/rules.d/70-vfio-claim.rules" "$BATS_TEST_TMPDIR/rules"
	run unshare --mount --propagation private sh -c '
		mount -t proc proc "$1/proc" &&
			mount -t tmpfs tmpfs "$1/mnt" && cp "$2" "$1/mnt/70-vfio-claim.rules" &&
			chroot "$1" udevadm verify --no-style /mnt/70-vfio-claim.rules' \
		sh "$tree" "$BATS_TEST_TMPDIR/rules"
	echo "$output"
	[ "$status" = 0 ] && [[ $output == *"Success: 1"* ]]
}

@test "udev of Debian 13 and of testing takes every line of the rule" {
	machine twin-gpus
	claims <<-'END'
		[claim ids]
		match = 10de:1c30
		except = 02:00.*
		[claim place]
		match = path=00:03.0/00.0
		driver = nvgrace_gpu_vfio_pci
		[claim class]
		match = class=0302
		functions = matched
	END
	"$HELPER" --root "$ROOT" 2>/dev/null
	verified 13
	verified testing
}
