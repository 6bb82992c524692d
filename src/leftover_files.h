/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a system in which leftovers.h looks. */
#ifndef VFIO_CLAIM_LEFTOVER_FILES_H
#define VFIO_CLAIM_LEFTOVER_FILES_H

#include "config.h"
#include "root.h"

/*
 * Looks through modprobe.d, the lists of modules to load, the boot loaders' files and, on a
 * host, /proc/cmdline; files of our own are left out. A file that cannot be read is passed by.
 * @claims: those of the configuration
 * Returns 0 or a negative errno.
 */
int leftover_files_check(const struct root *root, const struct claims *claims,
			 struct diagnostics *warnings) MUST_CHECK;

#endif
