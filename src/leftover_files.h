/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a system in which leftovers.h looks. */
#ifndef VFIO_CLAIM_LEFTOVER_FILES_H
#define VFIO_CLAIM_LEFTOVER_FILES_H

#include "config.h"
#include "root.h"

/*
 * Looks through modprobe.d, the lists of modules to load, dracut's configuration, the boot
 * loaders' files and entries with what makes them, scripts and units and, on a host,
 * /proc/cmdline; files of our own are left out, and so are the arguments that apply wrote into
 * those of others. A file that cannot be read is passed by.
 * Returns 0 or a negative errno.
 */
int leftover_files_check(const struct root *root, const struct config *config,
			 struct diagnostics *warnings) MUST_CHECK;

#endif
