/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tools of a tree need below it: /proc and a few devices, but none of our hardware. */
#ifndef VFIO_CLAIM_MOUNTS_H
#define VFIO_CLAIM_MOUNTS_H

#include "root.h"

/*
 * Gives this process mounts of its own and, below the tree, mounts a /proc (its cmdline and
 * modules empty, since they are the builder's) and a /dev with null, zero, full, random, urandom,
 * tty and the links fd, stdin, stdout, stderr, each only where the tree has the directory and
 * nothing in it. /sys stays empty: the tools must not see the builder's devices.
 * Nothing is left behind: the mounts end with the process and its children.
 *
 * Leaves the working directory at the root of the tree. Without the right to mount (in many
 * containers) nothing is mounted, and the tools make do.
 * Returns 0, or a negative errno where the tree cannot be entered.
 */
int mounts_make(const struct root *root) MUST_CHECK;

#endif
