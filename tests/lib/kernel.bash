# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Loaded by bats files, after machine.bash: the modules of a tree's kernel, and names.

# kernel_module PATH [ALIAS...]: an object file that is a module to depmod, in kernel $KERNEL.
kernel_module() {
	local path=$ROOT/lib/modules/${KERNEL:-6.1.0}/$1.ko name=${1##*/} number=0 alias

	shift
	mkdir -p "${path%/*}"
	{
		printf 'const char n[] __attribute__((section(".modinfo"))) = "name=%s";\n' "$name"
		for alias in "$@"; do
			number=$((number + 1))
			printf 'const char a%d[] __attribute__((section(".modinfo"))) = "alias=%s";\n' \
				"$number" "$alias"
		done
	} | gcc -x c -c -o "$path" -
}

index_kernel() {
	local dir=$ROOT/lib/modules/${KERNEL:-6.1.0}

	touch "$dir/modules.order" "$dir/modules.builtin"
	depmod -b "$ROOT" "${KERNEL:-6.1.0}"
}

# The modules that a distribution's kernel has for the devices of the machine tables.
kernel_tree() {
	kernel_module kernel/drivers/gpu/drm/nouveau/nouveau 'pci:v000010DEd*sv*sd*bc03sc*i*'
	kernel_module kernel/drivers/video/fbdev/nvidia/nvidiafb 'pci:v000010DEd*sv*sd*bc03sc*i*'
	kernel_module kernel/drivers/gpu/drm/i915/i915 'pci:v00008086d000046A6sv*sd*bc03sc*i*'
	kernel_module kernel/drivers/gpu/drm/mgag200/mgag200 'pci:v0000102Bd00000532sv*sd*bc*sc*i*'
	kernel_module kernel/drivers/gpu/drm/virtio/virtio-gpu 'virtio:d00000010v*'
	kernel_module kernel/drivers/accel/habanalabs/habanalabs 'pci:v00001DA3d00001000sv*sd*bc*sc*i*'
	kernel_module kernel/drivers/virtio/virtio_pci 'pci:v00001AF4d*sv*sd*bc*sc*i*'
	kernel_module kernel/sound/pci/hda/snd-hda-intel 'pci:v000010DEd*sv*sd*bc04sc03i00*' \
		'pci:v00008086d*sv*sd*bc04sc03i00*'
	[ "${KERNEL_XHCI:-}" = builtin ] ||
		kernel_module kernel/drivers/usb/host/xhci-pci 'pci:v*d*sv*sd*bc0Csc03i30*'
	kernel_module kernel/drivers/nvme/host/nvme 'pci:v*d*sv*sd*bc01sc08i02*'
	kernel_module kernel/drivers/net/ethernet/intel/igb/igb 'pci:v00008086d00001521sv*sd*bc*sc*i*'
	index_kernel
}

# A machine's tree with names and with a kernel's modules, for `list` and its like. xhci_pci is
# built in, nvidiafb blacklisted. The modules are made once a file of tests.
recorded_machine() {
	local made=$BATS_FILE_TMPDIR/recorded

	if [ ! -d "$made" ]; then
		ROOT=$made.new
		mkdir -p "$ROOT/lib/modules/6.1.0"
		printf 'xhci_pci.%s\0' 'alias=pci:v*d*sv*sd*bc0Csc03i30*' \
			'file=drivers/usb/host/xhci-pci' >"$ROOT/lib/modules/6.1.0/modules.builtin.modinfo"
		echo kernel/drivers/usb/host/xhci-pci.ko >"$ROOT/lib/modules/6.1.0/modules.builtin"
		KERNEL_XHCI=builtin kernel_tree
		mv "$made.new" "$made"
	fi
	machine "$1"
	cp -a "$made/lib" "$ROOT/"
	mkdir -p "$ROOT/proc/sys/kernel" "$ROOT/etc/modprobe.d"
	echo 6.1.0 >"$ROOT/proc/sys/kernel/osrelease"
	echo "$1" >"$ROOT/proc/sys/kernel/hostname"
	echo 'blacklist nvidiafb' >"$ROOT/etc/modprobe.d/fb.conf"
	add_names
}

# The names of the machine tables' devices, whatever pci.ids the system has.
add_names() {
	mkdir -p "$ROOT/usr/share/misc"
	cp "$TESTS/machines/list.ids" "$ROOT/usr/share/misc/pci.ids"
}
