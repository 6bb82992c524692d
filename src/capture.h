/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects files, links and directories of a machine to be written as a snapshot. */
#ifndef VFIO_CLAIM_CAPTURE_H
#define VFIO_CLAIM_CAPTURE_H

#include <stdbool.h>

#include "archive_names.h"
#include "capture_text.h"
#include "root.h"

/* What a snapshot says of itself: see struct capture_info. */
#define CAPTURE_INFO_PATH "run/vfio-claim/snapshot"

/* Directories sort before what is in them, and are dropped where a link has their name. */
enum captured_kind { CAPTURED_LINK, CAPTURED_FILE, CAPTURED_DIRECTORY };

struct captured {
	char *path; /* relative to the root */
	enum captured_kind kind;
	char *data; /* a file's bytes, a link's target; NULL for a directory */
	size_t length;
};

struct capture {
	const struct root *root;
	struct captured *items;
	size_t count;
	int error;         /* sticky: 0 or -ENOMEM, and then every call is a no-op */
	unsigned left_out; /* files that are there and could not be read */
	char first_left_out[ARCHIVE_NAME_SIZE]; /* and the first of them, with its errno */
	int first_error;
};

/* Adds a file with this text, which it takes (NULL without memory: the sticky error). */
void capture_add_text(struct capture *capture, const char *path, char *text);

/* Adds an empty file where there is a file, for one whose presence alone says something. */
void capture_presence(struct capture *capture, const char *path);

/*
 * Adds a file as it is, or what `filter` makes of it (NULL: as it is). What is not there is left
 * out; what cannot be read is left out and counted.
 */
void capture_file(struct capture *capture, const char *path, capture_filter *filter);

/* The same for names in a directory; NULL ends the list. */
void capture_files(struct capture *capture, const char *directory, const char *const *names);

/*
 * Adds a link that is below a directory without links on its way.
 *
 * @ret_target: the path that it leads to; may be NULL
 * Returns 0, or a negative errno: -ENOENT (there is none), -EINVAL (it is no link), -EXDEV (a
 * snapshot could not have it, see archive_link_check()).
 */
int capture_link(struct capture *capture, const char *path, char ret_target[ARCHIVE_NAME_SIZE]);

/* Adds a link, and the directory to which it leads as an empty one. */
void capture_link_to_directory(struct capture *capture, const char *path);

/* Adds an empty directory. */
void capture_directory(struct capture *capture, const char *path);

/* Calls `each` with the path of every entry of a directory, in no order; none where there is no
 * such directory. */
void capture_each(struct capture *capture, const char *directory,
		  void (*each)(struct capture *capture, const char *path));

/* Sorts by path and drops what is there twice, and every directory that is not empty. */
void capture_finish(struct capture *capture);

void capture_free(struct capture *capture);

/*
 * Adds all that list, plan and the exports read of a machine. Never fails as a whole but by the
 * sticky error. See the section SNAPSHOTS of vfio-claim(8) for what it is.
 */
void capture_machine(struct capture *capture);

/* Reads what a tree says of itself. Returns 0 or a negative errno (-ENOENT: it is no snapshot,
 * -EBADMSG: it is damaged). */
int capture_info_read(const struct root *root, struct capture_info *ret_info) MUST_CHECK;

#endif
