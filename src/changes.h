/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of files to write or remove, shown as a diff or carried out as a whole: either every
 * file is the new one afterwards, or every file is the old one.
 */
#ifndef VFIO_CLAIM_CHANGES_H
#define VFIO_CLAIM_CHANGES_H

#include <sys/types.h>

#include "root.h"

struct change {
	char *path;     /* relative to the root */
	char *old_text; /* what is there now; NULL: nothing */
	char *new_text; /* NULL: to be removed */
	mode_t mode;    /* of the file that is there, else 0644 */
};

struct changes {
	struct change *items;
	size_t count;
};

/*
 * Adds "PATH becomes TEXT" (NULL: is removed). Where that is so already nothing is added; a
 * second addition for one path replaces the first one's new text.
 * Returns 0 or a negative errno (-EFBIG, -ENOMEM, what reading the old file gave).
 */
int changes_add(struct changes *changes, const struct root *root, const char *path,
		const char *text) MUST_CHECK;

/*
 * The same, but the file is written also where it has that text already, so that its time is the
 * one of this change. No path twice.
 */
int changes_add_anew(struct changes *changes, const struct root *root, const char *path,
		     const char *text) MUST_CHECK;

/* The text that `path` will have: that of a change, else the file's; NULL: there will be none.
 * Returns 0 and *ret_text (owned by the caller), or a negative errno. */
int changes_read(const struct changes *changes, const struct root *root, const char *path,
		 char **ret_text) MUST_CHECK;

/* Prints a unified diff of every change to stdout; without diff(1), which a note on stderr then
 * says, both texts whole. Returns 0 or a negative errno. */
int changes_print_diff(const struct changes *changes) MUST_CHECK;

/*
 * Carries the changes out: writes every new text beside its file and syncs it, then renames
 * all. On an error what was renamed is put back.
 *
 * @failed: on an error the path it is about, owned by `changes`
 * Returns 0 or a negative errno.
 */
int changes_commit(const struct changes *changes, const struct root *root,
		   const char **failed) MUST_CHECK;

/*
 * After a commit one of these two: puts the old files back (needs no space on the disk where it
 * has hard links; returns 0 or the first negative errno), or drops them.
 */
int changes_undo(const struct changes *changes, const struct root *root);
void changes_finish(const struct changes *changes, const struct root *root);

/* Accepts an empty set. */
void changes_free(struct changes *changes);

#endif
