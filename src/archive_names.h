/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which names and links of an archive may be unpacked. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_ARCHIVE_NAMES_H
#define VFIO_CLAIM_ARCHIVE_NAMES_H

#include "cleanup.h"

enum {
	ARCHIVE_NAME_SIZE = 1024,
	ARCHIVE_DEPTH_MOST = 48, /* components of a name; sysfs has less than half of that */
};

/*
 * Brings a member's name into the form without "./" before it and "/" behind it.
 *
 * @out: the path, relative to where the archive is unpacked; empty for that directory itself
 * Returns NULL, or a text that says why the name is refused: it is absolute, has "..", an empty
 * component, a control character, too many components or too many bytes. `out` is then empty.
 */
const char *archive_name_read(const char *name, char out[ARCHIVE_NAME_SIZE]) MUST_CHECK;

/*
 * Decides on a symbolic link. Its target is relative, has ".." at its beginning only, and stays
 * below the first component of `path` ("sys"). When every directory above a link is a true one,
 * which the unpacking sees to, and every link keeps this rule, then no path leads out of the
 * tree: a link goes up through true directories only, and down it may only meet other links
 * that keep the rule too.
 *
 * @path: where the link is, as archive_name_read() gave it
 * Returns NULL, or a text that says why the link is refused.
 */
const char *archive_link_check(const char *path, const char *target) MUST_CHECK;

/*
 * The path that a link leads to, when no directory on the way is a link.
 * Returns 0, -EXDEV (it leads out of the tree) or -ENAMETOOLONG.
 */
int archive_link_resolve(const char *path, const char *target,
			 char out[ARCHIVE_NAME_SIZE]) MUST_CHECK;

#endif
