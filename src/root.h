/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way to files: relative to a root directory, held as a descriptor, so that the same
 * code serves the running host, an image tree and a test machine. Paths have no leading slash.
 * What is written, removed or looked for by a root_...() below stays in a tree, whatever links
 * it has, as root_open_inside() says; root_write_attribute() alone follows them.
 */
#ifndef VFIO_CLAIM_ROOT_H
#define VFIO_CLAIM_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "cleanup.h"

struct root {
	int fd;
	const char *path; /* as the user wrote it, what goes before "/etc": "" for / */
	bool is_host;     /* the running system as such; not a tree, be it / */
};

/* Opens the directory (NULL: "/"). `path` must outlive it. Returns 0 or a negative errno. */
int root_open(const char *path, struct root *ret_root) MUST_CHECK;

void root_close(struct root *root);

/*
 * Opens a path, close-on-exec, so that no link of a tree leads out of it: an absolute link of a
 * tree means the tree's file, not the builder's. Returns a descriptor or a negative errno.
 */
int root_open_inside(const struct root *root, const char *path, int flags) MUST_CHECK;

/*
 * fstatat(2), as root_open_inside() opens. @flags: 0 or AT_SYMLINK_NOFOLLOW
 * Returns 0 or a negative errno.
 */
int root_stat(const struct root *root, const char *path, int flags,
	      struct stat *ret_stat) MUST_CHECK;

/* Is it there, behind its links? An error is no, and noted (root_note_trouble()). */
bool root_has(const struct root *root, const char *path) MUST_CHECK;

/* entry_exists() of a root's path, as root_open_inside() opens. */
int root_has_entry(const struct root *root, const char *path) MUST_CHECK;

/* Opens a directory to read, as root_open_inside() does. NULL when that fails. */
DIR *root_open_directory(const struct root *root, const char *path) MUST_CHECK;

/*
 * readdir(3), of which the end can be told from an error: half a directory is no directory.
 *
 * @error: set to a negative errno where reading failed, else untouched
 * Returns the next entry, or NULL.
 */
const struct dirent *root_next_entry(DIR *dir, int *error);

/*
 * Reads a whole file of at most `most` bytes. The result always ends with a zero byte behind
 * its *ret_length bytes, and is owned by the caller.
 * Returns 0 or a negative errno (-EFBIG: longer than `most`).
 */
int root_read(const struct root *root, const char *path, size_t most, char **ret_data,
	      size_t *ret_length) MUST_CHECK;

/*
 * Is there anything of this name in a directory, be it a link to nowhere? Returns 1, 0, or a
 * negative errno where that cannot be known: an error is no answer.
 */
int entry_exists(int dir, const char *path) MUST_CHECK;

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

/*
 * The two halves of root_write_file(): the text is written beside `path` and synced with the
 * mode, owner and SELinux label of the file that is there (else `mode`); then it takes its
 * place. root_unstage() takes the first half back. Return 0 or a negative errno.
 */
int root_stage(const struct root *root, const char *path, const char *text,
	       mode_t mode) MUST_CHECK;
int root_install(const struct root *root, const char *path) MUST_CHECK;

/*
 * Makes an empty file that is not there yet (no link is followed), to be read and appended to.
 * Its directory must be there. Returns a close-on-exec descriptor or a negative errno (-EEXIST).
 */
int root_make_file(const struct root *root, const char *path, mode_t mode) MUST_CHECK;

/* The name beside `path` that root_install() takes. Returns 0 or -ENAMETOOLONG. */
int root_staged_path(const char *path, char *out, size_t size) MUST_CHECK;
void root_unstage(const struct root *root, const char *path);

/*
 * Keeps the file that is at `path` under a second name, so that root_restore() can put it back
 * without needing space on the disk; root_forget() drops it. Return 0 or a negative errno.
 */
int root_keep(const struct root *root, const char *path) MUST_CHECK;
int root_restore(const struct root *root, const char *path) MUST_CHECK;
void root_forget(const struct root *root, const char *path);

/*
 * Has the system failed (EIO, no memory, no descriptors of the process or of the system, a file
 * system that is damaged or lost), so that nothing is known of what was asked for?
 *
 * @error: an errno, of either sign
 */
bool root_is_trouble(int error);

/*
 * "Is it there?" can only be answered with yes or no. Where the system failed instead the asker
 * notes that here, and who acts on the answers looks whether they were any: a boot loader that
 * could not be looked at is not one that is not there. The functions here that read do so
 * themselves.
 *
 * @error: an errno, of either sign; others than root_is_trouble()'s are an answer and not noted
 */
void root_note_trouble(int error);

/* The first negative errno that was noted since the last call, or 0. */
int root_take_trouble(void) MUST_CHECK;

/* Removes a file and makes that durable. Returns 0 or a negative errno. */
int root_remove(const struct root *root, const char *path) MUST_CHECK;

/* Removes an empty directory. Returns 0 or a negative errno. */
int root_remove_directory(const struct root *root, const char *path) MUST_CHECK;

#endif
