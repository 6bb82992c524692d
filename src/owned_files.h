/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that `vfio-claim apply` owns beside those of the boot loader. Pure: no I/O. */
#ifndef VFIO_CLAIM_OWNED_FILES_H
#define VFIO_CLAIM_OWNED_FILES_H

#include "arguments.h"

enum { OWNED_FILE_COUNT = 3 };

/* Their paths, relative to the root: modprobe.d, udev, dracut. */
extern const char *const owned_file_paths[OWNED_FILE_COUNT];

/* Written by `vfio-claim cmdline --or-last`; goes with revert. */
#define LAST_ARGUMENTS_PATH "var/lib/vfio-claim/arguments"

/*
 * The text of one of them.
 *
 * @dracut: the target's images are made by dracut
 * Returns 0 and *ret_text (owned by the caller; NULL: this target has no such file), or -ENOMEM.
 */
int owned_file_render(size_t index, const struct config *config, const struct target *target,
		      bool dracut, char **ret_text) MUST_CHECK;

#endif
