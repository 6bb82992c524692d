# SPDX-License-Identifier: GPL-2.0-or-later
# What `tests/vm/lab network` left of machines whose root disk comes over the network, and of
# network and NVMe devices with SR-IOV. `lab matrix` runs none of these machines.

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

# ---- SR-IOV; QEMU's igb has its VFs at functions 10.0 and 10.2 of the bus

# sriov ADDRESS KEY: from the scenario's own notes.
sriov() { sed -n "s/^$1 \(.* \)\{0,1\}$2=\([^ ]*\).*/\2/p" "$M/sriov"; }

# noted ADDRESS KEY VALUE
noted() {
	[ "$(sriov "$1" "$2")" = "$3" ] || fail "${M##*/}: $2 of $1 is not $3: $(cat "$M/sriov")"
}

# vfio_has ADDRESS...
vfio_has() {
	local address

	for address; do
		is "$address" driver vfio-pci || return
		is "$address" override vfio-pci || return
		is "$address" late.driver vfio-pci || return
	done
}

# gone ADDRESS...: there are no such functions.
gone() {
	local address

	for address; do
		[ -z "$(fact "$address" id)" ] || fail "${M##*/}: there is a $address"
	done
}

# ready COUNT: that many devices, and all of them.
ready() {
	status_is ready || return
	[ "$(jq '[.devices[] | select(.ready)] | length' "$M/status.json")" = "$1" ] ||
		fail "${M##*/}: not $1 ready: $(cat "$M/status.text")"
}

# foretold CODE ADDRESS: `plan` warned of it, on the machine as it was before the scenario's steps.
foretold() {
	plan_of_facts | jq -e --arg code "$1" --arg address "$2" \
		'any(.warnings[]; .code == $code and .address == $address)' >/dev/null ||
		fail "${M##*/}: plan has no $1 $2: $(plan_of_facts)"
}

# planned "ADDRESS WHEN"...: these devices are to be VFIO's and no other.
planned() {
	local found

	found=$(plan_of_facts | jq -r '.devices[] | select(.verdict == "take") | "\(.address) \(.when)"')
	[ "$(sort <<<"$found")" = "$(printf '%s\n' "$@" | sort)" ] || fail "${M##*/}: plan: $found"
}

# bats test_tags=long
@test "igb, VFs by ID: claimed when they are made, with and without autoprobe" {
	machine sriov-vfs@13-initramfs-tools
	full_boot
	is 0000:01:00.0 driver igb
	is 0000:02:00.0 driver igb
	noted 0000:01:00.0 numvfs 2
	noted 0000:02:00.0 numvfs 2
	# So that igbvf does not take them first: by the udev rule, and by hand.
	noted 0000:01:00.0 autoprobe 0
	noted 0000:02:00.0 autoprobe 0
	vfio_has 0000:01:10.0 0000:01:10.2 0000:02:10.0 0000:02:10.2
	ready 4
	foretold no-vfs 0000:01:00.0
	# With the native driver there as well.
	[ "$(cat "$M/after.status")" = 0 ]
	[ "$(grep -c '8086:10ca .* driver=vfio-pci ' "$M/functions.after")" = 4 ]
	run grep 'igbvf 0000:' "$M/kmsg"
	[ "$status" = 1 ] || fail "$output"
}

# bats test_tags=long
@test "igb, one PF by its place: claimed, and makes no VFs then; the other one does" {
	machine sriov-pf@13-initramfs-tools
	full_boot
	recorded 0000:01:00.0 claimed
	vfio_has 0000:01:00.0
	noted 0000:01:00.0 write 1
	noted 0000:01:00.0 numvfs 0
	gone 0000:01:10.0
	is 0000:02:00.0 driver igb
	noted 0000:02:00.0 numvfs 2
	not_claimed 0000:02:00.0 0000:02:10.0 0000:02:10.2
	ready 1
	planned '0000:01:00.0 early'
	foretold identical-left 0000:01:00.0
}

# bats test_tags=long
@test "igb with VFs already: the PF is claimed without them, of the other one the VFs" {
	machine sriov-enabled@13-initramfs-tools
	full_boot
	# igb takes its VFs along when it is unbound, or vfio-pci would not have the PF.
	recorded 0000:01:00.0 claimed
	vfio_has 0000:01:00.0
	kmsg '0000:01:00.0 .*claimed by vfio-pci, taken from igb'
	noted 0000:01:00.0 numvfs 0
	gone 0000:01:10.0 0000:01:10.2

	is 0000:02:00.0 driver igb
	noted 0000:02:00.0 numvfs 2
	recorded 0000:02:10.0 claimed
	recorded 0000:02:10.2 claimed
	vfio_has 0000:02:10.0 0000:02:10.2
	ready 3
	planned '0000:01:00.0 early' '0000:02:10.0 appears' '0000:02:10.2 appears'
}

# The native driver sees the VFs of the second one first: with an `except` in the claim,
# sriov_drivers_autoprobe stays as it was.
# bats test_tags=long
@test "NVMe, VFs that have the ID of the PF: one PF is claimed, of the other one the VFs" {
	machine sriov-nvme@13-dracut-systemd
	full_boot
	early 0000:01:00.0 waiting
	recorded 0000:01:00.0 claimed
	vfio_has 0000:01:00.0
	noted 0000:01:00.0 write 1
	noted 0000:01:00.0 numvfs 0
	is 0000:02:00.0 driver nvme
	noted 0000:02:00.0 write 0
	noted 0000:02:00.0 numvfs 2
	vfio_has 0000:02:00.1 0000:02:00.2
	ready 3
	planned '0000:01:00.0 late'
}
