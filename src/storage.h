/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a file system's name to its block device, and from there down to PCI functions. */
#ifndef VFIO_CLAIM_STORAGE_H
#define VFIO_CLAIM_STORAGE_H

#include "pci.h"
#include "root.h"

enum { BLOCK_NAME_SIZE = 64 };

/*
 * Finds the block device that a mount's source means: a tag (UUID=, LABEL=, PARTUUID=,
 * PARTLABEL=, ID=), a path in /dev, also of a device-mapper name or a logical volume. Tags are
 * udev's links first, then, on the running system, what libblkid finds by looking at every
 * disk. A tree has links and names only.
 *
 * @ret_name: the kernel's name, as in /sys/class/block: "sda1", "dm-0"
 * Returns 0, -ENOENT (there is no such device now) or another negative errno.
 */
int block_resolve(const struct root *root, const char *source,
		  char ret_name[BLOCK_NAME_SIZE]) MUST_CHECK;

/* The same for a device number. Returns 0 or -ENOENT. */
int block_of_number(const struct root *root, unsigned major, unsigned minor,
		    char ret_name[BLOCK_NAME_SIZE]) MUST_CHECK;

/* What a block device hangs on. */
struct storage {
	struct pci_address *functions; /* bridges among them: all on the way down */
	size_t count;
	bool network;                   /* iSCSI, NBD, RBD, NVMe over fabrics */
	char lost[BLOCK_NAME_SIZE * 2]; /* what could not be followed; empty: nothing */
};

/*
 * Follows a block device through partitions, device-mapper (LVM, LUKS, multipath), md, bcache,
 * loop, and NVMe's own multipath to the PCI functions it needs. Adds to *storage (release with
 * storage_free()). Returns 0 or -ENOMEM.
 */
int storage_add(const struct root *root, const char *name, struct storage *storage) MUST_CHECK;

/* The same for every device of the btrfs file system that the block device is part of. */
int storage_add_btrfs(const struct root *root, const char *name,
		      struct storage *storage) MUST_CHECK;

void storage_free(struct storage *storage);

/*
 * Looks whether the disk or partition could hide a file system that is not seen yet: a member
 * of LVM, LUKS, RAID, ZFS and the like, or something that cannot be read. Of a tree, where
 * nothing can be read, what udev wrote down (run/udev/data) tells; without that it is true.
 */
bool block_may_hide(const struct root *root, const char *name);

#endif
