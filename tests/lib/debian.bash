# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # of machine.bash, which is loaded first
# A made-up Debian for the bats files, in which apply works. Needs root, for chroot.

# install_libraries DIR PROGRAM...: what the programs are linked with, where it is on this machine.
install_libraries() {
	local root=$1 library

	shift
	for library in $(ldd "$@" | grep -oE '/[^ :]+\.so[^ :]*' | sort -u); do
		install -D "$library" "$root/$(readlink -f "$(dirname "$library")")/${library##*/}"
	done
	mkdir -p "$root/lib64"
	cp -n "$(readlink -f /lib64/ld-linux-x86-64.so.2)" "$root/lib64/ld-linux-x86-64.so.2"
}

# Our programs in the tree, with the libraries that they need, as a package would put them there.
install_product() {
	local root=$1 directory program

	for program in /usr/sbin/vfio-claim /usr/lib/vfio-claim/vfio-claim-boot; do
		install -D "$BUILD/${program##*/}" "$root$program"
	done
	install_libraries "$root" "$TOOL" "$HELPER"
	install -D -m 0644 "$REPO/grub.d/90-vfio-claim.cfg" "$root/usr/share/vfio-claim/90-vfio-claim.cfg"
	install -D "$REPO/hooks/vfio-claim" "$root/usr/share/initramfs-tools/hooks/vfio-claim"
	install -D "$REPO/hooks/00-vfio-claim" \
		"$root/usr/share/initramfs-tools/scripts/init-top/00-vfio-claim"
	install -D "$REPO/hooks/vfio-claim-post" \
		"$root/usr/share/initramfs-tools/scripts/init-premount/vfio-claim-post"
	for directory in local-bottom nfs-bottom; do
		install -D "$REPO/hooks/vfio-claim-late" \
			"$root/usr/share/initramfs-tools/scripts/$directory/vfio-claim-late"
	done
}

# Object files that are modules to depmod.
kernel_modules() {
	local root=$1 kernel=$2 module file

	for module in vfio/pci/vfio-pci vfio/vfio_iommu_type1 gpu/drm/nouveau/nouveau; do
		file=$root/usr/lib/modules/$kernel/kernel/drivers/$module.ko
		mkdir -p "${file%/*}"
		printf 'const char n[] __attribute__((section(".modinfo"))) = "name=%s";
			const char a[] __attribute__((section(".modinfo"))) = "alias=%s";\n' \
			"${module##*/}" "$([[ $module != *nouveau ]] || echo 'pci:v000010DEd*sv*sd*bc03sc*i*')" |
			gcc -x c -c -o "$file" -
	done
	touch "$root/usr/lib/modules/$kernel"/modules.{order,builtin}
	depmod -b "$root" "$kernel"
}

# make_debian DIR KERNEL...: a Debian with our programs and these kernels, whose images are made
# before there is a configuration. update-initramfs and grub-mkconfig are stand-ins.
make_debian() {
	local root=$1

	shift
	make_debian_base "$root"
	install_product "$root"
	make_images "$root" "$@"
}

# Without anything of ours.
make_debian_base() {
	local root=$1 applet

	"$TESTS/targets/make-target" debian "$root"
	for applet in cpio find cp touch chmod sleep cut; do
		ln -s busybox "$root/usr/bin/$applet"
	done
	rm -r "$root/usr/share/vfio-claim"
	install -D "$TESTS/targets/stand-ins/update-initramfs" "$root/usr/sbin/update-initramfs"
	install -D -m 0644 "$TESTS/targets/stand-ins/hook-functions" \
		"$root/usr/share/initramfs-tools/hook-functions"
	mkdir -p "$root"/{dev,proc,etc/modprobe.d,etc/udev/rules.d,var/lib}
}

# make_images DIR KERNEL...: kernels, each with its initramfs.
make_images() {
	local root=$1 kernel

	shift
	for kernel; do
		kernel_modules "$root" "$kernel"
		chroot "$root" /usr/sbin/update-initramfs -c -k "$kernel"
	done
	rm -rf "$root/var/log/stand-ins.log" "$root/tmp/mkinitramfs"
}
