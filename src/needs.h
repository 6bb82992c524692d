/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out what the machine needs: the devices under its file systems and its network. */
#ifndef VFIO_CLAIM_NEEDS_H
#define VFIO_CLAIM_NEEDS_H

#include "cmdline.h"
#include "guards.h"
#include "root.h"

enum {
	NEEDS_BOOT =
		1 << 0,     /* root, /usr, what fstab, crypttab and mount units name, resume= */
	NEEDS_NOW = 1 << 1, /* everything that is mounted or swapped to now */
};

/*
 * Adds what is needed to `guards`, with the reasons; where something cannot be followed to
 * devices, guards->storage_reason or ->network_reason.
 *
 * A network boot (guards->network_boot, or root on a network file system) needs every
 * interface that is up.
 *
 * @real_root: where the real root is mounted, without slashes at its ends: "sysroot" in
 *             dracut's initramfs, "root" in the other, "" when it is /
 * @what:      NEEDS_BOOT, NEEDS_NOW or both
 * @snapshot:  the machine's devices
 * Returns 0 or -ENOMEM; whatever else goes wrong becomes a reason.
 */
int needs_find(const struct root *root, const char *real_root, unsigned what,
	       const struct snapshot *snapshot, struct guards *guards) MUST_CHECK;

/*
 * What shows, before there is any network, that the boot goes over it: the command line, or
 * what the initramfs or the firmware has been given. A static string, or NULL.
 */
const char *network_boot_sign(const struct root *root, const struct cmdline *cmdline);

#endif
