/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads fstab, crypttab, mountinfo, swaps and mount units, a line at a time. Pure. */
#ifndef VFIO_CLAIM_MOUNT_TABLE_H
#define VFIO_CLAIM_MOUNT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { MOUNT_FIELD_SIZE = 512, MOUNT_OTHERS_MOST = 4 };

/* One thing that is mounted, swapped to or opened, or is to be. */
struct mount_entry {
	char source[MOUNT_FIELD_SIZE]; /* device, tag (UUID=...), or what the type takes */
	char target[MOUNT_FIELD_SIZE]; /* mount point, "swap" for swap, the name of a mapping */
	char type[64];
	/* What else it needs, as `source`: of xfs the log and the realtime part (xfs(5)), of ext4
	 * its journal (ext4(5)), of a crypt volume its header and its key or what they are on
	 * (crypttab(5)), and devices and mount points that it tells systemd (systemd.mount(5)).
	 * Empty: none. */
	char others[MOUNT_OTHERS_MOST][MOUNT_FIELD_SIZE];
	bool optional;    /* nofail: the boot goes on without it */
	bool not_at_boot; /* noauto, and nothing that systemd starts it by */
	bool network;     /* _netdev, or a network file system */
	unsigned major;   /* of mountinfo; 0: no block device */
	unsigned minor;
};

/*
 * Each reads the next entry and moves *text behind its line; comments and lines that are not
 * whole are passed over. A field too long for its place makes the entry unreadable: its source
 * is then "?", which nothing can be resolved from. Return false at the end.
 *
 * fstab_next():     fstab(5); of getmntent(3) a line needs no type, and so of systemd
 * crypttab_next():  crypttab(5); type is "crypt"; integritytab(5) has the same columns
 * veritytab_next(): veritytab(5); type is "crypt" too, the device of hashes is among `others`
 * mountinfo_next(): proc_pid_mountinfo(5)
 * swaps_next():     /proc/swaps; swap files are passed over, their file system is mounted
 */
bool fstab_next(const char **text, struct mount_entry *entry);
bool crypttab_next(const char **text, struct mount_entry *entry);
bool veritytab_next(const char **text, struct mount_entry *entry);
bool mountinfo_next(const char **text, struct mount_entry *entry);
bool swaps_next(const char **text, struct mount_entry *entry);

/*
 * Reads a systemd.mount(5) or systemd.swap(5) unit: What=, Where=, Type=, Options=.
 * noauto among its options means nothing to systemd. Returns false when it has no What=.
 */
bool mount_unit_parse(const char *text, struct mount_entry *entry);

/*
 * Reads the value of systemd.mount-extra= (WHAT:WHERE[:FSTYPE[:OPTIONS]]) or, with `swap`, of
 * systemd.swap-extra= (WHAT[:OPTIONS]): systemd-fstab-generator(8). Returns false when it has
 * no WHAT.
 */
bool mount_extra_parse(const char *value, bool swap, struct mount_entry *entry);

/*
 * Clears not_at_boot of the entries that systemd starts because another one needs them: what a
 * mount point, a bind mount, a swap or key file lies in (systemd.unit(5), RequiresMountsFor=),
 * and the volume of crypttab that is mounted or swapped to (systemd-cryptsetup-generator(8)).
 */
void mount_entries_pull(struct mount_entry *entries, size_t count);

/* True for the file name of such a unit: "srv.mount", "dev-sda2.swap". */
bool unit_is_mount(const char *name);

/* The same of "srv.automount". */
bool unit_is_automount(const char *name);

/*
 * True for a directory of links to the units that a target starts: "local-fs.target.requires",
 * "swap.target.wants" (systemd.unit(5)).
 */
bool unit_directory_is_of_target(const char *name);

/* True for a file system that no block device of this machine carries: proc, tmpfs, overlay. */
bool type_is_virtual(const char *type);

/*
 * True for what has no block device of its own: what it lies on is another entry's (a bind
 * mount, a swap file), or nowhere (tmpfs, FUSE, a network file system of any kind). A block
 * device is a path in /dev or a tag; what could not be read (fstab_next()) may be one.
 */
bool mount_has_no_device(const struct mount_entry *entry);

#endif
