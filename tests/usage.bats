#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Who uses a device now, found on machine trees.

setup_file() {
	load lib/machine.bash
	export USES=$BATS_FILE_TMPDIR/uses
	local flags=(-std=c17 -D_GNU_SOURCE -Isrc -g -Wall -Wextra -Werror)

	with_sanitizer && flags+=(-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
	cd "$REPO" || return 1
	# shellcheck disable=SC2046 # one word a flag
	"${CC:-cc}" "${flags[@]}" -o "$USES" tests/tools/uses.c \
		"$BUILD"/{usage,storage,root,scan}.o "$BUILD/core.a" $(pkg-config --libs blkid)
}

setup() {
	load lib/machine.bash
	load lib/usage.bash
	bats_require_minimum_version 1.5.0
}

# same_uses: those of the tree are these lines, boot displays left out.
same_uses() {
	diff - <("$USES" "$ROOT" | grep -v 'display that the firmware')
}

@test "uses: a machine at rest" {
	machine sriov
	run "$USES" "$ROOT"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "uses: the default route, straight, and links that are up" {
	machine sriov
	of_class net eth0 0000:05:00.0
	of_class net eth1 0000:05:00.1
	of_class net eth2 0000:05:10.0
	of_class net eth3 0000:05:10.1
	link_state eth0 up
	link_state eth1 up
	link_state eth2 down
	link_state eth3 unknown
	default_route eth0
	same_uses <<-'END'
		0000:05:00.0 route carries the default route (eth0)
		0000:05:00.1 link has a network link that is up (eth1)
	END
	echo 0x1003 >"$ROOT/sys/class/net/eth3/flags"
	[[ $("$USES" "$ROOT") == *"0000:05:10.1 link has a network link that is up (eth3)"* ]]
	echo 0x1002 >"$ROOT/sys/class/net/eth3/flags"
	[[ $("$USES" "$ROOT") != *eth3* ]]
}

@test "uses: the default route over IPv6 alone" {
	machine sriov
	of_class net eth0 0000:05:00.0
	mkdir -p "$ROOT/proc/net"
	printf '%032d 00 %032d 00 fe80%028d 00000400 00000001 00000000 00000003     eth0\n' 0 0 2 \
		>"$ROOT/proc/net/ipv6_route"
	same_uses <<<"0000:05:00.0 route carries the default route (eth0)"
}

@test "uses: down through a VLAN, a bridge and a bond to both ports" {
	machine sriov
	of_class net eth0 0000:05:00.0
	of_class net eth1 0000:05:00.1
	for name in bond0 br0 br0.7; do of_no_device net $name; done
	below br0.7 br0
	below br0 bond0
	below bond0 eth0 eth1
	default_route br0.7
	same_uses <<-'END'
		0000:05:00.0 route carries the default route (eth0 of br0.7)
		0000:05:00.1 route carries the default route (eth1 of br0.7)
	END
}

@test "uses: a virtio or USB interface belongs to the function above it" {
	machine sriov
	of_class net ens3 0000:06:00.0 virtio3
	of_class net usb0 0000:06:00.1 usb1/1-2/1-2:1.0
	link_state usb0 up
	default_route ens3
	same_uses <<-'END'
		0000:06:00.0 route carries the default route (ens3)
		0000:06:00.1 link has a network link that is up (usb0)
	END
}

@test "uses: the default route over a port of Open vSwitch" {
	machine sriov
	of_class net eth1 0000:05:00.1
	of_no_device net br-ex
	of_no_device net ovs-system
	below ovs-system eth1
	default_route br-ex
	same_uses <<<"0000:05:00.1 route carries the default route (eth1 of br-ex)"
	# A VLAN on such a port.
	of_no_device net br-ex.100
	below br-ex.100 br-ex
	default_route br-ex.100
	same_uses <<<"0000:05:00.1 route carries the default route (eth1 of br-ex.100)"
	# A virtual machine's port of a bridge ends nowhere and is no reason to look there.
	of_class net eth0 0000:05:00.0
	for name in br0 vnet0; do of_no_device net $name; done
	below br0 eth0 vnet0
	default_route br0
	same_uses <<<"0000:05:00.0 route carries the default route (eth0 of br0)"
	# A circle through Open vSwitch ends.
	below eth1 ovs-system
	default_route br-ex
	same_uses <<<"0000:05:00.1 route carries the default route (eth1 of br-ex)"
}

@test "uses: the default route over a virtual function needs the physical one" {
	machine sriov
	of_class net eth0v0 0000:05:10.0
	of_no_device net br0
	below br0 eth0v0
	default_route eth0v0
	same_uses <<-'END'
		0000:05:00.0 route has the virtual function that carries the default route (eth0v0)
		0000:05:10.0 route carries the default route (eth0v0)
	END
	default_route br0
	same_uses <<-'END'
		0000:05:00.0 route has the virtual function that carries the default route (eth0v0 of br0)
		0000:05:10.0 route carries the default route (eth0v0 of br0)
	END
}

@test "uses: interfaces stacked in a circle end the search" {
	machine sriov
	of_no_device net a
	of_no_device net b
	below a b
	below b a
	default_route a ../a .
	run timeout 10 "$USES" "$ROOT"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "uses: programs with a display, sound, or computing open" {
	machine twin-gpus
	of_class drm card0 0000:01:00.0
	of_class drm renderD128 0000:01:00.0
	of_class sound controlC0 0000:01:00.1 sound/card0
	of_class sound pcmC0D3p 0000:01:00.1 sound/card0
	of_no_device sound timer
	process 600 systemd-logind /dev/dri/card0 /etc/passwd 'socket:[77]'
	process 900 Xorg /dev/dri/card0 /dev/dri/card0 /dev/dri/renderD128 /dev/dri/card7
	process 950 pipewire /dev/snd/timer /dev/snd/controlC0 /dev/snd/pcmC0D3p
	same_uses <<-'END'
		0000:01:00.0 display is in use by Xorg, pid 900 (/dev/dri/card0)
		0000:01:00.0 display is in use by systemd-logind, pid 600 (/dev/dri/card0)
		0000:01:00.1 sound is in use by pipewire, pid 950 (/dev/snd/controlC0)
	END
}

@test "uses: NVIDIA's nodes by their minor number, AMD's one node" {
	machine twin-gpus
	mkdir -p "$ROOT/proc/driver/nvidia/gpus"/0000:0{1,2}:00.0
	printf 'Model: \t\t Quadro\nDevice Minor: \t 1\n' \
		>"$ROOT/proc/driver/nvidia/gpus/0000:01:00.0/information"
	printf 'Model: \t\t Quadro\nDevice Minor: \t 0\n' \
		>"$ROOT/proc/driver/nvidia/gpus/0000:02:00.0/information"
	process 700 python3 /dev/nvidiactl /dev/nvidia-uvm /dev/nvidia0 /dev/kfd
	same_uses <<<"0000:02:00.0 display is in use by python3, pid 700 (/dev/nvidia0)"
	sed -i 's/DRIVER=nouveau/DRIVER=amdgpu/' "$ROOT/$DEVICES/0000:01:00.0/uevent"
	[[ $("$USES" "$ROOT") == *"0000:01:00.0 display is in use by python3, pid 700 (/dev/kfd)"* ]]
}

@test "uses: a running VM by its group, with and without the group's directory, by its cdev" {
	machine twin-gpus
	process 123 qemu-system-x86 /dev/vfio/vfio /dev/vfio/5 'anon_inode:[vfio-device]'
	local group='0000:01:00.0 vfio is in use by qemu-system-x86, pid 123 (/dev/vfio/5)
0000:01:00.1 vfio is in use by qemu-system-x86, pid 123 (/dev/vfio/5)'
	same_uses <<<"$group"
	mkdir -p "$ROOT/sys/kernel/iommu_groups/5/devices"
	ln -s ../../../../devices/pci0000:00/0000:00:03.0/0000:01:00.{0,1} \
		"$ROOT/sys/kernel/iommu_groups/5/devices/"
	same_uses <<<"$group"
	of_class vfio-dev vfio3 0000:02:00.0
	process 124 cloud-hyperviso /dev/vfio/devices/vfio3 /dev/vfio/noiommu-6
	same_uses <<<"$group
0000:02:00.0 vfio is in use by cloud-hyperviso, pid 124 (/dev/vfio/devices/vfio3)
0000:02:00.1 vfio is in use by cloud-hyperviso, pid 124 (/dev/vfio/noiommu-6)"
}

@test "uses: a disk that a program has open, itself and through a logical volume" {
	local dir

	machine storage
	dir=$(readlink "$ROOT/$DEVICES/0000:05:00.0" | sed 's|.*/devices/||')/host0/block/sda
	mkdir -p "$ROOT/sys/devices/$dir/slaves" "$ROOT/sys/class/block" \
		"$ROOT/sys/devices/virtual/block/dm-3/slaves"
	ln -s "../../devices/$dir" "$ROOT/sys/class/block/sda"
	ln -s ../../devices/virtual/block/dm-3 "$ROOT/sys/class/block/dm-3"
	ln -s ../../../../../class/block/sda "$ROOT/sys/devices/virtual/block/dm-3/slaves/sda"
	process 400 qemu-system-x86 /dev/dm-3 /dev/null /dev/pts/0
	process 401 badblocks /dev/sda /dev/sdz
	same_uses <<-'END'
		0000:05:00.0 disk is in use by badblocks, pid 401 (/dev/sda)
		0000:05:00.0 disk is in use by qemu-system-x86, pid 400 (/dev/dm-3)
	END
}

@test "uses: a mediated device's group leads to its parent" {
	machine twin-gpus
	mkdir -p "$ROOT/sys/kernel/iommu_groups/40/devices"
	ln -s ../../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0/3f1c-uuid \
		"$ROOT/sys/kernel/iommu_groups/40/devices/3f1c-uuid"
	process 123 qemu-system-x86 /dev/vfio/40
	same_uses <<<"0000:01:00.0 vfio is in use by qemu-system-x86, pid 123 (/dev/vfio/40)"
}

@test "uses: consoles" {
	machine twin-gpus
	of_class graphics fb0 0000:01:00.0
	of_no_device graphics fbcon
	of_class tty ttyS4 0000:00:1f.3
	of_no_device tty tty0
	printf '%s\n' 'tty0                 -WU (EC p  )    4:1' \
		'ttyS4                -W- (EC p a)    4:68' >"$ROOT/proc/consoles"
	diff - <("$USES" "$ROOT") <<-'END'
		0000:00:1f.3 console is the kernel's console (ttyS4)
		0000:01:00.0 console has the frame buffer of the console (fb0)
		0000:01:00.0 console is the display that the firmware started with
	END
}

@test "uses: names of programs cannot spoil the list" {
	machine twin-gpus
	of_class drm card0 0000:01:00.0
	process 900 $'a\nb\e[31m\xff' /dev/dri/card0
	same_uses <<<"0000:01:00.0 display is in use by a?b?[31m?, pid 900 (/dev/dri/card0)"
}

@test "uses: what a snapshot recorded comes first, damaged lines end it" {
	machine sriov
	of_class net eth0 0000:05:00.0
	default_route eth0
	mkdir -p "$ROOT/run/vfio-claim"
	printf '%s\n' '0000:05:00.0 route carries the default route (eth0)' \
		'0000:06:00.1 vfio is in use by qemu, pid 7 (/dev/vfio/10)' 'unread 3' rubbish \
		'0000:06:00.2 vfio is in use by qemu, pid 7 (/dev/vfio/11)' \
		>"$ROOT/run/vfio-claim/uses"
	same_uses <<-'END'
		0000:05:00.0 route carries the default route (eth0)
		0000:06:00.1 vfio is in use by qemu, pid 7 (/dev/vfio/10)
		unread 3
	END
}

# bats test_tags=native
@test "uses: processes whose files are not ours to see are counted" {
	[ "$(id -u)" -eq 0 ] || skip "is about being root and not being it"
	machine sriov
	process 1 init
	process 2 other
	chmod 0 "$ROOT/proc/1/fd"
	chmod 0755 "$BATS_TEST_TMPDIR" "$ROOT"
	cp "$USES" "$BATS_TEST_TMPDIR/uses"
	cd "$ROOT"
	run setpriv --reuid=65534 --clear-groups -- ../uses .
	[ "$status" -eq 0 ]
	[ "$output" = "unread 1" ]
}

@test "uses: on the machine that this runs on" {
	run "$USES" /
	[ "$status" -eq 0 ]
}
