/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the real root's files and the command line have the boot mount, swap to and open. */
#ifndef VFIO_CLAIM_NAMED_H
#define VFIO_CLAIM_NAMED_H

#include "mount_table.h"
#include "root.h"

/* In the order of the files; what is left alone at boot is among it (not_at_boot). */
struct named {
	struct mount_entry *items;
	size_t count;
};

/*
 * Reads fstab, crypttab, integritytab, veritytab, the mount and swap units, and systemd.mount-extra= and swap-extra=. Of
 * units systemd's own order counts (systemd.unit(5)): one in /etc stands for the one of the same
 * name in /usr/lib, be it a link to /dev/null, and drop-ins add to either. A unit that no target
 * starts is optional.
 *
 * @root:      where the command line is
 * @real:      the real root, the same where that is running
 * @ret_named: release with named_free(), also after an error
 * Returns 0 or a negative errno: -ENOMEM, or that a directory could not be read to its end.
 */
int named_read(const struct root *root, const struct root *real,
	       struct named *ret_named) MUST_CHECK;

void named_free(struct named *named);

#endif
