/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last apply did, for the next one and for revert. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_STATE_H
#define VFIO_CLAIM_STATE_H

#include "kargs.h"
#include "loader.h"

#define STATE_PATH "var/lib/vfio-claim/state"

enum { STATE_SIZE_MOST = 1 << 16, STATE_NO_LOADER = -1 };

/*
 * `reverted`: the configuration may be there, but it is not to be carried into images. The
 * files are ours alone; edits of shared files are the loaders' (struct loader_state). `chosen`:
 * one loader was asked for with --loader, or none, and stays until another is. That is `choice`,
 * which is not always what is used: while apply is at work both the old one and the new one are.
 */
struct state {
	bool reverted;
	bool chosen;
	int choice;               /* where chosen: an enum loader, or STATE_NO_LOADER */
	struct kargs files;       /* paths of owned files, relative to the root */
	struct kargs directories; /* that were made for them, parents first */
	bool used[LOADER_COUNT];
	struct loader_state loader[LOADER_COUNT];
};

/*
 * Reads a state file. A word that is not known is an error: a newer version wrote it. So is a
 * path that is empty, absolute or has "..": revert removes what is named here.
 * Returns 0 and *ret_state (release with state_free()), -EBADMSG with the number of the line
 * that is not understood in *ret_line, or -ENOMEM.
 */
int state_parse(const char *text, struct state *ret_state, unsigned *ret_line) MUST_CHECK;

/*
 * Returns 0 and *ret_text (owned by the caller), -EINVAL where a path or an argument has a newline,
 * which no line of the file can hold, or -ENOMEM.
 */
int state_render(const struct state *state, char **ret_text) MUST_CHECK;

/*
 * What either says: every file and directory, of each boot loader every argument; reverted never,
 * and no choice of a loader. Returns 0 and *ret_state (release with state_free(), also after an error), or
 * -ENOMEM.
 */
int state_merge(const struct state *a, const struct state *b,
		struct state *ret_state) MUST_CHECK;

/* Accepts an empty state. */
void state_free(struct state *state);

#endif
