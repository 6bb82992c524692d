# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab network` left of machines whose root disk comes over the network. `lab
# matrix` runs none of them.

load facts

# ---- The root disk over iSCSI, by one of two NICs that the config names by ID

# interface_of ADDRESS: "NAME STATE" of its network interface, or nothing.
interface_of() { sed -n "s/^\([^ ]*\) $1 \([a-z]*\) .*/\1 \2/p" "$M/interfaces"; }

# early ADDRESS OUTCOME: boot.json's word on the device from before root was mounted.
early() {
	local found

	found=$(jq -r --arg a "$1" '.devices[] | select(.address == $a).outcome' "$M/boot.json")
	[ "$found" = "$2" ] || fail "${M##*/}: at first, $1 is '$found', not $2"
}

network_root() {
	machine "network-root@$1"
	full_boot sda
	early 0000:01:00.0 waiting
	early 0000:02:00.0 waiting

	not_claimed 0000:01:00.0
	is 0000:01:00.0 driver e1000e
	recorded 0000:01:00.0 refused 'boot goes over the network, and [a-z0-9]+ is up'
	kmsg '0000:01:00.0 .*refused: the boot goes over the network'
	[[ $(interface_of 0000:01:00.0) == *' up' ]] || fail "$M: $(cat "$M/interfaces")"

	is 0000:02:00.0 driver vfio-pci
	is 0000:02:00.0 late.driver vfio-pci
	recorded 0000:02:00.0 claimed
	[ -z "$(interface_of 0000:02:00.0)" ] || fail "$M: $(cat "$M/interfaces")"
}

# bats test_tags=long
@test "root over iSCSI, initramfs-tools: its NIC is refused, the other one claimed" {
	network_root 13-initramfs-tools
}

# bats test_tags=long
@test "root over iSCSI, dracut: its NIC is refused, the other one claimed" {
	network_root 13-dracut-systemd
}
