/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What older guides and hands left in a system's files that works against the claims, or does
 * not do what it seems to. Pure: libc only, no I/O.
 */
#ifndef VFIO_CLAIM_LEFTOVERS_H
#define VFIO_CLAIM_LEFTOVERS_H

#include "config.h"
#include "kargs.h"

enum leftover_file {
	LEFTOVER_MODPROBE,  /* modprobe.d(5) */
	LEFTOVER_MODULES,   /* one module a line: modules-load.d, initramfs-tools/modules */
	LEFTOVER_LINE,      /* kernel arguments as they are: /etc/kernel/cmdline */
	LEFTOVER_TOML,      /* the same in bootc's kargs.d */
	LEFTOVER_ENTRY,     /* in lines of boot entries and of profiles of tuned */
	LEFTOVER_SHELL,     /* kernel arguments in assignments: /etc/default/grub */
	LEFTOVER_DRACUT,    /* dracut.conf(5) */
	LEFTOVER_BOOTED,    /* /proc/cmdline: ours are in it */
	LEFTOVER_DRIVERCTL, /* driverctl's /etc/driverctl.d/pci-ADDRESS: a driver's name */
	LEFTOVER_SCRIPT,    /* boot scripts, udev rules: whatever binds devices by hand */
	LEFTOVER_UNIT,      /* the same in units of systemd */
	LEFTOVER_KINDS,
};

/* What is known of the system that has the files. */
struct leftover_view {
	const struct config *config;
	const struct kargs *ours;   /* what apply gave to the boot loaders; NULL: nothing */
	const struct kargs *grubby; /* of that what it gave to grubby; NULL: nothing */
	bool has_virqfd; /* some kernel has the module vfio_virqfd (6.1 and before) */
};

/*
 * Looks through one file's text.
 *
 * @file: the name to report
 * @warnings: one for each thing found, with its line and what to do
 * Returns 0 or -ENOMEM.
 */
int leftovers_find(enum leftover_file kind, const char *file, const char *text,
		   const struct leftover_view *view, struct diagnostics *warnings) MUST_CHECK;

#endif
