#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The dracut module: asks vfio-claim what the image needs and installs that.
# shellcheck disable=SC2154 # dracut sets dracutsysrootdir, initdir, kernel and moddir

# called by dracut
check() {
    local wanted=0

    /usr/sbin/vfio-claim image --wanted --root "${dracutsysrootdir:-/}" || wanted=$?
    # 1: nothing is configured, so only for who asks for the module by name. Any other error
    # (a library is missing, say) is none of that: install() will meet it again and fail.
    [ "$wanted" -ne 1 ] || return 255
}

# called by dracut
depends() {
    return 0
}

# called by dracut
installkernel() {
    local modules

    modules=$(/usr/sbin/vfio-claim image --modules --kernel "$kernel" --root "${dracutsysrootdir:-/}") ||
        vfio_claim_fail
    # Without hostonly='' dracut leaves out vfio_pci: no device has a modalias for it. Without a
    # module's name instmods would read them from standard input.
    # shellcheck disable=SC2086 # one word a module
    [ -z "$modules" ] || hostonly='' instmods $modules
}

# called by dracut
install() {
    /usr/sbin/vfio-claim image --dest "$initdir" --root "${dracutsysrootdir:-/}" || vfio_claim_fail
    inst_multiple /usr/lib/vfio-claim/vfio-claim-boot
    # Without systemd dracut carries out rd.driver.pre= already as cmdline hook 01.
    if dracut_module_included systemd; then
        inst_hook pre-udev 00 "$moddir/vfio-claim-pre-udev.sh"
        vfio_claim_before_modules_load
    else
        inst_hook cmdline 00 "$moddir/vfio-claim-pre-udev.sh"
    fi
    # Last of its kind: what needs a disk before has it then.
    inst_hook pre-pivot 99 "$moddir/vfio-claim-pre-pivot.sh"
}

# systemd loads what modules-load.d and rd.modules_load= name at any time before sysinit.target. A
# native driver among them must not find the devices before vfio-claim does.
vfio_claim_before_modules_load() {
    local drop_in=$initdir${systemdsystemunitdir:-/usr/lib/systemd/system}/systemd-modules-load.service.d

    mkdir -p "$drop_in"
    printf '[Unit]\nAfter=dracut-pre-udev.service\n' >"$drop_in/50-vfio-claim.conf"
}

# dracut goes on after a module's error, and the image would silently claim nothing.
vfio_claim_fail() {
    dfatal "vfio-claim: no image is made; see the error above"
    exit 1
}
