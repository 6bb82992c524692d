/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots as files: a compressed tar is written, and unpacked with care. */
#ifndef VFIO_CLAIM_SNAPSHOT_FILE_H
#define VFIO_CLAIM_SNAPSHOT_FILE_H

#include "capture.h"
#include "root.h"

enum { SNAPSHOT_REASON_SIZE = 512 };

/*
 * Writes what was captured as a tar (pax where names are too long for ustar), compressed by
 * gzip. The same items give the same bytes: owner and time are zero.
 * Returns 0 or a negative errno.
 */
int snapshot_write(const struct capture *capture, int fd) MUST_CHECK;

/*
 * Opens a machine that was recorded.
 *
 * @path: a snapshot's file, which is unpacked into a temporary directory (temporary_remove()
 *        when done), or a directory, which is used as it is
 * @ret_root: no host; release with root_close()
 * @reason: why it cannot be used, for people
 * Returns 0 or a negative errno; -EBADMSG is a file that is no snapshot, or one that nobody
 * should unpack.
 */
int snapshot_open(const char *path, struct root *ret_root,
		  char reason[SNAPSHOT_REASON_SIZE]) MUST_CHECK;

#endif
