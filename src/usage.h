/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out who uses the devices of a machine now. What is mounted is not here: see needs.h. */
#ifndef VFIO_CLAIM_USAGE_H
#define VFIO_CLAIM_USAGE_H

#include "root.h"
#include "uses.h"

/*
 * Looks at the default routes and at the interfaces that are up, down through bonds, teams,
 * bridges, VLANs and Open vSwitch to their ports; at the consoles; and at the device nodes that
 * processes have open (/dev/dri, /dev/snd, /dev/vfio, /dev/nvidiaN, /dev/kfd, disks); and at the
 * disks that NVMe and SCSI targets offer to others.
 *
 * On a root that is no host, what was recorded in USES_PATH comes first, and the rest is what
 * that tree's proc and sys show.
 *
 * @snapshot: the devices of that machine; no candidates need be marked
 * Returns 0 and *ret_uses in order (release with uses_free()), or -ENOMEM. What cannot be read
 * is left out; ret_uses->unread counts the processes whose open files are not ours to see.
 */
int uses_find(const struct root *root, const struct snapshot *snapshot,
	      struct uses *ret_uses) MUST_CHECK;

/*
 * Adds the disks that the kernel itself holds without a mount or a holder in sysfs that tells, as
 * for ZFS, DRBD and most targets: those who have opened the disk exclusively. It opens each disk
 * below a device that is asked for, unless a use of one is known, exclusively for an instant, in
 * which others may not: so this is for a claim alone.
 *
 * @asked: for each device of the snapshot
 * @uses: in order, before and afterwards
 * Returns 0, uses->unopened with what could not be asked; -ENOMEM, or another error (-EMFILE)
 * that is none of the disk's.
 */
int uses_add_held(const struct root *root, const struct snapshot *snapshot, const bool *asked,
		  struct uses *uses) MUST_CHECK;

/* The same of the default routes alone, and of what was recorded: looks at no process. */
int uses_find_routes(const struct root *root, struct uses *ret_uses) MUST_CHECK;

#endif
