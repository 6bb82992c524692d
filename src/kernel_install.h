/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-install(8) of systemd, which makes a kernel's boot entry, initramfs or unified image. */
#ifndef VFIO_CLAIM_KERNEL_INSTALL_H
#define VFIO_CLAIM_KERNEL_INSTALL_H

#include "commands.h"
#include "root.h"

enum { KERNEL_FILE_SIZE = 256 };

/*
 * Finds the kernel's own file, which kernel-install wants beside its version.
 *
 * @out: its path within the root, from its "/"
 * Returns true, or false where there is none of that version.
 */
bool kernel_file_find(const struct root *root, const char *version, char out[KERNEL_FILE_SIZE]);

/*
 * Adds the command that makes anew all that kernel-install makes of one kernel.
 *
 * @title: for the progress, as in command_lines_add()
 * Returns 0, -ENOENT (there is no kernel-install, or no such kernel) or -ENOMEM.
 */
int kernel_install_add(const struct root *root, const char *version, const char *title,
		       struct command_lines *commands) MUST_CHECK;

#endif
