#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What `vfio-claim check` finds in a system's files: in trees that `apply` was in, it tells of none
# of ours. Boot loaders are made-up ones (tests/targets/).

# shellcheck disable=SC2154 # bats sets stderr

setup() {
	load lib/machine.bash
	load lib/kernel.bash
	bats_require_minimum_version 1.5.0
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	ROOT=$BATS_TEST_TMPDIR/tree
	mkdir -p "$ROOT/etc"
	printf '[host]\ncpu = any\n[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
}

# put PATH < TEXT
put() {
	mkdir -p "$(dirname "$ROOT/$1")"
	cat >"$ROOT/$1"
}

# check: it finds the configuration valid; what it warns of is in $stderr.
check() {
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	echo "$stderr"
}

# silent: it finds nothing.
silent() {
	check
	[ -z "$stderr" ]
}

# applied TARGET: that tree, after `apply`. It has no initramfs to build, which apply tells of.
applied() {
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	cp "$ROOT/etc/vfio-claim.conf" "$BATS_TEST_TMPDIR"
	rm -rf "$ROOT"
	"$TESTS/targets/make-target" "$1" "$ROOT"
	install -D -m 0644 "$REPO/grub.d/90-vfio-claim.cfg" \
		"$ROOT/usr/share/vfio-claim/90-vfio-claim.cfg"
	mv "$BATS_TEST_TMPDIR/vfio-claim.conf" "$ROOT/etc/vfio-claim.conf"
	run "$TOOL" apply --root "$ROOT" --no-rebuild
	[ -s "$ROOT/var/lib/vfio-claim/state" ]
}

@test "what apply wrote is no left-over, whatever the boot loader" {
	local target

	for target in debian opensuse upstream rhel9 rhel8 fedora systemd-boot uki bootc; do
		applied "$target"
		silent
	done
}

@test "beside what apply wrote, the words of others are told" {
	applied systemd-boot
	grep -q vfio-pci.ids=10de:1c30 "$ROOT/etc/kernel/cmdline"
	sed -i 's/$/ vfio-pci.ids=dead:beef/' "$ROOT/etc/kernel/cmdline"
	check
	[[ $stderr == *"/etc/kernel/cmdline:1: warning: vfio-pci.ids= beside the configuration"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "what bootc took out of an image with our file is no left-over" {
	put usr/lib/bootc/kargs.d/50-vfio-claim.toml <<<'kargs = ["vfio-pci.ids=10de:1c30"]'
	put boot/loader/entries/ostree-1.conf <<<'options ro vfio-pci.ids=10de:1c30'
	silent
	put boot/loader/entries/ostree-1.conf <<<'options ro vfio-pci.ids=10de:1c31'
	check
	[[ $stderr == *"ostree-1.conf:1: warning: vfio-pci.ids= beside"* ]]
}

@test "what grubby copied into /etc/default/grub is no left-over of others" {
	echo 'GRUB_CMDLINE_LINUX="quiet vfio-pci.ids=10de:1c30"' | put etc/default/grub
	printf 'vfio-claim-state 1\nloader grubby\nargument vfio-pci.ids=10de:1c30\n' |
		put var/lib/vfio-claim/state
	silent
	# Others leave that file alone, so there it is somebody's own.
	sed -i s/grubby/grub.d/ "$ROOT/var/lib/vfio-claim/state"
	check
	[[ $stderr == *"/etc/default/grub:1: warning: vfio-pci.ids= beside"* ]]
}

@test "a state that cannot be read hides nothing" {
	echo 'vfio-pci.ids=10de:1c30' | put etc/kernel/cmdline
	printf 'vfio-claim-state 1\nloader kernel-install\nargument vfio-pci.ids=10de:1c30\n' |
		put var/lib/vfio-claim/state
	silent
	echo 'vfio-claim-state 999' | put var/lib/vfio-claim/state
	check
	[[ $stderr == *"vfio-pci.ids= beside"* ]]
}

@test "devices that no claim names are their owners' to bind" {
	printf '[claim gpu]\nmatch = 0000:01:00.0 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	echo vfio-pci | put etc/driverctl.d/pci-0000:5e:00.1
	echo 'ACTION=="add", KERNEL=="0000:5e:00.0", ATTR{driver_override}="vfio-pci"' |
		put etc/udev/rules.d/80-dpdk.rules
	silent
	echo vfio-pci | put etc/driverctl.d/pci-0000:01:00.1
	check
	[[ $stderr == *"pci-0000:01:00.1:1: warning: driverctl gives 0000:01:00.1 to vfio-pci"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	# What is at that address cannot be told from IDs.
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	check
	[ "$(grep -c 'if a claim takes th.*leave it if it serves something else' <<<"$stderr")" -eq 3 ]
}

@test "lines go on behind a backslash, and comments are none of what they look like" {
	put etc/default/grub <<-'END'
		GRUB_CMDLINE_LINUX="quiet" # vfio-pci.ids=10de:1c30
		GRUB_CMDLINE_LINUX_DEFAULT="quiet \
			vfio-pci.ids=10de:1c30"
	END
	printf 'options vfio-pci \\\n ids=10de:1c30\n' | put etc/modprobe.d/vfio.conf
	put etc/systemd/system/gpu.service <<-'END'
		[Unit]
		Description=driver_override of the GPU
		[Service]
		; ExecStart=/usr/local/bin/vfio-bind
		ExecStart=/bin/true
	END
	check
	[[ $stderr == *"/etc/default/grub:3: warning: vfio-pci.ids= beside"* ]]
	[[ $stderr == *"/etc/modprobe.d/vfio.conf:2: warning: ids= of vfio-pci"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 2 ]
}

@test "dracut's configuration is looked at" {
	put etc/dracut.conf.d/gpu-vfio.conf <<<'add_drivers+="vfio vfio_iommu_type1 vfio_pci vfio_virqfd"'
	put etc/dracut.conf <<<'force_drivers+=" pci_stub "'
	put usr/lib/dracut/dracut.conf.d/ids.conf <<<'kernel_cmdline="vfio-pci.ids=10de:1c30"'
	put etc/dracut.conf.d/fine.conf <<<'add_drivers+=" vfio_pci "'
	put etc/dracut.conf.d/no-conf <<<'force_drivers+=" pci_stub "'
	kernel_tree
	check
	[[ $stderr == *"/etc/dracut.conf.d/gpu-vfio.conf:1: warning: dracut joins this"* ]]
	[[ $stderr == *"/etc/dracut.conf.d/gpu-vfio.conf:1: warning: no kernel here has"* ]]
	[[ $stderr == *"/etc/dracut.conf:1: warning: pci_stub of an older guide"* ]]
	[[ $stderr == *"/dracut.conf.d/ids.conf:1: warning: vfio-pci.ids= beside"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 4 ]
}

# warned FILE LINE: check tells of vfio-pci.ids= there, and of nothing else. Text on stdin.
warned() {
	put "$1"
	check
	[[ $stderr == *"$ROOT/$1:$2: warning: vfio-pci.ids= beside"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	rm "$ROOT/$1"
}

@test "boot entries and what makes them are looked at" {
	local entry=$'title A\nlinux /vmlinuz\noptions ro vfio-pci.ids=10de:1c30'

	warned boot/loader/entries/a.conf 3 <<<"$entry"
	warned efi/loader/entries/a.conf 3 <<<"$entry"
	warned boot/efi/loader/entries/a.conf 3 <<<"$entry"
	warned boot/grub2/grubenv 2 <<<$'# GRUB\nkernelopts=ro vfio-pci.ids=10de:1c30'
	warned boot/extlinux/extlinux.conf 2 <<<$'label a\n\tappend ro vfio-pci.ids=10de:1c30'
	warned boot/refind_linux.conf 1 <<<'"Boot"  "ro vfio-pci.ids=10de:1c30"'
	warned etc/grub.d/40_custom 3 <<-'END'
		#!/bin/sh
		exec tail -n +3 $0
		linux /vmlinuz ro vfio-pci.ids=10de:1c30
	END
	warned etc/kernelstub/configuration 4 <<-'END'
		{
		  "user": {
		    "kernel_options": [
		      "quiet", "vfio-pci.ids=10de:1c30"
		    ]
		  }
		}
	END
	warned etc/tuned/gpu/tuned.conf 2 <<<$'[bootloader]\ncmdline=+vfio-pci.ids=10de:1c30'
	warned etc/tuned/profiles/gpu/tuned.conf 2 <<<$'[bootloader]\ncmdline_gpu=vfio-pci.ids=10de:1c30'
	warned etc/tuned/bootcmdline 1 <<<'TUNED_BOOT_CMDLINE="vfio-pci.ids=10de:1c30"'
	silent
}

# bound FILE LINE SIGN: check tells that it binds devices by hand, and nothing else. Text on stdin.
bound() {
	put "$1"
	check
	[[ $stderr == *"$ROOT/$1:$2: warning: it binds devices by hand ($3)"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	rm "$ROOT/$1"
}

@test "scripts that bind devices are looked for where they run from" {
	local place line='echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override'

	for place in init-top init-premount init-bottom local-top local-premount nfs-bottom; do
		bound "etc/initramfs-tools/scripts/$place/vfio" 2 driver_override <<<$'#!/bin/sh\n'"$line"
	done
	bound usr/lib/dracut/modules.d/64gpu/bind.sh 1 driver_override <<<"$line"
	bound etc/systemd/system/libvirtd.service.d/gpu.conf 2 drivers/vfio-pci/ \
		<<<$'[Service]\nExecStartPre=/bin/sh -c "echo 1 >/sys/bus/pci/drivers/vfio-pci/new_id"'
	bound usr/local/lib/systemd/system/gpu.service 2 vfio-bind \
		<<<$'[Service]\nExecStart=/usr/local/bin/vfio-bind'
	bound etc/rc.d/rc.local 1 set-override <<<'driverctl set-override 0000:01:00.0 vfio-pci'
	bound etc/rc.local 1 dpdk-devbind <<<'dpdk-devbind.py --bind=vfio-pci 01:00.0'
	bound etc/crontab 1 vfio-bind <<<'@reboot root /usr/local/bin/vfio-bind'
	bound etc/cron.d/gpu 1 driver_override <<<"@reboot root $line"
	bound var/spool/cron/crontabs/root 1 driver_override <<<"@reboot $line"
	bound var/spool/cron/root 1 driver_override <<<"@reboot $line"
	bound etc/libvirt/hooks/qemu 1 nodedev-reattach <<<'virsh nodedev-reattach pci_0000_01_00_0'
	bound etc/libvirt/hooks/qemu.d/win10/prepare/begin/start.sh 1 nodedev-detach \
		<<<'virsh nodedev-detach pci_0000_01_00_0'
	put usr/lib/dracut/modules.d/50vfio-claim/module-setup.sh <<<"$line"
	put etc/rc.local <<<'driverctl unset-override 0000:01:00.0'
	silent
}

@test "scripts for devices that no claim takes are left alone" {
	printf '[claim gpu]\nmatch = 0000:01:00.0 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	put etc/rc.d/rc.local <<<'dpdk-devbind.py --bind=vfio-pci 0000:5e:00.0'
	put etc/libvirt/hooks/qemu <<<'virsh nodedev-detach pci_0000_5e_00_0'
	silent
}

@test "what is no file is passed by, a FIFO too" {
	mkdir -p "$ROOT/etc/cron.d/directory"
	mkfifo "$ROOT/etc/cron.d/fifo"
	ln -s nowhere "$ROOT/etc/cron.d/link"
	run -0 --separate-stderr timeout 60 "$TOOL" check --root "$ROOT"
	[ -z "$stderr" ]
}
