/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools of one run of `apply` or `revert` print: a file of the target, of which the
 * descriptor is held, so that nothing that happens to its name changes where the output goes.
 */
#ifndef VFIO_CLAIM_RUN_LOG_H
#define VFIO_CLAIM_RUN_LOG_H

#include "root.h"

#define RUN_LOG_PATH "var/log/vfio-claim.log"

struct run_log {
	const struct root *root;
	int fd;
	bool has_path; /* it is at RUN_LOG_PATH; else it is in memory, and its end is all there is */
};

/*
 * Begins an empty log in the place of the last one. The caller holds the target's lock. The file
 * has the mode 0600, and a link in its place is replaced, not followed. Where the target cannot
 * have it (there is no such directory, or it is read-only) the output is kept in memory.
 *
 * @root: must outlive the log
 * Returns 0 or a negative errno. Release with run_log_close().
 */
int run_log_open(const struct root *root, struct run_log *ret_log) MUST_CHECK;

/* Removes the file if it is still the one that was opened: after a success nobody needs it. */
void run_log_remove(const struct run_log *log);

/* Prints the last 15 lines to stderr, each after "  | ": there a tool says what is wrong. */
void run_log_print_end(const struct run_log *log);

void run_log_close(struct run_log *log);

#endif
