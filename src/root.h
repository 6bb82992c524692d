/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way to files: relative to a root directory, held as a descriptor, so that the same
 * code serves the running host, an image tree and a test machine. Paths have no leading slash.
 */
#ifndef VFIO_CLAIM_ROOT_H
#define VFIO_CLAIM_ROOT_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"

struct root {
	int fd;
	const char *path; /* as the user wrote it, for messages; "/" on the host */
	bool is_host;
};

/* Opens the directory (NULL: "/"). `path` must outlive it. Returns 0 or a negative errno. */
int root_open(const char *path, struct root *ret_root) MUST_CHECK;

void root_close(struct root *root);

/*
 * Reads a whole file of at most `most` bytes. The result always ends with a zero byte behind
 * its *ret_length bytes, and is owned by the caller.
 * Returns 0 or a negative errno (-EFBIG: longer than `most`).
 */
int root_read(const struct root *root, const char *path, size_t most, char **ret_data,
	      size_t *ret_length) MUST_CHECK;

/*
 * Reads a short file such as a sysfs attribute into a field, cutting its last newline. Longer
 * content is cut to the field. Returns the length or a negative errno.
 */
int read_attribute(int dir, const char *path, char *field, size_t size) MUST_CHECK;

/*
 * Writes to a sysfs attribute in one write(2). Never creates a file: an attribute that is not
 * there must fail. Returns 0 or a negative errno (-EIO for a short write).
 */
int root_write_attribute(const struct root *root, const char *path,
			 const char *value) MUST_CHECK;

/*
 * Reads the last component of a link's target into a field (a driver's name, a group's
 * number). Returns its length or a negative errno (-ENAMETOOLONG if it does not fit).
 */
int read_link_name(int dir, const char *path, char *field, size_t size) MUST_CHECK;

/*
 * Replaces a file as a whole: directories are made, the text is written beside it, synced and
 * renamed, so that a reader sees the old file or the new one. Returns 0 or a negative errno;
 * on an error the old file is untouched.
 */
int root_write_file(const struct root *root, const char *path, const char *text) MUST_CHECK;

#endif
