/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds and reads the configuration's files. */
#ifndef VFIO_CLAIM_CONFIG_FILES_H
#define VFIO_CLAIM_CONFIG_FILES_H

#include "config.h"
#include "root.h"

/* Bytes of one file: no one writes this much, more is a mistake such as a device file. */
enum { CONFIG_FILE_MOST = 4 << 20 };

/* The names of the files that were read, in their order. */
struct file_list {
	char **paths; /* relative to the root, or as given with --config */
	size_t count;
};

/*
 * Lists usr/lib/vfio-claim.conf.d/ *.conf, etc/vfio-claim.conf and etc/vfio-claim.conf.d/
 * *.conf, each directory sorted by
 * name. A file in /etc hides the one of its name in /usr/lib, so that an administrator can
 * empty what an image's builder wrote. Returns 0 and *ret_files (release with
 * file_list_free()), or a negative errno.
 */
int config_files_find(const struct root *root, struct file_list *ret_files) MUST_CHECK;

/*
 * Reads the configuration.
 *
 * @only: where not NULL, this one file is the configuration (relative to the working directory)
 * @files: the files that were read; empty when there is no configuration at all
 * Returns 0 (errors of the files, unreadable ones included, are in `diagnostics`) or a negative
 * errno. All three outputs are the caller's to release, also after an error.
 */
int config_files_read(const struct root *root, const char *only, struct config *config,
		      struct file_list *files, struct diagnostics *diagnostics) MUST_CHECK;

/*
 * Adds the files of a directory whose names end in `suffix` and do not begin with a dot, sorted
 * by name; none where there is no such directory. Returns 0 or a negative errno.
 */
int file_list_add_directory(const struct root *root, const char *path, const char *suffix,
			    struct file_list *files) MUST_CHECK;

void file_list_free(struct file_list *files);

#endif
